"""The list of devices.

It is the overview's rows in another order: what needs attention first, or as the reader sorted it.

Source: requirements C-15, E-23.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from django.db.models import BigIntegerField, Case, F, Q, SmallIntegerField, TextField, Value, When
from django.db.models.functions import Coalesce, Concat, Greatest, Lower, Trim
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from drivers.report import Reachability, Severity
from portal.fleet.considered import considered
from portal.fleet.kinds import DeviceFamily
from portal.fleet.models import GATEWAY_DEVICE, Device, Gateway, Site
from portal.monitoring.device_chips import CHIPS, Chip, chips_of, devices_of_chip
from portal.monitoring.device_rows import device_rows
from portal.monitoring.device_status import newest_receipt, with_status
from portal.monitoring.device_web_page import own_pages
from portal.monitoring.list_query import UNGROUPED, ListQuery, visible_one
from portal.monitoring.tally import gateway_facts
from portal.web.database_text import SearchText, UnixMilliseconds, search_text
from portal.web.paging import Paging, paging

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet
    from django.utils.functional import _StrPromise

    from portal.accounts.models import User
    from portal.fleet.models import DeviceGroup
    from portal.monitoring.device_rows import DeviceRow
    from portal.monitoring.tally import GatewayFact, Scope

    OwnPages = Mapping[int, Mapping[str, str]]

_WELL: Final = len(Severity)
_NEVER: Final = -(2**62)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEntry:
    """One row of the device list.

    Attributes:
        row: The device, as on the first page.
        gateway: How its gateway stands.
        own_page: The address of its own web page at its site; ``""`` where none is known.
    """

    row: DeviceRow
    gateway: GatewayFact
    own_page: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What a list can be sorted by.

    Attributes:
        name: In the address.
        title: Its heading.
        sorted: Whether the list is sorted by it, ``ascending`` or ``descending``, else ``none``.
        link: The address' query that sorts by it, or turns the order round.
    """

    name: str
    title: _StrPromise
    sorted: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A group to choose, as the address spells it."""

    value: str
    words: str
    current: bool


_TITLES: Final[dict[str, _StrPromise]] = {
    "name": later("Name"),
    "status": later("Status"),
    "product": later("Model"),
    "site": later("Site"),
    "location": later("Location"),
    "group": later("Group"),
    "heard": later("Last received"),
}
_FIRST: Final = "status"
_EMPTY: Final = Value("")
_TEXTS: Final = {
    "name": F("sort_key"),
    "product": Lower(Trim(Concat("maker", Value(" "), "model"))),
    "site": F("gateway__site__sort_key"),
    "location": Coalesce("location__sort_key", _EMPTY, output_field=TextField()),
    "group": Coalesce("group__sort_key", _EMPTY, output_field=TextField()),
}
"""The columns that compare a text."""
_ANSWERS: Final = (Reachability.ONLINE.value, Reachability.SILENT_AS_EXPECTED.value)
_UNREACHED: Final = (Reachability.UNREACHABLE.value, Reachability.NEVER.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceList:
    """The list of devices.

    Attributes:
        rows: Those that match, of one page.
        paging: Which page, of how many that match.
        columns: How it can be sorted.
        groups: What the list can be narrowed to; none where there are no groups.
        chips: What else it can be narrowed to, with how many there are of each.
        place: The name of the site or gateway that it is narrowed to; ``""`` where to none.
        total: How many there are without any of that.
        asked: What was asked for.
        left_out: As `portal.fleet.considered.Considered.left_out`.
    """

    rows: Sequence[DeviceEntry]
    paging: Paging
    columns: Sequence[Column]
    groups: Sequence[Choice]
    chips: Sequence[Chip]
    place: str
    total: int
    asked: ListQuery
    left_out: int

    @property
    def words(self) -> str:
        """What was searched for."""
        return self.asked.words

    @property
    def sort(self) -> str:
        """What it is sorted by, as asked for; ``""`` for the usual order."""
        return self.asked.sort

    @property
    def filters(self) -> str:
        """The query string of the same devices, without the order."""
        return urlencode(self.asked.filters)

    @property
    def query(self) -> str:
        """The query string of all of it, with its question mark; ``""`` where it is empty."""
        return self.paging.here

    @property
    def places(self) -> Sequence[tuple[str, str]]:
        """The parameters that narrow it to a site or a gateway."""
        return self.asked.places

    @property
    def group(self) -> str:
        """The id of the group it is narrowed to; ``""`` where to none."""
        return "" if self.asked.group == UNGROUPED else self.asked.group

    @property
    def shown(self) -> str:
        """The name of the chip it is narrowed to; ``""`` where to none."""
        return next((chip.name for chip in self.chips if chip.current), "")

    @property
    def group_asked(self) -> bool:
        """Whether it is narrowed to a group, or to the devices in none."""
        return bool(self.asked.group)


def device_list(
    user: User | AnonymousUser,
    scope: Scope,
    groups: Sequence[DeviceGroup],
    query: ListQuery,
    now: datetime,
) -> DeviceList:
    """The devices that ``user`` may see, at ``now``.

    Args:
        user: The reader.
        scope: Where, unless the query names a site or a gateway.
        groups: All groups the reader sees.
        query: Which devices, in which order, and which page.
        now: The moment at which they are looked at.
    """
    choices = _choices(groups, query.group)
    query, place = _narrow(user, query, choices)
    gateways = gateway_facts(user, now, None if place else scope)
    looked_at = considered(gateways)
    every = looked_at.devices.exclude(name=GATEWAY_DEVICE)
    matching = _found(every, query)
    chips = chips_of(matching, query, gateways)
    found = devices_of_chip(matching, query.show, gateways)
    name, backwards = _order(query.sort)
    page = paging(query.page, found.count(), query.pairs)
    ids = list(_sorted(found, name, gateways, backwards=backwards)[page.offset : page.stop])
    rows = device_rows(ids, gateways, now)
    pages = own_pages({row.device.gateway_id for row in rows.values()})
    return DeviceList(
        rows=[_entry(rows[pk], gateways, pages) for pk in ids if pk in rows],
        paging=page,
        columns=_columns(name, backwards=backwards),
        groups=choices,
        chips=chips,
        place=place,
        total=every.count(),
        asked=query,
        left_out=looked_at.left_out,
    )


def _narrow(
    user: User | AnonymousUser, query: ListQuery, choices: Sequence[Choice]
) -> tuple[ListQuery, str]:
    """The query without groups and places that are not there, and the name of its place."""
    site = visible_one(Site.objects.visible_to(user), query.site)
    gateway = visible_one(Gateway.objects.visible_to(user), query.gateway)
    group = next((choice.value for choice in choices if choice.current), "")
    narrowed = replace(
        query,
        group=group,
        show=query.show if query.show in CHIPS else "",
        site=str(site.pk) if site else "",
        gateway=str(gateway.pk) if gateway else "",
    )
    return narrowed, str(gateway or site or "")


def _found(devices: QuerySet[Device], query: ListQuery) -> QuerySet[Device]:
    """The devices that match."""
    if query.group:
        group = None if query.group == UNGROUPED else int(query.group)
        devices = devices.filter(group=group)
    if query.site:
        devices = devices.filter(gateway__site=int(query.site))
    if query.gateway:
        devices = devices.filter(gateway=int(query.gateway))
    words = search_text(query.words).split()
    if words:
        devices = devices.annotate(
            searched=SearchText(
                "given_name",
                "label",
                "name",
                "maker",
                "model",
                "serial",
                "location__name",
                "group__name",
                "gateway__name",
                "gateway__site__name",
            )
        )
    for word in words:
        devices = devices.filter(Q(searched__contains=word))
    return devices


def _order(asked: str) -> tuple[str, bool]:
    name = asked.removeprefix("-")
    return (name, asked.startswith("-")) if name in _TITLES else (_FIRST, False)


def _sorted(
    devices: QuerySet[Device], name: str, gateways: Mapping[int, GatewayFact], *, backwards: bool
) -> QuerySet[Device, int]:
    """The ids of the devices, sorted by a column, then by name; what is not said comes last."""
    ordered = with_status(devices)
    keys: list[Case | Coalesce | F | Greatest]
    if name == "status":
        keys = [Coalesce("worst", Value(_WELL)), _reached(gateways)]
    elif name == "heard":
        keys = [_heard()]
    else:
        ordered = ordered.annotate(
            said=_TEXTS[name], unsaid=Case(When(Q(said=""), then=Value(1)), default=Value(0))
        )
        keys = [F("said")]
    last = ["unsaid"] if name in _TEXTS else []
    by_column = [key.desc() if backwards else key.asc() for key in keys]
    return ordered.order_by(*last, *by_column, "sort_key", "pk").values_list("pk", flat=True)


def _reached(gateways: Mapping[int, GatewayFact]) -> Case:
    """What cannot be reached before what can."""
    connected = [pk for pk, fact in gateways.items() if fact.connected]
    return Case(
        When(reach__in=_UNREACHED, then=Value(0)),
        When(gateway__in=connected, then=Value(1)),
        default=Value(0),
        output_field=SmallIntegerField(),
    )


def _heard() -> Greatest:
    """When anything was last received, as `portal.monitoring.device_rows.heard_at`."""
    never = Value(_NEVER, output_field=BigIntegerField())
    answers = Q(reach__in=_ANSWERS, reported_at__lte=timezone.now())
    reported = Case(When(answers, then=F("reported_at")))
    heard = UnixMilliseconds(Coalesce("last_heard_at", reported))
    return Greatest(Coalesce(newest_receipt(), never), Coalesce(heard, never))


def _entry(row: DeviceRow, gateways: Mapping[int, GatewayFact], pages: OwnPages) -> DeviceEntry:
    gateway = row.device.gateway_id
    page = pages.get(gateway, {}).get(row.device.name, "")
    return DeviceEntry(
        row=row,
        gateway=gateways[gateway],
        own_page=page if row.family is DeviceFamily.PRINTER else "",
    )


def _columns(name: str, *, backwards: bool) -> list[Column]:
    return [
        Column(
            name=key,
            title=title,
            sorted=("descending" if backwards else "ascending") if key == name else "none",
            link=f"-{key}" if key == name and not backwards else key,
        )
        for key, title in _TITLES.items()
    ]


def _choices(groups: Sequence[DeviceGroup], asked: str) -> list[Choice]:
    """All, without a group, and each group; nothing to choose where there is no group."""
    if not groups:
        return []
    several = len({group.organization_id for group in groups}) > 1
    named = {
        str(group.pk): f"{group} ({group.organization})" if several else str(group)
        for group in groups
    }
    offered = {"": _("All groups"), UNGROUPED: _("No group"), **named}
    current = asked if asked in offered else ""
    return [
        Choice(value=value, words=words, current=value == current)
        for value, words in offered.items()
    ]
