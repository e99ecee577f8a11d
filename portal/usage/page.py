"""Everything a usage page shows, ready for its template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from portal.usage import words
from portal.usage.bars import Bars, Value, bars
from portal.usage.consumption import Consumption, Status, peak, power
from portal.usage.periods import Bucket, PeriodError, Window, window

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from django.utils.functional import _StrPromise

    from portal.usage.counting import Count
    from portal.usage.query import Query
    from portal.web.figures import Figure

_LISTED: Final = 12
_LARGEST: Final[dict[Bucket, _StrPromise]] = {
    Bucket.HOUR: later("Highest hour"),
    Bucket.DAY: later("Highest day"),
    Bucket.MONTH: later("Highest month"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link to another period, bucket or measure.

    Attributes:
        address: A query string.
    """

    words: str
    address: str
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The greatest complete bucket, and when."""

    words: str
    figure: Figure
    when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One bucket in the table; of a month, also its greatest half hour."""

    words: str
    figure: Figure
    power: Figure | None
    status: Status
    status_words: str
    is_peak: bool
    demand_peak: Peak | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The usage of one counter in a window, in one line."""

    total: Figure
    status: Status
    status_words: str
    demand_peak: Peak | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageView:
    """The usage of one counter, or a sum, in a window: total, peaks, chart, table, gaps."""

    total: Figure
    total_words: str
    peaks: Sequence[Peak]
    unit: str
    chart: Bars
    rows: Sequence[Row]
    notes: Sequence[str]
    unlisted_notes: int
    has_power: bool
    has_peaks: bool
    looks: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFrame:
    """What surrounds the figures: the period shown, and links to others."""

    heading: str
    tabs: Sequence[Link]
    measures: Sequence[Link]
    earlier: Link | None
    later: Link | None
    now: Link
    bucket_words: str
    measure_words: str
    csv: Sequence[Link]
    running: bool


def page_frame(query: Query, available: Sequence[str], today: date) -> PageFrame:
    """The frame of what ``query`` asks; ``today`` is the date at the site."""
    asked = query.window
    steps = [(asked.shift(step), said) for step, said in ((-1, _("Previous")), (1, _("Next")))]
    earlier, after = (
        Link(words=said, address=query.address(window=other)) if other else None
        for other, said in steps
    )
    here = window(asked.bucket, "", "", today)
    measure_words = str(words.MEASURES[query.measure]) if query.measure else ""
    heading = _("%(what)s, %(when)s") % {"what": measure_words, "when": words.window_words(asked)}
    return PageFrame(
        tabs=[
            _tab(query, bucket, today)
            for bucket in Bucket
            if bucket is not Bucket.DEMAND or _billed(query)
        ],
        measures=[
            Link(
                words=str(words.MEASURES[measure]),
                address=query.address(of=measure.value),
                current=measure is query.measure,
            )
            for measure in words.MEASURES
            if measure in available
        ],
        earlier=earlier,
        later=after if asked.stop <= today else None,
        now=Link(
            words=_("Today") if asked.bucket.in_a_day else _("Now"),
            address=query.address(window=here),
            current=here == asked,
        ),
        heading=heading,
        bucket_words=str(words.BUCKETS[asked.bucket]),
        measure_words=measure_words,
        csv=_files(query),
        running=asked.first <= today < asked.stop,
    )


def _billed(query: Query) -> bool:
    return query.measure is not None and query.measure.electric


def _tab(query: Query, bucket: Bucket, today: date) -> Link:
    """The same days in other buckets; of a longer window its first days, or today's if in it."""
    asked = query.window
    day = today if asked.first <= today < asked.stop else asked.first
    try:
        there = window(bucket, "" if day == today else day.isoformat(), "", today)
    except PeriodError:  # pragma: no cover - a day of a window is a day
        there = asked
    if bucket is Bucket.MONTH:
        there = window(bucket, str(day.year), "", today)
    there = asked if bucket is asked.bucket else there
    return Link(
        words=str(words.TABS[bucket]),
        address=query.address(window=there),
        current=bucket is asked.bucket,
    )


def _files(query: Query) -> list[Link]:
    files = [Link(words=_("CSV"), address=query.address(format="csv"))]
    if query.window.bucket.in_a_day:
        month = Window(
            bucket=query.window.bucket,
            first=query.window.first.replace(day=1),
            stop=query.window.stop,
        )
        on = f"{month.first:%Y-%m}"
        files.append(Link(words=_("CSV for the month"), address=query.address(format="csv", on=on)))
    return files


def summary(consumption: Consumption, asked: Window, zone: ZoneInfo, now: datetime) -> Summary:
    """The summary of a window, for a list of devices."""
    status = consumption.total_status(int(now.timestamp() * 1000))
    return Summary(
        total=consumption.figure(consumption.counting.total),
        status=status,
        status_words=str(words.STATUSES[status]),
        demand_peak=_demand_peak(
            consumption, zone, _("Peak demand"), dated=not asked.bucket.in_a_day
        ),
    )


def usage_view(
    consumption: Consumption,
    asked: Window,
    zone: ZoneInfo,
    now: datetime,
    *,
    month: Consumption | None = None,
) -> UsageView:
    """The view of a window at ``now``; with the peak of ``month`` where that is given."""
    now_ms = int(now.timestamp() * 1000)
    counting, bucket = consumption.counting, asked.bucket
    named = bucket.in_a_day and words.has_two_offsets(counting.counts, zone)
    greatest = peak(counting.counts)
    rows = [
        _row(consumption, each, (bucket, zone, named, now_ms), is_peak=each is greatest)
        for each in counting.counts
    ]
    values = [
        _value(consumption, each, row, words.axis_words(each, bucket, zone), bucket)
        for each, row in zip(counting.counts, rows, strict=True)
    ]
    peaks = (
        _largest(consumption, asked, zone, greatest, named=named),
        _demand_peak(consumption, zone, _("Peak demand"), dated=not bucket.in_a_day),
        _demand_peak(month, zone, _("Peak demand of the month"), dated=True) if month else None,
    )
    notes = _notes(consumption, asked, zone)
    return UsageView(
        total=consumption.figure(counting.total),
        total_words=str(words.TOTALS[consumption.total_status(now_ms)]),
        peaks=[each for each in peaks if each],
        unit="kW" if bucket is Bucket.DEMAND else consumption.unit,
        chart=bars(values, None if greatest is None else counting.counts.index(greatest)),
        rows=[row for row in rows if row.status is not Status.AHEAD],
        notes=notes[-_LISTED:],
        unlisted_notes=max(len(notes) - _LISTED, 0),
        has_power=bucket is Bucket.DEMAND,
        has_peaks=bucket is Bucket.MONTH and consumption.halves is not None,
        looks=frozenset(row.status.value for row in rows),
    )


def _notes(consumption: Consumption, asked: Window, zone: ZoneInfo) -> list[str]:
    dated = not asked.bucket.in_a_day
    return [
        words.gap_words(gap, consumption, zone, dated=dated) for gap in consumption.counting.gaps
    ]


def _row(
    consumption: Consumption,
    each: Count,
    how: tuple[Bucket, ZoneInfo, bool, int],
    *,
    is_peak: bool,
) -> Row:
    bucket, zone, named, now_ms = how
    status = consumption.status(each, now_ms)
    return Row(
        words=words.bucket_words(each, bucket, zone, named=named),
        figure=consumption.figure(each.value),
        power=power(consumption.demand(each)) if bucket is Bucket.DEMAND else None,
        status=status,
        status_words=str(words.STATUSES[status]),
        is_peak=is_peak,
        demand_peak=_peak_within(consumption, each, zone) if bucket is Bucket.MONTH else None,
    )


def _value(consumption: Consumption, each: Count, row: Row, label: str, bucket: Bucket) -> Value:
    if each.value is None:
        amount = None
    elif bucket is Bucket.DEMAND:
        amount = consumption.demand(each)
    else:
        amount = consumption.amount(each.value)
    said = row.power or row.figure
    parts = {"when": row.words, "amount": said, "status": row.status_words}
    if said.missing:
        title = _("%(when)s: %(status)s") % parts
    elif row.status is Status.COMPLETE:
        title = _("%(when)s: %(amount)s") % parts
    else:
        title = _("%(when)s: %(amount)s (%(status)s)") % parts
    return Value(amount=amount, title=title, label=label, look=row.status.value)


def _largest(
    consumption: Consumption, asked: Window, zone: ZoneInfo, greatest: Count | None, *, named: bool
) -> Peak | None:
    if greatest is None or asked.bucket is Bucket.DEMAND:
        return None
    return Peak(
        words=str(_LARGEST[asked.bucket]),
        figure=consumption.figure(greatest.value),
        when=words.bucket_words(greatest, asked.bucket, zone, named=named),
    )


def _peak_within(consumption: Consumption, month: Count, zone: ZoneInfo) -> Peak | None:
    """The greatest half hour of a month, where its half hours were read."""
    half = consumption.greatest_half(month)
    return _of_half(consumption, half, zone, _("Peak demand"), dated=True) if half else None


def _demand_peak(
    consumption: Consumption, zone: ZoneInfo, said: str, *, dated: bool
) -> Peak | None:
    half = consumption.greatest_half()
    return _of_half(consumption, half, zone, said, dated=dated) if half else None


def _of_half(
    consumption: Consumption, half: Count, zone: ZoneInfo, said: str, *, dated: bool
) -> Peak:
    when = words.bucket_words(half, Bucket.DEMAND, zone)
    if dated:
        day = words.bucket_words(half, Bucket.DAY, zone)
        when = _("%(day)s, %(time)s") % {"day": day, "time": when}
    return Peak(words=said, figure=power(consumption.demand(half)), when=when)
