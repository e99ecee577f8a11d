"""Chooses the device of a line that is polled next. Pure.

::

    healthy  heap by (due, number)  --- first, as soon as one is due
    silent   heap by (due, number)  --- else, as soon as one is due and the line has rested enough

Among those due, healthy devices go before silent ones, and the one that waits longest goes first;
of two that have waited equally long, the one that came to the line first. A device that is being
polled is in neither heap: its schedule and its silence, by which the heaps are ordered, change only
while it is out. So no entry of a heap is ever stale, and a choice costs the logarithm of the number
of devices.
"""

from __future__ import annotations

from collections.abc import Collection
from heapq import heapify, heappop, heappush
from typing import TypeAlias

from gateway.polling.polled_device import PollEntry

_Heap: TypeAlias = list[tuple[int, int, PollEntry]]


class PollQueue:
    """The devices of one line that wait for their next poll. All times in milliseconds since boot.

    Attributes:
        probe_from: Before this no silent device is taken; the line rests after a failed poll.
    """

    def __init__(self) -> None:
        self.probe_from = 0
        self._healthy: _Heap = []
        self._silent: _Heap = []

    def put(self, entry: PollEntry) -> None:
        """Let a device wait, until it is due, for its next poll."""
        heap = self._silent if entry.silent else self._healthy
        heappush(heap, (entry.schedule.next_at, entry.number, entry))

    def take(self, now: int) -> PollEntry | None:
        """Remove the device that is polled at ``now``; ``None`` where none is due."""
        if self._healthy and self._healthy[0][0] <= now:
            return heappop(self._healthy)[2]
        if self._silent and max(self._silent[0][0], self.probe_from) <= now:
            return heappop(self._silent)[2]
        return None

    def next_at(self) -> int | None:
        """When `take` finds a device at the earliest; ``None`` where none waits."""
        healthy = [self._healthy[0][0]] if self._healthy else []
        silent = [max(self._silent[0][0], self.probe_from)] if self._silent else []
        return min(healthy + silent, default=None)

    def due_at(self, entry: PollEntry) -> int:
        """When a device may be taken at the earliest, were it the only one."""
        at = entry.schedule.next_at
        return max(at, self.probe_from) if entry.silent else at

    def discard(self, entries: Collection[PollEntry]) -> None:
        """Remove devices that are no longer polled; those that do not wait are ignored."""
        if not entries:
            return
        for heap in (self._healthy, self._silent):
            heap[:] = [item for item in heap if item[2] not in entries]
            heapify(heap)
