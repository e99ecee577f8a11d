"""The words of the usage pages and files."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from drivers.report import Quantity
from portal.usage.consumption import Status
from portal.usage.measures import Measure
from portal.usage.periods import Bucket
from portal.web.moments import site_moment
from portal.web.words import later_quantity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from django.utils.functional import _StrPromise

    from portal.usage.consumption import Consumption
    from portal.usage.counting import Count, Gap
    from portal.usage.periods import Window

MEASURES: Final[dict[Measure, _StrPromise]] = {
    Measure.IMPORT: later("Consumption"),
    Measure.EXPORT: later("Feed-in and generation"),
    Measure.HEAT: later("Heat"),
    Measure.COLD: later("Cooling"),
    Measure.GAS: later("Gas"),
    Measure.WATER: later("Water"),
    Measure.AREA: later_quantity(Quantity.AREA),
    Measure.IMPRESSIONS: later_quantity(Quantity.IMPRESSIONS),
    Measure.SHEETS: later_quantity(Quantity.SHEETS),
    Measure.LENGTH: later_quantity(Quantity.LENGTH),
    Measure.JOBS: later_quantity(Quantity.JOBS),
}
TABS: Final[dict[Bucket, _StrPromise]] = {
    Bucket.DEMAND: later("30-minute demand"),
    Bucket.HOUR: later("By hour"),
    Bucket.DAY: later("By day"),
    Bucket.MONTH: later("By month"),
}
BUCKETS: Final[dict[Bucket, _StrPromise]] = {
    Bucket.DEMAND: later("Half hour"),
    Bucket.HOUR: later("Hour"),
    Bucket.DAY: later("Day"),
    Bucket.MONTH: later("Month"),
}
STATUSES: Final[dict[Status, _StrPromise]] = {
    Status.COMPLETE: later("complete"),
    Status.INCOMPLETE: later("incomplete"),
    Status.MISSING: later("no readings"),
    Status.OPEN: later("in progress"),
    Status.AHEAD: later("not started"),
}
TOTALS: Final[dict[Status, _StrPromise]] = {
    Status.COMPLETE: later("Total"),
    Status.INCOMPLETE: later("Total (missing readings excluded)"),
    Status.MISSING: later("Total"),
    Status.OPEN: later("Total so far"),
    Status.AHEAD: later("Total"),
}
FAULTS: Final[dict[str, _StrPromise]] = {
    "by": later("by= must be demand, hour, day or month."),
    "of": later("There is no such counter here. of= must be one of: %(allowed)s."),
    "device": later("device= must be the number of a device at this site."),
    "devices": later("At most %(most)s devices can be added up at once."),
    "format": later("format= must be csv or omitted."),
    "date": later("on= and until= must be valid dates such as 2026-11-21, 2026-11 or 2026."),
    "day": later("With by=hour, on= must be a day such as 2026-11-21 (for a file also 2026-11)."),
    "month": later("With by=day, on= and until= must be months such as 2026-11."),
    "year": later("Years must be between 2000 and 2098."),
    "until": later("by=hour shows one day: until= can be used only with by=day and by=month."),
    "order": later("until= is earlier than on=."),
    "length": later("The period is too long: at most 3 months by day, at most 1 year by month."),
}

_HALF_YEAR_MS: Final = 183 * 86_400_000


def local(ms: int, zone: ZoneInfo) -> datetime:
    """A moment in the site's time."""
    return datetime.fromtimestamp(ms / 1000, zone)


def bucket_words(each: Count, bucket: Bucket, zone: ZoneInfo, *, named: bool = False) -> str:
    """A bucket as a table names it: ``10:00–11:00``, ``Sat 21 Nov``, ``November 2026``.

    ``named`` says which offset an hour is in, where a day has two hours of one name. An hour ends
    on the clock on which it began: 02:00–03:00 also where that clock is then put back to 2.
    """
    start = local(each.start, zone)
    end = start + timedelta(milliseconds=each.end - each.start)  # by the wall: the same offset
    if bucket.in_a_day:
        said = f"{start:%H:%M}–{end:%H:%M}"
        return f"{said} {start:%Z}" if named else said
    if bucket is Bucket.DAY:
        return str(date_format(start, _("D j M")))
    return str(date_format(start, _("F Y")))


def axis_words(each: Count, bucket: Bucket, zone: ZoneInfo) -> str:
    """A bucket as the axis names it: ``10``, ``21``, ``Nov``."""
    start = local(each.start, zone)
    if bucket.in_a_day:
        return f"{start:%H:%M}" if start.minute else str(start.hour)
    if bucket is Bucket.DAY:
        return str(start.day)
    return str(date_format(start, _("M")))


def window_words(window: Window) -> str:
    """A window as its heading names it."""
    if window.bucket.in_a_day:
        if window.months == 1 and window.last != window.first:
            return str(date_format(window.first, _("F Y")))
        return str(date_format(window.first, _("l, j F Y")))
    if window.bucket is Bucket.MONTH and window.first.month == 1 and window.months == 12:
        return str(date_format(window.first, _("Y")))
    first, last = (str(date_format(day, _("F Y"))) for day in (window.first, window.last))
    return first if window.months == 1 else f"{first} – {last}"


def moment(ms: int, zone: ZoneInfo, around: int, *, dated: bool) -> str:
    """A moment in the site's time, with its day where the window has several.

    A reading beside the window may be of any time: its year is said where it is far away.
    """
    found = site_moment(ms, zone.key)
    if found.local is None:
        return _("outside the years 1 to 9999")
    if abs(ms - around) >= _HALF_YEAR_MS:
        return str(date_format(found.local, _("j M Y, H:i")))
    return str(date_format(found.local, _("j M, H:i"))) if dated else f"{found.local:%H:%M}"


def gap_words(gap: Gap, consumption: Consumption, zone: ZoneInfo, *, dated: bool) -> str:
    """What is unknown about a gap, and what is not."""
    inside, around = consumption.counting.encloses(gap), consumption.counting.start
    said = {
        "from": moment(gap.start, zone, around, dated=dated or not inside),
        "to": moment(gap.end, zone, around, dated=dated or not inside),
        "amount": str(consumption.figure(gap.value)),
    }
    if gap.value is None:
        text = _(
            "The counter restarted between %(from)s and %(to)s: it was reset, or the meter was "
            "replaced. The usage in between is unknown; the usage before and after is included."
        )
    elif gap.value == 0:
        text = _("There are no readings between %(from)s and %(to)s. The counter did not change.")
    elif inside:
        text = _(
            "%(amount)s were used between %(from)s and %(to)s, while there were no readings. They "
            "are included in the total, but not in a single bar."
        )
    else:
        text = _(
            "%(amount)s were used between %(from)s and %(to)s, while there were no readings. How "
            "much of that belongs to the period shown is unknown, so it is not included."
        )
    return text % said


def has_two_offsets(counts: Sequence[Count], zone: ZoneInfo) -> bool:
    """Whether the clock is changed within the window."""
    return len({local(each.start, zone).utcoffset() for each in counts}) > 1
