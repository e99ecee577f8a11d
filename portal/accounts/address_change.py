"""Changing the address for notices: a link that is mailed to the new address completes it.

The link is signed and holds the person, the new address and the one that it replaces, so it is good
once: when the change is complete, the address it replaces is no longer the present one. The old
address, which whoever did this cannot read, is told.

Source: requirements C-13.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from console.templates import audit
from portal.accounts.models import User
from portal.accounts.security_acts import mail_notice
from portal.accounts.sign_in_record import record_for
from portal.notifications import outbox

_SALT: Final = "kanmon.notification-address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A change that is asked for and not complete.

    Attributes:
        user: The person.
        address: The new address for notices.
    """

    user: User
    address: str


@transaction.atomic
def mail_link(user: User, address: str) -> None:
    """Mail the link that completes the change, to the new address."""
    token = signing.dumps([user.pk, address, _present(user)], salt=_SALT)
    hours = int(settings.NOTIFICATION_ADDRESS_LIFE.total_seconds() // 3600)
    outbox.send(
        "notification_address",
        to=address,
        language=user.language,
        context={
            "account": user.email,
            "url": settings.PORTAL_URL + reverse("address-confirmation", args=[token]),
            "hours": hours,
        },
        person=user.pk,
        life=settings.NOTIFICATION_ADDRESS_LIFE,
    )


def wish_of(token: str) -> Wish | None:
    """The change that a link completes; ``None`` where it is complete, expired or unknown."""
    return _wish(token, lock=False)


@transaction.atomic
def complete(token: str) -> str | None:
    """Complete the change of a link; the new address, or ``None`` where the link no longer can."""
    wish = _wish(token, lock=True)
    if wish is None:
        return None
    user = wish.user
    mail_notice(user, "notification_address")
    user.notification_email = wish.address
    user.notification_email_confirmed_at = timezone.now()
    user.save(update_fields=["notification_email", "notification_email_confirmed_at"])
    record_for(user, audit.NOTIFICATION_ADDRESS, actor=user)
    return wish.address


def _present(user: User) -> str:
    """A hash of what a link was made for: the address and the password of its moment."""
    at = user.notification_email_confirmed_at
    state = f"{user.notification_email}\n{at.timestamp() if at else ''}\n{user.password}"
    return salted_hmac(_SALT, state, algorithm="sha256").hexdigest()


def _wish(token: str, *, lock: bool) -> Wish | None:
    try:
        pk, address, present = signing.loads(
            token, salt=_SALT, max_age=settings.NOTIFICATION_ADDRESS_LIFE
        )
    except (signing.BadSignature, ValueError, TypeError):
        return None
    people = User.objects.select_for_update() if lock else User.objects
    user = people.filter(pk=pk, is_active=True).first()
    if user is None or _present(user) != present:
        return None
    return Wish(user=user, address=address)
