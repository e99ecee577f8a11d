"""How long one device takes to answer: learned from its answers, and what follows for patience.

::

    request sent |-- the device's delay --|-- the answer's bytes --|
                 |------------------- timeout ----------------------------|

A timeout that fits a device's slowest minute makes every silence of it cost that long; one learned
from its answers (the slowest of them, twice, and what the adapter may add) lets a dead device cost
its neighbours little. Each read is learned by itself: a device may take ten times as long for one
as for another. What is not answered in time gets full patience back until it is known again.

Pure. Source: design section 4 (timeouts adapt).
"""

from __future__ import annotations

from collections import deque
from typing import Final

KEPT: Final = 128
KNOWN_FROM: Final = 16
"""Answers after which a device is known."""
ASSUMED_S: Final = 0.02
"""A device's delay before anything is known of it."""
_REFRESHED: Final = 8


class Delays:
    """The delays of one device, or of one read of it.

    Args:
        floor_s: What any answer may be late by, whatever was learned: adapters, networks.
    """

    def __init__(self, floor_s: float) -> None:
        self._floor_s = floor_s
        self._seen: deque[float] = deque(maxlen=KEPT)
        self._fresh = 0
        self._typical = ASSUMED_S
        self._slow = 0.0

    @property
    def known(self) -> bool:
        """Whether `KNOWN_FROM` answers or more were seen since the last miss."""
        return len(self._seen) >= KNOWN_FROM

    @property
    def typical_s(self) -> float:
        """The median delay in seconds; `ASSUMED_S` while nothing is known."""
        return self._typical

    def timeout_s(self, wire_s: float, limit_s: float) -> float:
        """How long to wait for an answer.

        Args:
            wire_s: What request and answer take to travel.
            limit_s: The longest delay of the device that is waited for.
        """
        if not self.known:
            return wire_s + limit_s
        return wire_s + min(limit_s, max(2 * self._slow, self._floor_s))

    def answered(self, delay_s: float) -> None:
        """Note an answer that came ``delay_s`` seconds after the device had the request."""
        delay = max(0.0, delay_s)
        self._seen.append(delay)
        self._slow = max(self._slow, delay)
        self._fresh += 1
        if len(self._seen) == KNOWN_FROM or self._fresh >= _REFRESHED:
            self._fresh = 0
            if self.known:
                ordered = sorted(self._seen)
                self._typical, self._slow = ordered[len(ordered) // 2], ordered[-1]

    def missed(self) -> None:
        """Note that none came in time, and forget: what was learned may be of another load."""
        self._seen.clear()
        self._fresh = 0
        self._slow = 0.0
