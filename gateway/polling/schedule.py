"""When a device is due: absolute windows of each poll group, without drift. Pure.

::

    phase   phase+P   phase+2P  phase+3P        a window is [phase + k P, phase + (k+1) P)
      |--------|--------|--------|-----
        poll     poll      (too busy)  poll     one sample a window; the third was missed

All groups of a device share its phase, so that slow groups fall together with fast ones and
travel in one read. Devices of a line are spread over the period by the golden ratio: any number
of them is spread evenly, and a newcomer moves nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_GOLDEN: Final = 0.6180339887498949


def spread(index: int) -> float:
    """Return the share of its period by which the ``index``-th device is shifted: [0, 1)."""
    return index * _GOLDEN % 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """How late a poll was.

    Attributes:
        missed: Windows that passed without a poll before this one.
        overran: Whether the poll took longer than its period.
    """

    missed: int
    overran: bool


@dataclass(slots=True)
class _Window:
    """One poll group: its period, and the windows that have passed. All times in milliseconds."""

    period: int
    phase: int
    next_at: int
    last_polled: int
    """The index of the last window in which a poll began."""

    def index(self, at: int) -> int:
        return (at - self.phase) // self.period

    def start(self, index: int) -> int:
        return self.phase + index * self.period


class DeviceSchedule:
    """The windows of one device's poll groups, in milliseconds since boot.

    Args:
        periods: Milliseconds of each poll group; at least one group.
        start: When the schedule begins.
        shift: See `spread`.
    """

    def __init__(self, periods: Mapping[str, int], start: int, shift: float) -> None:
        self.shortest = min(periods.values())
        phase = start + int(self.shortest * shift)
        self._windows = {
            group: _Window(period, phase, phase, -1) for group, period in periods.items()
        }

    @property
    def next_at(self) -> int:
        """When the device is due next, in milliseconds since boot."""
        return min(window.next_at for window in self._windows.values())

    @property
    def groups(self) -> frozenset[str]:
        """The names of all poll groups."""
        return frozenset(self._windows)

    @property
    def fastest(self) -> frozenset[str]:
        """The group with the shortest period, which a probe reads."""
        return frozenset({min(self._windows, key=lambda group: self._windows[group].period)})

    def due(self, now: int) -> frozenset[str]:
        """Return the groups to read at ``now``, milliseconds since boot."""
        return frozenset(g for g, window in self._windows.items() if window.next_at <= now)

    def mark_polled(self, groups: frozenset[str], began: int, ended: int) -> Lateness:
        """Take note of a poll of ``groups``, and return how late it was.

        A poll counts for the window it began in. The next one is due when the next window begins:
        at once, if that was before the poll ended. Windows that went by are never made up for.
        """
        missed, overran = 0, False
        for group in groups:
            window = self._windows[group]
            index = window.index(began)
            missed += max(0, index - window.last_polled - 1)
            overran = overran or ended - began > window.period
            window.last_polled = max(index, window.last_polled)
            window.next_at = window.start(window.last_polled + 1)
        return Lateness(missed=missed, overran=overran)

    def skip_to(self, at: int) -> None:
        """Be due again in the first window that begins at ``at`` or later; count none as missed."""
        for window in self._windows.values():
            index = max(0, -((window.phase - at) // window.period))
            window.next_at = window.start(index)
            window.last_polled = index - 1

    def all_due(self, now: int) -> None:
        """Be due with every group at once: after a silence, nothing known is still fresh."""
        for window in self._windows.values():
            window.next_at = now
            window.last_polled = max(window.last_polled, window.index(now) - 1)
