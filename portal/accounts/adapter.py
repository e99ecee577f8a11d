"""The portal's settings of allauth, and what it counts when people sign in.

::

    counted by     limit                        so that
    network        30 forms a minute            the server is not kept busy
    network        10 wrong passwords a minute  one network cannot try many accounts
    account        5 in a row, then 12 minutes  passwords cannot be guessed (`lockout`)
    known browser  5 in a row, then 12 minutes  guesses from elsewhere lock no owner out

The first counts every form, by `views.sign_in`; the others count wrong passwords. A known browser
is counted by itself, instead of by its network and by the account. The network is the client's
(`portal.web.client_address`), not a proxy's. All server processes count together, in the database.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as later

from console.templates import audit
from portal.accounts import lockout, tries
from portal.accounts.expiry import note_expiry
from portal.accounts.known_browser import known_as, remember_browser
from portal.accounts.language import remember_language
from portal.accounts.models import User, normal_email
from portal.accounts.security_acts import MAILED, mail, noted
from portal.accounts.sign_in_record import record_for
from portal.web.moments import datetime_of, milliseconds, zone_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

_INCORRECT = later("The email address, the user name or the password is incorrect.")
DONE = {
    "account/messages/password_changed.txt": later("The password was changed."),
    "account/messages/password_set.txt": later("The password was set."),
    "mfa/messages/totp_activated.txt": later("The authenticator app is set up."),
    "mfa/messages/totp_deactivated.txt": later("The authenticator app was removed."),
    "mfa/messages/webauthn_added.txt": later("The passkey was added."),
    "mfa/messages/webauthn_removed.txt": later("The passkey was removed."),
    "mfa/messages/recovery_codes_generated.txt": later("New recovery codes were made."),
    "usersessions/messages/sessions_logged_out.txt": later("All other sessions have ended."),
}
"""What was done, by allauth's name of the message."""
PREVIOUS_SIGN_IN = "previous_sign_in"
"""Where a session keeps the sign-in before it, Unix milliseconds (C-9)."""
LOCKED = "locked"
"""The code of the error that says until when passwords are refused."""


def user_of(login: str) -> User | None:
    """The user with this email or user name, without regard to case; ``None``: none."""
    name = normal_email(login)
    return User.objects.filter(Q(email=name) | Q(user_name__iexact=name)).first()


def count_failure(
    request: HttpRequest, user: User | None, otherwise: str = "", *, of: str = "password"
) -> lockout.Attempt:
    """Count a try to prove who ``user`` is as failed, until `lockout.succeeded` takes it back.

    Args:
        request: The client, which may be a known browser of the account.
        user: The account; ``None`` where the name has none.
        otherwise: The name, in its normal form.
        of: What was entered; passwords and codes have counts apart.

    Raises:
        ValidationError: Of code `LOCKED`: the count is locked.
    """
    browser = known_as(request, user)
    account = f"account {user.pk}" if user else f"name {otherwise}"
    whose = f"browser {browser}" if browser else account
    attempt = lockout.begin(f"{of} {whose}", milliseconds(timezone.now()))
    if attempt.refused:
        raise locked(attempt)
    return attempt


def locked(attempt: lockout.Attempt) -> ValidationError:
    """The error for a locked count, which says until when."""
    left_ms = attempt.locked_until_ms - milliseconds(timezone.now())
    minutes = max(1, math.ceil(left_ms / 60_000))
    zone = "Asia/Tokyo" if get_language() == "ja" else "UTC"
    until = (datetime_of(attempt.locked_until_ms) or timezone.now()).astimezone(zone_of(zone))
    return ValidationError(
        ngettext(
            "Five wrong passwords or codes were entered in a row. No further one is accepted for "
            "%(minutes)d minute, until %(time)s (%(zone)s).",
            "Five wrong passwords or codes were entered in a row. No further one is accepted for "
            "%(minutes)d minutes, until %(time)s (%(zone)s).",
            minutes,
        ),
        code=LOCKED,
        params={"minutes": minutes, "time": f"{until:%H:%M}", "zone": zone},
    )


def _until(user: User) -> str:
    """When a link that is made now expires, for a mail to ``user``."""
    zone = zone_of(user.time_zone or ("Asia/Tokyo" if user.language == "ja" else "UTC"))
    end = timezone.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
    return f"{end.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth ships no types
    """Keeps sign-up closed, and slows who guesses without locking out who knows."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": _INCORRECT,
        "username_password_mismatch": _INCORRECT,
        "too_many_login_attempts": later(
            "Too many wrong passwords have come from your network. Wait a minute and try again."
        ),
        "incorrect_password": later("The password is incorrect."),
    }

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self._tries: list[int] = []
        self._attempt: lockout.Attempt | None = None

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether people may sign up by themselves: never."""
        return False

    def populate_username(self, request: HttpRequest, user: User) -> None:
        """Make up no user name: a person has one where one was chosen."""

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a try before the password is looked at.

        Raises:
            ValidationError: It is one too many.
        """
        login = normal_email(str(credentials.get("email") or credentials.get("username") or ""))
        user = user_of(login)
        if not known_as(request, user):
            kinds = [(tries.NETWORK, ratelimit.get_ip(request))]
            counted = tries.count_try(kinds, milliseconds(timezone.now()))
            if counted is None:
                raise self.validation_error("too_many_login_attempts")
            self._tries = counted
        self._attempt = count_failure(request, user, login)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The user with these credentials; a right password ends the row of wrong ones.

        Raises:
            ValidationError: The try is one too many, or it is the one that locks the count.
        """
        self._tries, self._attempt = [], None
        user: User | None = super().authenticate(request, **credentials)
        attempt = self._counted()
        if user is not None:
            tries.take_back(self._tries)
            if attempt:
                lockout.succeeded(attempt)
        elif attempt and attempt.locked_until_ms:
            if account := user_of(
                normal_email(credentials.get("email") or credentials["username"])
            ):
                # Whoever guessed is not known: it need not be the account's owner.
                record_for(account, audit.SIGN_IN_LOCKED, actor=None)
            raise locked(attempt)
        return user

    def _counted(self) -> lockout.Attempt | None:
        """The try that `pre_authenticate` counted."""
        return self._attempt

    def reauthenticate(self, user: User, password: str) -> bool:
        """Whether this is the password of a user with a session; counted as at the sign-in.

        Raises:
            ValidationError: It is one too many, or it is the one that locks the count.
        """
        attempt = count_failure(context.request, user)
        if user.check_password(password):
            lockout.succeeded(attempt)
            return True
        if attempt.locked_until_ms:
            raise locked(attempt)
        return False

    def is_reauthentication_required(self, *, app: str, **how: Any) -> bool:
        """Whether a dangerous act asks for a password or code again.

        allauth takes only what was asked for again as recent; here a sign-in that is as recent
        counts, too.
        """
        request = context.request
        records = get_authentication_records(request, request.user)
        since = timezone.now().timestamp() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
        if any(record.get("at", 0) > since for record in records):
            return False
        return bool(super().is_reauthentication_required(app=app, **how))

    def post_login(self, request: HttpRequest, user: User, **how: Any) -> HttpResponse:
        """The response to a sign-in, by which the browser is known from then on."""
        response: HttpResponse = super().post_login(request, user, **how)
        note_expiry(request, user)
        remember_browser(request, response, user)
        remember_language(response, user.language)
        return response

    def login(self, request: HttpRequest, user: User) -> None:
        """Start the session, which keeps when the user signed in before it."""
        previous = user.last_login
        super().login(request, user)
        if previous:
            request.session[PREVIOUS_SIGN_IN] = milliseconds(previous)

    def set_password(self, user: User, password: str) -> None:
        """Store a password; every session with another one ends."""
        user.password_changed_at = timezone.now()
        super().set_password(user, password)

    def is_safe_url(self, url: str | None) -> bool:
        """Whether a page may be led to: it is one of this portal, by the address it was opened by.

        allauth also takes every host that the portal answers to, which includes this machine's.
        """
        request = context.request
        return url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure())

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: Any = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        """Say what was done in the portal's words; what the page shows anyway is not said."""
        words = message or DONE.get(message_template or "")
        if words:
            messages.add_message(request, level, str(words), extra_tags=extra_tags)

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Mail the link that sets a new password, in the transaction of the form."""
        place = reverse("account_reset_password_from_key", args=[context["uid"], context["key"]])
        mail(
            user,
            "password_reset",
            {"url": settings.PORTAL_URL + place, "until": _until(user)},
            life=timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT),
        )

    def send_notification_mail(
        self, template_prefix: str, user: User, context: Any = None, email: str | None = None
    ) -> None:
        """Record an act about the account, and mail it to the person."""
        if template_prefix in MAILED:
            noted(user, template_prefix)

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Say that the account is deactivated, only to a person who knows its password."""
        return render(request, "account/inactive.html", status=403)
