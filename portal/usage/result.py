"""What a device or a site answers to a query: the sum, the list of devices, the files."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.db.models import Q
from django.urls import reverse

from portal.fleet.models import Box, Device
from portal.ingest.time_quality import estimated, unconfirmed
from portal.simulation.models import SimulatedHistory
from portal.usage.consumption import consumption_of, sum_of, with_halves
from portal.usage.measures import Measure
from portal.usage.page import page_frame, summary, usage_view
from portal.usage.periods import Bucket, Window, month_after
from portal.web.paging import paging

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from portal.ingest.time_quality import Stretch
    from portal.usage.consumption import Consumption
    from portal.usage.measures import Counter
    from portal.usage.page import PageFrame, Summary, UsageView
    from portal.usage.query import Query
    from portal.usage.scope import UsageScope
    from portal.web.paging import Paging

MOST_PEAKS: Final = 12
"""The peaks of a year's months are read for at most so many devices at once: three seconds."""
MOST_ADDED: Final = 200
"""All printers of a site are added up, where none is ticked, up to so many."""
_AT_ONCE: Final = 20
"""How many devices of a file are read at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUsage:
    """One device in a site's list, with the address of its own page."""

    device: Device
    summary: Summary
    ticked: bool
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A device in a file.

    Attributes:
        simulated_ms: Unix milliseconds until which its samples were made up; 0 where none were.
        estimated, unconfirmed: Where the times of its samples are that.
    """

    name: str
    consumption: Consumption
    simulated_ms: int = 0
    estimated: Sequence[Stretch] = ()
    unconfirmed: Sequence[Stretch] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageResult:
    """What a scope answers to a query.

    Attributes:
        frame: Where the reader is, and where else to go.
        view: The device's usage, or the sum of the ticked devices; ``None`` where none is ticked.
        rows: The devices of a site that count this measure, of one page.
        paging: Which page, of how many.
        ticked: How many devices are added up.
        carried: The ids of ticked devices that are on other pages.
        left_out: How many printers are not added up, where none is ticked.
        peaks_left_out: Whether there are too many devices to read the months' peaks.
    """

    frame: PageFrame
    view: UsageView | None
    rows: Sequence[DeviceUsage]
    paging: Paging
    ticked: int
    carried: Sequence[int] = ()
    left_out: int = 0
    peaks_left_out: bool = False

    @property
    def most_peaks(self) -> int:
        """`MOST_PEAKS`, for the template."""
        return MOST_PEAKS


def result_of(scope: UsageScope, query: Query, now: datetime) -> UsageResult:
    """What ``scope`` answers to ``query`` at ``now``.

    A site adds up what is ticked and nothing else: it is not known which meters lie behind which,
    and a main meter and its sub-meters would count twice. One device alone is that sum already,
    and all printers are, up to `MOST_ADDED`, where none is ticked.
    """
    window, zone, measure = query.window, scope.zone, query.measure
    every = scope.counting(measure) if measure else scope.devices.none()
    total = every.count()
    pairs = [*query.pairs(), *(("device", str(pk)) for pk in query.ticked)]
    page = paging(query.page, total, pairs)
    on_page = list(every[page.offset : page.stop])
    whole_site = total == 1 or (measure is not None and measure.printed and not query.ticked)
    added = list(every[:MOST_ADDED] if whole_site else every.filter(pk__in=query.ticked))
    devices = {device.pk: device for device in (*on_page, *added)}
    counters = scope.counters(measure, devices.values()) if measure else {}
    found = consumption_of(counters, window, zone, measure or Measure.IMPORT)
    ticked = [device for device in added if device.pk in found]
    asked = {device: counters[device] for device in ticked}
    peaks = measure is not None and measure.electric and window.bucket is Bucket.MONTH
    if peaks and len(ticked) <= MOST_PEAKS:
        found |= with_halves({d.pk: found[d.pk] for d in ticked}, asked, window, zone)
    whole = sum_of([found[device.pk] for device in ticked]) if ticked else None
    month = _month(asked, query, zone)
    shown = {device.pk for device in on_page}
    return UsageResult(
        frame=page_frame(query, scope.measures, scope.today(now)),
        view=usage_view(whole, window, zone, now, month=month) if whole else None,
        rows=[
            _row(
                device, summary(found[device.pk], window, zone, now), query, ticked=device in asked
            )
            for device in on_page
            if device.pk in found
        ],
        paging=page,
        ticked=len(ticked),
        carried=[] if whole_site else [d.pk for d in ticked if d.pk not in shown],
        left_out=total - len(added) if whole_site else 0,
        peaks_left_out=peaks and len(ticked) > MOST_PEAKS,
    )


def file_entries(scope: UsageScope, query: Query) -> Iterator[FileEntry]:
    """The devices of a file: those ticked, else all that count the measure; a few at a time."""
    measure = query.measure
    if measure is None:
        return
    every = scope.counting(measure)
    chosen = every.filter(pk__in=query.ticked) if query.ticked else every
    ids = list(chosen.values_list("pk", flat=True))
    halves = has_peaks(query, len(ids))
    for start in range(0, len(ids), _AT_ONCE):
        devices = Device.objects.in_bulk(ids[start : start + _AT_ONCE])
        ordered = [devices[pk] for pk in ids[start : start + _AT_ONCE] if pk in devices]
        counters = scope.counters(measure, ordered)
        found = consumption_of(counters, query.window, scope.zone, measure)
        if halves:
            found |= with_halves(found, counters, query.window, scope.zone)
        yield from _entries([device for device in ordered if device.pk in found], found)


def has_peaks(query: Query, devices: int) -> bool:
    """Whether a file of so many devices says the peak of each month."""
    electric = query.measure is not None and query.measure.electric
    return electric and query.window.bucket is Bucket.MONTH and 0 < devices <= MOST_PEAKS


def _entries(devices: Sequence[Device], found: Mapping[int, Consumption]) -> list[FileEntry]:
    marks = SimulatedHistory.objects.filter(gateway__in={device.gateway_id for device in devices})
    until = dict(marks.values_list("gateway", "last_ms"))
    gateways = {device.gateway_id for device in devices}
    estimates = _stretches(estimated, gateways, found)
    assumptions = _stretches(unconfirmed, gateways, found)
    return [
        FileEntry(
            name=str(device),
            consumption=found[device.pk],
            simulated_ms=until.get(device.gateway_id, 0),
            estimated=estimates[device.gateway_id],
            unconfirmed=assumptions[device.gateway_id],
        )
        for device in devices
    ]


def _stretches(
    find: Callable[[Q, int, int], Sequence[Stretch]],
    gateways: Collection[int],
    found: Mapping[int, Consumption],
) -> Mapping[int, list[Stretch]]:
    """Where times of these gateways are not sure, within what is counted, by their ids."""
    stretches: dict[int, list[Stretch]] = defaultdict(list)
    counts = [count for one in found.values() for count in one.counting.counts]
    if counts:
        boxes = dict(Box.objects.filter(gateway__in=gateways).values_list("pk", "gateway_id"))
        begins, ends = min(one.start for one in counts), max(one.end for one in counts)
        for one in find(Q(box__in=boxes), begins, ends):
            stretches[boxes[one.box]].append(one)
    return stretches


def _row(device: Device, said: Summary, query: Query, *, ticked: bool) -> DeviceUsage:
    address = reverse("device-usage", kwargs={"device": device.pk})
    address += replace(query, ticked=(), page="").address()
    return DeviceUsage(device=device, summary=said, ticked=ticked, address=address)


def _month(counters: Mapping[Device, Counter], query: Query, zone: ZoneInfo) -> Consumption | None:
    """The month around a day of demand, which is billed by the month's peak."""
    if query.window.bucket is not Bucket.DEMAND or query.csv or not query.measure:
        return None
    first = query.window.first.replace(day=1)
    month = Window(bucket=Bucket.DAY, first=first, stop=month_after(first, 1))
    found = consumption_of(counters, month, zone, query.measure)
    return sum_of(list(found.values())) if found else None
