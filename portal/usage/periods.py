"""Buckets of a site's clock: half hours, hours, days and months, and the windows of a page. Pure.

Every edge is a moment of the site's local time, never of the viewer's. A day has 23 or 25 hours
where the clock is changed; an hour begins wherever that clock shows a full hour, so in a zone of
half hours too. Source: the IANA time zones (zoneinfo).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2099
MONTHS_BY_DAY: Final = 3
"""At most so many months by day (C-22)."""
MONTHS_BY_MONTH: Final = 12
"""At most so many by month (C-22)."""
_STEP: Final = timedelta(minutes=15)
"""No offset between zones, and no change of a clock since 2000, is finer."""
_ON: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", re.ASCII)


class Bucket(StrEnum):
    """How long a bucket is; the value is its name in an address."""

    DEMAND = "demand"
    """Half an hour, as demand is billed."""
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    @property
    def in_a_day(self) -> bool:
        """Whether the window is a day."""
        return self in {Bucket.DEMAND, Bucket.HOUR}


class PeriodError(ValueError):
    """An invalid date or window; ``fault`` names what is wrong.

    Attributes:
        fault: ``date``, ``day``, ``month``, ``year``, ``until``, ``order`` or ``length``.
    """

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The local days from ``first`` up to and without ``stop``, in buckets."""

    bucket: Bucket
    first: date
    stop: date

    @property
    def months(self) -> int:
        """The number of months that it touches."""
        last = self.stop - timedelta(days=1)
        return (last.year - self.first.year) * 12 + last.month - self.first.month + 1

    @property
    def last(self) -> date:
        """The last day in it."""
        return self.stop - timedelta(days=1)

    def shift(self, steps: int) -> Window | None:
        """The window as long as this one, ``steps`` later; ``None`` beyond the years we know."""
        if self.bucket.in_a_day:
            first, stop = (day + timedelta(days=steps) for day in (self.first, self.stop))
        else:
            size = steps * self.months
            first, stop = month_after(self.first, size), month_after(self.stop, size)
        if first.year < FIRST_YEAR or stop.year > LAST_YEAR:
            return None
        return Window(bucket=self.bucket, first=first, stop=stop)

    def edges(self, zone: ZoneInfo) -> Sequence[int]:
        """Where its buckets begin and end, in Unix milliseconds.

        A day that a zone left out (Samoa, 30 December 2011) has no bucket; a window of that day
        alone has one edge only.
        """
        if self.bucket.in_a_day:
            return clock_edges(
                zone, self.first, self.stop, 30 if self.bucket is Bucket.DEMAND else 60
            )
        days = [self.first]
        while days[-1] < self.stop:
            last = days[-1]
            days.append(
                last + timedelta(days=1)
                if self.bucket is Bucket.DAY
                else min(month_after(last, 1), self.stop)
            )
        return sorted({midnight(zone, day) for day in days})


def midnight(zone: ZoneInfo, day: date) -> int:
    """When a local day begins: at 00:00, or at the first moment after it that the clock shows."""
    return int(datetime.combine(day, time(), zone).timestamp()) * 1000


def clock_edges(zone: ZoneInfo, first: date, stop: date, minutes: int) -> Sequence[int]:
    """All moments of these local days at which the clock shows a multiple of ``minutes``.

    Also where it is put forward into an hour; so an hour is shorter, or longer, only where a clock
    is moved by less than one.
    """
    begin, end = (midnight(zone, day) // 1000 for day in (first, stop))
    edges = [begin]
    at = datetime.fromtimestamp(begin, UTC)
    stop_at = datetime.fromtimestamp(end, UTC)
    before = at.astimezone(zone)
    while (at := at + _STEP) < stop_at:
        local = at.astimezone(zone)
        if local.minute % minutes == 0 or local.hour != before.hour:
            edges.append(int(at.timestamp()))
        before = local
    if end > begin:
        edges.append(end)
    return [edge * 1000 for edge in edges]


def month_after(day: date, months: int) -> date:
    """The first day of the month so many months after that of ``day``."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def window(
    bucket: Bucket, on: str, until: str, today: date, *, whole_month: bool = False
) -> Window:
    """The window that an address names.

    Args:
        bucket: How long its buckets are.
        on: ``YYYY-MM-DD`` for a day, ``YYYY-MM`` for a month, ``YYYY`` or ``YYYY-MM`` for twelve
            months from there on; ``""`` for the one with ``today`` in it. More than is needed is
            allowed: by day, ``2026-03-14`` is all of March.
        until: The last month, for more or fewer of them; ``""`` for the usual length.
        today: At the site.
        whole_month: Whether ``YYYY-MM`` may stand for all days of a month, in hours or half hours:
            too many for a page, but not for a file.

    Raises:
        PeriodError: It says no such window, or one that is longer than C-22 allows.
    """
    if bucket.in_a_day:
        if until:
            raise PeriodError("until")
        if whole_month and len(on) == len("2026-11"):
            first = _parsed(on, 2)
            return Window(bucket=bucket, first=first, stop=month_after(first, 1))
        first = _parsed(on, 3) if on else today
        return Window(bucket=bucket, first=first, stop=first + timedelta(days=1))
    if on:
        first = _parsed(on, 2 if bucket is Bucket.DAY else 1).replace(day=1)
    else:
        first = today.replace(day=1) if bucket is Bucket.DAY else date(today.year, 1, 1)
    usual = 1 if bucket is Bucket.DAY else MONTHS_BY_MONTH
    stop = month_after(_parsed(until, 2) if until else month_after(first, usual - 1), 1)
    found = Window(bucket=bucket, first=first, stop=stop)
    if stop <= first:
        raise PeriodError("order")
    if found.months > (MONTHS_BY_DAY if bucket is Bucket.DAY else MONTHS_BY_MONTH):
        raise PeriodError("length")
    return found


def _parsed(text: str, parts: int) -> date:
    found = _ON.fullmatch(text)
    if not found:
        raise PeriodError("date")
    numbers = [int(number) for number in found.groups() if number]
    if len(numbers) < parts:
        raise PeriodError("day" if parts == 3 else "month")
    try:
        day = date(*[*numbers, 1, 1][:3])
    except ValueError as error:
        raise PeriodError("date") from error
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        raise PeriodError("year")
    return day
