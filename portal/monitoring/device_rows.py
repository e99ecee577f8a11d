"""Devices as rows of a page: state, gravest condition, a few readings and supplies of each.

A fixed number of queries for any number of rows, and of each device only what a row can show: a box
may name any number of series, supplies and conditions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Case, IntegerField, Value, When
from django.db.models.functions import Length
from django.utils import timezone

from drivers.report import Severity, State
from portal.fleet.kinds import PRINTED, DeviceFamily
from portal.fleet.models import BY_GRAVITY, Device, DeviceCondition, DeviceSupply
from portal.ingest.models import Latest, Series
from portal.monitoring.device_kind import device_kind
from portal.monitoring.device_status import statuses
from portal.monitoring.readings import (
    KEY_QUANTITIES,
    ReadingView,
    key_readings,
    reading_view,
)
from portal.monitoring.supplies import SupplyView, supply_views
from portal.web.first_rows import first_ids
from portal.web.moments import milliseconds
from portal.web.paging import first_of_each

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from portal.fleet.kinds import DeviceKind
    from portal.monitoring.connectivity import Connectivity
    from portal.monitoring.device_status import DeviceStatus
    from portal.monitoring.tally import GatewayFact

READINGS: Final = 64
"""How many of a device's values are looked at for a row, and for the kind of the device."""
SUPPLIES: Final = 24
"""How many of its supplies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow:
    """A device as a row or a card of a page.

    Attributes:
        others: How many conditions it has besides the gravest.
        heard_at: When anything was last received from it, Unix milliseconds of the portal's clock.
        stale: Whether only last known values are shown: it or its gateway cannot be reached.
        connectivity: Whether it can be reached.
    """

    device: Device
    kind: DeviceKind
    gravest: DeviceCondition | None
    others: int
    readings: Sequence[ReadingView]
    supplies: Sequence[SupplyView]
    heard_at: int | None
    stale: bool
    connectivity: Connectivity

    @property
    def family(self) -> DeviceFamily:
        """Whether it is a printer or a meter."""
        return self.kind.family

    @property
    def state(self) -> State:
        """What it is doing; `State.OTHER` while it cannot be reached."""
        if self.stale:
            return State.OTHER
        return State.READY if self.connectivity.only_counts else self.device.known_state

    @property
    def needs_you(self) -> bool:
        """Whether it needs attention."""
        if self.gravest is None:
            return self.connectivity.unreachable
        return self.gravest.known_severity is not Severity.INFO

    def gravity(self) -> tuple[Any, ...]:
        """The key to sort by: the gravest condition first; an unreachable device is an error."""
        if self.gravest is None:
            return (Severity.ERROR.rank, datetime.max.replace(tzinfo=UTC), "", "")
        return self.gravest.gravity()


def device_rows(
    ids: Collection[int], gateways: Mapping[int, GatewayFact], now: datetime
) -> dict[int, DeviceRow]:
    """The row of each device, by its id, at ``now``; its gateway is among ``gateways``."""
    if not ids:
        return {}
    devices = Device.objects.filter(pk__in=ids).select_related("gateway__site", "group", "location")
    known = statuses(ids)
    open_ = DeviceCondition.objects.open().filter(device__in=ids)
    gravest = first_of_each(open_, "device", lambda row: row.device_id, BY_GRAVITY, 1)
    supplies = first_supplies(ids)
    latest = first_values(ids, READINGS)
    return {
        device.pk: _row(
            device,
            known[device.pk],
            next(iter(gravest[device.pk]), None),
            (latest[device.pk], supplies[device.pk]),
            (gateways[device.gateway_id], now),
        )
        for device in devices
        if device.pk in known
    }


def first_supplies(ids: Collection[int]) -> dict[int, list[DeviceSupply]]:
    """The first `SUPPLIES` supplies of each device, by its id."""
    rows = DeviceSupply.objects.filter(device__in=ids)
    order = ("kind", "colour", "name", "pk")
    return first_of_each(rows, "device", lambda row: row.device_id, order, SUPPLIES)


def first_values(ids: Collection[int], most: int) -> dict[int, list[Latest]]:
    """The first latest values of each device, by its id, with their series; the key ones first."""
    wanted = sorted({*PRINTED, *(quantity.value for quantity in KEY_QUANTITIES)})
    rows = Latest.objects.filter(series__in=_first_series(ids, wanted, most))
    rank = Case(
        When(series__quantity__in=wanted, then=Value(0)),
        default=Value(1),
        output_field=IntegerField(),
    )
    order = (
        rank,
        "series__quantity",
        Length("series__part").asc(),
        "series__part",
        "series__resolution",
    )
    related = rows.select_related("series")
    return first_of_each(related, "series__device", lambda row: row.series.device_id, order, most)


def _first_series(ids: Collection[int], wanted: Collection[str], most: int) -> set[int]:
    """The series among which the first values of each device are, by their ids."""
    order = ["part", "resolution"]
    of_wanted = first_ids(Series, {"device_id": ids, "quantity": wanted}, order, most)
    return {*of_wanted, *first_ids(Series, {"device_id": ids}, ["quantity", *order], most)}


def _row(
    device: Device,
    status: DeviceStatus,
    gravest: DeviceCondition | None,
    held: tuple[Sequence[Latest], Sequence[DeviceSupply]],
    at: tuple[GatewayFact, datetime],
) -> DeviceRow:
    (latest, supplies), (gateway, now) = held, at
    now_ms, connectivity = milliseconds(now), status.connectivity
    return DeviceRow(
        device=device,
        kind=device_kind(device, latest, supplies),
        gravest=gravest,
        others=max(status.conditions - 1, 0),
        readings=[
            reading_view(row, hold_ms=gateway.heartbeat.hold_ms, now_ms=now_ms, short=True)
            for row in key_readings(latest)
        ],
        supplies=supply_views(supplies),
        heard_at=heard_at(device, status),
        stale=connectivity.unreachable or connectivity.never or not gateway.connected,
        connectivity=connectivity,
    )


def heard_at(device: Device, status: DeviceStatus) -> int | None:
    """When anything was last received from a device, Unix milliseconds; ``None``: never.

    By the portal's clock: what the gateway's clock says of it may be wrong. An event that an older
    portal received counts from its date, where that is past.
    """
    heard = [status.received_ms] if status.received_ms is not None else []
    at = device.last_heard_at
    if at is None and status.connectivity.answers:
        at = device.reported_at
        at = None if at is None or at > timezone.now() else at
    if at is not None:
        heard.append(milliseconds(at))
    return max(heard, default=None)
