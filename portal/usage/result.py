"""What a device or a site answers to a query: the sum, the list of devices, the files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.urls import reverse

from portal.simulation.models import SimulatedHistory
from portal.usage.consumption import consumption_of, sum_of, with_halves
from portal.usage.measures import Measure
from portal.usage.page import page_frame, summary, usage_view
from portal.usage.periods import Bucket, Window, month_after

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from portal.fleet.models import Device
    from portal.usage.consumption import Consumption
    from portal.usage.measures import Counter
    from portal.usage.page import PageFrame, Summary, UsageView
    from portal.usage.query import Query
    from portal.usage.scope import UsageScope

MOST_PEAKS: Final = 12
"""The peaks of a year's months are read for at most so many devices at once: three seconds."""


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
    """

    name: str
    consumption: Consumption
    simulated_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageResult:
    """What a scope answers to a query.

    Attributes:
        frame: Where the reader is, and where else to go.
        view: The device's usage, or the sum of the ticked devices; ``None`` where none is ticked.
        rows: The devices of a site that count this measure.
        ticked: How many of them are added up.
        files: The devices in a file; empty for a page.
        peaks_left_out: Whether there are too many devices to read the months' peaks.
    """

    frame: PageFrame
    view: UsageView | None
    rows: Sequence[DeviceUsage]
    ticked: int
    files: Sequence[FileEntry]
    peaks_left_out: bool = False

    @property
    def most_peaks(self) -> int:
        """`MOST_PEAKS`, for the template."""
        return MOST_PEAKS


def result_of(scope: UsageScope, query: Query, now: datetime) -> UsageResult:
    """What ``scope`` answers to ``query`` at ``now``.

    A site adds up what is ticked and nothing else: it is not known which meters lie behind which,
    and a main meter and its sub-meters would count twice. One device alone is that sum already,
    and all printers are, where none is ticked.
    """
    counters = scope.counters.get(query.measure, {}) if query.measure else {}
    window, zone = query.window, scope.zone
    found = consumption_of(counters, window, zone, query.measure or Measure.IMPORT)
    listed = [device for device in counters if device.pk in found]
    every = len(counters) == 1 or (
        query.measure is not None and query.measure.printed and not query.ticked
    )
    ticked = [device for device in listed if every or device.pk in query.ticked]
    asked = {device: counters[device] for device in ticked}
    peaks = query.measure is not None and query.measure.electric and window.bucket is Bucket.MONTH
    if peaks and len(ticked) <= MOST_PEAKS:
        found |= with_halves({d.pk: found[d.pk] for d in ticked}, asked, window, zone)
    whole = sum_of([found[device.pk] for device in ticked]) if ticked else None
    month = _month(asked, query, zone)
    return UsageResult(
        frame=page_frame(query, list(scope.counters), scope.today(now)),
        view=usage_view(whole, window, zone, now, month=month) if whole else None,
        rows=[
            _row(
                device, summary(found[device.pk], window, zone, now), query, ticked=device in asked
            )
            for device in listed
        ],
        ticked=len(ticked),
        files=_files(ticked or listed, found) if query.csv else [],
        peaks_left_out=peaks and len(ticked) > MOST_PEAKS,
    )


def _files(devices: Sequence[Device], found: Mapping[int, Consumption]) -> list[FileEntry]:
    marks = SimulatedHistory.objects.filter(gateway__in={device.gateway_id for device in devices})
    until = dict(marks.values_list("gateway", "last_ms"))
    return [
        FileEntry(
            name=str(device),
            consumption=found[device.pk],
            simulated_ms=until.get(device.gateway_id, 0),
        )
        for device in devices
    ]


def _row(device: Device, said: Summary, query: Query, *, ticked: bool) -> DeviceUsage:
    address = reverse("device-usage", kwargs={"device": device.pk})
    address += replace(query, ticked=()).address()
    return DeviceUsage(device=device, summary=said, ticked=ticked, address=address)


def _month(counters: Mapping[Device, Counter], query: Query, zone: ZoneInfo) -> Consumption | None:
    """The month around a day of demand, which is billed by the month's peak."""
    if query.window.bucket is not Bucket.DEMAND or query.csv or not query.measure:
        return None
    first = query.window.first.replace(day=1)
    month = Window(bucket=Bucket.DAY, first=first, stop=month_after(first, 1))
    found = consumption_of(counters, month, zone, query.measure)
    return sum_of(list(found.values())) if found else None
