"""Reads every device on time: one task a line, one poll at a time on it.

::

    apply(devices)            Poller ---- one _Line per shared line ---- one _Polled per device
                                |                |                          |- DeviceSchedule
                                |                |                          |- DeviceView
                                |                |- picks who is due:       `- Silence
                                |                   healthy first, longest waiting first,
                                |                   then at most one probe of a silent device
                                `-> deliver(Report)

* A device that does not answer is `unreachable`, a value like any other. It is then only probed:
  one read of its fastest group, ever more rarely (`Silence`), and all probes of a line together
  take at most a twentieth of its time.
* Any other exception of a driver is a bug: logged once, the device is reported with
  ``driver.fault`` and opened anew ever more rarely. The line's other devices never notice.
* When several polls are due, the one that waits longest goes first, so that an overloaded line
  serves everybody less often instead of some not at all.

Source: design section 4 (isolation is a contract).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from drivers.report import Clock, Code, Observation, Report
from gateway.polling.device_state import DeviceView
from gateway.polling.schedule import DeviceSchedule, spread
from protocols.errors import Garbled, ProtocolError, Refused, Unreachable

PROBE_SHARE: Final = 20
"""A line rests this many times as long as its last probe took before it makes the next one."""
BACKOFF_LIMIT_MS: Final = 300_000
FAULT_BACKOFF_MS: Final = 5_000
READ_LIMIT_S: Final = 120.0
"""A read that takes longer never ends: lines have timeouts of their own, far below this."""
STALL_S: Final = READ_LIMIT_S + 30.0
"""A poll that takes longer is stuck: the read was given up long ago, or its report is not taken."""
_IDLE_MS: Final = 3_600_000
_CODES: Final = {
    Unreachable: Code.COMM_UNREACHABLE,
    Refused: Code.COMM_REFUSED,
    Garbled: Code.COMM_GARBLED,
}
"""What an unanswered poll is told as; silence is the rest."""

log = structlog.get_logger("kanmon.poller")


class Reads(Protocol):
    """A driver, as the poller sees it (`drivers.driver.Driver`)."""

    async def read(self, due: frozenset[str]) -> Observation:
        """Read the poll groups in ``due``; raises `protocols.errors.ProtocolError` only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledDevice:
    """One device to poll.

    Attributes:
        name: The installation's name for it.
        line: The shared line it is on.
        periods: Milliseconds of each poll group.
        open: Makes its driver; called again after a fault.
        drain_ms: How long its line is left alone after it did not answer.
        settings: Whatever tells whether it is still the same device with the same settings.
    """

    name: str
    line: str
    periods: Mapping[str, int]
    open: Callable[[], Reads]
    drain_ms: int = 0
    settings: object = None


@dataclass(slots=True)
class LineCounts:
    """What happened on a line since it was opened."""

    polls: int = 0
    failed: int = 0
    missed: int = 0


@dataclass(slots=True)
class Silence:
    """How long to leave a device alone: doubling from its period to `BACKOFF_LIMIT_MS`."""

    failures: int = 0
    faulted: bool = False

    def rest(self, shortest: int, took: int) -> int:
        """Milliseconds until the next probe, after one more failure."""
        self.failures += 1
        base = max(shortest, took * PROBE_SHARE, FAULT_BACKOFF_MS if self.faulted else 0)
        return max(shortest, min(base << min(self.failures - 1, 20), BACKOFF_LIMIT_MS))


@dataclass(frozen=True, slots=True)
class Rest:
    """How long a device is left alone.

    Attributes:
        failures: Polls that failed, one after the other.
        next_at: When it is due again, milliseconds since boot.
    """

    failures: int
    next_at: int


@dataclass(slots=True)
class _Polled:
    device: PolledDevice
    schedule: DeviceSchedule
    view: DeviceView
    silence: Silence = field(default_factory=Silence)
    driver: Reads | None = None

    @property
    def silent(self) -> bool:
        return self.silence.failures > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Where the poller's times come from.

    Attributes:
        now: Milliseconds since boot.
        clock: What a report made now says about its time.
    """

    now: Callable[[], int]
    clock: Callable[[], Clock]


class Poller:
    """All lines and their devices.

    Args:
        timing: The clocks.
        deliver: Takes every report; a slow one holds up the line that reported.
    """

    def __init__(self, timing: Timing, deliver: Callable[[Report], Awaitable[None]]) -> None:
        self._timing = timing
        self._deliver = deliver
        self._lines: dict[str, _Line] = {}
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def counts(self) -> dict[str, LineCounts]:
        """By line."""
        return {key: line.counts for key, line in self._lines.items()}

    @property
    def views(self) -> dict[str, DeviceView]:
        """What is known of each device, by name."""
        return {name: p.view for line in self._lines.values() for name, p in line.polled.items()}

    @property
    def drivers(self) -> dict[str, Reads]:
        """The drivers that are open, by their devices' names."""
        return {
            name: polled.driver
            for line in self._lines.values()
            for name, polled in line.polled.items()
            if polled.driver is not None
        }

    @property
    def rests(self) -> dict[str, Rest]:
        """When each device is due again, by name."""
        return {
            name: Rest(polled.silence.failures, line.due_at(polled))
            for line in self._lines.values()
            for name, polled in line.polled.items()
        }

    def stalled(self) -> list[str]:
        """The lines that do not move; none before `run`. Only in the loop that runs them."""
        now = asyncio.get_running_loop().time()
        return [key for key, line in sorted(self._lines.items()) if line.stalled(now)]

    async def run(self) -> None:
        """Poll until cancelled; a read in flight is then abandoned, its report never made."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for key, line in self._lines.items():
                line.task = tasks.create_task(line.run(), name=f"line {key}")
            await asyncio.Event().wait()

    def apply(self, devices: Iterable[PolledDevice]) -> frozenset[str]:
        """Poll these devices from now on; unchanged ones go on as if nothing had happened.

        Returns:
            The names of devices that are gone, or are other ones now.
        """
        wanted: dict[str, dict[str, PolledDevice]] = {}
        for device in devices:
            wanted.setdefault(device.line, {})[device.name] = device
        changed: set[str] = set()
        for key in self._lines.keys() | wanted.keys():
            line = self._lines.get(key)
            if line is None:
                line = self._lines[key] = _Line(self._timing, self._deliver)
                if self._tasks:
                    line.task = self._tasks.create_task(line.run(), name=f"line {key}")
            changed |= line.apply(wanted.get(key, {}))
            if key not in wanted:
                del self._lines[key]
                if line.task:
                    line.task.cancel()
        return frozenset(changed)


class _Line:
    """One shared line: who is due, one poll at a time."""

    def __init__(self, timing: Timing, deliver: Callable[[Report], Awaitable[None]]) -> None:
        self._timing = timing
        self._deliver = deliver
        self._changed = asyncio.Event()
        self._probe_from = 0
        self._arrivals = 0
        self._began: float | None = None
        self.polled: dict[str, _Polled] = {}
        self.counts = LineCounts()
        self.task: asyncio.Task[None] | None = None

    def apply(self, wanted: Mapping[str, PolledDevice]) -> set[str]:
        changed = {
            name
            for name, polled in self.polled.items()
            if name not in wanted or wanted[name].settings != polled.device.settings
        }
        for name in changed:
            del self.polled[name]
        start = self._timing.now()
        for name, device in wanted.items():
            if name not in self.polled:
                schedule = DeviceSchedule(device.periods, start, spread(self._arrivals))
                self.polled[name] = _Polled(device, schedule, DeviceView(name))
                self._arrivals += 1
        self._changed.set()
        return changed

    async def run(self) -> None:
        while True:
            self._changed.clear()
            now = self._timing.now()
            chosen, at = self._next(now)
            if chosen is not None and at <= now:
                self._began = asyncio.get_running_loop().time()
                await self._poll(chosen)
                self._began = None
                continue
            try:
                async with asyncio.timeout((at - now) / 1000):
                    await self._changed.wait()
            except TimeoutError:
                pass  # somebody is due

    def stalled(self, now: float) -> bool:
        """Whether it ended, or is in one poll for too long at ``now``, in loop seconds."""
        ended = self.task is not None and self.task.done()
        return ended or (self._began is not None and now - self._began > STALL_S)

    def _next(self, now: int) -> tuple[_Polled | None, int]:
        """Who is polled next, and when: among those due, healthy ones first."""
        best: _Polled | None = None
        best_key, best_at = (True, now + _IDLE_MS), now + _IDLE_MS
        for polled in self.polled.values():
            at = self.due_at(polled)
            # What is due waits its turn by silence and age; what is not, by its time alone.
            due = at <= now
            key = (polled.silent, polled.schedule.next_at) if due else (True, max(at, now + 1))
            if key < best_key:
                best, best_key, best_at = polled, key, at
        return best, best_at

    def due_at(self, polled: _Polled) -> int:
        at = polled.schedule.next_at
        return max(at, self._probe_from) if polled.silent else at

    async def _poll(self, polled: _Polled) -> None:
        began = self._timing.now()
        schedule = polled.schedule
        due = schedule.fastest if polled.silent else schedule.due(began)
        seen: Observation | ProtocolError | Exception
        try:
            if polled.driver is None:
                polled.driver = polled.device.open()
            async with asyncio.timeout(READ_LIMIT_S):
                seen = await polled.driver.read(due)
        except ProtocolError as error:
            seen = error
        except Exception as error:  # noqa: BLE001 # a driver's bug must cost its device only
            seen = error
        ended = self._timing.now()
        self.counts.polls += 1
        if isinstance(seen, Observation):
            report = self._answered(polled, due, seen, began, ended)
        else:
            report = self._unanswered(polled, seen, began, ended)
        if self.polled.get(polled.device.name) is polled:  # else it was taken away meanwhile
            await self._deliver(report)

    def _answered(
        self, polled: _Polled, due: frozenset[str], seen: Observation, began: int, ended: int
    ) -> Report:
        schedule = polled.schedule
        if polled.silent:
            log.info("device answers again", device=polled.device.name)
            polled.silence = Silence()
            schedule.skip_to(began)
            schedule.all_due(ended)
        else:
            served = schedule.served(due, began, ended)
            self.counts.missed += served.missed
            late = served.missed > 0 or served.overran
            if late and polled.view.late(served.missed, ended):
                log.warning("polls come late", device=polled.device.name, missed=served.missed)
        return polled.view.observed(seen, ended, self._timing.clock())

    def _unanswered(self, polled: _Polled, error: Exception, began: int, ended: int) -> Report:
        name, view, clock = polled.device.name, polled.view, self._timing.clock()
        self.counts.failed += 1
        was_silent, was_faulted = polled.silent, polled.silence.faulted
        polled.silence.faulted = not isinstance(error, ProtocolError)
        took = ended - began + polled.device.drain_ms
        rest = polled.silence.rest(polled.schedule.shortest, took)
        polled.schedule.skip_to(ended + rest)
        self._probe_from = ended + took * PROBE_SHARE
        if isinstance(error, ProtocolError):
            if not was_silent:
                log.warning("device does not answer", device=name, error=str(error))
            return view.failed(code_of(error), str(error), type(error).__name__, ended, clock)
        if not was_faulted:
            log.error("driver broke", device=name, exc_info=error)
        polled.driver = None
        words = f"{type(error).__name__}: {error}"[:300]
        message = "The driver failed; this is a fault of the gateway's software, please report it"
        return view.faulted(message, words, ended, clock)


def code_of(error: ProtocolError) -> Code:
    """The condition that an unanswered poll raises."""
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return code
    return Code.COMM_TIMEOUT
