"""Messages into the database, each record once, and the answers that say so.

One transaction::

    lock the boxes -> tables -> receipts -> what is new: clocks, data, events, gaps -> commit

and only then the acknowledgements, so that a box never deletes what is not stored. Boxes are
locked in one order, so workers wait for each other and never in a circle. An outage of the
database raises and nothing is answered; the same messages may be given again.

A record that fails is isolated in savepoints of that transaction (`portal.ingest.suspects`). What
fails outside of them, such as a session, a receipt or the commit, is isolated here, in
transactions of its own.

Source: design section 5.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from cloud_link.topics import Up, parse_up
from cloud_link.validation import Flaw
from cloud_link.wire import RejectCode
from portal.fleet.models import Box
from portal.ingest import alarms, canary, sql, undated
from portal.ingest.messages import box_of, decode_messages, split
from portal.ingest.preemption import Preemption, never
from portal.ingest.tables import SentTable, refuse_table
from portal.ingest.tally import Tally
from portal.ingest.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from portal.ingest.answers import Answer
    from portal.ingest.messages import IncomingMessage, Reader

ISOLATION_S: Final = 30.0
"""Seconds after which no further message is tried once one failed alone; those are left unanswered,
and the messages of the box that failed come apart from then on."""
_ATTEMPTS_LOST: Final = 3
"""How often a single message must lose the connection again before it is at fault."""


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
) -> IngestResult:
    """Store messages in one transaction, and return what to answer.

    A record that fails alone, twice, while the canary of its kind is stored, is rejected.

    Args:
        messages: In the order in which they came.
        now: When the messages were received; the portal's time before it waits for any lock where
            it is not given.
        read: Decodes the records, see `portal.ingest.messages.decode_messages`.

    Raises:
        DatabaseError: The database is unavailable (`portal.ingest.sql.is_outage`).
        CanaryError: The portal is at fault.
        Exception: A message fails as a whole; `ingest_or_isolate` finds out which.
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
        work = Transaction(now, lambda kind, _: canary.check(kind, now))
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
        Transaction(now, lambda kind, _: canary.check(kind, now)).settle(locked)
        return before != undated.unsettled([box]) and undated.neglected(now, 1, box - 1) == [box]


def ingest_or_isolate(
    messages: Sequence[IncomingMessage],
    *,
    suspect_lost: bool = False,
    waits: Callable[[], bool] = never,
) -> IngestResult:
    """Store messages as `ingest` does, and reject what fails outside of any record's savepoint.

    Such messages are halved, and then taken apart into their records, each in a transaction of its
    own. What fails there, and again while a canary of its kind is stored before and after, is
    rejected, or counted as unusable where it is not a record.

    Args:
        messages: In the order in which they came.
        suspect_lost: Take a lost connection as a message's fault, too: it was lost with these
            messages repeatedly, and the database answers.
        waits: Whether a message waits to which this gives way, as long as nothing is stored.

    Raises:
        DatabaseError: The database is unavailable.
        CanaryError: The portal is at fault. What was stored before that stays.
        PreemptedError: A message waits; nothing is stored.
    """
    preemption = Preemption(waits)
    work = _Isolation(preemption, suspect_lost=suspect_lost)
    return preemption.run(lambda: work.ingest(messages) + work.judge())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Suspect:
    """A message of one record or table that failed alone, twice."""

    message: IncomingMessage
    box: str
    kind: str
    error: Exception


class _Isolation:
    """Stores what can be stored, in ever smaller transactions, and then judges what failed."""

    def __init__(self, preemption: Preemption, *, suspect_lost: bool) -> None:
        self._preemption = preemption
        self._suspect_lost = suspect_lost
        self._suspects: list[_Suspect] = []
        self._canaries: set[str] = set()
        self._began = time.monotonic()

    def ingest(self, messages: Sequence[IncomingMessage]) -> IngestResult:
        """Store messages, but those that fail alone: these are judged by `judge`."""
        if self._suspects and time.monotonic() > self._began + ISOLATION_S:
            return IngestResult(answers=(), tally=Tally(held=len(messages)))
        error = self._attempt(messages)
        if isinstance(error, IngestResult):
            return error
        kinds = {kind for one in messages for kind in canary.kinds_of(one)}
        self._check_canaries(kinds - self._canaries)
        self._canaries |= kinds
        if len(messages) == 1:
            parts = _parts(messages[0])
            if len(parts) == 1:
                return self._try_again(messages[0], error)
        else:
            parts = list(messages)
        half = len(parts) // 2
        return self.ingest(parts[:half]) + self.ingest(parts[half:])

    def _attempt(self, messages: Sequence[IncomingMessage]) -> IngestResult | Exception:
        try:
            result = ingest(messages)
        except canary.CanaryError:
            raise
        except Exception as error:
            if sql.is_outage(error) and not (self._suspect_lost and sql.is_lost(error)):
                raise
            if sql.is_lost(error):
                connection.close()
            return error
        self._preemption.committed()
        return result

    def _try_again(self, message: IncomingMessage, error: Exception) -> IngestResult:
        """Try a message that failed alone, until it may be judged."""
        kinds = canary.kinds_of(message)
        for _ in range(_ATTEMPTS_LOST if sql.is_lost(error) else 1):
            again = self._attempt([message])
            if isinstance(again, IngestResult):
                return again
            error = again
            if sql.is_lost(error):
                self._check_canaries(kinds)
        box = box_of(message.topic)
        self._suspects.append(_Suspect(message=message, box=box, kind=kinds[0], error=error))
        return IngestResult(answers=())

    def _check_canaries(self, kinds: Iterable[str]) -> None:
        now = datetime.now(UTC)
        for kind in sorted(kinds):
            canary.check(kind, now)

    def judge(self) -> IngestResult:
        """Reject what failed, unless the portal is at fault: that is left unanswered."""
        suspects = frozenset(one.box for one in self._suspects)
        result = IngestResult(answers=(), suspects=suspects)
        if not suspects:
            return result
        self._check_canaries(
            {kind for one in self._suspects for kind in canary.kinds_of(one.message)}
        )
        self._preemption.committed()
        fleet = self._causes_of_fleet()
        for one in self._suspects:
            cause = alarms.cause_of(one.kind, one.error)
            if cause in fleet:
                result += IngestResult(answers=(), tally=Tally(held=1))
            else:
                detail = alarms.detail_of(one.error)
                flaw = Flaw(code=RejectCode.REFUSED, detail=detail, cause=cause)
                result += _reject(one, flaw)
        return result

    def _causes_of_fleet(self) -> set[str]:
        pks = dict(
            Box.objects.filter(box_id__in={one.box for one in self._suspects}).values_list(
                "box_id", "pk"
            )
        )
        failures = [
            (pks[one.box], alarms.cause_of(one.kind, one.error), one.kind, one.error)
            for one in self._suspects
            if one.box in pks
        ]
        with transaction.atomic():
            return alarms.causes_of_fleet(failures, round(time.time() * 1000))


def _parts(message: IncomingMessage) -> list[IncomingMessage]:
    try:
        return split(message)
    except Exception:  # noqa: BLE001 - what cannot be taken apart is judged whole
        return [message]


def _reject(suspect: _Suspect, flaw: Flaw) -> IngestResult:
    """Put the record of a message into quarantine, or count a message without one as unusable."""
    message = suspect.message
    unusable = IngestResult(answers=(), unusable={suspect.box: (1, flaw.detail)})
    try:
        channel = parse_up(message.topic).channel
        if channel is Up.TABLE:
            _refuse_tables(suspect, flaw)
        elif channel in {Up.DATA, Up.EVENT}:
            return ingest([message], read=lambda _raw, _lane: flaw)
    except Exception as error:
        if sql.is_outage(error):
            raise
        failed = alarms.detail_of(error)
        return IngestResult(answers=(), unusable={suspect.box: (1, f"{flaw.detail}; {failed}")})
    return unusable


def _refuse_tables(suspect: _Suspect, flaw: Flaw) -> None:
    box = Box.objects.get(box_id=suspect.box)
    batch = decode_messages([suspect.message])
    with transaction.atomic():
        for table_id, table in batch.boxes[suspect.box].tables.items():
            refuse_table(SentTable(box=box, table_id=table_id, table=table), flaw.detail)
