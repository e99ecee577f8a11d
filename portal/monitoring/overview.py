"""The first page: what needs somebody, what all devices are doing, and every gateway's devices.

A site's and a gateway's page are the same with a narrower `Scope`. Everything is counted, but only
the most urgent gateways and devices are shown, each group with a link to the list of all: a page
costs the same however many devices a box names.

Built from a fixed number of queries; `version` tells whether it would look the same as before.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from django.db.models import Count, F, Max, Value, Window
from django.db.models.functions import Coalesce, RowNumber

from drivers.report import Severity
from portal.fleet.considered import considered
from portal.fleet.heartbeat import heartbeats_of, is_connected
from portal.fleet.models import GATEWAY_DEVICE, Box, Device, Gateway, RunningConfiguration, Site
from portal.ingest.models import BootClock
from portal.monitoring.device_rows import DeviceRow, device_rows
from portal.monitoring.device_status import NEEDS, raised_first, with_status
from portal.monitoring.tally import FleetTally, GatewayFact, Scope, tally
from portal.web.sums import ExactSum

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from django.contrib.auth.models import AnonymousUser

    from portal.accounts.models import User
    from portal.fleet.considered import Considered
    from portal.monitoring.operation import Operation

EVERYTHING: Final = Scope()
LISTED_NEEDS: Final = 6
"""How many of the things that need attention are named at the top of a page."""
SITES: Final = 12
GATEWAYS: Final = 12
DEVICES: Final = 12
"""How many sites, gateways, and devices of a gateway a page shows."""
DEVICES_ALONE: Final = 48
"""How many devices a gateway's own page shows."""
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCard:
    """A gateway on the first page, with its most urgent devices.

    Attributes:
        fact: How it stands.
        own: The device as which the gateway reports about itself, once it has.
        rows: The devices shown, without itself.
        device_count: How many devices it has, without itself.
    """

    gateway: Gateway
    fact: GatewayFact
    boxes: Sequence[Box]
    own: DeviceRow | None
    rows: Sequence[DeviceRow]
    device_count: int

    @property
    def heard_at(self) -> datetime | None:
        """When anything last arrived from one of its boxes, UTC; ``None``: never."""
        return self.fact.heard_at

    @property
    def connected(self) -> bool:
        """Whether it can be reached."""
        return self.fact.connected

    @property
    def more(self) -> int:
        """How many of its devices are not shown."""
        return max(self.device_count - len(self.rows), 0)

    @property
    def worst(self) -> DeviceRow | None:
        """The device with the gravest condition among those shown and itself."""
        rows = [row for row in (self.own, *self.rows) if row and row.gravest]
        return min(rows, key=DeviceRow.gravity, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCard:
    """A site, with its most urgent gateways.

    Attributes:
        gateways: The gateways shown.
        gateway_count: How many it has.
        device_count: How many devices its gateways read.
        needs: How many things at this site need attention.
        waits: Whether none of its gateways was ever heard.
    """

    site: Site
    gateways: Sequence[GatewayCard]
    gateway_count: int
    device_count: int
    needs: int
    waits: bool

    @property
    def more(self) -> int:
        """How many of its gateways are not shown."""
        return self.gateway_count - len(self.gateways)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything that the first page shows, or a page of one site or gateway.

    Attributes:
        tally: Everything, counted.
        sites: The sites shown.
        site_count: How many there are.
        needs: The first things that need attention, the most severe first.
        need_count: How many things need attention.
    """

    tally: FleetTally
    sites: Sequence[SiteCard]
    site_count: int
    needs: Sequence[GatewayCard | DeviceRow]
    need_count: int

    @property
    def only_need(self) -> GatewayCard | DeviceRow | None:
        """What needs somebody, where it is exactly one thing."""
        return self.needs[0] if self.need_count == 1 and self.needs else None

    @property
    def more_needs(self) -> int:
        """How many things need attention and are not named at the top."""
        return self.need_count - len(self.needs)

    @property
    def more_sites(self) -> int:
        """How many sites are not shown."""
        return self.site_count - len(self.sites)

    @property
    def operations(self) -> list[Operation]:
        """The devices counted by what they are doing, for each family."""
        return self.tally.operations

    @property
    def gateways(self) -> list[GatewayCard]:
        """The gateways shown, of all sites."""
        return [card for site in self.sites for card in site.gateways]

    @property
    def left_out(self) -> int:
        """How many devices of a gateway a page shows, where some are left out; else 0."""
        return self.tally.looked_at.left_out

    @property
    def gateway_count(self) -> int:
        """How many gateways there are."""
        return len(self.tally.gateways)

    @property
    def waiting(self) -> bool:
        """Whether there is a gateway from which nothing was ever heard."""
        return any(fact.heard_at is None for fact in self.tally.gateways.values())

    @property
    def device_count(self) -> int:
        """How many devices there are, without the gateways themselves."""
        return sum(self.tally.devices(gateway) for gateway in self.tally.gateways)


def overview(
    user: User | AnonymousUser,
    now: datetime,
    scope: Scope = EVERYTHING,
    counted: FleetTally | None = None,
) -> Overview:
    """The overview of what ``user`` may see, at ``now``; ``counted`` is its tally, if known."""
    counted = counted or tally(user, now, scope)
    urgent = sorted(counted.gateways, key=counted.urgency)
    shown = urgent[:GATEWAYS]
    most = DEVICES_ALONE if scope.gateway is not None else DEVICES
    need_count = sum(counted.needs(gateway) for gateway in counted.gateways)
    silent = [pk for pk in urgent if counted.gateways[pk].silent][:LISTED_NEEDS]
    urgent_devices = _urgent_devices(counted, LISTED_NEEDS - len(silent)) if need_count else []
    cards = gateway_cards({*shown, *silent}, counted, now, most=most, also=urgent_devices)
    site_count, sites = _sites(user, scope, counted, shown)
    by_site: dict[int, list[GatewayCard]] = defaultdict(list)
    for pk in sorted(shown, key=lambda pk: counted.gateways[pk].place):
        by_site[counted.gateways[pk].site].append(cards.of[pk])
    return Overview(
        tally=counted,
        sites=site_cards(sites, counted, by_site),
        site_count=site_count,
        needs=[
            *(cards.of[pk] for pk in silent),
            *(cards.rows[pk] for pk in urgent_devices if pk in cards.rows),
        ],
        need_count=need_count,
    )


def _sites(
    user: User | AnonymousUser, scope: Scope, counted: FleetTally, shown: Collection[int]
) -> tuple[int, list[Site]]:
    """How many sites there are, and those to show: of the gateways shown, then others."""
    visible = Site.objects.visible_to(user).select_related("organization")
    within = {counted.gateways[pk].site for pk in shown}
    if scope.site is not None:
        within.add(scope.site)
    of_shown = list(visible.filter(pk__in=within))
    if not scope.lists_sites:
        return len(of_shown), of_shown
    if scope.organization is not None:
        visible = visible.filter(organization=scope.organization)
    others = list(visible.exclude(pk__in=within)[: max(SITES - len(of_shown), 0)])
    return visible.count(), sorted([*of_shown, *others], key=lambda site: (site.sort_key, site.pk))


def site_cards(
    sites: Sequence[Site], counted: FleetTally, cards: Mapping[int, Sequence[GatewayCard]]
) -> list[SiteCard]:
    """The card of each of ``sites``, with the gateways to show of each, by its id."""
    members: dict[int, list[GatewayFact]] = defaultdict(list)
    for fact in counted.gateways.values():
        members[fact.site].append(fact)
    return [
        SiteCard(
            site=site,
            gateways=cards.get(site.pk, ()),
            gateway_count=len(members[site.pk]),
            device_count=sum(counted.devices(fact.pk) for fact in members[site.pk]),
            needs=sum(counted.needs(fact.pk) for fact in members[site.pk]),
            waits=bool(members[site.pk]) and all(f.heard_at is None for f in members[site.pk]),
        )
        for site in sites
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCards:
    """Cards of gateways, and rows of devices, by their ids."""

    of: Mapping[int, GatewayCard]
    rows: Mapping[int, DeviceRow]


def gateway_cards(
    gateways: Collection[int],
    counted: FleetTally,
    now: datetime,
    *,
    most: int,
    also: Sequence[int] = (),
) -> GatewayCards:
    """The cards of these gateways.

    Args:
        gateways: Ids.
        counted: The tally that they are in.
        now: The moment at which they are looked at.
        most: How many devices of each to show, the most urgent ones.
        also: Ids of devices whose rows are wanted, too.
    """
    places = _most_urgent(counted.looked_at.within(gateways), most)
    rows = device_rows(
        {*also, *(pk for pks in places.values() for pk in pks)}, counted.gateways, now
    )
    found = Gateway.objects.filter(pk__in=gateways).select_related("site__organization")
    cards = {}
    for gateway in found.prefetch_related("boxes"):
        of_it = [rows[pk] for pk in places[gateway.pk] if pk in rows]
        cards[gateway.pk] = GatewayCard(
            gateway=gateway,
            fact=counted.gateways[gateway.pk],
            boxes=list(gateway.boxes.all()),
            own=next((row for row in of_it if row.device.name == GATEWAY_DEVICE), None),
            rows=[row for row in of_it if row.device.name != GATEWAY_DEVICE],
            device_count=counted.devices(gateway.pk),
        )
    return GatewayCards(of=cards, rows=rows)


def _most_urgent(looked_at: Considered, most: int) -> dict[int, list[int]]:
    """The ids of each gateway's most urgent devices and of the gateway itself, by its id."""
    devices = with_status(looked_at.devices.order_by())
    place = Window(
        RowNumber(),
        partition_by=F("gateway"),
        order_by=[F("worst").asc(nulls_last=True), F("reach").desc(), "sort_key", "pk"],
    )
    others = devices.exclude(name=GATEWAY_DEVICE).annotate(place=place).filter(place__lte=most)
    own = Device.objects.filter(gateway__in=looked_at.gateways, name=GATEWAY_DEVICE)
    found: dict[int, list[int]] = defaultdict(list)
    for gateway, pk in own.values_list("gateway", "pk"):
        found[gateway].append(pk)
    for gateway, pk in others.order_by("gateway", "place").values_list("gateway", "pk"):
        found[gateway].append(pk)
    return found


def _urgent_devices(counted: FleetTally, most: int) -> list[int]:
    """The ids of the devices that need attention, the most severe first.

    A silent gateway is one fact: what its devices last said is not repeated beside it.
    """
    if most <= 0:
        return []
    heard = [pk for pk, fact in counted.gateways.items() if not fact.silent and counted.needs(pk)]
    if not heard:
        return []
    unreachable = Value(Severity.ERROR.rank)
    devices = with_status(counted.looked_at.within(heard).devices).filter(NEEDS)
    ordered = devices.annotate(since=raised_first()).order_by(
        Coalesce("worst", unreachable), F("since").asc(nulls_last=True), "sort_key", "pk"
    )
    return list(ordered.values_list("pk", flat=True)[:most])


def version(user: User | AnonymousUser, now: datetime) -> str:
    """A hash that changes whenever `overview` would, of aggregates that grow with every change.

    Whatever arrives from a box moves when it was last heard, so that no device has to be looked at
    for its values. Sums of orders rather than maxima: each device's order only grows, but the
    greatest of them may stand still while another's grows. What time alone changes (a gateway falls
    silent, a value grows stale) is counted as well.
    """
    boxes = list(Box.objects.visible_to(user))
    heartbeats = heartbeats_of(Gateway.objects.visible_to(user).values_list("pk", flat=True))
    facts = (
        considered(list(heartbeats)).devices.aggregate(
            Count("pk"),
            ExactSum("event_order"),
            ExactSum("own_order"),
            ExactSum("identity_order"),
            ExactSum("revision"),
        ),
        Site.objects.visible_to(user).aggregate(Count("pk"), ExactSum("revision")),
        Gateway.objects.visible_to(user).aggregate(Count("pk")),
        RunningConfiguration.objects.visible_to(user).aggregate(Max("pk")),
        BootClock.objects.filter(box__in=boxes).aggregate(Max("pk")),
        [
            (
                box.pk,
                box.last_heard_at,
                is_connected([box], heartbeats[box.gateway_id], now),
                _minutes_growing_stale(box, heartbeats[box.gateway_id].hold_ms, now),
            )
            for box in boxes
        ],
    )
    return blake2b(repr(facts).encode(), digest_size=12).hexdigest()


def _minutes_growing_stale(box: Box, hold_ms: int, now: datetime) -> int:
    """Minutes since a box was heard, while its values may still grow stale one after the other."""
    if box.last_heard_at is None:
        return 0
    age_ms = int((now - box.last_heard_at).total_seconds() * 1000)
    return min(age_ms, hold_ms + _MINUTE_MS) // _MINUTE_MS
