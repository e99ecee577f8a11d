"""How many lines each box may cause in the log. Pure: the caller gives the time.

A box that sends nonsense would otherwise fill the disk, and hide what concerns the others::

    lines about one box   |||||||||| -> logged      |||||||||||||||| -> counted
    minute                0 ............. LINES                    60 s: "log_lines_suppressed"
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LINES: Final = 30
"""Lines a minute about one box."""
BOXES: Final = 1_000
"""Boxes counted apart in a minute; all others of that minute share one budget."""
MINUTE_S: Final = 60.0


@dataclass(slots=True)
class _Minute:
    """The lines about one box since ``began``."""

    began: float
    logged: int = 0
    suppressed: int = 0


class LogBudget:
    """Counts the lines about each box; may be used by several threads.

    Args:
        now: Returns seconds of a steady clock.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._minutes: dict[str, _Minute] = {}
        self._over: list[tuple[str, int]] = []
        self._next_end = 0.0
        self._lock = threading.Lock()

    def take(self, box: str) -> bool:
        """Whether another line about ``box`` may be logged now; it is counted either way."""
        now = self._now()
        with self._lock:
            self._end_minutes(now)
            if box not in self._minutes and len(self._minutes) >= BOXES:
                box = ""
            minute = self._minutes.setdefault(box, _Minute(now))
            if minute.logged < LINES:
                minute.logged += 1
                return True
            minute.suppressed += 1
            return False

    def suppressed(self) -> list[tuple[str, int]]:
        """For each box, the lines left out in a minute that has ended; each is returned once."""
        with self._lock:
            self._end_minutes(self._now())
            over, self._over = self._over, []
            return over

    def _end_minutes(self, now: float) -> None:
        if now < self._next_end:
            return
        for box, minute in list(self._minutes.items()):
            if now - minute.began >= MINUTE_S:
                del self._minutes[box]
                if minute.suppressed:
                    self._over.append((box, minute.suppressed))
        begun = min((one.began for one in self._minutes.values()), default=now)
        self._next_end = begun + MINUTE_S
