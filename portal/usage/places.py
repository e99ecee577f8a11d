"""A device or a site as the energy pages see it: its clock, its counters, what it answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from django.db.models import Count, Max, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.fleet.models import Device, Site
from portal.ingest.models import BootClock, Latest
from portal.simulation.models import SimulatedHistory
from portal.usage.consumption import consumption_of, series_of, sum_of, with_halves
from portal.usage.measures import Of, counter_of
from portal.usage.page import frame, shown, summary
from portal.usage.periods import By, Window, month_after
from portal.usage.query import query_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from django.http import QueryDict

    from portal.usage.consumption import Consumption
    from portal.usage.measures import Counter
    from portal.usage.page import Frame, Shown, Summary
    from portal.usage.query import Query

MOST_PEAKS: Final = 12
"""Of so many devices at once the peaks of a year's months are read: three seconds."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something is counted.

    Attributes:
        device: The one device; ``None`` for a whole site.
        devices: All of them.
    """

    site: Site
    device: Device | None
    devices: Sequence[Device]

    @property
    def name(self) -> str:
        """Of the device or the site."""
        return str(self.device or self.site)

    @property
    def zone(self) -> ZoneInfo:
        """The clock that cuts days and hours."""
        return ZoneInfo(self.site.time_zone)

    @property
    def address(self) -> str:
        """Of its energy page."""
        if self.device:
            return reverse("device-energy", kwargs={"device": self.device.pk})
        return reverse("site-energy", kwargs={"site": self.site.pk})

    @cached_property
    def counters(self) -> Mapping[Of, Mapping[Device, Counter]]:
        """For each thing that anything here counts, which device counts it how."""
        series = series_of(self.devices)
        found: dict[Of, dict[Device, Counter]] = {}
        for of in Of:
            for device in self.devices:
                counter = counter_of(series[device.pk], of)
                if counter:
                    found.setdefault(of, {})[device] = counter
        return found

    def section(self, of: Of | None) -> str:
        """What a page about it is called: people use printers, and energy."""
        printed = of.printed if of else all(each.printed for each in self.counters)
        return _("Usage") if printed and self.counters else _("Energy")

    def query(self, said: QueryDict, now: datetime) -> Query:
        """What an address asks of this place; raises `portal.usage.query.QueryError`."""
        return query_of(said, list(self.counters), self.today(now))

    def today(self, now: datetime) -> date:
        """By its own clock."""
        return now.astimezone(self.zone).date()

    def knows(self, ticked: Sequence[int]) -> bool:
        """Whether all of these devices are here."""
        return set(ticked) <= {device.pk for device in self.devices}

    def version(self, now: datetime) -> str:
        """Changes whenever what it answers would, and once a minute as time goes on."""
        facts = (
            Latest.objects.filter(series__device__in=[d.pk for d in self.devices]).aggregate(
                Count("pk"), Sum("at")
            ),
            [(device.pk, str(device)) for device in self.devices],
            BootClock.objects.filter(box__gateway__site=self.site).aggregate(Max("pk")),
            int(now.timestamp()) // 60,
        )
        return blake2b(repr(facts).encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow:
    """One device in a site's list."""

    device: Device
    summary: Summary
    ticked: bool
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InFile:
    """A device in a file.

    Attributes:
        simulated_ms: Its samples up to then (Unix ms) were made up; 0 where none were.
    """

    name: str
    consumption: Consumption
    simulated_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a place says to a query.

    Attributes:
        shown: The one device's or the sum of what is ticked; ``None`` where neither is.
        rows: A site's devices.
        ticked: How many of them are added up.
        files: What a file holds.
        peaks_left_out: Whether there are too many devices to read the months' peaks.
    """

    frame: Frame
    shown: Shown | None
    rows: Sequence[DeviceRow]
    ticked: int
    files: Sequence[InFile]
    peaks_left_out: bool = False

    @property
    def most_peaks(self) -> int:
        """Of so many devices at once they are read."""
        return MOST_PEAKS


def device_place(device: Device) -> Place:
    """The place of a device; with its gateway and site fetched."""
    return Place(site=device.gateway.site, device=device, devices=[device])


def site_place(site: Site) -> Place:
    """The place of a site."""
    devices = sorted(Device.objects.filter(gateway__site=site), key=lambda one: (str(one), one.pk))
    return Place(site=site, device=None, devices=devices)


def answer_of(place: Place, query: Query, now: datetime) -> Answer:
    """What ``place`` says at ``now``.

    A site adds up what is ticked and nothing else: it is not known which meters lie behind which,
    and a main meter and its sub-meters would count twice. One device alone is that sum already,
    and all printers are, where none is ticked.
    """
    counters = place.counters.get(query.of, {}) if query.of else {}
    window, zone = query.window, place.zone
    found = consumption_of(counters, window, zone, query.of or Of.IMPORT)
    listed = [device for device in counters if device.pk in found]
    every = len(counters) == 1 or (query.of is not None and query.of.printed and not query.ticked)
    ticked = [device for device in listed if every or device.pk in query.ticked]
    asked = {device: counters[device] for device in ticked}
    peaks = query.of is not None and query.of.electric and window.by is By.MONTH
    if peaks and len(ticked) <= MOST_PEAKS:
        found |= with_halves({d.pk: found[d.pk] for d in ticked}, asked, window, zone)
    whole = sum_of([found[device.pk] for device in ticked]) if ticked else None
    month = _month(asked, query, zone)
    return Answer(
        frame=frame(query, list(place.counters), place.today(now)),
        shown=shown(whole, window, zone, now, month=month) if whole else None,
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


def _files(devices: Sequence[Device], found: Mapping[int, Consumption]) -> list[InFile]:
    marks = SimulatedHistory.objects.filter(gateway__in={device.gateway_id for device in devices})
    until = dict(marks.values_list("gateway", "last_ms"))
    return [
        InFile(
            name=str(device),
            consumption=found[device.pk],
            simulated_ms=until.get(device.gateway_id, 0),
        )
        for device in devices
    ]


def _row(device: Device, said: Summary, query: Query, *, ticked: bool) -> DeviceRow:
    address = reverse("device-energy", kwargs={"device": device.pk})
    address += replace(query, ticked=()).address()
    return DeviceRow(device=device, summary=said, ticked=ticked, address=address)


def _month(counters: Mapping[Device, Counter], query: Query, zone: ZoneInfo) -> Consumption | None:
    """The month around a day of demand, which is billed by the month's peak."""
    if query.window.by is not By.DEMAND or query.csv or not query.of:
        return None
    first = query.window.first.replace(day=1)
    month = Window(by=By.DAY, first=first, stop=month_after(first, 1))
    found = consumption_of(counters, month, zone, query.of)
    return sum_of(list(found.values())) if found else None
