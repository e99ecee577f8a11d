"""Messages into the database, each record once, and the answers that say so.

One transaction::

    lock the boxes -> tables -> receipts -> what is new: clocks, data, events, gaps -> commit

and only then the acknowledgements, so that a box never deletes what is not stored. Boxes are
locked in one order, so workers wait for each other and never in a circle. An outage of the
database raises and nothing is answered; the same messages may be given again.

What fails is isolated in savepoints of that transaction (`portal.ingest.suspects`), or in smaller
transactions (`portal.ingest.isolation`).

Source: design section 5.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.db import transaction

from portal.fleet.models import Box
from portal.ingest import canary, undated
from portal.ingest.messages import decode_messages
from portal.ingest.tally import Tally
from portal.ingest.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portal.ingest.answers import Answer
    from portal.ingest.messages import IncomingMessage, Reader
    from portal.ingest.suspects import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """What became of some messages.

    Attributes:
        answers: To be sent to the boxes, now that it is committed.
        unknown: Box ids that no gateway has: nothing of theirs is stored or answered.
        unusable: For each box, how many of its messages could not be decoded, and why the last of
            them could not.
        tally: What was counted.
        suspects: Boxes of which a record or a message failed, and was isolated.
        waited: Seconds that went by in begins, locks and commits.
    """

    answers: tuple[Answer, ...]
    unknown: frozenset[str] = frozenset()
    unusable: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    suspects: frozenset[str] = frozenset()
    waited: float = 0.0

    def __add__(self, other: IngestResult) -> IngestResult:
        """The result of both."""
        return IngestResult(
            answers=self.answers + other.answers,
            unknown=self.unknown | other.unknown,
            unusable=_together(self.unusable, other.unusable),
            tally=self.tally + other.tally,
            suspects=self.suspects | other.suspects,
            waited=self.waited + other.waited,
        )


def _together(
    first: Mapping[str, tuple[int, str]], second: Mapping[str, tuple[int, str]]
) -> Mapping[str, tuple[int, str]]:
    """The messages of both that could not be decoded, and of each box the later reason."""
    counts = {box: first.get(box, (0, ""))[0] + count for box, (count, _) in second.items()}
    return {**first, **{box: (counts[box], reason) for box, (_, reason) in second.items()}}


def ingest(
    messages: Iterable[IncomingMessage],
    now: datetime | None = None,
    read: Reader | None = None,
    trial: Trial | None = None,
) -> IngestResult:
    """Store messages in one transaction, and return what to answer.

    A record that fails alone, twice, while the canary of its kind is stored, is rejected.

    Args:
        messages: In the order in which they came.
        now: When the messages were received; the portal's time before it waits for any lock where
            it is not given.
        read: Decodes the records, see `portal.ingest.messages.decode_messages`.
        trial: See `portal.ingest.suspects.Suspects`; stores the canary where it is not given.

    Raises:
        DatabaseError: The database is unavailable (`portal.ingest.sql.is_outage`).
        CanaryError: The portal is at fault.
        Exception: A message fails as a whole; `portal.ingest.isolation` finds out which.
            Whatever is raised, nothing is stored.
    """
    batch = decode_messages(messages, read)
    now = now or datetime.now(UTC)  # before the locks: a time of receipt, whatever the wait
    began = time.monotonic()
    with transaction.atomic(durable=True):  # what is answered must not depend on another's commit
        boxes = {
            box.box_id: box
            for box in Box.objects.select_for_update(no_key=True)
            .filter(box_id__in=batch.boxes)
            .order_by("pk")
        }
        locked = time.monotonic()
        work = Transaction(now, trial or canary.trial(now))
        answers = work.store([(boxes[name], batch.boxes[name]) for name in sorted(boxes)])
        stored = time.monotonic()
    waited = locked - began + time.monotonic() - stored
    return IngestResult(
        answers=tuple(answers),
        unknown=frozenset(batch.boxes) - boxes.keys(),
        unusable={box: (count, batch.errors[box]) for box, count in batch.unusable.items()},
        tally=work.tally,
        suspects=work.suspects,
        waited=waited,
    )


def settle_undated(box: int, now: datetime | None = None) -> bool:
    """Date what waits for clocks that will not come, of one box, which may be silent.

    Returns:
        Whether more can be done at once: some was, and some is left.

    Raises:
        DatabaseError, CanaryError: As `ingest`.
    """
    now = now or datetime.now(UTC)
    with transaction.atomic(durable=True):
        locked = Box.objects.select_for_update(no_key=True).get(pk=box)
        before = undated.unsettled([box])
        Transaction(now, canary.trial(now)).settle(locked)
        return before != undated.unsettled([box]) and undated.neglected(now, 1, box - 1) == [box]
