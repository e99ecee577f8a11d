"""Signing up: what is kept in the session until the address is proven, and the account after it.

::

    consent --> account form --code by mail--> code --> account, signed in --> names --> ...
                                                 `- three wrong codes, or 30 minutes: begin again

An account is made when its code is entered, not when the form is sent (ADR 0037). So an address
has at most one account and it is proven; whoever never enters a code leaves nothing behind and
blocks no address; and a form for an address that has an account does the same work as any other
form: it hashes the password, writes one mail and one session.

The code, its lifetime and its attempts are django-allauth's; only the moment at which the account
is written is ours, because allauth writes it before the address is proven.

Source: requirements E-3 to E-8; design section 8.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.code_verification import AbstractCodeVerificationProcess
from allauth.account.models import EmailAddress
from allauth.core.internal.cryptokit import compare_user_code
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from console.templates import audit
from portal.accounts import documents, tries
from portal.accounts.models import User
from portal.audit.record import record
from portal.notifications import outbox
from portal.web.moments import milliseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest

    from portal.accounts.models import Invitation

_KEY: Final = "sign_up"
_CONSENTS: Final = "sign_up_documents"
_RESENDS: Final = 3
CODE_LIFE: Final = timedelta(seconds=settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a person entered to sign up.

    Attributes:
        email: In its normal form.
        password: Its hash.
        documents: The ids of the documents that were accepted.
        accepted_at: When, ISO 8601.
    """

    email: str
    password: str
    region: str
    language: str
    documents: tuple[int, ...]
    accepted_at: str


class SignUp(AbstractCodeVerificationProcess):  # type: ignore[misc] # allauth ships no types
    """A sign-up that waits for its code, in one browser's session.

    Two browsers that sign up for one address do not disturb each other: the first to enter its
    own code gets the account.
    """

    def __init__(self, request: HttpRequest, state: dict[str, Any]) -> None:
        super().__init__(
            max_attempts=settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS,
            timeout=settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT,
            state=state,
        )
        self._request = request

    @classmethod
    def begin(cls, request: HttpRequest, registration: Registration) -> SignUp:
        """Start to wait, and mail the code, or that the address has an account already."""
        state = cls.initial_state(None, registration.email)
        state["registration"] = asdict(registration)
        state["reference"] = secrets.token_hex(16)
        process = cls(request, state)
        process._new_code()
        return process

    @classmethod
    def resume(cls, request: HttpRequest) -> SignUp | None:
        """The sign-up of this browser; ``None`` where there is none or its time is over."""
        state = request.session.get(_KEY)
        if not isinstance(state, dict):
            return None
        found: SignUp | None = cls(request, state).abort_if_invalid()
        return found

    @property
    def registration(self) -> Registration:
        """What was entered."""
        given = self.state["registration"]
        return Registration(**{**given, "documents": tuple(given["documents"])})

    @property
    def can_resend(self) -> bool:
        """Whether another code may be asked for."""
        return not self.is_resend_quota_reached(_RESENDS)

    def resend(self) -> None:
        """Mail a new code; the one before it is no longer taken. Wrong codes stay counted."""
        self.record_resend()
        self._new_code()

    def matches(self, code: str) -> bool:
        """Whether this is the code; a wrong one is counted, and the last one ends the sign-up.

        The count in the session is what the page shows. Requests at the same moment would each
        read the same one: so every try is counted in the database, too, before it is looked at.
        """
        counted = tries.count_try(
            [(tries.CODES, self.state["reference"])], milliseconds(timezone.now())
        )
        right = counted is not None and compare_user_code(actual=code, expected=self.code)
        if right:
            return True
        self.record_invalid_attempt()
        return False

    @property
    def attempts_left(self) -> int:
        """How many wrong codes it takes to end the sign-up."""
        return int(self.max_attempts - self.state["failed_attempts"])

    def persist(self) -> None:
        """Keep it in the session."""
        self._request.session[_KEY] = self.state

    def abort(self) -> None:
        """End it."""
        self._request.session.pop(_KEY, None)

    def send(self) -> None:
        """Write the mail, one in either case, with templates of the same shape."""
        registration = self.registration
        known = User.objects.filter(email=registration.email).exists()
        address = settings.PORTAL_URL
        context = {
            "code": self.code,
            "minutes": int(CODE_LIFE.total_seconds() // 60),
            "sign_in_url": address + reverse("account_login"),
        }
        if known:
            context["code"] = ""
        with transaction.atomic():
            outbox.send(
                "sign_up_known" if known else "sign_up_code",
                to=registration.email,
                language=registration.language,
                context=context,
                life=CODE_LIFE,
            )

    def _new_code(self) -> None:
        # A code that was mailed to nobody is made as well, so that both ways are alike.
        self.state["code"] = get_adapter().generate_email_verification_code()
        self.send()
        self.persist()


def keep_consent(request: HttpRequest, accepted: Sequence[int], region: str) -> None:
    """Keep in the session which documents were accepted, before there is an account."""
    request.session[_CONSENTS] = {
        "documents": list(accepted),
        "region": region,
        "at": timezone.now().isoformat(),
    }


def kept_consent(request: HttpRequest) -> dict[str, Any] | None:
    """What `keep_consent` kept, as long as these documents are still the current ones."""
    kept = request.session.get(_CONSENTS)
    if not isinstance(kept, dict):
        return None
    current = [one.pk for one in documents.current_documents(kept["region"])]
    return kept if kept["documents"] == current else None


def registration_of(
    kept: dict[str, Any], *, email: str, password: str, language: str
) -> Registration:
    """What was entered, with its password hashed: the work that takes longest, done for all."""
    return Registration(
        email=email,
        password=make_password(password),
        region=kept["region"],
        language=language,
        documents=tuple(kept["documents"]),
        accepted_at=kept["at"],
    )


@transaction.atomic
def create_account(registration: Registration, invitation: Invitation | None = None) -> User | None:
    """The new account of a proven address; ``None`` where it has got one in the meantime.

    Args:
        registration: What was entered.
        invitation: Whose link the person opened: it names the person, who enters no name.
    """
    names = {}
    if invitation is not None:
        names = {
            field: getattr(invitation, field)
            for field in ("family_name", "given_name", "family_kana", "given_kana")
        }
    user = User(
        email=registration.email,
        password=registration.password,
        region=registration.region,
        language=registration.language,
        **names,
    )
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        return None
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    documents.accept(
        user,
        documents.by_ids(registration.documents),
        language=registration.language,
        at=datetime.fromisoformat(registration.accepted_at),
    )
    outbox.send(
        "sign_up_done",
        to=user.email,
        language=user.language,
        context={"email": user.email, "url": settings.PORTAL_URL + "/"},
        person=user.pk,
    )
    record(
        audit.PERSON_SIGN_UP,
        actor=user,
        organization=None,
        subject=("person", user.pk),
        after={"language": user.language, "region": user.region},
    )
    return user
