"""What devices counted in a window: the counters, their readings, and the counting of them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from django.db.models import F, Q, expressions
from django.db.models.functions import RowNumber

from cloud_link.columns import QUALITIES
from cloud_link.limits import RESOLUTIONS
from drivers.report import Quality, Quantity
from portal.fleet.heartbeat import heartbeats_of
from portal.ingest.models import Series
from portal.usage.counting import (
    Counting,
    count,
    join_resolutions,
    rescale,
    sum_counters,
    sum_parts,
)
from portal.usage.measures import (
    QUANTITIES,
    SPLIT_PARTS,
    WHOLE_PARTS,
    Measure,
    SeriesFact,
)
from portal.usage.periods import Bucket, Window, clock_edges
from portal.usage.readings import read_all, read_edges
from portal.web.figures import MISSING, Figure, exact_value, figure
from portal.web.first_rows import first_rows
from portal.web.words import unit_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from django.db.models import QuerySet

    from portal.fleet.models import Device
    from portal.usage.counting import Count
    from portal.usage.measures import Counter

_HOUR_MS: Final = 3_600_000
SERIES_LOOKED_AT: Final = 500
"""The most series of one quantity of a device that are looked at, whichever parts they are of."""
MOST_SERIES: Final = 64
"""The most series of one quantity that are one device's counter."""
_EVERY_SAMPLE_DAYS: Final = 2
"""Up to so many days every sample is read; beyond, cells of half an hour or a day."""


class Status(StrEnum):
    """How complete the figure of a bucket is."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    """Only a part of it is known."""
    MISSING = "missing"
    """None of it is known."""
    OPEN = "open"
    """It is not over, or its last reading may still come."""
    AHEAD = "ahead"
    """It has not begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """What one counter, or a sum of some, counted in a window.

    Attributes:
        quantity: What was counted; its unit is the unit of all values.
        resolution: All values are integers of ``10**resolution`` of it.
        counting: By the buckets that were asked for.
        halves: The same by half hours, where demand is billed for it and they were read.
        hold_ms: How long a reading stands.
    """

    quantity: Quantity
    resolution: int
    counting: Counting
    halves: Counting | None
    hold_ms: int

    def figure(self, value: int | None) -> Figure:
        """A value for people to read."""
        said = figure(value, self.resolution, self.quantity)
        return Figure(text=said.text, unit=unit_words(said.unit), missing=said.missing)

    def plain(self, value: int | None) -> str:
        """A value for a program: digits and a point, in `unit`; ``""`` where there is none."""
        return "" if value is None else f"{self.amount(value):f}"

    def amount(self, value: int) -> Decimal:
        """A value in `unit`, exactly."""
        exact = exact_value(value, self.resolution)
        return exact.scaleb(-3) if self.quantity.unit == "Wh" else exact

    @property
    def unit(self) -> str:
        """The unit in which people read it."""
        return _unit(self.quantity)

    def demand(self, each: Count) -> Decimal | None:
        """Mean power in kW over a bucket: of half an hour, twice its kWh; ``None`` if unknown."""
        if each.value is None:
            return None
        amount, length = self.amount(each.value), each.end - each.start
        if _HOUR_MS % length == 0:
            return amount * (_HOUR_MS // length)
        return (amount * _HOUR_MS / length).quantize(amount)

    def greatest_half(self, within: Count | None = None) -> Count | None:
        """The half hour of the greatest demand, in the window or in one bucket of it."""
        if self.halves is None:
            return None
        counts = self.halves.counts
        if within is not None:
            first, stop = (
                bisect_left(counts, at, key=lambda half: half.start)
                for at in (within.start, within.end)
            )
            counts = counts[first:stop]
        return peak(counts)

    def status(self, each: Count, now_ms: int) -> Status:
        """The status of a bucket at ``now_ms``."""
        last = self.counting.last_at
        if each.start >= now_ms:
            return Status.AHEAD
        if each.complete:
            return Status.COMPLETE
        awaited = last is not None and last <= each.end and now_ms - last <= self.hold_ms
        if awaited or (each.end > now_ms and last is not None and last >= each.start):
            return Status.OPEN
        return Status.MISSING if each.value is None else Status.INCOMPLETE

    def total_status(self, now_ms: int) -> Status:
        """The status of the window's total at ``now_ms``."""
        last = self.counting.last_at
        if self.counting.start >= now_ms:
            return Status.AHEAD
        if self.counting.whole:
            return Status.COMPLETE
        if self.counting.total is None:
            return Status.MISSING
        heard = last is not None and now_ms - last <= self.hold_ms
        if heard and self.counting.whole_so_far:
            return Status.OPEN
        return Status.INCOMPLETE


def peak(counts: Iterable[Count]) -> Count | None:
    """The first of the greatest complete buckets: neither what is incomplete, nor 0, is a peak."""
    return max(
        (each for each in counts if each.complete and each.value),
        key=lambda each: each.value or 0,
        default=None,
    )


def with_halves(
    consumptions: Mapping[int, Consumption],
    counters: Mapping[Device, Counter],
    window: Window,
    zone: ZoneInfo,
) -> dict[int, Consumption]:
    """Electricity by the month, with its half hours too: it is each month's peak that is billed.

    Reads a thousand times more than the months need; of one counter's year a quarter of a second.
    """
    days = Window(bucket=Bucket.DAY, first=window.first, stop=window.stop)
    read = consumption_of(counters, days, zone, Measure.IMPORT)
    return {
        pk: replace(each, halves=read[pk].halves) if pk in read else each
        for pk, each in consumptions.items()
    }


def unit_of(measure: Measure) -> str:
    """The unit in which people read a measure."""
    return "/".join(sorted({_unit(quantity) for quantity in QUANTITIES[measure]}))


def _unit(quantity: Quantity) -> str:
    return "kWh" if quantity.unit == "Wh" else unit_words(quantity.unit)


def power(kilowatts: Decimal | None) -> Figure:
    """Kilowatts for people to read."""
    if kilowatts is None:
        return Figure(text=MISSING, missing=True)
    return Figure(text=f"{kilowatts:,f}", unit="kW")


def counted(measure: Measure | None = None) -> QuerySet[Series]:
    """The series that answer a measure, or any, and have values as far as their device said."""
    measures = Measure if measure is None else (measure,)
    lacks = QUALITIES.index(Quality.NOT_SUPPORTED)
    parts = Q(part__in=WHOLE_PARTS)
    for beginning in SPLIT_PARTS:
        parts |= Q(part__startswith=beginning)
    return Series.objects.filter(
        parts,
        Q(latest__value__isnull=False) | ~Q(latest__quality=lacks),
        quantity__in=sorted({name for one in measures for name in _names(one)}),
        resolution__range=(RESOLUTIONS[0], RESOLUTIONS[-1]),
    ).order_by()


def first_counted(devices: Collection[int], most: int) -> QuerySet[Series]:
    """Those of the first ``most`` series of each device and quantity that answer some measure."""
    names = sorted({name for one in Measure for name in _names(one)})
    groups = {"device_id": devices, "quantity": names}
    return counted().filter(pk__in=first_rows(Series, groups, ["part", "resolution"], most))


def series_of(devices: Iterable[Device]) -> dict[int, list[SeriesFact]]:
    """The series of each device, by its id, that answer some measure; one query.

    A quantity that a device counts in more than `MOST_SERIES` series is left out: no device does,
    and the sum of some of them would be wrong.
    """
    found: dict[int, list[SeriesFact]] = {device.pk: [] for device in devices}
    place = expressions.Window(
        RowNumber(), partition_by=[F("device"), F("quantity")], order_by=["pk"]
    )
    series = first_counted(list(found), SERIES_LOOKED_AT).annotate(place=place)
    rows = series.filter(place__lte=MOST_SERIES + 1).values_list(
        "pk", "device", "quantity", "part", "resolution"
    )
    by_quantity: dict[tuple[int, str], list[SeriesFact]] = {}
    for pk, device, quantity, part, resolution in rows:
        fact = SeriesFact(pk=pk, quantity=quantity, part=part, resolution=resolution)
        by_quantity.setdefault((device, quantity), []).append(fact)
    for (device, _quantity), facts in by_quantity.items():
        if len(facts) <= MOST_SERIES:
            found[device] += facts
    return found


def _names(measure: Measure) -> list[str]:
    return [quantity.value for quantity in QUANTITIES[measure]]


def consumption_of(
    counters: Mapping[Device, Counter], window: Window, zone: ZoneInfo, measure: Measure
) -> dict[int, Consumption]:
    """What each device counted, by its id; a window without a bucket has nothing for anyone.

    Reads the gateways' heartbeats, and the samples in two or three statements however many devices
    there are (and one more for each cell in which a register fell).
    """
    edges = window.edges(zone)
    if len(edges) < 2 or not counters:
        return {}
    halves = measure.electric and window.bucket is not Bucket.MONTH
    half_edges = clock_edges(zone, window.first, window.stop, 30) if halves else []
    ids = [series.pk for counter in counters.values() for series in counter.series]
    if (window.stop - window.first).days <= _EVERY_SAMPLE_DAYS:
        samples = read_all(ids, edges[0], edges[-1])
    else:
        samples = read_edges(ids, _cells(window, zone, edges, half_edges))
    heartbeats = heartbeats_of({device.gateway_id for device in counters})
    return {
        device.pk: _consumption(
            counter, samples, (edges, half_edges), heartbeats[device.gateway_id].hold_ms
        )
        for device, counter in counters.items()
    }


def _cells(
    window: Window, zone: ZoneInfo, edges: Sequence[int], half_edges: Sequence[int]
) -> Sequence[int]:
    if window.bucket is Bucket.MONTH:
        return Window(bucket=Bucket.DAY, first=window.first, stop=window.stop).edges(zone)
    return sorted({*edges, *half_edges})


def _consumption(
    counter: Counter,
    samples: Mapping[int, Sequence[tuple[int, int]]],
    edges: tuple[Sequence[int], Sequence[int]],
    hold: int,
) -> Consumption:
    parts = [
        join_resolutions(
            ((series.resolution, samples[series.pk]) for series in part), counter.finest
        )
        for part in counter.parts
    ]
    by_bucket, by_half = (
        sum_parts([count(readings, cuts, hold) for readings in parts]) if cuts else None
        for cuts in edges
    )
    assert by_bucket is not None, "a window without a bucket was answered before"
    return Consumption(
        quantity=counter.quantity,
        resolution=counter.finest,
        counting=by_bucket,
        halves=by_half,
        hold_ms=hold,
    )


def sum_of(consumptions: Sequence[Consumption]) -> Consumption:
    """The sum of several devices that count one kind of quantity; at least one device."""
    finest = min(each.resolution for each in consumptions)

    def scaled(counting: Counting, resolution: int) -> Counting:
        return rescale(counting, 10 ** (resolution - finest))

    halves = [scaled(c.halves, c.resolution) for c in consumptions if c.halves]
    return Consumption(
        quantity=consumptions[0].quantity,
        resolution=finest,
        counting=sum_counters([scaled(c.counting, c.resolution) for c in consumptions]),
        halves=sum_counters(halves) if len(halves) == len(consumptions) else None,
        hold_ms=max(each.hold_ms for each in consumptions),
    )
