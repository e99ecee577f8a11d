"""Reads every device on time: one task a line, one poll at a time on it.

::

    apply(devices) -> Poller ---- one LinePoller per shared line -> deliver(Report)

* A device that does not answer is `unreachable`, a value like any other. It is then only probed:
  one read of its fastest group, ever more rarely (`Backoff`), and all probes of a line together
  take at most a twentieth of its time.
* Any other exception of a driver is a bug: logged once, the device is reported with
  ``driver.fault`` and opened anew ever more rarely. The line's other devices never notice.
* When several polls are due, the one that waits longest goes first, so that an overloaded line
  serves everybody less often instead of some not at all.

Source: design section 4 (isolation is a contract).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from drivers.report import Report
from gateway.polling.device_state import DeviceView
from gateway.polling.line_poller import LineCounts, LinePoller, PollClock
from gateway.polling.polled_device import PolledDevice, Reader


@dataclass(frozen=True, slots=True)
class NextPoll:
    """When a device is polled next.

    Attributes:
        failures: Polls that failed, one after the other.
        due_at: When it is due again, milliseconds since boot.
    """

    failures: int
    due_at: int


class Poller:
    """All lines and their devices.

    Args:
        clock: The clocks.
        deliver: Takes every report; a slow one holds up the line that reported.
    """

    def __init__(self, clock: PollClock, deliver: Callable[[Report], Awaitable[None]]) -> None:
        self._clock = clock
        self._deliver = deliver
        self._lines: dict[str, LinePoller] = {}
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def counts(self) -> dict[str, LineCounts]:
        """The counters of each line's polls, by its key."""
        return {key: line.counts for key, line in self._lines.items()}

    @property
    def views(self) -> dict[str, DeviceView]:
        """The last state of each device, by name."""
        return {
            name: entry.view
            for line in self._lines.values()
            for name, entry in line.entries.items()
        }

    @property
    def drivers(self) -> dict[str, Reader]:
        """The drivers that are open, by their devices' names."""
        return {
            name: entry.driver
            for line in self._lines.values()
            for name, entry in line.entries.items()
            if entry.driver is not None
        }

    @property
    def next_polls(self) -> dict[str, NextPoll]:
        """When each device may be polled next, by name."""
        return {
            name: NextPoll(entry.backoff.failures, line.queue.due_at(entry))
            for line in self._lines.values()
            for name, entry in line.entries.items()
        }

    def stalled(self) -> list[str]:
        """The keys of the lines that are stalled; none before `run`.

        Only to be called in the loop that runs them.
        """
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
        """Poll these devices from now on; unchanged ones are polled on without a break.

        Returns:
            The names of devices that were removed, or have other settings now.
        """
        wanted: dict[str, dict[str, PolledDevice]] = {}
        for device in devices:
            wanted.setdefault(device.line, {})[device.name] = device
        changed: set[str] = set()
        for key in self._lines.keys() | wanted.keys():
            line = self._lines.get(key)
            if line is None:
                line = self._lines[key] = LinePoller(self._clock, self._deliver)
                if self._tasks:
                    line.task = self._tasks.create_task(line.run(), name=f"line {key}")
            changed |= line.apply(wanted.get(key, {}))
            if key not in wanted:
                del self._lines[key]
                if line.task:
                    line.task.cancel()
        return frozenset(changed)
