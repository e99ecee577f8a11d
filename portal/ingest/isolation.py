r"""A turn that fails, in ever smaller transactions: what can be stored is, the rest is judged.

Messages of one box are taken apart record by record, in transactions that are undone or committed
one by one, and a canary has one of its own. Each of them is a *step*; between two, others have
their turn, and a turn that gave way goes on with the step that it had not ended::

    all -- fails --> halves, quarters, ... --> one record -- fails twice --> rejected, or held
    |step          | |step   |step             |step canary step canary step|

Messages of several boxes that share a transaction are not taken apart here, where the caller can do
that (`SharedTurnError`). Elsewhere a record of them is isolated in savepoints
(`portal.ingest.suspects`), and what fails outside of these, such as a session, a receipt or the
commit, here.

Source: design section 5, ADR 0039.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import connection, transaction

from cloud_link.topics import Up, parse_up
from cloud_link.validation import Flaw
from cloud_link.wire import RejectCode
from portal.fleet.models import Box
from portal.ingest import alarms, canary, sql, suspects
from portal.ingest.messages import box_of, decode_messages, split
from portal.ingest.preemption import Preemption, never
from portal.ingest.store import IngestResult, ingest
from portal.ingest.tables import SentTable, refuse_table
from portal.ingest.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from portal.ingest.messages import IncomingMessage
    from portal.ingest.suspects import Failures, Trial

    T = TypeVar("T")

ISOLATION_S: Final = 30.0
"""Seconds after which no further message is tried once one failed alone; those are left unanswered,
and the messages of the box that failed come apart from then on."""
_ATTEMPTS_LOST: Final = 3
"""How often a single message must lose the connection again before it is at fault."""
_VERDICTS: Final = 6
"""Canaries at most for the verdict on one record, and on the pending ones that it brings about."""


@dataclass(slots=True, kw_only=True)
class Progress:
    """The steps of a turn that were ended before it gave way.

    Attributes:
        outcomes: What each of them returned, in their order.
        kept_until: When the last of them ended, by `time.monotonic`.
        kept: Seconds that they took.
        lost: Seconds of the last attempt in which no step was ended.
    """

    outcomes: list[Any] = field(default_factory=list)
    kept_until: float = 0.0
    kept: float = 0.0
    lost: float = 0.0

    def keep(self, began: float, now: float) -> None:
        """Count the time of an attempt that gave way, or failed, after some steps."""
        kept = max(0.0, self.kept_until - began)
        self.kept += kept
        self.lost = now - began - kept


class SharedTurnError(Exception):
    """A turn of several boxes failed, and nothing of it is stored: it is to be taken apart."""


class _RecordFailedError(Exception):
    """A record failed within a transaction of several."""


class _CanaryNeededError(Exception):
    """A canary must be stored before a record is tried alone, or before it is judged."""

    def __init__(self, kind: str, failures: Failures) -> None:
        super().__init__(kind)
        self.kind = kind
        self.failures = failures


def ingest_or_isolate(
    messages: Sequence[IncomingMessage],
    *,
    suspect_lost: bool = False,
    shared: bool = True,
    preemption: Preemption | None = None,
    progress: Progress | None = None,
) -> IngestResult:
    """Store messages as `portal.ingest.store.ingest` does, and reject or hold what fails alone.

    What fails, and again while a canary of its kind is stored before and after, is rejected, or
    counted as unusable where it is not a record.

    Args:
        messages: In the order in which they came.
        suspect_lost: Take a lost connection as a message's fault, too: it was lost with these
            messages repeatedly, and the database answers.
        shared: Whether messages of several boxes are taken apart here.
        preemption: When this gives way.
        progress: Of these messages, where they gave way before.

    Raises:
        DatabaseError: The database is unavailable.
        CanaryError: The portal is at fault. What was stored before that stays.
        PreemptedError: A message waits; ``progress`` says what is done.
        SharedTurnError: Messages of several boxes failed that are not taken apart here.
    """
    preemption = preemption or Preemption(never)
    work = _Isolation(
        messages,
        preemption,
        Progress() if progress is None else progress,
        suspect_lost=suspect_lost,
        shared=shared,
    )
    return preemption.run(work.run)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Suspect:
    """A message of one record or table that failed alone, twice."""

    message: IncomingMessage
    box: str
    kind: str
    error: Exception


class _Isolation:
    """Stores what can be stored, in ever smaller transactions, and then judges what failed.

    It always begins at the beginning: what a step returned before is not done again. What is to be
    done next depends on that alone.
    """

    def __init__(
        self,
        messages: Sequence[IncomingMessage],
        preemption: Preemption,
        progress: Progress,
        *,
        suspect_lost: bool,
        shared: bool,
    ) -> None:
        self._messages = messages
        self._preemption = preemption
        self._progress = progress
        self._suspect_lost = suspect_lost
        self._steps = 0
        self._step_done = False
        self._suspects: list[_Suspect] = []
        self._canaries: set[str] = set()
        self._confirmed: dict[str, Failures] = {}
        """The failures of each kind after which a canary was stored."""
        self._judged = False
        self._own = len({box_of(one.topic) for one in messages}) == 1
        self._shared = shared
        self._began = time.monotonic()

    def run(self) -> IngestResult:
        return self._ingest(self._messages) + self._judge()

    def _step(self, do: Callable[[], T]) -> T:
        """Do a step, unless it was done before this turn gave way."""
        number, self._steps = self._steps, self._steps + 1
        if number < len(self._progress.outcomes):
            return self._progress.outcomes[number]  # type: ignore[no-any-return] # of this step
        # One step at least is done each time, so that a turn gets on however many messages wait.
        self._preemption.begin_step(number, between=self._step_done)
        outcome = do()
        self._step_done = True
        self._progress.outcomes.append(outcome)
        self._progress.kept_until = time.monotonic()
        return outcome

    def _ingest(self, messages: Sequence[IncomingMessage]) -> IngestResult:
        """Store messages, but those that fail alone: these are judged by `_judge`."""
        if (self._suspects or self._judged) and self._step(self._is_over):
            failed = frozenset(box_of(one.topic) for one in messages if self._own)
            return IngestResult(answers=(), suspects=failed, tally=Tally(held=len(messages)))
        apart = self._own or not self._shared
        error = self._attempt(messages, _raise_failed if apart else None)
        if isinstance(error, IngestResult):
            return error
        if not (self._own or self._shared):
            raise SharedTurnError from error
        parts = _parts(messages[0]) if len(messages) == 1 else list(messages)
        if not isinstance(error, _RecordFailedError):
            kinds = {kind for one in messages for kind in canary.kinds_of(one)}
            self._check_canaries(kinds - self._canaries)
            self._canaries |= kinds
            if len(parts) == 1:
                return self._try_again(messages[0], error)
        elif len(parts) == 1:
            return self._isolate_record(messages[0])
        half = len(parts) // 2
        return self._ingest(parts[:half]) + self._ingest(parts[half:])

    def _is_over(self) -> bool:
        """Whether no further message is tried."""
        if self._own:
            kept = self._progress.kept + time.monotonic() - self._began
            return kept > (ISOLATION_S if self._suspects else suspects.ISOLATION_S)
        return time.monotonic() > self._began + ISOLATION_S

    def _attempt(
        self, messages: Sequence[IncomingMessage], trial: Trial | None = None
    ) -> IngestResult | Exception:
        return self._step(partial(self._ingest_once, messages, trial))

    def _ingest_once(
        self, messages: Sequence[IncomingMessage], trial: Trial | None
    ) -> IngestResult | Exception:
        try:
            return ingest(messages, trial=trial)
        except canary.CanaryError:
            raise
        except Exception as error:
            if sql.is_outage(error) and not (self._suspect_lost and sql.is_lost(error)):
                raise
            if sql.is_lost(error):
                connection.close()
            return error

    def _isolate_record(self, message: IncomingMessage) -> IngestResult:
        """Store a message of one record, and reject what fails of it, or of what it brings about.

        The transaction is begun once more after each canary that it needs.
        """
        outcome: IngestResult | Exception
        for _ in range(_VERDICTS):
            outcome = self._attempt([message], self._need_canary)
            if not isinstance(outcome, _CanaryNeededError):
                break
            self._check_canaries([outcome.kind])
            known = self._confirmed.get(outcome.kind, frozenset())
            self._confirmed[outcome.kind] = known | outcome.failures
        else:  # each time something else fails: canaries within the transaction
            outcome = self._attempt([message])
        if not isinstance(outcome, IngestResult):
            kinds = set(canary.kinds_of(message))
            self._check_canaries(kinds - self._canaries)
            self._canaries |= kinds
            return self._try_again(message, outcome)
        self._judged = self._judged or bool(outcome.suspects)
        return outcome

    def _need_canary(self, kind: str, error: Exception, failures: Failures) -> None:
        """A trial: passes where the canary was stored before, for the same failures."""
        if kind not in self._confirmed or not failures <= self._confirmed[kind]:
            raise _CanaryNeededError(kind, failures) from error

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
        for kind in sorted(kinds):
            self._step(partial(canary.check, kind, datetime.now(UTC)))

    def _judge(self) -> IngestResult:
        """Reject what failed, unless the portal is at fault: that is left unanswered."""
        failed = frozenset(one.box for one in self._suspects)
        result = IngestResult(answers=(), suspects=failed)
        if not failed:
            return result
        self._check_canaries(
            {kind for one in self._suspects for kind in canary.kinds_of(one.message)}
        )
        fleet = self._step(self._causes_of_fleet)
        for one in self._suspects:
            cause = alarms.cause_of(one.kind, one.error)
            if cause in fleet:
                result += IngestResult(answers=(), tally=Tally(held=1))
            else:
                detail = alarms.detail_of(one.error)
                flaw = Flaw(code=RejectCode.REFUSED, detail=detail, cause=cause)
                result += self._step(partial(_reject, one, flaw))
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


def _raise_failed(_kind: str, error: Exception, _failures: Failures) -> None:
    """A trial: what failed is isolated in transactions, not in savepoints."""
    raise _RecordFailedError from error


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
