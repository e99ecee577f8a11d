"""Logs what boxes do wrong, each fault once."""

from __future__ import annotations

from collections import Counter
from typing import Final

from portal.logs import event_log

FAULTS_KEPT: Final = 1_000
"""How many faults are remembered, so that each is logged once."""

log = event_log(__name__)


class FaultLog:
    """Logs each fault of a box once, however often it happens, so that no box fills a disk."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def begin(self, box: str, fault: str, **fields: str) -> None:
        """Log a fault of a box the first time, and count it; ``box``: "" where none is named."""
        if len(self._counts) >= FAULTS_KEPT and (box, fault) not in self._counts:
            self._counts.clear()  # thousands of invented names: better logged twice than kept
        self._counts[box, fault] += 1
        if self._counts[box, fault] == 1:
            log.warning("box_fault", box=box, fault=fault, **fields)

    def end(self, box: str, fault: str) -> None:
        """Log that a fault of a box is over, where it was logged."""
        messages = self._counts.pop((box, fault), 0)
        if messages:
            log.info("box_fault_resolved", box=box, fault=fault, messages=messages)


CALM_S: Final = 300.0
"""Seconds without a pause after which a box's traffic is within its budget again."""


class ThrottleLog:
    """Logs when a box begins to be over its budget, and when that is over: pauses come in rows."""

    def __init__(self, faults: FaultLog) -> None:
        self._faults = faults
        self._paused: dict[str, float] = {}

    def paused(self, box: str, resource: str, now: float) -> None:
        """Note a pause of a box; ``now`` in seconds of a steady clock."""
        if len(self._paused) >= FAULTS_KEPT and box not in self._paused:
            self._paused.clear()
        self._paused[box] = now
        self._faults.begin(box, "over_budget", resource=resource)

    def stored(self, box: str, now: float) -> None:
        """Note that a box's messages were stored."""
        if now - self._paused.get(box, now) >= CALM_S:
            del self._paused[box]
            self._faults.end(box, "over_budget")
