"""The page of one device: its identity, its conditions, its latest readings."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from django.db.models import Count, Max, Q
from django.utils.translation import gettext as _

from portal.fleet.heartbeat import heartbeats_of, is_connected
from portal.fleet.models import GATEWAY_DEVICE, Box, Device, DeviceCondition
from portal.ingest.models import BootClock, Latest, Series, UndatedBoot
from portal.monitoring.device_kind import device_kind
from portal.monitoring.device_rows import READINGS, first_supplies, first_values, heard_at
from portal.monitoring.device_status import SERIES, statuses
from portal.monitoring.readings import ReadingView, in_order, reading_view
from portal.monitoring.supplies import SupplyView, supply_views
from portal.web import words
from portal.web.first_rows import first_ids
from portal.web.moments import AHEAD_MS, milliseconds, zone_of
from portal.web.sums import ExactSum

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from portal.fleet.kinds import DeviceFamily, DeviceKind
    from portal.monitoring.connectivity import Connectivity

_CONDITIONS: Final = 20
_READINGS: Final = 200
"""How many conditions and readings of a device are shown: a box may name any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityRow:
    """The latest readings of one quantity.

    Attributes:
        name: The name of the quantity.
        whole: The reading that has no part.
        parts: The other readings, in the vocabulary's order.
    """

    name: str
    whole: ReadingView | None
    parts: Sequence[ReadingView]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """What the live fragment of a device's page shows.

    Attributes:
        conditions, supplies, quantities: The first of each; ``more_...`` says how many there are
            besides.
        connected: Whether its gateway is connected.
        heard_at: When anything was last received from the device, Unix milliseconds of the
            portal's clock.
        gateway_heard_at: When anything last arrived from its gateway, UTC.
        connectivity: Whether the device itself can be reached.
    """

    device: Device
    kind: DeviceKind
    conditions: Sequence[DeviceCondition]
    more_conditions: int
    supplies: Sequence[SupplyView]
    more_supplies: int
    quantities: Sequence[QuantityRow]
    more_readings: int
    heard_at: int | None
    gateway_heard_at: datetime | None
    connected: bool
    is_gateway: bool
    connectivity: Connectivity

    @property
    def family(self) -> DeviceFamily:
        """Whether it is a printer or a meter."""
        return self.kind.family

    @property
    def stale(self) -> bool:
        """Whether only last known values are shown: it or its gateway cannot be reached now."""
        return self.connectivity.unreachable or self.connectivity.never or not self.connected

    @property
    def title(self) -> str:
        """The page's heading."""
        return (
            _("%(gateway)s (gateway)") % {"gateway": self.device.gateway}
            if (self.is_gateway)
            else str(self.device)
        )


def device_view(device: Device, now: datetime) -> DeviceView:
    """The live fragment of ``device``'s page at ``now``."""
    heartbeat = heartbeats_of([device.gateway_id])[device.gateway_id]
    boxes = list(Box.objects.filter(gateway=device.gateway_id))
    status = statuses([device.pk])[device.pk]
    rows = first_values([device.pk], _READINGS)[device.pk]
    supplies = first_supplies([device.pk])[device.pk]
    conditions = list(device.conditions.open().gravest_first()[:_CONDITIONS])
    now_ms = milliseconds(now)
    return DeviceView(
        device=device,
        kind=device_kind(device, rows[:READINGS], supplies),
        conditions=conditions,
        more_conditions=status.conditions - len(conditions),
        supplies=supply_views(supplies),
        more_supplies=device.supplies.count() - len(supplies),
        quantities=_by_quantity(
            reading_view(row, hold_ms=heartbeat.hold_ms, now_ms=now_ms) for row in in_order(rows)
        ),
        more_readings=_known(device).count() - len(rows),
        heard_at=heard_at(device, status),
        gateway_heard_at=max((b.last_heard_at for b in boxes if b.last_heard_at), default=None),
        connected=is_connected(boxes, heartbeat, now),
        is_gateway=device.name == GATEWAY_DEVICE,
        connectivity=status.connectivity,
    )


def _known(device: Device) -> QuerySet[Latest]:
    """The latest values of the first series of a device."""
    order = ["quantity", "part", "resolution"]
    return Latest.objects.filter(
        series__in=first_ids(Series, {"device_id": [device.pk]}, order, SERIES)
    )


def _by_quantity(readings: Iterable[ReadingView]) -> list[QuantityRow]:
    rows = []
    for name, group in groupby(readings, key=attrgetter("quantity")):
        members = list(group)
        whole = next((reading for reading in members if not reading.part), None)
        parts = [reading for reading in members if reading is not whole]
        rows.append(QuantityRow(name=name, whole=whole, parts=parts))
    return rows


def device_version(device: Device, now: datetime) -> str:
    """A hash that changes whenever `device_view` would, as `portal.monitoring.overview.version`."""
    heartbeat = heartbeats_of([device.gateway_id])[device.gateway_id]
    boxes = list(Box.objects.filter(gateway=device.gateway_id))
    zone = zone_of(device.gateway.site.time_zone)
    now_ms = milliseconds(now)
    stale = Q(at__lt=now_ms - heartbeat.hold_ms) | Q(at__gt=now_ms + AHEAD_MS)
    facts = (
        _known(device).aggregate(
            Count("pk"), ExactSum("at"), Max("received_ms"), stale=Count("pk", filter=stale)
        ),
        (device.pk, device.event_order, device.own_order, device.identity_order),
        (str(device), device.revision, device.gateway.site.revision, now.astimezone(zone).date()),
        BootClock.objects.filter(box__in=boxes).aggregate(
            Max("pk"), unconfirmed=Max("last_ms", filter=Q(synchronised=False))
        ),
        UndatedBoot.objects.filter(box__in=boxes).aggregate(Count("pk"), ExactSum("readings")),
        is_connected(boxes, heartbeat, now),
    )
    return blake2b(repr(facts).encode(), digest_size=12).hexdigest()


def series_label(quantity: str, part: str) -> str:
    """The name of a series: ``Voltage L1``, ``Energy imported (tariff 2)``."""
    parts = {"quantity": words.quantity_words(quantity), "part": words.part_words(part)}
    if not part:
        return parts["quantity"]
    return (_("%(quantity)s (%(part)s)") if "=" in part else _("%(quantity)s %(part)s")) % parts
