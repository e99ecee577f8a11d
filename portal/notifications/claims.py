"""Rows of the outbox, taken by one worker at a time and settled once.

A worker takes a row by moving its ``next_attempt_at`` ahead by `LEASE`, in a short transaction of
its own. While it sends, no lock is held and no other worker finds the row due. A worker that dies
leaves the row as it is: it becomes due again when the lease ends, and is sent with the same
Message-ID. On PostgreSQL workers pass over each other's locked rows (SKIP LOCKED); on SQLite each
transaction takes the one write lock at its start.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from portal.notifications.models import Mail, MailState

if TYPE_CHECKING:
    from datetime import datetime

LEASE: Final = timedelta(minutes=10)
"""How long a worker has for one mail; longer than all of a session's replies at their slowest."""
FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=1)
_DOUBLINGS: Final = 7


def claim(now: datetime) -> Mail | None:
    """The mail that has been due for longest, taken for `LEASE`; ``None`` where none is due."""
    with transaction.atomic():
        mail = Mail.objects.due(now).select_for_update(skip_locked=True).first()
        if mail is not None:
            mail.attempts += 1
            mail.next_attempt_at = now + LEASE
            mail.save(update_fields=["attempts", "next_attempt_at"])
    return mail


def pause_after(attempts: int) -> timedelta:
    """How long to wait after the attempt of this number: 30 s, doubled up to an hour.

    Up to a fifth is added at random, so that mails that failed together do not return together.
    """
    doubled: timedelta = FIRST_PAUSE * 2 ** min(attempts - 1, _DOUBLINGS)
    pause = min(doubled, LONGEST_PAUSE)
    return pause * (1 + random.random() / 5)


def settle(mail: Mail, state: MailState, error: str = "") -> bool:
    """Store the end of a waiting mail and forget its context; whether it was still waiting."""
    return bool(
        Mail.objects.waiting()
        .filter(pk=mail.pk)
        .update(
            state=state,
            subject=mail.subject,
            error=error,
            settled_at=timezone.now(),
            context={},
        )
    )


def postpone(mail: Mail, error: str) -> None:
    """Store that an attempt failed, and when the next one is due: at the end of its life at last.

    Nothing is stored where the lease has ended and another worker has taken the mail.
    """
    next_attempt_at = min(timezone.now() + pause_after(mail.attempts), mail.expires_at)
    Mail.objects.waiting().filter(pk=mail.pk, attempts=mail.attempts).update(
        subject=mail.subject, error=error, next_attempt_at=next_attempt_at
    )


def expire(now: datetime) -> int:
    """Give up the waiting mails whose time is over; how many there were.

    One that a worker is sending is left to it.
    """
    return (
        Mail.objects.due(now)
        .filter(expires_at__lte=now)
        .order_by()
        .update(state=MailState.EXPIRED, settled_at=now, context={})
    )
