"""The first page: what needs somebody, what all devices are doing, and every gateway's devices.

A site's and a gateway's page are the same with a narrower `Scope`.

Built from a fixed number of queries however many devices there are; `version` tells whether it
would look the same as before from aggregates alone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, Max, Q, Sum

from drivers.report import Severity, State
from portal.fleet.heartbeat import Heartbeat, heartbeats_of, is_connected
from portal.fleet.kinds import DeviceFamily
from portal.fleet.models import (
    GATEWAY_DEVICE,
    Box,
    Device,
    DeviceCondition,
    Gateway,
    RunningConfiguration,
    Site,
)
from portal.ingest.models import BootClock, Latest
from portal.monitoring.connectivity import Connectivity, connectivity_of
from portal.monitoring.device_kind import device_kind
from portal.monitoring.operation import Operation, operations
from portal.monitoring.readings import ReadingView, key_readings, reading_view
from portal.monitoring.supplies import SupplyView, supply_views

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.contrib.auth.models import AnonymousUser

    from portal.accounts.models import User
    from portal.fleet.kinds import DeviceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow:
    """A device on the first page.

    Attributes:
        others: How many conditions it has besides the gravest.
        heard_at: When anything last arrived from it, UTC.
        stale: Whether only last known values are shown: it or its gateway cannot be reached.
        connectivity: Whether it can be reached.
    """

    device: Device
    kind: DeviceKind
    gravest: DeviceCondition | None
    others: int
    readings: Sequence[ReadingView]
    supplies: Sequence[SupplyView]
    heard_at: datetime | None
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
        return State.READY if self.connectivity.only_counts else State(self.device.state)

    @property
    def needs_you(self) -> bool:
        """Whether somebody should look after it."""
        if self.gravest is None:
            return self.connectivity.unreachable
        return Severity(self.gravest.severity) is not Severity.INFO


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCard:
    """A gateway on the first page, with its devices.

    Attributes:
        heard_at: When anything last arrived from one of its boxes, UTC; ``None``: never.
        connected: Whether that is recent enough and the session has not ended.
        own: The device as which the gateway reports about itself, once it has.
        rows: Its devices without itself.
    """

    gateway: Gateway
    boxes: Sequence[Box]
    heard_at: datetime | None
    connected: bool
    own: DeviceRow | None
    rows: Sequence[DeviceRow]

    @property
    def needs_you(self) -> bool:
        """Whether it fell silent; a gateway from which nothing ever arrived is only waited for."""
        return self.heard_at is not None and not self.connected

    @property
    def worst(self) -> DeviceRow | None:
        """Its device with the gravest condition, or it itself."""
        rows = [row for row in (self.own, *self.rows) if row and row.gravest]
        return min(rows, key=_gravity, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCard:
    """A site on the first page, with its gateways."""

    site: Site
    gateways: Sequence[GatewayCard]

    @property
    def needs(self) -> list[GatewayCard | DeviceRow]:
        """What needs somebody at this site."""
        return _needs([self])

    @property
    def waits(self) -> bool:
        """Whether none of its gateways was ever heard."""
        return bool(self.gateways) and all(card.heard_at is None for card in self.gateways)

    @property
    def device_count(self) -> int:
        """How many devices its gateways read."""
        return sum(len(card.rows) for card in self.gateways)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything that the first page shows, or a page of one site or gateway."""

    sites: Sequence[SiteCard]
    needs: Sequence[GatewayCard | DeviceRow] = field(default_factory=tuple)

    @property
    def only_need(self) -> GatewayCard | DeviceRow | None:
        """What needs somebody, where it is exactly one thing."""
        return self.needs[0] if len(self.needs) == 1 else None

    @property
    def rows(self) -> list[DeviceRow]:
        """The devices, without the gateways themselves."""
        return [row for card in self.gateways for row in card.rows]

    @property
    def printers(self) -> list[Device]:
        """The devices that are printers."""
        return [row.device for row in self.rows if row.family is DeviceFamily.PRINTER]

    @property
    def operations(self) -> list[Operation]:
        """The devices counted by what they are doing, for each family."""
        return operations((row.family, row.state) for row in self.rows)

    @property
    def gateways(self) -> list[GatewayCard]:
        """The gateways of all sites."""
        return [card for site in self.sites for card in site.gateways]

    @property
    def waiting(self) -> list[GatewayCard]:
        """Gateways from which nothing was ever heard."""
        return [card for card in self.gateways if card.heard_at is None]

    @property
    def device_count(self) -> int:
        """How many devices there are."""
        return len(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How much a page shows: everything, one site, or one gateway; by id."""

    site: int | None = None
    gateway: int | None = None

    def within(self, path: str = "") -> dict[str, int]:
        """The filter for rows from which a gateway is ``path`` lookups away."""
        chosen = {f"{path}site": self.site, f"{path}pk": self.gateway}
        return {key: value for key, value in chosen.items() if value is not None}


EVERYTHING: Final = Scope()


def overview(user: User | AnonymousUser, now: datetime, scope: Scope = EVERYTHING) -> Overview:
    """The overview of what ``user`` may see, at ``now``."""
    gateways = list(
        Gateway.objects.visible_to(user)
        .filter(**scope.within())
        .select_related("site")
        .prefetch_related("boxes")
    )
    sites = list(Site.objects.visible_to(user).select_related("organization"))
    if scope is not EVERYTHING:
        chosen = {gateway.site_id for gateway in gateways} | {scope.site}
        sites = [site for site in sites if site.pk in chosen]
    heartbeats = heartbeats_of(gateway.pk for gateway in gateways)
    seen = Device.objects.visible_to(user).filter(**scope.within("gateway__"))
    devices: dict[int, list[Device]] = defaultdict(list)
    for device in (
        seen.with_conditions().select_related("gateway__site", "group").prefetch_related("supplies")
    ):
        devices[device.gateway_id].append(device)
    latest: dict[int, list[Latest]] = defaultdict(list)
    for row in Latest.objects.filter(series__device__in=seen).select_related("series"):
        latest[row.series.device_id].append(row)
    cards: dict[int, list[GatewayCard]] = defaultdict(list)
    for gateway in gateways:
        card = _card(gateway, devices[gateway.pk], latest, heartbeats[gateway.pk], now)
        cards[gateway.site_id].append(card)
    shown_sites = [SiteCard(site=site, gateways=cards[site.pk]) for site in sites]
    return Overview(sites=shown_sites, needs=_needs(shown_sites))


def _card(
    gateway: Gateway,
    devices: Sequence[Device],
    latest: dict[int, list[Latest]],
    heartbeat: Heartbeat,
    now: datetime,
) -> GatewayCard:
    boxes = list(gateway.boxes.all())
    connected = is_connected(boxes, heartbeat, now)
    rows = [_row(device, latest[device.pk], heartbeat, now, connected) for device in devices]
    return GatewayCard(
        gateway=gateway,
        boxes=boxes,
        heard_at=max((box.last_heard_at for box in boxes if box.last_heard_at), default=None),
        connected=connected,
        own=next((row for row in rows if row.device.name == GATEWAY_DEVICE), None),
        rows=[row for row in rows if row.device.name != GATEWAY_DEVICE],
    )


def _row(
    device: Device, latest: Sequence[Latest], heartbeat: Heartbeat, now: datetime, connected: bool
) -> DeviceRow:
    conditions = device.open_conditions()
    now_ms = int(now.timestamp() * 1000)
    newest = max((row.at for row in latest), default=None)
    heard = [datetime.fromtimestamp(newest / 1000, UTC)] if newest is not None else []
    connectivity = connectivity_of(device, latest, conditions)
    if device.reported_at is not None and connectivity.answers:
        heard.append(device.reported_at)
    return DeviceRow(
        device=device,
        kind=device_kind(device, latest, device.supplies.all()),
        gravest=conditions[0] if conditions else None,
        others=max(len(conditions) - 1, 0),
        readings=[
            reading_view(row, hold_ms=heartbeat.hold_ms, now_ms=now_ms, short=True)
            for row in key_readings(latest)
        ],
        supplies=supply_views(device.supplies.all()),
        heard_at=max(heard, default=None),
        stale=connectivity.unreachable or connectivity.never or not connected,
        connectivity=connectivity,
    )


def _needs(sites: Iterable[SiteCard]) -> list[GatewayCard | DeviceRow]:
    """What needs somebody, the gravest first.

    A silent gateway is one fact: what its devices last said is not repeated beside it.
    """
    silent: list[GatewayCard | DeviceRow] = []
    rows: list[DeviceRow] = []
    for card in (card for site in sites for card in site.gateways):
        if card.needs_you:
            silent.append(card)
        else:
            rows.extend(row for row in (card.own, *card.rows) if row and row.needs_you)
    rows.sort(key=_gravity)
    return silent + list(rows)


def _gravity(row: DeviceRow) -> tuple[Any, ...]:
    if row.gravest is None:
        return (Severity.ERROR.rank, datetime.max.replace(tzinfo=UTC), "", "")
    return row.gravest.gravity()


def version(user: User | AnonymousUser, now: datetime) -> str:
    """A hash that changes whenever `overview` would, of aggregates that grow with every change.

    Sums of orders rather than maxima: each device's order only grows, but the greatest of them
    may stand still while another's grows. What time alone changes (a gateway falls silent, a
    value grows stale) is counted as well.
    """
    boxes = list(Box.objects.visible_to(user))
    heartbeats = heartbeats_of({box.gateway_id for box in boxes})
    by_hold: dict[int, list[int]] = defaultdict(list)
    for gateway, heartbeat in heartbeats.items():
        by_hold[heartbeat.hold_ms].append(gateway)
    now_ms = int(now.timestamp() * 1000)
    stale = Q(pk__in=[])
    for hold_ms, ids in by_hold.items():
        stale |= Q(series__device__gateway__in=ids, at__lt=now_ms - hold_ms)
    devices = Device.objects.visible_to(user)
    facts = (
        Latest.objects.filter(series__device__in=devices).aggregate(
            Count("pk"), Sum("at"), stale=Count("pk", filter=stale)
        ),
        devices.aggregate(
            Count("pk"),
            Sum("event_order"),
            Sum("own_order"),
            Sum("identity_order"),
            Sum("revision"),
        ),
        Site.objects.visible_to(user).aggregate(Count("pk")),
        Gateway.objects.visible_to(user).aggregate(Count("pk")),
        RunningConfiguration.objects.visible_to(user).aggregate(Max("pk")),
        BootClock.objects.filter(box__in=boxes).aggregate(Max("pk")),
        [
            (box.pk, box.last_heard_at, is_connected([box], heartbeats[box.gateway_id], now))
            for box in boxes
        ],
    )
    return blake2b(repr(facts).encode(), digest_size=12).hexdigest()
