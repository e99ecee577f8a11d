"""When the site's day begins, and on which side of that a time lies. Pure.

The day begins at the first instant of its local date, also where the clocks change at midnight:
a midnight that the change skips is the change itself, one that happens twice counts the first
time (PEP 495: ``fold=0`` reads both so).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo


class Side(IntEnum):
    """The side of the nearest beginning of a day on which an instant lies."""

    FAR = 0
    BEFORE = 1
    AFTER = 2


def day_begins(day: date, zone: ZoneInfo) -> int:
    """Return the first instant of a local date, in Unix milliseconds."""
    start = datetime.combine(day, time(), zone)
    return round(start.astimezone(UTC).timestamp() * 1000)


class MidnightWatch:
    """Finds the side of midnight on which an instant lies, if it is within ``margin_ms`` of one.

    A call is cheap (two comparisons): the next window is worked out once a day.
    """

    def __init__(self, zone: ZoneInfo, margin_ms: int) -> None:
        self._zone = zone
        self._margin = margin_ms
        self._from = self._before = self._begins = self._until = 0

    def day(self, utc_ms: int) -> int:
        """Return when the local day of ``utc_ms`` began; both are Unix milliseconds."""
        if not self._from <= utc_ms < self._until:
            self._aim(utc_ms)
        return self._begins if utc_ms >= self._begins else self._before

    def side(self, utc_ms: int) -> Side:
        """Return the side on which ``utc_ms`` lies, Unix milliseconds."""
        if not self._from <= utc_ms < self._until:
            self._aim(utc_ms)
        if abs(utc_ms - self._begins) > self._margin:
            return Side.FAR
        return Side.BEFORE if utc_ms < self._begins else Side.AFTER

    def _aim(self, utc_ms: int) -> None:
        """Find the beginning nearest to ``utc_ms`` and the span in which it stays the nearest."""
        moment = datetime.fromtimestamp(utc_ms / 1000, self._zone)
        today = moment.date()
        begins = [day_begins(today + timedelta(days=n), self._zone) for n in (-1, 0, 1, 2)]
        nearest = min(range(1, 3), key=lambda n: abs(begins[n] - utc_ms))
        self._before, self._begins = begins[nearest - 1], begins[nearest]
        self._from = (begins[nearest - 1] + begins[nearest]) // 2
        self._until = (begins[nearest] + begins[nearest + 1]) // 2
        if not self._from <= utc_ms < self._until:  # a tie, or a day the calendar skips
            self._from, self._until = utc_ms, utc_ms + 1
