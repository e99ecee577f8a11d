"""The database's side of a worker: stores messages in a thread of its own, whatever it takes.

::

    messages --> ingest_or_isolate -- stored --> answers
                   |        |
            outage |        | the canary fails: alarm
                   '--pause-'--> again, for as long as it takes

A database that answers and yet loses the connection with the same messages again and again has them
taken apart as well: one of them may be what ends it. Work that can wait, and the messages of a box
with much to store, give way to other messages (`portal.ingest.preemption`).
"""

from __future__ import annotations

import asyncio
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from django.db import (
    DatabaseError,
    InterfaceError,
    close_old_connections,
    connection,
    connections,
)
from tenacity import AsyncRetrying, retry_if_exception_type, wait_chain, wait_fixed

from portal import readiness
from portal.ingest import alarms, canary, quarantine, receipts, redating, sql, undated
from portal.ingest.checkpoints import Checkpoints
from portal.ingest.isolation import Progress, SharedTurnError, ingest_or_isolate
from portal.ingest.pacing import Spent
from portal.ingest.preemption import LostTime, PreemptedError, Preemption, never
from portal.ingest.store import IngestResult, settle_undated
from portal.logs import event_log
from portal.readiness import Readiness

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tenacity import RetryCallState

    from portal.ingest.messages import IncomingMessage

log = event_log(__name__)

T = TypeVar("T")

RECEIPT_HOURS: Final = 48
"""Hours for which receipts keep their content's hash, by which a live clone is recognised."""
PAUSE_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each further attempt at broker or database; after the last, always the last."""
_COMPACT_EVERY_S: Final = 3600.0
_LOOK_EVERY_S: Final = 15.0
"""Between two looks at the alarms."""
SILENT_AT_ONCE: Final = 20
"""Boxes without a clock that are looked after between two other looks."""
_REPLAYS: Final = 4
"""Records of the quarantine that are replayed one by one before other work has its turn."""
_PART_PAUSE_S: Final = 0.2
"""Seconds between two parts of a long replay or dating, in which messages are stored."""
_ATTEMPTS: Final = 3
"""How often a database that answers may lose the connection before the batch is taken apart."""


class DatabaseOutageError(Exception):
    """The database did not store a batch; the message is for the log, in English.

    Attributes:
        lost: Whether the connection was lost, and the database answers over another.
    """

    def __init__(self, reason: str, *, lost: bool) -> None:
        super().__init__(reason)
        self.lost = lost


class OutcomeListener(Protocol):
    """Called for every batch that was committed."""

    def __call__(self, result: IngestResult, messages: int, seconds: float) -> None:
        """Count ``messages`` messages that were stored in ``seconds`` with this result."""


def ignore(result: IngestResult, messages: int, seconds: float) -> None:
    """Ignore a committed batch."""


@dataclass(slots=True, kw_only=True)
class TurnControl:
    """How a turn is stored: when it gives way to other messages, and how far it got.

    Attributes:
        waits, waits_between, from_step: See `portal.ingest.preemption.Preemption`.
        shared: Whether messages of several boxes are taken apart in one turn.
        suspect_lost: Whether it is to blame for a connection that is lost.
        progress: What is done of it.
        faults: How many faults of the portal there were when it was begun.
    """

    waits: Callable[[], bool]
    waits_between: Callable[[], bool] = never
    from_step: int | None = None
    shared: bool = True
    suspect_lost: bool = False
    progress: Progress = field(default_factory=Progress)
    faults: int = 0


class Storage:
    """Stores batches of messages, one at a time.

    Attributes:
        spent: What the last batch took, without the attempts that failed, and without the wait for
            other work in its thread: its boxes are charged for it.
        checkpoints: Move SQLite's log; `Checkpoints.run` is to run beside.

    Args:
        on_commit: Called for every batch that was committed.
        sleep: Waits for so many seconds before a further attempt.
    """

    def __init__(
        self,
        on_commit: OutcomeListener = ignore,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.spent = Spent(whole=0.0, work=0.0)
        self._on_commit = on_commit
        self._sleep = sleep
        self._thread = ThreadPoolExecutor(1, "database")
        self.checkpoints = Checkpoints(self.run)
        self._compacted = time.monotonic()
        self._settled = 0
        self._failing: set[str] = set()
        self._lost_time = LostTime()
        self._faults = 0
        """Canaries that failed, and outages: what was found out before one counts no more."""
        self._message_waits = False

    def close(self) -> None:
        """Close the database's connections, once the transaction under way has ended."""
        self.checkpoints.close()
        self._thread.submit(connections.close_all)
        self._thread.shutdown(wait=True)

    async def run(self, work: Callable[[], T]) -> T:
        """Run ``work`` in the thread that has the database's connection."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def run_giving_way(self, work: Callable[[], T]) -> T:
        """Run ``work`` there, and again from its beginning where messages wait for the thread."""
        for times in itertools.count():
            if not self._lost_time.allows(times, time.monotonic()):
                break
            began = time.monotonic()
            preemption = Preemption(lambda: self._message_waits)
            try:
                return await self.run(partial(preemption.run, work))
            except PreemptedError:
                self._lost_time.lose(time.monotonic() - began)
        return await self.run(work)

    async def maintain(self) -> None:
        """Do what no message brings about, until cancelled.

        Replay what an older portal rejected, or this one before an alarm, end alarms that are over,
        date what waits for clocks that will not come, and move samples whose clock was put right.
        """
        after = 0
        redated: int | None = None
        looked = -_LOOK_EVERY_S
        while True:
            after = await self._replay(after)
            if time.monotonic() - looked >= _LOOK_EVERY_S:
                looked = time.monotonic()
                if await self._beside("alarms", _look_after_alarms, otherwise=False):
                    after = after or await self._replay(0)
            dating = await self._settle_undated()
            redate = partial(redating.go_on, redated or 0)
            redated = await self._beside("redating", redate, otherwise=None)
            if time.monotonic() - self._compacted > _COMPACT_EVERY_S:
                self._compacted = time.monotonic()
                await self._beside("compaction", _compact, otherwise=None)
            busy = after > 0 or dating or redated is not None
            await asyncio.sleep(_PART_PAUSE_S if busy else _LOOK_EVERY_S)

    async def _replay(self, after: int) -> int:
        """Replay some records that another portal judged, or before their clock was put right.

        Returns the id after which to go on, 0 where none is left.
        """
        for _ in range(_REPLAYS):
            replay = partial(quarantine.replay_outdated, after, 1)
            last = await self._beside("replay", replay, otherwise=None)
            if last is None:
                return 0
            after = last
        return after

    async def _settle_undated(self) -> bool:
        """Settle the next boxes, each apart, so that messages have their turn in between.

        Returns whether more can be done at once.
        """
        find = partial(undated.neglected, datetime.now(UTC), SILENT_AT_ONCE, self._settled)
        boxes: list[int] = await self._beside("dating", find, otherwise=[])
        self._settled = boxes[-1] if len(boxes) == SILENT_AT_ONCE else 0
        more = self._settled > 0
        for box in boxes:
            settle = partial(settle_undated, box)
            more |= await self._beside(f"dating of box {box}", settle, otherwise=False)
        return more

    async def _beside(self, work: str, function: Callable[[], T], *, otherwise: T) -> T:
        """Do what can wait: where it fails, the worker goes on, and it is tried again later."""
        try:
            result = await self.run_giving_way(function)
        except Exception as error:  # noqa: BLE001 - no such work may stop the worker
            if work not in self._failing:
                log.error("maintenance_failed", work=work, error=alarms.detail_of(error))
            self._failing.add(work)
            await self.run(connection.close)
            return otherwise
        self._failing.discard(work)
        return result

    async def store(
        self, messages: Sequence[IncomingMessage], control: TurnControl | None = None
    ) -> IngestResult:
        """Store messages, however long the database is away.

        Args:
            messages: In the order in which they came.
            control: When these give way, and how far they got before; they do not without.

        Raises:
            PreemptedError: A message waits to which these give way.
            SharedTurnError: They are of several boxes, and failed.
        """
        control = control or TurnControl(waits=never)
        if not control.suspect_lost:
            try:
                return await self._retry(messages, control)
            except DatabaseOutageError as error:
                log.error("batch_taken_apart", messages=len(messages), error=str(error))
            control.suspect_lost = True
        return await self._retry(messages, control)

    def may_give_way(self, times: int) -> bool:
        """Whether messages may give way that did so ``times`` before."""
        return self._lost_time.allows(times, time.monotonic())

    async def _retry(
        self, messages: Sequence[IncomingMessage], control: TurnControl
    ) -> IngestResult:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(DatabaseOutageError),
            stop=_never if control.suspect_lost else _is_lost_again,
            wait=wait_chain(*map(wait_fixed, PAUSE_S)),
            before_sleep=_note_outage,
            sleep=self._sleep,
            reraise=True,
        )
        result: IngestResult = await retrying(self._attempt, messages, control)
        if retrying.statistics["attempt_number"] > 1:
            log.info("database_recovered")
        return result

    async def _attempt(
        self, messages: Sequence[IncomingMessage], control: TurnControl
    ) -> IngestResult:
        self._message_waits = True
        try:
            result = await self.run(partial(self._store, messages, control))
        except SharedTurnError:
            raise
        except PreemptedError:
            self._lost_time.lose(control.progress.lost)
            raise
        except canary.CanaryError as error:
            self._faults += 1
            await self.run(partial(_raise_alarm, error))
            raise await self._diagnose(error.error, str(error)) from error
        except sql.OUTAGES as error:
            self._faults += 1
            raise await self._diagnose(error) from error
        except Exception as error:  # noqa: BLE001 - a fault of ours must not stop the others
            log.error("batch_failed", messages=len(messages), error=alarms.detail_of(error))
            result = IngestResult(answers=())
        finally:
            self._message_waits = False
        self._on_commit(result, len(messages), self.spent.whole)
        return result

    async def _diagnose(self, error: Exception, reason: str = "") -> DatabaseOutageError:
        check = await self.run(readiness.check_database)
        found, name = check.readiness, readiness.database_name()
        reason = reason or f"the database {name} refuses: {readiness.first_line(error)}"
        if found in {Readiness.EMPTY, Readiness.OLDER}:
            reason = f"{readiness.WORDS[found]} in {name}: run 'kanmon-portal migrate'"
        return DatabaseOutageError(reason, lost=sql.is_lost(error) and found is Readiness.READY)

    def _store(self, messages: Sequence[IncomingMessage], control: TurnControl) -> IngestResult:
        self._message_waits = False
        close_old_connections()
        self.checkpoints.adopt()
        began, processor = time.monotonic(), time.thread_time()
        progress = control.progress
        if control.faults != self._faults:  # what failed before may be stored now
            progress.outcomes.clear()
            control.faults = self._faults
        try:
            result = ingest_or_isolate(
                messages,
                suspect_lost=control.suspect_lost,
                shared=control.shared or control.suspect_lost,
                preemption=Preemption(control.waits, control.waits_between, control.from_step),
                progress=progress,
            )
        except BaseException as error:
            now = time.monotonic()
            progress.keep(began, now)
            self.spent = Spent(whole=now - began, work=now - began)
            if isinstance(error, sql.OUTAGES):
                connection.close()
            raise
        whole = progress.kept + time.monotonic() - began
        work = whole - result.waited
        if not sql.postgres():  # it works in this thread: what is above that, others have taken
            work = min(work, progress.kept + time.thread_time() - processor)
        self.spent = Spent(whole=whole, work=max(0.0, work))
        return result


def _compact() -> None:
    receipts.compact(round((time.time() - RECEIPT_HOURS * 3600) * 1000))


def _look_after_alarms() -> bool:
    """End the alarms whose cause is gone; returns whether records are to be replayed."""
    close_old_connections()
    now = datetime.now(UTC)
    for kind in alarms.kinds_of_canaries():
        try:
            canary.check(kind, now)
        except canary.CanaryError as error:
            alarms.open_for_canary(kind, error.error, now_ms=round(now.timestamp() * 1000))
        else:
            alarms.end_for_canary(kind, round(now.timestamp() * 1000))
    return alarms.end_resolved(round(now.timestamp() * 1000))


def _raise_alarm(error: canary.CanaryError) -> None:
    """Open the alarm of a canary that failed, where the database can still do that."""
    now_ms = round(time.time() * 1000)
    try:
        alarms.open_for_canary(error.kind, error.error, now_ms)
    except (DatabaseError, InterfaceError) as second:
        connection.close()
        log.error("ingest_alarm", cause=str(error), kind=error.kind, error=str(second))


def _never(_: RetryCallState) -> bool:
    return False


def _is_lost_again(state: RetryCallState) -> bool:
    """Whether a database that answers has lost the connection often enough."""
    error = state.outcome.exception() if state.outcome else None
    lost = isinstance(error, DatabaseOutageError) and error.lost
    return lost and state.attempt_number > _ATTEMPTS


def _note_outage(state: RetryCallState) -> None:
    """Log the first failure of a row only."""
    if state.attempt_number == 1 and state.outcome:
        log.warning("database_failed", error=str(state.outcome.exception()))
