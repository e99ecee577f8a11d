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
