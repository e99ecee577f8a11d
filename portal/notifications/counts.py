"""How many mails wait and were not delivered, for those who watch the portal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Min, Q

from portal.notifications.models import Mail, MailState

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxCounts:
    """The outbox in numbers.

    Attributes:
        waiting: Mails that are not sent yet.
        oldest_due_s: Seconds for which the next attempt of a mail has been due; 0 if none is due.
        refused: Mails that the mail server refused, as long as their rows are kept.
        expired: Mails that were given up, as long as their rows are kept.
    """

    waiting: int
    oldest_due_s: float
    refused: int
    expired: int


def outbox_counts(now: datetime) -> OutboxCounts:
    """Count the outbox at ``now``."""
    waiting = Mail.objects.waiting().aggregate(count=Count("pk"), due=Min("next_attempt_at"))
    undelivered = Mail.objects.undelivered().aggregate(
        refused=Count("pk", filter=Q(state=MailState.REFUSED)),
        expired=Count("pk", filter=Q(state=MailState.EXPIRED)),
    )
    due = waiting["due"]
    return OutboxCounts(
        waiting=waiting["count"],
        oldest_due_s=0.0 if due is None else max(0.0, (now - due).total_seconds()),
        refused=undelivered["refused"],
        expired=undelivered["expired"],
    )
