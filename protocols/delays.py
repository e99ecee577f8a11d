"""How long one device takes to answer: learned from its answers, and what follows for patience.

::

    request sent |-- the device's delay --|-- the answer's bytes --|
                 |------------------- timeout ----------------------------|

A timeout that fits a device's slowest minute makes every silence of it cost that long; one learned
from its answers (their 99th percentile, twice, and what the adapter may add) lets a dead device
cost its neighbours little. A device that does not answer in time gets its full patience back until
it has answered often enough to be known again.

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
    """The delays of one device.

    Args:
        limit_s: The timeout of a device that is not known, and the longest of all.
        floor_s: What any answer may be late by, whatever was learned: adapters, networks.
    """

    def __init__(self, limit_s: float, floor_s: float) -> None:
        self.limit_s = limit_s
        self._floor_s = floor_s
        self._seen: deque[float] = deque(maxlen=KEPT)
        self._fresh = 0
        self._typical = ASSUMED_S
        self._slow = 0.0

    @property
    def known(self) -> bool:
        """Whether the device has answered often enough."""
        return len(self._seen) >= KNOWN_FROM

    @property
    def typical_s(self) -> float:
        """The median; `ASSUMED_S` while the device is not known."""
        return self._typical

    def timeout_s(self, wire_s: float) -> float:
        """How long to wait for an answer that takes ``wire_s`` to travel, with its request."""
        if not self.known:
            return self.limit_s
        return min(self.limit_s, wire_s + max(2 * self._slow, self._floor_s))

    def answered(self, delay_s: float) -> None:
        """The device answered, this long after it had the request."""
        self._seen.append(max(0.0, delay_s))
        self._fresh += 1
        if len(self._seen) == KNOWN_FROM or self._fresh >= _REFRESHED:
            self._fresh = 0
            if self.known:
                ordered = sorted(self._seen)
                self._typical = ordered[len(ordered) // 2]
                self._slow = ordered[int(0.99 * (len(ordered) - 1))]

    def missed(self) -> None:
        """The device did not answer in time: what was learned may be of another load."""
        self._seen.clear()
        self._fresh = 0
