"""What printers printed: a report on several, and the totals of one.

Printers count in different measures (area, impressions, sheets, length): one measure is chosen for
the charts, and each printer's figures are in its own. A day is the site's, so the charts add up
printers of one time zone, and never across two.

Source: requirements E-30, E-31, E-32.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from portal.ingest.models import Latest
from portal.usage import words
from portal.usage.consumption import consumption_of, series_of, sum_of
from portal.usage.measures import EXTENTS, Measure, counter_of
from portal.usage.page import usage_view
from portal.usage.periods import Bucket, Window
from portal.web.figures import MISSING, Figure
from portal.web.moments import zone_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from portal.fleet.models import Device
    from portal.usage.consumption import Consumption
    from portal.usage.measures import Counter, SeriesFact
    from portal.usage.page import UsageView

    Counters = Mapping[Measure, Counter]

_REPORT_DAYS: Final = 30
_NOTHING: Final = Figure(text=MISSING, missing=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureChoice:
    """A measure that the charts could show."""

    measure: Measure
    words: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneCharts:
    """The charts of the printers in one time zone, added up.

    Attributes:
        printed: What was printed, by the printers that count the chosen measure.
        jobs: The jobs, of the printers that count jobs.
    """

    zone: str
    printed: UsageView | None
    jobs: UsageView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrinterUsage:
    """What one printer did in the window.

    Attributes:
        printed_words: The measure of ``printed``.
        printed: In the chosen measure where the printer counts it, else in its first.
    """

    device: Device
    printed_words: str
    printed: Figure
    jobs: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintReport:
    """What several printers printed in a window.

    Attributes:
        measure_words: The chosen measure; ``""`` where no printer counts what it prints.
        measures: The measures to choose from.
        zones: The charts of each time zone, the one with most printers first; at least one.
        printers: The printers listed, by name.
    """

    measure_words: str
    measures: Sequence[MeasureChoice]
    zones: Sequence[ZoneCharts]
    printers: Sequence[PrinterUsage]

    @property
    def jobs_words(self) -> str:
        """The measure of the charts of jobs."""
        return str(words.MEASURES[Measure.JOBS])


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintTotals:
    """How much one printer printed, in one measure."""

    words: str
    today: Figure
    total: Figure


def today(day: date) -> Window:
    """The window of one day, by the hour."""
    return Window(bucket=Bucket.HOUR, first=day, stop=day + timedelta(days=1))


def last_days(day: date) -> Window:
    """The window of the last 30 days, ``day`` included, by the day."""
    stop = day + timedelta(days=1)
    return Window(bucket=Bucket.DAY, first=stop - timedelta(days=_REPORT_DAYS), stop=stop)


def print_report(
    printers: Sequence[Device],
    asked: str,
    window_at: Callable[[date], Window],
    now: datetime,
    listed: Sequence[Device] | None = None,
) -> PrintReport | None:
    """What ``printers`` printed; ``None`` without a printer.

    Args:
        printers: What the charts add up; with each device's gateway and site fetched.
        asked: The `Measure` to draw; where none of them counts it, the one that most of them count.
        window_at: The window, from the date at a site.
        now: The moment at which the date is taken.
        listed: The printers whose own figures are wanted; all of ``printers`` unless given.
    """
    if not printers:
        return None
    listed = printers if listed is None else listed
    every = {device.pk: device for device in (*printers, *listed)}
    counters = {pk: counters_of(facts) for pk, facts in series_of(every.values()).items()}
    counted = [measure for measure in EXTENTS if any(measure in each for each in counters.values())]
    chosen = next((measure for measure in counted if measure == asked), None) or max(
        counted,
        key=lambda measure: sum(measure in each for each in counters.values()),
        default=None,
    )
    by_zone: dict[str, list[Device]] = {}
    for device in every.values():
        by_zone.setdefault(device.gateway.site.time_zone, []).append(device)
    drawn = {device.pk for device in printers}
    zones: list[ZoneCharts] = []
    usages: dict[int, PrinterUsage] = {}
    for zone, members in sorted(by_zone.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        window = _ZoneWindow(zone=zone_of(zone), now=now, window_at=window_at)
        own = {device: counters[device.pk] for device in members}
        charts, each = _zone(window, own, chosen, drawn)
        usages |= {one.device.pk: one for one in each}
        if not drawn.isdisjoint(device.pk for device in members):
            zones.append(charts)
    return PrintReport(
        measure_words=str(words.MEASURES[chosen]) if chosen else "",
        measures=[
            MeasureChoice(
                measure=measure, words=str(words.MEASURES[measure]), current=measure is chosen
            )
            for measure in counted
        ],
        zones=zones,
        printers=sorted(
            (usages[device.pk] for device in listed),
            key=lambda each: (str(each.device).casefold(), each.device.pk),
        ),
    )


def _zone(
    window: _ZoneWindow,
    counters: Mapping[Device, Counters],
    chosen: Measure | None,
    drawn: Collection[int],
) -> tuple[ZoneCharts, list[PrinterUsage]]:
    """The charts of one time zone's printers, and each printer's own figures."""
    own = {device: _own(each, chosen) for device, each in counters.items()}
    printed = window.read({d: counters[d][measure] for d, measure in own.items() if measure})
    jobs = window.read(
        {d: each[Measure.JOBS] for d, each in counters.items() if Measure.JOBS in each}
    )
    alike = [
        printed[device.pk]
        for device, measure in own.items()
        if measure and measure is chosen and device.pk in printed and device.pk in drawn
    ]
    done = [each for pk, each in jobs.items() if pk in drawn]
    charts = ZoneCharts(zone=window.zone.key, printed=window.view(alike), jobs=window.view(done))
    return charts, [_usage(device, own[device], printed, jobs) for device in counters]


def counters_of(facts: Sequence[SeriesFact]) -> Counters:
    """The counters of what a printer prints, among its series."""
    found = {measure: counter_of(facts, measure) for measure in (*EXTENTS, Measure.JOBS)}
    return {measure: counter for measure, counter in found.items() if counter}


def print_totals(device: Device, now: datetime) -> list[PrintTotals]:
    """What one printer printed today and ever, in each of its measures; needs its site fetched."""
    counters = counters_of(series_of([device])[device.pk])
    window = _ZoneWindow(zone=zone_of(device.gateway.site.time_zone), now=now, window_at=today)
    ids = [series.pk for counter in counters.values() for series in counter.series]
    latest = {row.pk: row for row in Latest.objects.filter(pk__in=ids)}
    rows = []
    for measure, counter in counters.items():
        counted = window.read({device: counter}).get(device.pk)
        if counted:
            total = _ever(counter, latest)
            rows.append(
                PrintTotals(
                    words=str(words.MEASURES[measure]),
                    today=counted.figure(counted.counting.total),
                    total=counted.figure(total),
                )
            )
    return rows


def _ever(counter: Counter, latest: Mapping[int, Latest]) -> int | None:
    """What a counter shows now, in units of its finest; ``None`` unless all its parts say so."""
    total = 0
    for part in counter.parts:
        newest = max(
            (
                (_taken(latest[series.pk]), -series.resolution, series, latest[series.pk].value)
                for series in part
                if series.pk in latest
            ),
            key=lambda each: each[:2],
            default=None,
        )
        if newest is None or newest[3] is None:
            return None
        total += newest[3] * 10 ** (newest[2].resolution - counter.finest)
    return total


def _taken(row: Latest) -> tuple[int, int, int]:
    """What grows with when a value was taken, whatever its date."""
    return row.speaker, row.rank, row.at


def _own(counters: Counters, chosen: Measure | None) -> Measure | None:
    """The measure of a printer's own figures: the chosen one, else its first."""
    if chosen in counters:
        return chosen
    return next((measure for measure in EXTENTS if measure in counters), None)


def _usage(
    device: Device,
    measure: Measure | None,
    printed: Mapping[int, Consumption],
    jobs: Mapping[int, Consumption],
) -> PrinterUsage:
    def figure(counted: Consumption | None) -> Figure:
        return counted.figure(counted.counting.total) if counted else _NOTHING

    return PrinterUsage(
        device=device,
        printed_words=str(words.MEASURES[measure or Measure.AREA]),
        printed=figure(printed.get(device.pk)),
        jobs=figure(jobs.get(device.pk)),
    )


@dataclass(frozen=True, kw_only=True)
class _ZoneWindow:
    """The window in one time zone, and what was counted in it."""

    zone: ZoneInfo
    now: datetime
    window_at: Callable[[date], Window]

    @property
    def window(self) -> Window:
        return self.window_at(self.now.astimezone(self.zone).date())

    def read(self, counters: Mapping[Device, Counter]) -> dict[int, Consumption]:
        return consumption_of(counters, self.window, self.zone, Measure.JOBS)

    def view(self, counted: Iterable[Consumption]) -> UsageView | None:
        """The view of their sum; ``None`` without any."""
        each = list(counted)
        return usage_view(sum_of(each), self.window, self.zone, self.now) if each else None
