"""What a usage page is about: a device or a site, with its clock and its counters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db.models import Count, Max, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.fleet.models import Device, Site
from portal.ingest.models import BootClock, Latest, UndatedBoot
from portal.usage.consumption import series_of
from portal.usage.measures import Measure, counter_of
from portal.usage.query import query_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from django.http import QueryDict

    from portal.usage.measures import Counter
    from portal.usage.query import Query


@dataclass(frozen=True, kw_only=True)
class UsageScope:
    """One device, or all devices of a site.

    Attributes:
        site: The site, or the device's site.
        device: The one device; ``None`` for a whole site.
        devices: The one device, or all of the site.
    """

    site: Site
    device: Device | None
    devices: Sequence[Device]

    @property
    def name(self) -> str:
        """The name of the device or the site."""
        return str(self.device or self.site)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone whose clock cuts days and hours."""
        return ZoneInfo(self.site.time_zone)

    @property
    def address(self) -> str:
        """The address of its usage page."""
        if self.device:
            return reverse("device-usage", kwargs={"device": self.device.pk})
        return reverse("site-usage", kwargs={"site": self.site.pk})

    @cached_property
    def counters(self) -> Mapping[Measure, Mapping[Device, Counter]]:
        """For each measure, how each device that counts it does so; one query."""
        series = series_of(self.devices)
        found: dict[Measure, dict[Device, Counter]] = {}
        for measure in Measure:
            for device in self.devices:
                counter = counter_of(series[device.pk], measure)
                if counter:
                    found.setdefault(measure, {})[device] = counter
        return found

    def section(self, measure: Measure | None) -> str:
        """The page's name: "Usage" for what is printed, else "Energy"."""
        printed = measure.printed if measure else all(each.printed for each in self.counters)
        return _("Usage") if printed and self.counters else _("Energy")

    def query(self, said: QueryDict, now: datetime) -> Query:
        """The query in an address' parameters; raises `portal.usage.query.QueryError`."""
        return query_of(said, list(self.counters), self.today(now))

    def today(self, now: datetime) -> date:
        """The date at ``now`` by the scope's own clock."""
        return now.astimezone(self.zone).date()

    def knows(self, ticked: Sequence[int]) -> bool:
        """Whether all of these devices, by id, are in the scope."""
        return set(ticked) <= {device.pk for device in self.devices}

    def version(self, now: datetime) -> str:
        """A hash that changes whenever the result would, and once a minute as time goes on."""
        facts = (
            Latest.objects.filter(series__device__in=[d.pk for d in self.devices]).aggregate(
                Count("pk"), Sum("at")
            ),
            [(device.pk, str(device)) for device in self.devices],
            BootClock.objects.filter(box__gateway__site=self.site).aggregate(Max("pk")),
            UndatedBoot.objects.filter(box__gateway__site=self.site).aggregate(
                Count("pk"), Sum("readings")
            ),
            int(now.timestamp()) // 60,
        )
        return blake2b(repr(facts).encode(), digest_size=12).hexdigest()


def device_scope(device: Device) -> UsageScope:
    """The scope of a device, which needs its gateway and site fetched."""
    return UsageScope(site=device.gateway.site, device=device, devices=[device])


def site_scope(site: Site) -> UsageScope:
    """The scope of all devices of a site."""
    devices = sorted(Device.objects.filter(gateway__site=site), key=lambda one: (str(one), one.pk))
    return UsageScope(site=site, device=None, devices=devices)
