"""Signing in and out on record: in the log of each organization that the user is a member of.

Django's signals tell it, whichever way somebody signs in. What was typed is never recorded: people
type their password into the wrong field. A try for an account that does not exist is recorded in
the portal's own log, so that an answer takes as long as for one that does; of either, so many an
hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth import signals
from django.db import transaction
from django.db.models import Q

from console.templates import audit
from portal.accounts.models import User, normal_email
from portal.audit.models import Entry
from portal.audit.record import record
from portal.audit.writing import now_ms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from console.text import Template
    from portal.audit.acting import Actor

FAILURES_AN_HOUR: Final = 20
"""How many failed sign-ins of an account are recorded in an hour; the limits allow few more."""
UNKNOWN_AN_HOUR: Final = 100
"""How many are recorded for accounts that do not exist, all together."""
_HOUR_MS: Final = 3_600_000


def connect() -> None:
    """Listen to the signals; once."""
    for signal, receiver in (
        (signals.user_logged_in, _signed_in),
        (signals.user_logged_out, _signed_out),
        (signals.user_login_failed, _failed),
    ):
        signal.connect(receiver, dispatch_uid=f"portal.accounts.{receiver.__name__}")


def record_for(
    user: User,
    action: Template,
    *,
    actor: Actor,
    before: Mapping[str, str] | None = None,
    after: Mapping[str, str] | None = None,
) -> None:
    """Record what happened to a user's account: in the log of each organization of the user.

    The portal's own log has it for one who belongs to none.
    """
    with transaction.atomic():
        for organization in _organizations_of(user):
            record(
                action,
                actor=actor,
                organization=organization,
                subject=("person", user.pk),
                before=before,
                after=after,
            )


def _organizations_of(user: User) -> Sequence[int | None]:
    """Of a user, in the order in which their logs are locked; ``None``: the portal's."""
    numbers = user.memberships.order_by("organization_id").values_list("organization_id", flat=True)
    return list(numbers) or [None]


def _signed_in(user: User, **_: Any) -> None:
    record_for(user, audit.SIGN_IN, actor=user)


def _signed_out(user: User | None, **_: Any) -> None:
    if user is not None:
        record_for(user, audit.SIGN_OUT, actor=user)


def _failed(credentials: Mapping[str, Any], **_: Any) -> None:
    user = _account(credentials)
    subject = ("person", str(user.pk) if user else "")
    with transaction.atomic():
        for organization in _organizations_of(user) if user else [None]:
            if not _are_many(organization, subject[1]):
                record(audit.SIGN_IN_FAILED, actor=None, organization=organization, subject=subject)


def _account(credentials: Mapping[str, Any]) -> User | None:
    email = credentials.get("email") or credentials.get("username")
    if not isinstance(email, str):
        return None
    name = normal_email(email)
    return User.objects.filter(Q(email=name) | Q(user_name__iexact=name)).first()


def _are_many(organization: int | None, account: str) -> bool:
    """Whether as many failures as are recorded in an hour are on record for the last one."""
    most = FAILURES_AN_HOUR if account else UNKNOWN_AN_HOUR
    failures = Entry.objects.filter(
        chain=organization or 0,
        subject_kind="person",
        subject_id=account,
        action=audit.SIGN_IN_FAILED.id,
    )
    times = failures.order_by("-sequence").values_list("at_ms", flat=True)[:most]
    return len(times) == most and times[most - 1] > now_ms() - _HOUR_MS
