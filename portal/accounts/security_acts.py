"""What follows from an act of signing in or staying safe: an audit entry, and a mail to the person.

The mail goes to the address for notices where there is a confirmed one, else to the address that
the person signs in with: whoever did it in their name cannot hide it from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from console.templates import audit
from portal.accounts.sign_in_record import record_for
from portal.audit.record import record
from portal.notifications import outbox

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from portal.accounts.models import Organization, User
    from portal.audit.acting import Actor

MAILED: Final = {
    "account/email/password_changed": audit.PASSWORD_CHANGE,
    "account/email/password_set": audit.PASSWORD_CHANGE,
    "account/email/password_reset": audit.PASSWORD_RESET,
    "mfa/email/totp_activated": audit.FACTOR_ADD,
    "mfa/email/totp_deactivated": audit.FACTOR_REMOVE,
    "mfa/email/webauthn_added": audit.FACTOR_ADD,
    "mfa/email/webauthn_removed": audit.FACTOR_REMOVE,
    "mfa/email/recovery_codes_generated": audit.RECOVERY_CODES,
}
"""Acts that are mailed, by allauth's name of the notice, and how the audit log has them.

What the mail says of each is in ``mail/_security_act.txt``, by the last part of the name.
"""


def mail_address(user: User) -> str:
    """Where mail about the account goes."""
    return user.notification_email if user.notification_email_confirmed_at else user.email


def mail(user: User, name: str, context: Mapping[str, object], *, life: timedelta) -> None:
    """Write a mail to a person about their own account, in the caller's transaction."""
    outbox.send(
        name,
        to=mail_address(user),
        language=user.language,
        context={"account": user.email, **context},
        person=user.pk,
        life=life,
    )


def noted(user: User, notice: str) -> None:
    """Record an act and mail it to the person; ``notice`` is one of `MAILED`."""
    with transaction.atomic():
        record_for(user, MAILED[notice], actor=user)
        mail_notice(user, notice.rpartition("/")[2])


def mail_notice(user: User, act: str) -> None:
    """Mail a person that something was done to their account, in the caller's transaction."""
    context = {
        "act": act,
        "at": f"{timezone.now():%Y-%m-%d %H:%M} UTC",
        "reset_url": settings.PORTAL_URL + reverse("account_reset_password"),
    }
    mail(user, "security_notice", context, life=settings.NOTICE_LIFE)


def set_expiry(organization: Organization, actor: Actor, *, expires: bool) -> None:
    """Let the passwords of an organization's members expire or not, in the caller's transaction."""
    before = organization.password_expires
    if before == expires:
        return
    organization.password_expires = expires
    organization.save(update_fields=["password_expires"])
    record(
        audit.PASSWORD_EXPIRY,
        actor=actor,
        organization=organization.pk,
        subject=("organization", organization.pk),
        before={"password_expires": before},
        after={"password_expires": expires},
    )


def edit_details(user: User, details: Mapping[str, str]) -> None:
    """Store a person's own details, in the caller's transaction."""
    before = {name: str(getattr(user, name)) for name in details}
    for name, value in details.items():
        setattr(user, name, value)
    user.save(update_fields=[*details])
    changed = [name for name in details if before[name] != str(details[name])]
    if changed:
        record_for(
            user,
            audit.PERSON_EDIT,
            actor=user,
            before={name: before[name] for name in changed},
            after={name: str(details[name]) for name in changed},
        )
