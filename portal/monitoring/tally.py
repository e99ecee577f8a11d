"""The fleet counted: how every gateway stands, and how many of its devices are in which state.

A fixed number of queries however many devices there are, and one row for each combination of a
gateway and a state. Gateways are people's own, and each is looked at; devices are named by boxes,
and only the database looks at them, as many as `portal.fleet.considered` allows.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from django.db.models import BooleanField, Case, Count, Value, When

from drivers.report import Reachability, Severity, State
from portal.fleet.considered import considered
from portal.fleet.heartbeat import Heartbeat, heartbeats_of, is_connected
from portal.fleet.kinds import DeviceFamily
from portal.fleet.models import GATEWAY_DEVICE, Box, Gateway
from portal.monitoring.device_status import COUNTS, with_status
from portal.monitoring.operation import operations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest

    from portal.accounts.models import User
    from portal.fleet.considered import Considered
    from portal.fleet.place import Place
    from portal.monitoring.operation import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How much a page shows: everything, one organization, site or gateway; by id."""

    organization: int | None = None
    site: int | None = None
    gateway: int | None = None

    @property
    def lists_sites(self) -> bool:
        """Whether it may have several sites, those without a gateway among them."""
        return self.site is None and self.gateway is None

    def within(self, path: str = "") -> dict[str, int]:
        """The filter for rows from which a gateway is ``path`` lookups away."""
        chosen = {
            f"{path}site__organization": self.organization,
            f"{path}site": self.site,
            f"{path}pk": self.gateway,
        }
        return {key: value for key, value in chosen.items() if value is not None}


def scope_of(place: Place) -> Scope:
    """The scope of what is at a place."""
    if place.site:
        return Scope(site=place.site.pk)
    return Scope(organization=place.organization.pk) if place.organization else Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayFact:
    """How a gateway stands.

    Attributes:
        organization: The id of its organization.
        site: The id of its site.
        place: The natural keys of its site and of itself, to sort by.
        heard_at: When anything last arrived from one of its boxes, UTC; ``None``: never.
        connected: Whether that is recent enough and the session has not ended.
    """

    pk: int
    organization: int
    site: int
    place: tuple[str, str]
    heartbeat: Heartbeat
    heard_at: datetime | None
    connected: bool

    @property
    def silent(self) -> bool:
        """Whether it fell silent; a gateway from which nothing ever arrived is only waited for."""
        return self.heard_at is not None and not self.connected


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCount:
    """How many devices of a gateway are alike (`portal.monitoring.device_status`).

    Attributes:
        own: Whether it is the gateway itself, as it reports about itself.
    """

    own: bool
    prints: bool
    reach: str
    state: str
    worst: int | None
    many: int

    @property
    def needs_you(self) -> bool:
        """Whether each of them needs attention."""
        if self.worst is None:
            return self.reach == Reachability.UNREACHABLE
        return self.worst < Severity.INFO.rank

    @property
    def family(self) -> DeviceFamily:
        """Which family they belong to."""
        return DeviceFamily.PRINTER if self.prints else DeviceFamily.METER

    def shown_state(self, *, connected: bool) -> State:
        """What each of them is doing; `State.OTHER` while it cannot be reached."""
        if not connected or self.reach in {Reachability.UNREACHABLE, Reachability.NEVER}:
            return State.OTHER
        return State.READY if self.reach == COUNTS else State(self.state)


@dataclass(frozen=True, kw_only=True)
class FleetTally:
    """Gateways, and their devices counted.

    Attributes:
        gateways: Each gateway by its id.
        counts: The counts of each gateway's devices, by its id.
        looked_at: The devices that are counted.
    """

    gateways: Mapping[int, GatewayFact]
    counts: Mapping[int, Sequence[StatusCount]]
    looked_at: Considered

    def devices(self, gateway: int) -> int:
        """How many devices a gateway has, without itself."""
        return sum(each.many for each in self.counts[gateway] if not each.own)

    def needs(self, gateway: int) -> int:
        """How many things of a gateway need attention; all of a silent one are one thing."""
        if self.gateways[gateway].silent:
            return 1
        return sum(each.many for each in self.counts[gateway] if each.needs_you)

    def worst(self, gateway: int) -> int:
        """The rank of the most severe condition of it and its devices; beyond all without one."""
        ranks = [each.worst for each in self.counts[gateway] if each.worst is not None]
        return min(ranks, default=len(Severity))

    def urgency(self, gateway: int) -> tuple[bool, int, tuple[str, str], int]:
        """The key to sort gateways by: silent ones, then those with a fault, then by name."""
        fact = self.gateways[gateway]
        return (not fact.silent, self.worst(gateway), fact.place, gateway)

    @cached_property
    def operations(self) -> list[Operation]:
        """The devices counted by what they are doing, for each family."""
        return operations(
            (each.family, each.shown_state(connected=fact.connected), each.many)
            for fact in self.gateways.values()
            for each in self.counts[fact.pk]
            if not each.own
        )


def tally(user: User | AnonymousUser, now: datetime, scope: Scope) -> FleetTally:
    """The tally of what ``user`` may see, at ``now``."""
    gateways = gateway_facts(user, now, scope)
    looked_at = considered(gateways)
    return FleetTally(gateways=gateways, counts=_counts(looked_at), looked_at=looked_at)


def tally_of(request: HttpRequest, now: datetime, scope: Scope) -> FleetTally:
    """The tally of what a request's user may see, made once for each request and scope.

    A page and the frame round it count the same.
    """
    held: dict[Scope, FleetTally] = request.__dict__.setdefault("_kanmon_tallies", {})
    if scope not in held:
        held[scope] = tally(request.user, now, scope)
    return held[scope]


def gateway_facts(
    user: User | AnonymousUser, now: datetime, scope: Scope | None = None
) -> dict[int, GatewayFact]:
    """How each gateway that ``user`` may see stands at ``now``, by its id."""
    visible = Gateway.objects.visible_to(user).order_by()
    visible = visible.filter(**scope.within()) if scope else visible
    keys = list(
        visible.values_list("pk", "site__organization", "site", "site__sort_key", "sort_key")
    )
    boxes: dict[int, list[Box]] = defaultdict(list)
    for box in Box.objects.filter(gateway__in=visible).only("gateway", "alive", "last_heard_at"):
        boxes[box.gateway_id].append(box)
    heartbeats = heartbeats_of(pk for pk, *_keys in keys)
    return {
        pk: GatewayFact(
            pk=pk,
            organization=organization,
            site=site,
            place=(site_key, key),
            heartbeat=heartbeats.get(pk, Heartbeat()),
            heard_at=max((b.last_heard_at for b in boxes[pk] if b.last_heard_at), default=None),
            connected=is_connected(boxes[pk], heartbeats.get(pk, Heartbeat()), now),
        )
        for pk, organization, site, site_key, key in keys
    }


def _counts(looked_at: Considered) -> Mapping[int, Sequence[StatusCount]]:
    own = Case(
        When(name=GATEWAY_DEVICE, then=Value(value=True)),
        default=Value(value=False),
        output_field=BooleanField(),
    )
    rows = (
        with_status(looked_at.devices.order_by())
        .annotate(own=own)
        .values_list("gateway", "own", "prints", "reach", "shown_state", "worst")
        .annotate(many=Count("pk"))
    )
    found: dict[int, list[StatusCount]] = {pk: [] for pk in looked_at.gateways}
    for gateway, is_own, prints, reach, state, worst, many in rows:
        count = StatusCount(
            own=is_own, prints=prints, reach=reach, state=state, worst=worst, many=many
        )
        found.setdefault(gateway, []).append(count)
    return found
