"""Polls the devices of one line, one at a time.

::

    LinePoller ---- one PollEntry per device
       |              |- DeviceSchedule      when it is due
       |              |- Backoff             how long it is left alone while it is silent
       |              `- DeviceView          what is known of it
       |- PollQueue                          which of them is polled next
       `-> deliver(Report)

Source: design section 4 (isolation is a contract).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from drivers.report import Clock, Observation, Report
from gateway.clock import next_moment
from gateway.polling.backoff import PROBE_SHARE, Backoff
from gateway.polling.device_state import DeviceView
from gateway.polling.poll_queue import PollQueue
from gateway.polling.polled_device import PolledDevice, PollEntry
from gateway.polling.schedule import DeviceSchedule, spread
from protocols.errors import LineClosed, ProtocolError

READ_LIMIT_S: Final = 120.0
"""Seconds after which a read is given up: the timeouts of all lines are far shorter."""
STALL_S: Final = READ_LIMIT_S + 30.0
"""Seconds after which a poll is stuck: its read could not be given up, or its report not taken."""
_IDLE_MS: Final = 60_000
"""The longest that a line waits without looking at its queue: the loop's clock does not count the
time that the box slept, while devices became due."""

log = structlog.get_logger("kanmon.poller")


@dataclass(slots=True)
class LineCounts:
    """Counters of the polls of one line, from zero when it is opened.

    Attributes:
        polls: Polls that ended, probes included.
        failed: Polls that ended with an error.
        missed: Windows of poll groups that passed without a poll.
    """

    polls: int = 0
    failed: int = 0
    missed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PollClock:
    """The clocks of the poller.

    Attributes:
        now: Milliseconds since boot.
        clock: The boot and the clock offset of a report that is made now.
    """

    now: Callable[[], int]
    clock: Callable[[], Clock]


class LinePoller:
    """Polls the devices of one shared line.

    Args:
        clock: The clocks.
        deliver: Takes every report; a slow one holds up this line.
        queue: Chooses the device that is polled next.

    Attributes:
        entries: Its devices by name, in the order in which they came.
        queue: Those of them that are not being polled.
        counts: The counters of its polls.
        task: The task that runs it; ``None`` where none does.
    """

    def __init__(
        self,
        clock: PollClock,
        deliver: Callable[[Report], Awaitable[None]],
        queue: PollQueue | None = None,
    ) -> None:
        self._clock = clock
        self._deliver = deliver
        self._changed = asyncio.Event()
        self._arrivals = 0
        self._began: float | None = None
        self.entries: dict[str, PollEntry] = {}
        self.queue = PollQueue() if queue is None else queue
        self.counts = LineCounts()
        self.task: asyncio.Task[None] | None = None

    def apply(self, wanted: Mapping[str, PolledDevice]) -> set[str]:
        """Poll these devices from now on; returns the names of those gone or changed."""
        changed = {
            name
            for name, entry in self.entries.items()
            if name not in wanted or wanted[name].settings != entry.device.settings
        }
        self.queue.discard({self.entries.pop(name) for name in changed})
        start = self._clock.now()
        for name, device in wanted.items():
            if name not in self.entries:
                schedule = DeviceSchedule(device.periods, start, spread(self._arrivals))
                entry = PollEntry(device, self._arrivals, schedule, DeviceView(name))
                self.entries[name] = entry
                self.queue.put(entry)
                self._arrivals += 1
        self._changed.set()
        return changed

    async def run(self) -> None:
        """Poll until cancelled; a read in flight is then abandoned, its report never made."""
        while True:
            self._changed.clear()
            now = self._clock.now()
            entry = self.queue.take(now)
            if entry is not None:
                self._began = asyncio.get_running_loop().time()
                await self._poll(entry)
                if self._holds(entry):
                    self.queue.put(entry)
                self._began = None
                continue
            at = self.queue.next_at()
            wait = _IDLE_MS if at is None else min(at - now, _IDLE_MS)
            try:
                async with asyncio.timeout(wait / 1000):
                    await self._changed.wait()
            except TimeoutError:
                pass  # a device is due

    def stalled(self, now: float) -> bool:
        """Whether it ended, or one poll takes longer than `STALL_S` at ``now``, in loop seconds."""
        ended = self.task is not None and self.task.done()
        return ended or (self._began is not None and now - self._began > STALL_S)

    def _holds(self, entry: PollEntry) -> bool:
        """Whether a device is still to be polled: `apply` may have removed it during its poll."""
        return self.entries.get(entry.device.name) is entry

    async def _poll(self, entry: PollEntry) -> None:
        began = await next_moment(self._clock.now, entry.ended)
        schedule = entry.schedule
        due = schedule.fastest if entry.silent else schedule.due(began)
        outcome: Observation | Exception
        try:
            async with asyncio.timeout(READ_LIMIT_S):
                outcome = await self._read(entry, due)
        except ProtocolError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 # a driver's bug must cost its device only
            outcome = error
        ended = entry.ended = self._clock.now()
        self.counts.polls += 1
        if isinstance(outcome, Observation):
            report = self._answered(entry, due, outcome, began, ended)
        else:
            report = self._unanswered(entry, outcome, ended)
        if self._holds(entry):
            await self._deliver(report)

    async def _read(self, entry: PollEntry, due: frozenset[str]) -> Observation:
        if entry.driver is not None:
            try:
                return await entry.driver.read(due)
            except LineClosed:
                if not self._holds(entry):
                    raise
        entry.driver = entry.device.open()
        return await entry.driver.read(due)

    def _answered(
        self,
        entry: PollEntry,
        due: frozenset[str],
        observation: Observation,
        began: int,
        ended: int,
    ) -> Report:
        schedule = entry.schedule
        if entry.silent:
            log.info("device_recovered", device=entry.device.name)
            entry.backoff = Backoff()
            schedule.skip_to(began)
            schedule.all_due(ended)
        else:
            lateness = schedule.mark_polled(due, began, ended)
            self.counts.missed += lateness.missed
            late = lateness.missed > 0 or lateness.overran
            if late and entry.view.late(lateness.missed, ended):
                log.warning("polls_late", device=entry.device.name, missed=lateness.missed)
        return entry.view.observed(observation, ended, self._clock.clock())

    def _took_ms(self) -> int:
        """How long the line has been in use by this poll; while the box slept it was not."""
        assert self._began is not None
        return round(1000 * (asyncio.get_running_loop().time() - self._began))

    def _unanswered(self, entry: PollEntry, error: Exception, ended: int) -> Report:
        name, view, clock = entry.device.name, entry.view, self._clock.clock()
        self.counts.failed += 1
        was_silent, was_faulted = entry.silent, entry.backoff.faulted
        entry.backoff.faulted = not isinstance(error, ProtocolError)
        took = self._took_ms() + entry.device.drain_ms
        rest = entry.backoff.rest(entry.schedule.shortest, took)
        entry.schedule.skip_to(ended + rest)
        self.queue.probe_from = ended + took * PROBE_SHARE
        if isinstance(error, ProtocolError):
            if not was_silent:
                log.warning("device_unreachable", device=name, error=str(error))
            return view.failed(error, ended, clock)
        if not was_faulted:
            log.error("driver_failed", device=name, exc_info=error)
        entry.driver = None
        return view.faulted(error, ended, clock)
