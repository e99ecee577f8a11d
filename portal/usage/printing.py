"""What printers printed: of all of them for two pages, and of one for its own.

Each printer counts in its own way (area, impressions, sheets, length), so that one way is chosen
to be drawn, and each card says what its own printer counts. A day is the site's: printers are put
together by the clock of their sites, and never across two clocks.

Source: requirements E-30, E-31, E-32.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from portal.ingest.models import Latest
from portal.usage import words
from portal.usage.consumption import consumption_of, series_of, sum_of
from portal.usage.measures import EXTENTS, Measure, counter_of
from portal.usage.page import usage_view
from portal.usage.periods import Bucket, Window
from portal.web.figures import MISSING, Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from portal.fleet.models import Device
    from portal.usage.consumption import Consumption
    from portal.usage.measures import Counter, SeriesFact
    from portal.usage.page import UsageView

    Counters = Mapping[Measure, Counter]

_REPORT_DAYS: Final = 30
_NOTHING: Final = Figure(text=MISSING, missing=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureChoice:
    """A way of counting, to be chosen."""

    measure: Measure
    words: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ZonePrints:
    """The printers of the sites of one time zone, together.

    Attributes:
        printed: What those of them printed that count in the chosen way.
        jobs: What those did that count jobs.
    """

    zone: str
    printed: UsageView | None
    jobs: UsageView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrinterPrints:
    """A printer, and what it did in the window.

    Attributes:
        printed: As it counts itself: in the chosen way where it can.
    """

    device: Device
    printed_words: str
    printed: Figure
    jobs: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintReport:
    """All printers in a window."""

    measure_words: str
    measures: Sequence[MeasureChoice]
    clocks: Sequence[ZonePrints]
    cards: Sequence[PrinterPrints]

    @property
    def gateways(self) -> frozenset[int]:
        """The ids of the printers' gateways."""
        return frozenset(card.device.gateway_id for card in self.cards)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintTotals:
    """How much one printer printed, in one of its ways of counting."""

    words: str
    today: Figure
    total: Figure


def today(day: date) -> Window:
    """A day by the hour."""
    return Window(bucket=Bucket.HOUR, first=day, stop=day + timedelta(days=1))


def last_days(day: date) -> Window:
    """The last 30 days by the day, this one included."""
    stop = day + timedelta(days=1)
    return Window(bucket=Bucket.DAY, first=stop - timedelta(days=_REPORT_DAYS), stop=stop)


def print_report(
    printers: Sequence[Device], asked: str, window_at: Callable[[date], Window], now: datetime
) -> PrintReport | None:
    """What ``printers`` printed; ``None`` without a printer.

    Args:
        printers: With each device's gateway and site fetched.
        asked: The `Measure` to draw; the one that most printers count where it is none of theirs.
        window_at: The window, from the site's day.
        now: When.
    """
    if not printers:
        return None
    counters = {pk: counters_of(facts) for pk, facts in series_of(printers).items()}
    counted = [measure for measure in EXTENTS if any(measure in each for each in counters.values())]
    chosen = next((measure for measure in counted if measure == asked), None) or max(
        counted,
        key=lambda measure: sum(measure in each for each in counters.values()),
        default=None,
    )
    clocks, cards = [], []
    by_zone: dict[str, list[Device]] = {}
    for device in printers:
        by_zone.setdefault(device.gateway.site.time_zone, []).append(device)
    for zone, members in sorted(by_zone.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        clock = _ZoneWindow(zone=ZoneInfo(zone), now=now, window_at=window_at)
        own = {device: _own(counters[device.pk], chosen) for device in members}
        printed = clock.read({d: counters[d.pk][measure] for d, measure in own.items() if measure})
        jobs = clock.read(
            {d: counters[d.pk][Measure.JOBS] for d in own if Measure.JOBS in counters[d.pk]}
        )
        same = [
            printed[d.pk]
            for d, measure in own.items()
            if measure and measure is chosen and d.pk in printed
        ]
        clocks.append(
            ZonePrints(zone=zone, printed=clock.drawn(same), jobs=clock.drawn(jobs.values()))
        )
        cards += [_card(device, own[device], printed, jobs) for device in members]
    return PrintReport(
        measure_words=str(words.MEASURES[chosen]) if chosen else "",
        measures=[
            MeasureChoice(
                measure=measure, words=str(words.MEASURES[measure]), current=measure is chosen
            )
            for measure in counted
        ],
        clocks=clocks,
        cards=sorted(cards, key=lambda card: (str(card.device).casefold(), card.device.pk)),
    )


def counters_of(facts: Sequence[SeriesFact]) -> Counters:
    """Of a printer's series the counters of what it prints."""
    found = {measure: counter_of(facts, measure) for measure in (*EXTENTS, Measure.JOBS)}
    return {measure: counter for measure, counter in found.items() if counter}


def print_totals(device: Device, now: datetime) -> list[PrintTotals]:
    """What one printer printed today and ever, in each of its ways; with its site fetched."""
    counters = counters_of(series_of([device])[device.pk])
    clock = _ZoneWindow(zone=ZoneInfo(device.gateway.site.time_zone), now=now, window_at=today)
    ids = [series.pk for counter in counters.values() for series in counter.series]
    latest = {row.pk: row for row in Latest.objects.filter(pk__in=ids)}
    rows = []
    for measure, counter in counters.items():
        counted = clock.read({device: counter}).get(device.pk)
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
                (latest[series.pk].at, -series.resolution, series, latest[series.pk].value)
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


def _own(counters: Counters, chosen: Measure | None) -> Measure | None:
    """How a printer's card counts: as chosen where it can, else in its first way."""
    if chosen in counters:
        return chosen
    return next((measure for measure in EXTENTS if measure in counters), None)


def _card(
    device: Device,
    measure: Measure | None,
    printed: Mapping[int, Consumption],
    jobs: Mapping[int, Consumption],
) -> PrinterPrints:
    def figure(counted: Consumption | None) -> Figure:
        return counted.figure(counted.counting.total) if counted else _NOTHING

    return PrinterPrints(
        device=device,
        printed_words=str(words.MEASURES[measure or Measure.AREA]),
        printed=figure(printed.get(device.pk)),
        jobs=figure(jobs.get(device.pk)),
    )


@dataclass(frozen=True, kw_only=True)
class _ZoneWindow:
    """The window by one clock, and what was counted in it."""

    zone: ZoneInfo
    now: datetime
    window_at: Callable[[date], Window]

    @property
    def window(self) -> Window:
        return self.window_at(self.now.astimezone(self.zone).date())

    def read(self, counters: Mapping[Device, Counter]) -> dict[int, Consumption]:
        return consumption_of(counters, self.window, self.zone, Measure.JOBS)

    def drawn(self, counted: Iterable[Consumption]) -> UsageView | None:
        """Their sum; ``None`` of none."""
        each = list(counted)
        return usage_view(sum_of(each), self.window, self.zone, self.now) if each else None
