"""The page of one device: its identity, its conditions, its latest readings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db.models import Count, Max, Q, Sum
from django.utils.translation import gettext as _

from portal.fleet.heartbeat import heartbeats_of, is_connected
from portal.fleet.models import GATEWAY_DEVICE, Box, Device, DeviceCondition
from portal.ingest.models import BootClock, Latest, UndatedBoot
from portal.monitoring.connectivity import Connectivity, connectivity_of
from portal.monitoring.device_kind import device_kind
from portal.monitoring.readings import ReadingView, in_order, reading_view
from portal.monitoring.supplies import SupplyView, supply_views
from portal.web import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portal.fleet.kinds import DeviceFamily, DeviceKind


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
        connected: Whether its gateway is connected.
        heard_at: When anything last arrived from the device, UTC.
        gateway_heard_at: When anything last arrived from its gateway, UTC.
        connectivity: Whether the device itself can be reached.
    """

    device: Device
    kind: DeviceKind
    conditions: Sequence[DeviceCondition]
    supplies: Sequence[SupplyView]
    quantities: Sequence[QuantityRow]
    heard_at: datetime | None
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
    rows = in_order(Latest.objects.filter(series__device=device).select_related("series"))
    now_ms = int(now.timestamp() * 1000)
    heard = [datetime.fromtimestamp(max(row.at for row in rows) / 1000, UTC)] if rows else []
    conditions = device.open_conditions()
    connectivity = connectivity_of(device, rows, conditions)
    if device.reported_at is not None and connectivity.answers:
        heard.append(device.reported_at)
    supplies = list(device.supplies.all())
    return DeviceView(
        device=device,
        kind=device_kind(device, rows, supplies),
        conditions=conditions,
        supplies=supply_views(supplies),
        quantities=_by_quantity(
            reading_view(row, hold_ms=heartbeat.hold_ms, now_ms=now_ms) for row in rows
        ),
        heard_at=max(heard, default=None),
        gateway_heard_at=max((b.last_heard_at for b in boxes if b.last_heard_at), default=None),
        connected=is_connected(boxes, heartbeat, now),
        is_gateway=device.name == GATEWAY_DEVICE,
        connectivity=connectivity,
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
    zone = ZoneInfo(device.gateway.site.time_zone)
    stale_before = int(now.timestamp() * 1000) - heartbeat.hold_ms
    facts = (
        Latest.objects.filter(series__device=device).aggregate(
            Count("pk"), Sum("at"), stale=Count("pk", filter=Q(at__lt=stale_before))
        ),
        (device.pk, device.event_order, device.own_order, device.identity_order),
        (str(device), device.revision, now.astimezone(zone).date()),
        BootClock.objects.filter(box__in=boxes).aggregate(Max("pk")),
        UndatedBoot.objects.filter(box__in=boxes).aggregate(Count("pk"), Sum("readings")),
        is_connected(boxes, heartbeat, now),
    )
    return blake2b(repr(facts).encode(), digest_size=12).hexdigest()


def series_label(quantity: str, part: str) -> str:
    """The name of a series: ``Voltage L1``, ``Energy imported (tariff 2)``."""
    parts = {"quantity": words.quantity_words(quantity), "part": words.part_words(part)}
    if not part:
        return parts["quantity"]
    return (_("%(quantity)s (%(part)s)") if "=" in part else _("%(quantity)s %(part)s")) % parts
