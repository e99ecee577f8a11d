"""How long a device that does not answer is left alone. Pure.

No call is repeated here, so a library for retries does not fit: the poller of a line asks its other
devices meanwhile, and decides by these times when a silent one has its turn again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PROBE_SHARE: Final = 20
"""A line rests this many times as long as its last probe took before it makes the next one."""
BACKOFF_LIMIT_MS: Final = 300_000
"""The longest that a device is left alone, where its period is not longer itself."""
FAULT_BACKOFF_MS: Final = 5_000
"""The least that a device is left alone whose driver failed."""


@dataclass(slots=True)
class Backoff:
    """The backoff of one device, doubling from its period to `BACKOFF_LIMIT_MS`.

    Attributes:
        failures: Polls that failed, one after the other.
        faulted: Whether the last of them was a fault of its driver.
    """

    failures: int = 0
    faulted: bool = False

    def rest(self, shortest: int, took: int) -> int:
        """Count one more failure, and say how long to wait before the next probe.

        Args:
            shortest: Milliseconds between two polls of the device's fastest group.
            took: Milliseconds that the failed poll took of the line, its drain included.

        Returns:
            Milliseconds until the next probe; never below ``shortest``.
        """
        self.failures += 1
        base = max(shortest, took * PROBE_SHARE, FAULT_BACKOFF_MS if self.faulted else 0)
        return max(shortest, min(base << min(self.failures - 1, 20), BACKOFF_LIMIT_MS))
