"""Messages into the database, each record once, and the answers that say so.

One transaction::

    lock the boxes -> tables -> receipts -> what is new: clocks, data, events, gaps -> commit

and only then the acknowledgements, so that a box never deletes what is not stored. Boxes are
locked in one order, so workers wait for each other and never in a circle. An outage of the
database raises and nothing is answered; the same messages may be given again.

Source: design section 5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.db import transaction

from portal.fleet.models import Box
from portal.ingest import sql
from portal.ingest.messages import decode_messages
from portal.ingest.tally import Tally
from portal.ingest.transaction import Transaction
from portal.logs import event_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from portal.ingest.answers import Answer
    from portal.ingest.messages import IncomingMessage

log = event_log(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """What became of some messages.

    Attributes:
        answers: To be sent to the boxes, now that it is committed.
        unknown: Box ids that no gateway has: nothing of theirs is stored or answered.
        unusable: For each box, how many of its messages could not be decoded, and why the last of
            them could not.
        tally: What was counted.
    """

    answers: tuple[Answer, ...]
    unknown: frozenset[str] = frozenset()
    unusable: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)

    def __add__(self, other: IngestResult) -> IngestResult:
        """The result of both."""
        return IngestResult(
            answers=self.answers + other.answers,
            unknown=self.unknown | other.unknown,
            unusable={**self.unusable, **other.unusable},
            tally=self.tally + other.tally,
        )


def ingest(messages: Iterable[IncomingMessage], now: datetime | None = None) -> IngestResult:
    """Store messages in one transaction, and return what to answer.

    Args:
        messages: In the order in which they came.
        now: When the messages were received; the portal's time before it waits for any lock where
            it is not given.

    Raises:
        OperationalError, InterfaceError: The database is busy or gone; nothing is stored.
    """
    batch = decode_messages(messages)
    now = now or datetime.now(UTC)  # before the locks: a time of receipt, whatever the wait
    with transaction.atomic(durable=True):  # what is answered must not depend on another's commit
        boxes = {
            box.box_id: box
            for box in Box.objects.select_for_update(no_key=True)
            .filter(box_id__in=batch.boxes)
            .order_by("pk")
        }
        work = Transaction(now)
        answers = work.store([(boxes[name], batch.boxes[name]) for name in sorted(boxes)])
    return IngestResult(
        answers=tuple(answers),
        unknown=frozenset(batch.boxes) - boxes.keys(),
        unusable={box: (count, batch.errors[box]) for box, count in batch.unusable.items()},
        tally=work.tally,
    )


def ingest_or_isolate(messages: Sequence[IncomingMessage]) -> IngestResult:
    """Store messages as `ingest` does, without any that raises an unexpected error.

    Such a message is logged and stays unanswered: its box keeps the records and sends them again,
    to a corrected portal.

    Raises:
        OperationalError, InterfaceError: The database is busy or gone; nothing is stored.
    """
    try:
        return ingest(messages)
    except sql.OUTAGES:
        raise
    except Exception:
        if len(messages) == 1:
            log.exception("message_failed", topic=messages[0].topic)
            return IngestResult(answers=())
    half = len(messages) // 2
    return ingest_or_isolate(messages[:half]) + ingest_or_isolate(messages[half:])
