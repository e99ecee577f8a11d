"""Whether a serial line has time for what is configured on it, and how many of its devices may die.

::

    period P   |-- C1 --|-- C2 --|-- ... --|-- Cn --|------ slack ------|
                                                     timeout + drain - T  of each that dies

A poll of device j takes at most C_j: all of its groups at once. In any period P of the line, each
device polls at most ``ceil(P / P_j)`` times; what is left of P is its slack. A device that dies
costs, instead of its read T, a timeout and the drain behind it; later it is probed one at a time,
when nobody else is due. While the slack of every period holds the excess of the k costliest, each
healthy device loses at most one sample when k die at once: that k is what the line holds with.

Pure. Source: design section 4 (isolation is a contract).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from protocols.delays import ASSUMED_S

if TYPE_CHECKING:
    from drivers.bus_load import BusLoad
    from protocols.serial_format import SerialFormat

SCHEDULING_S: Final = 0.003
"""What a poll costs the gateway itself: waking up, and whole milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTime:
    """One device's share of its line, in seconds.

    Attributes:
        name: The installation's name for it.
        period: Between its most frequent polls.
        longest: A poll of everything it has (C).
        busy: Of the line's time, on average: 0 to 1 and above.
        excess: What its death costs beyond the poll in which it dies.
    """

    name: str
    period: float
    longest: float
    busy: float
    excess: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTime:
    """The load of one serial line.

    Attributes:
        line: Its key.
        form: Speed and character.
        devices: Who is on it.
    """

    line: str
    form: SerialFormat
    devices: Sequence[DeviceTime]

    @property
    def utilization(self) -> float:
        """The share of its time that it is busy; 1 is all of it."""
        return sum(device.busy for device in self.devices)

    @property
    def slack_s(self) -> float:
        """What is left of the period that has the least left; negative where it cannot fit."""
        return min(self._slack(device.period) for device in self.devices)

    @property
    def fits(self) -> bool:
        """Whether every device can be polled in its period."""
        return self.slack_s >= 0 and self.utilization <= 1

    @property
    def holds_with(self) -> int:
        """How many may be dead while each of the others loses at most one sample (k_max)."""
        costliest = sorted((device.excess for device in self.devices), reverse=True)
        left, count = self.slack_s, 0
        for excess in costliest[: max(0, len(self.devices) - 1)]:
            left -= excess
            if left < 0:
                break
            count += 1
        return count

    @property
    def probe_s(self) -> float:
        """Seconds that the costliest silence adds."""
        return max(device.excess for device in self.devices)

    @property
    def isolates(self) -> bool:
        """Whether the line holds with a dead device; one alone has nobody to harm."""
        return self.fits and (len(self.devices) < 2 or self.holds_with > 0)

    def _slack(self, period: float) -> float:
        polls = (ceil(period / device.period) * device.longest for device in self.devices)
        return period - sum(polls)


def device_time(
    name: str, load: BusLoad, periods: Mapping[str, float], delay_s: float = ASSUMED_S
) -> DeviceTime:
    """What a device takes of its serial line.

    A device dies at one of its requests. Those before it were made, those behind it are not: beyond
    the poll's own time its death costs the timeout and the drain of that request instead of the
    request. The costliest one counts, of whatever groups may be due together. Later probes ask for
    the fastest group alone, in time that is kept for the device anyhow.

    Args:
        name: The installation's name for it.
        load: What it asks; on a serial line.
        periods: Seconds of each poll group.
        delay_s: What the device takes to answer.
    """
    cost = {
        group: sum(request.answered_s + delay_s for request in requests) + SCHEDULING_S
        for group, requests in load.groups.items()
    }
    wait_s = load.timeout_s + load.drain_s
    requests = [*load.together, *(one for group in load.groups.values() for one in group)]
    deaths = (
        wait_s + request.unanswered_s - (request.answered_s + delay_s) for request in requests
    )
    return DeviceTime(
        name=name,
        period=min(periods.values()),
        longest=sum(cost.values()),
        busy=sum(cost[group] / periods[group] for group in cost),
        excess=max(0.0, max(deaths, default=0.0)),
    )
