"""The 24-hour chart of one series: its line, its unit, and its gaps with their reasons.

The numbers for drawing are floats and only that; everything a person reads (extremes, the table)
is formatted from the integers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Max
from django.utils.translation import gettext as _

from cloud_link.limits import RESOLUTIONS
from console.vocabulary import UNITS
from drivers.report import Kind, Quantity
from portal.fleet.heartbeat import heartbeats_of
from portal.ingest.models import Gap, Latest, Sample, Series
from portal.ingest.renumbering import MOVED
from portal.monitoring.device import series_label
from portal.monitoring.device_rows import first_values
from portal.monitoring.readings import in_order
from portal.web import words
from portal.web.chart import Line, Point, Span, Window, line, merge_spans
from portal.web.figures import Figure, chart_unit, exact_value, figure
from portal.web.moments import datetime_of, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from portal.fleet.models import Device

HOURS: Final = 24
_LISTED: Final = 12
_OFFERED: Final = 200
"""How many of a device's series are offered: a box may name any number."""
_GAPS: Final = 200
"""How many gaps that a gateway announced are drawn, the newest."""
_COUNTED: Final = 1_000
"""How many of the others are counted."""
_DIGITS: Final = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Void:
    """A stretch without values.

    Attributes:
        reason: Why there are none, in words.
        dropped: Whether the gateway reported that it dropped what it had read; otherwise nothing
            arrived.
    """

    span: Span
    reason: str
    dropped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One row of the table: an hour of the site's clock, from ``start`` (UTC)."""

    start: datetime
    lowest: Figure
    highest: Figure
    last: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A value of the line, and its time in Unix milliseconds."""

    at: int
    figure: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesChart:
    """Everything that the chart, its summary and its table show."""

    series: Series
    quantity: Quantity
    zone: str
    window: Window
    line: Line
    voids: Sequence[Void]
    undrawn: int = 0
    """How many earlier gaps that the gateway announced are not drawn."""

    @property
    def label(self) -> str:
        """The name of the series."""
        return series_label(self.series.quantity, self.series.part)

    @property
    def legend(self) -> str:
        """The name of the series and its unit, where the name does not say what is counted."""
        if not self.unit or self._power_and_unit[1] in UNITS:
            return self.label
        return _("%(label)s (%(unit)s)") % {"label": self.label, "unit": self.unit}

    @property
    def unit(self) -> str:
        """The unit of the drawn values."""
        return words.unit_words(self._power_and_unit[1])

    @property
    def _power_and_unit(self) -> tuple[int, str]:
        extremes = [p.value for p in (self.line.lowest, self.line.highest) if p and p.value]
        largest = max((abs(value) for value in extremes), default=0)
        return chart_unit(self.quantity, exact_value(largest, self.series.resolution))

    @property
    def counter(self) -> bool:
        """Whether the series is a counter."""
        return self.quantity.kind is Kind.COUNTER

    @property
    def lowest(self) -> Mark | None:
        """The least value drawn."""
        return self._mark(self.line.lowest)

    @property
    def highest(self) -> Mark | None:
        """The greatest value drawn."""
        return self._mark(self.line.highest)

    @property
    def last(self) -> Mark | None:
        """The newest value."""
        return self._mark(self.line.last)

    @property
    def growth(self) -> Figure | None:
        """By how much a counter grew over what is drawn; ``None`` if it started anew."""
        low, high, last = self.line.lowest, self.line.highest, self.line.last
        if not self.counter or not (low and high and last):
            return None
        if low.value is None or last.value is None or last.value != high.value:
            return None
        return self._figure(last.value - low.value)

    @property
    def listed_voids(self) -> Sequence[Void]:
        """The newest voids, for the legend."""
        return self.voids[-_LISTED:]

    @property
    def unlisted_voids(self) -> int:
        """The number of voids that the legend leaves out."""
        return self.void_count - len(self.listed_voids)

    @property
    def void_count(self) -> int:
        """The number of voids."""
        return len(self.voids) + self.undrawn

    @property
    def hours(self) -> Sequence[Hour]:
        """Each of the site's hours in which anything is known."""
        by_hour: dict[datetime, list[Point]] = {}
        zone = zone_of(self.zone)
        for point in self.line.points:
            if point.value is not None:
                at = datetime_of(point.at // 1000 * 1000)
                if at is None:  # pragma: no cover - a window ends now
                    continue
                local = at.astimezone(zone)
                # In UTC: where clocks are put back, two hours have one name and are not the same.
                begun = at - timedelta(minutes=local.minute, seconds=local.second)
                by_hour.setdefault(begun, []).append(point)
        return [self._hour(start, points) for start, points in by_hour.items()]

    def _hour(self, start: datetime, points: Sequence[Point]) -> Hour:
        values = [point.value for point in points if point.value is not None]
        return Hour(
            start=start,
            lowest=self._figure(min(values)),
            highest=self._figure(max(values)),
            last=self._figure(values[-1]),
        )

    def _figure(self, value: int) -> Figure:
        said = figure(value, self.series.resolution, self.quantity)
        return Figure(text=said.text, unit=words.unit_words(said.unit), missing=said.missing)

    def _mark(self, point: Point | None) -> Mark | None:
        if point is None or point.value is None:
            return None
        return Mark(at=point.at, figure=self._figure(point.value))

    def as_json(self) -> dict[str, Any]:
        """The chart for its script: times in Unix seconds, values in `unit`, voids as spans."""
        scale = self.series.resolution - self._power_and_unit[0]
        return {
            "label": self.label,
            "unit": self.unit,
            "zone": self.zone,
            "counter": self.counter,
            "from": self.window.start / 1000,
            "to": self.window.end / 1000,
            "at": [point.at / 1000 for point in self.line.points],
            "value": [
                None if point.value is None else float(Decimal(point.value).scaleb(scale))
                for point in self.line.points
            ],
            "decimals": max(-scale, 0),
            "voids": [
                {
                    "from": void.span.start / 1000,
                    "to": void.span.end / 1000,
                    "dropped": void.dropped,
                    "reason": void.reason,
                }
                for void in self.voids
            ],
        }


def is_charted(series: Series) -> bool:
    """Whether a series is numbers that this portal's vocabulary knows, of a size to be drawn."""
    quantity = words.quantity_of(series.quantity)
    drawn = quantity is not None and quantity.kind is not Kind.TEXT
    return drawn and series.resolution in RESOLUTIONS


def series_to_chart(device: Device, asked: str) -> tuple[Series | None, list[tuple[Series, str]]]:
    """The series a page charts, and those it offers: the one asked for, else the first gauge."""
    rows = [row.series for row in in_order(first_values([device.pk], _OFFERED)[device.pk])]
    also = _asked(device, asked)
    if also is not None and also not in rows:
        rows.append(also)
    series = [each for each in rows if is_charted(each)]
    options = [(each, series_label(each.quantity, each.part)) for each in series]
    by_id = {str(each.pk): each for each in series}
    first = next(chain(filter(_says_most, series), filter(_is_no_age, series), series), None)
    return by_id.get(asked) or first, options


def _asked(device: Device, asked: str) -> Series | None:
    if not (asked.isascii() and asked.isdecimal() and len(asked) <= _DIGITS):
        return None
    return Series.objects.filter(device=device, pk=int(asked), latest__isnull=False).first()


def _says_most(series: Series) -> bool:
    return bool(series.quantity == Quantity.POWER_ACTIVE.value)


def _is_no_age(series: Series) -> bool:
    """Whether it is no time that has run: that grows by itself, and a chart of it says little."""
    quantity = words.quantity_of(series.quantity)
    return quantity is not None and quantity.unit != "s"


def chart_of(device: Device, series: Series, now: datetime) -> SeriesChart:
    """The last 24 hours of ``series``; ``device`` with its gateway and site fetched."""
    quantity = words.quantity_of(series.quantity)
    assert quantity is not None, "series_to_chart offers only what the vocabulary knows"
    window = _window(device, now)
    samples = (
        Sample.objects.filter(
            series=series.pk, at__gte=window.start - window.hold, at__lte=window.end
        )
        .order_by("at")
        .values_list("at", "value")
    )
    drawn = line(samples.iterator(chunk_size=5000), window)
    if not Sample.objects.filter(series=series.pk, at__lt=window.start).exists():
        drawn = replace(drawn, voids=[v for v in drawn.voids if v.start > window.start])
    gaps = _announced(device, window)
    newest = gaps.order_by("-from_ms").values_list("from_ms", "to_ms", "reason")[:_GAPS]
    spans = _spans(newest, window)
    return SeriesChart(
        series=series,
        quantity=quantity,
        zone=zone_of(device.gateway.site.time_zone).key,
        window=window,
        line=drawn,
        voids=_reasons(drawn, spans, window),
        undrawn=gaps[: _GAPS + _COUNTED].count() - _GAPS if len(spans) == _GAPS else 0,
    )


def chart_version(device: Device, series: Series, now: datetime) -> str:
    """A text that changes whenever the chart would, and once a minute as its window moves."""
    newest = Latest.objects.filter(series=series).aggregate(Max("at"))["at__max"]
    gap = Gap.objects.filter(box__gateway=device.gateway_id).aggregate(Max("pk"))["pk__max"]
    return f"{series.pk}-{newest}-{gap}-{int(now.timestamp()) // 60}"


def _window(device: Device, now: datetime) -> Window:
    end = int(now.timestamp() * 1000)
    hold = heartbeats_of([device.gateway_id])[device.gateway_id].hold_ms
    return Window(
        start=end - int(timedelta(hours=HOURS).total_seconds() * 1000), end=end, hold=hold
    )


def _announced(device: Device, window: Window) -> QuerySet[Gap]:
    return Gap.objects.filter(
        from_ms__lte=window.end,
        to_ms__gte=window.start,
        box__gateway=device.gateway_id,
        believed=True,
    ).exclude(reason=MOVED)


def _spans(
    rows: Iterable[tuple[int | None, int | None, str]], window: Window
) -> list[tuple[Span, str]]:
    return [
        (Span(max(begin, window.start), min(end, window.end)), reason)
        for begin, end, reason in rows
        if begin is not None and end is not None
    ]


def _reasons(drawn: Line, gaps: Sequence[tuple[Span, str]], window: Window) -> list[Void]:
    """Every void with its reason: what the gateway said it dropped, else that nothing arrived."""
    voids = [
        Void(span=span, reason=words.gap_words(reason), dropped=True)
        for reason in sorted({reason for _span, reason in gaps})
        for span in merge_spans(span for span, why in gaps if why == reason)
    ]
    dropped = merge_spans(span for span, _reason in gaps)
    nothing = _("No readings received")
    for span in drawn.voids:
        covered = any(
            t.start <= span.start + window.hold and t.end >= span.end - window.hold for t in dropped
        )
        if not covered:
            voids.append(Void(span=span, reason=nothing, dropped=False))
    return sorted(voids, key=lambda void: void.span.start)
