"""What a usage page is about: a device or a site, with its clock and its counters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, Max, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.fleet.considered import considered
from portal.fleet.models import Box, Device, Gateway, Site
from portal.ingest.models import BootClock, UndatedBoot
from portal.usage.consumption import MOST_SERIES, counted, first_counted, series_of
from portal.usage.measures import QUANTITIES, Measure, counter_of
from portal.usage.query import query_of
from portal.web.moments import zone_of
from portal.web.sums import ExactSum

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from django.db.models import QuerySet
    from django.http import QueryDict

    from portal.usage.measures import Counter
    from portal.usage.query import Query


@dataclass(frozen=True, kw_only=True)
class UsageScope:
    """One device, or all devices of a site.

    Attributes:
        site: The site, or the device's site.
        device: The one device; ``None`` for a whole site.
    """

    site: Site
    device: Device | None

    @property
    def name(self) -> str:
        """The name of the device or the site."""
        return str(self.device or self.site)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone whose clock cuts days and hours."""
        return zone_of(self.site.time_zone)

    @property
    def address(self) -> str:
        """The address of its usage page."""
        if self.device:
            return reverse("device-usage", kwargs={"device": self.device.pk})
        return reverse("site-usage", kwargs={"site": self.site.pk})

    @property
    def devices(self) -> QuerySet[Device]:
        """The one device, or all of the site."""
        if self.device:
            return Device.objects.filter(pk=self.device.pk)
        return self._considered

    @cached_property
    def _considered(self) -> QuerySet[Device]:
        gateways = Gateway.objects.filter(site=self.site).order_by().values_list("pk", flat=True)
        return considered(list(gateways)).devices

    @cached_property
    def measures(self) -> list[Measure]:
        """What is counted here; two queries."""
        devices = list(self.devices.order_by().values_list("pk", flat=True))
        names = first_counted(devices, MOST_SERIES).values_list("quantity", flat=True)
        found = set(names.distinct())
        return [
            measure
            for measure in Measure
            if not found.isdisjoint(quantity.value for quantity in QUANTITIES[measure])
        ]

    def counting(self, measure: Measure) -> QuerySet[Device]:
        """The devices that count this measure, by name."""
        series = counted(measure).filter(device=OuterRef("pk"))
        return self.devices.filter(Exists(series)).order_by("sort_key", "pk")

    def counters(self, measure: Measure, devices: Iterable[Device]) -> dict[Device, Counter]:
        """How each of these devices counts this measure; one query."""
        every = list(devices)
        series = series_of(every)
        found = {device: counter_of(series[device.pk], measure) for device in every}
        return {device: counter for device, counter in found.items() if counter}

    def section(self, measure: Measure | None) -> str:
        """The page's name: "Usage" for what is printed, else "Energy"."""
        printed = measure.printed if measure else all(each.printed for each in self.measures)
        return _("Usage") if printed and self.measures else _("Energy")

    def query(self, said: QueryDict, now: datetime) -> Query:
        """The query in an address' parameters; raises `portal.usage.query.QueryError`."""
        return query_of(said, self.measures, self.today(now))

    def today(self, now: datetime) -> date:
        """The date at ``now`` by the scope's own clock."""
        return now.astimezone(self.zone).date()

    def knows(self, ticked: Sequence[int]) -> bool:
        """Whether all of these devices, by id, are in the scope."""
        return not ticked or self.devices.filter(pk__in=ticked).count() == len(set(ticked))

    def version(self, now: datetime) -> str:
        """A hash that changes whenever the result would, and once a minute as time goes on.

        Whatever arrives from a box moves when it was last heard.
        """
        boxes = Box.objects.filter(gateway__site=self.site).order_by("pk")
        facts = (
            list(boxes.values_list("pk", "last_heard_at")),
            self.devices.order_by().aggregate(Count("pk"), ExactSum("revision")),
            BootClock.objects.filter(box__gateway__site=self.site).aggregate(Max("pk")),
            UndatedBoot.objects.filter(box__gateway__site=self.site).aggregate(
                Count("pk"), ExactSum("readings")
            ),
            (str(self.device or ""), self.site.revision, int(now.timestamp()) // 60),
        )
        return blake2b(repr(facts).encode(), digest_size=12).hexdigest()


def device_scope(device: Device) -> UsageScope:
    """The scope of a device, which needs its gateway and site fetched."""
    return UsageScope(site=device.gateway.site, device=device)


def site_scope(site: Site) -> UsageScope:
    """The scope of all devices of a site."""
    return UsageScope(site=site, device=None)
