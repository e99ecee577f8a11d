"""The second factor: who needs one, and how allauth keeps and checks it here.

Operators need one, and whoever may configure a gateway: administrators and installers of any
organization. allauth enforces nothing; `portal.accounts.middleware.SetUpFirst` does.

Secrets are encrypted with a key made of the portal's, so that a copy of the database alone signs
nobody in. A code of an authenticator app is good once: allauth remembers used codes in the cache of
one process, so the time step is kept with the secret here, for all processes.

Source: RFC 6238, section 5.2 (a code is accepted once); requirements K-16.
"""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import segno
from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.usersessions.models import UserSession
from cryptography.fernet import Fernet
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Membership, Role, User

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest

FACTORS: Final = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""What counts as a second factor; recovery codes stand in for one and are none by themselves."""
LAST_STEP: Final = "last_step"
"""Where an authenticator app's row keeps the last time step whose code was used."""
_NEEDING: Final = (Role.ADMINISTRATOR, Role.INSTALLER)


def needs_second_factor(user: User | AnonymousUser) -> bool:
    """Whether a user may do nothing before a second factor is set up, in this portal."""
    return bool(
        settings.SECOND_FACTOR_REQUIRED
        and user.is_authenticated
        and (user.operates or user.memberships.filter(role__in=_NEEDING).exists())
    )


def has_second_factor(user: User | AnonymousUser) -> bool:
    """Whether a user has set up an authenticator app or a passkey."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).exists())


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether the session has to show or set up a second factor before anything else.

    That a session has shown one is in the session: it costs no query. Any other costs one.
    """
    user = request.user
    if not settings.SECOND_FACTOR_REQUIRED or not user.is_authenticated:
        return False
    if any(record.get("method") == "mfa" for record in get_authentication_records(request, user)):
        return False
    configures = Membership.objects.filter(user=OuterRef("pk"), role__in=_NEEDING)
    needing = User.objects.filter(Q(operates=True) | Exists(configures), pk=user.pk)
    return needing.exists()


def require_recent_sign_in(request: HttpRequest) -> None:
    """Ask for the password or a code again before a dangerous act, and go on with it afterwards.

    Raises:
        ReauthenticationRequired: The person last proved who they are more than a quarter of an
            hour ago; allauth's middleware answers it. A person who has neither a password nor a
            second factor is not asked.
    """
    raise_if_reauthentication_required(request, app="")


def remove_second_factors(user: User) -> int:
    """Remove a user's second factors and recovery codes, and end the sessions; how many factors."""
    with transaction.atomic():
        factors = Authenticator.objects.filter(user=user)
        count = int(factors.filter(type__in=FACTORS).count())
        factors.delete()
        for session in UserSession.objects.filter(user=user):
            session.end()
    return count


def step_of(secret: str, code: str) -> int | None:
    """The time step, of those accepted now, whose code this is; ``None`` for another code."""
    for step in yield_hotp_counters_from_time():
        if format_hotp_value(hotp_value(secret, step)) == code:
            return int(step)
    return None


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc] # allauth ships no types
    """allauth's second factors with our names, our picture of the secret, and encryption."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": _(
            "You cannot remove your only second step: you need one. Set up another one first."
        ),
        "cannot_generate_recovery_codes": _(
            "Recovery codes stand in for a second step. Set up an app or a passkey first."
        ),
        "incorrect_code": _("The code is incorrect."),
    }

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002 - allauth's
        """The name that is suggested for a new passkey."""
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return gettext("Passkey %(n)d") % {"n": count + 1}

    def get_totp_issuer(self) -> str:
        """The name under which an authenticator app lists the account."""
        return "Kanmon"

    def build_totp_svg(self, url: str) -> str:
        """The secret as an ``<svg>`` element: the policy for content allows no data address."""
        element = segno.make_qr(url, error="m").svg_inline(scale=4, border=4)
        return element.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)

    def encrypt(self, text: str) -> str:
        """A secret as the database keeps it."""
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """A secret that `encrypt` made.

        Raises:
            InvalidToken: The portal's key is another one than the secret was encrypted with.
        """
        return _cipher().decrypt(encrypted_text.encode()).decode()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Whether a factor may be removed: not the last one of a user who needs one."""
        others = Authenticator.objects.filter(user_id=authenticator.user_id, type__in=FACTORS)
        return others.exclude(pk=authenticator.pk).exists() or not needs_second_factor(
            authenticator.user
        )

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """The name that a passkey is bound to: the host of the portal's own address."""
        return {"id": urlsplit(settings.PORTAL_URL).hostname or "", "name": "Kanmon"}


def _cipher() -> Fernet:
    key = sha256(b"kanmon.second-factor\n" + str(settings.SECRET_KEY).encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def note_set_up(request: HttpRequest, authenticator: Authenticator, **how: Any) -> None:
    """Note that the session has shown the factor that was just set up in it (a signal's receiver).

    The code that set up an authenticator app is not accepted again.
    """
    if authenticator.type == Authenticator.Type.TOTP:
        secret = SecondFactorAdapter().decrypt(authenticator.data["secret"])
        authenticator.data[LAST_STEP] = step_of(secret, request.POST.get("code", "")) or 0
        authenticator.save(update_fields=["data"])
    if authenticator.type in FACTORS:
        record_authentication(request, request.user, "mfa", type=authenticator.type)
