"""Lists of sites, gateways and devices, and the organization's page.

A list is the overview's rows in another order: what needs somebody first, or as the reader sorted
it. Whatever is asked for in the address and does not exist is left out of it, never an error.

Source: requirements C-15, E-16, E-23; design section 1 (the dealer's list: the faulty first).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from drivers.report import Severity
from portal.accounts.models import Organization, Role
from portal.fleet.kinds import DeviceFamily

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.models import AnonymousUser
    from django.utils.functional import _StrPromise

    from portal.accounts.models import Membership, User
    from portal.fleet.models import DeviceGroup
    from portal.monitoring.overview import DeviceRow, GatewayCard, Overview

    OwnPages = Mapping[int, Mapping[str, str]]

_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_WELL: Final = len(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEntry:
    """One row of the device list.

    Attributes:
        row: The device, as on the first page.
        card: Its gateway, as on the first page.
        own_page: The address of its own web page at its site; ``""`` where none is known.
    """

    row: DeviceRow
    card: GatewayCard
    own_page: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What a list can be sorted by.

    Attributes:
        name: In the address.
        title: Its heading.
        key: What to compare.
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


UNGROUPED: Final = "none"
"""How an address asks for the devices that are in no group."""
_KEYS: Final[dict[str, tuple[_StrPromise, Callable[[DeviceEntry], Any]]]] = {
    "name": (later("Name"), lambda one: str(one.row.device).casefold()),
    "status": (later("Status"), lambda one: _gravity(one.row)),
    "product": (
        later("Model"),
        lambda one: f"{one.row.device.maker} {one.row.device.model}".strip().casefold(),
    ),
    "site": (later("Site"), lambda one: one.card.gateway.site.name.casefold()),
    "location": (later("Location"), lambda one: one.row.device.location.casefold()),
    "group": (later("Group"), lambda one: str(one.row.device.group or "").casefold()),
    "heard": (later("Last received"), lambda one: one.row.heard_at or _NEVER),
}
_FIRST: Final = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceList:
    """The list of devices.

    Attributes:
        rows: Those that match.
        columns: How it can be sorted.
        groups: What the list can be narrowed to; none where there are no groups.
        words: What was searched for.
        total: How many there are without the search and the group.
        sort: What it is sorted by, as asked for; ``""`` for the usual order.
        filters: The query string of the same words and group, without the order.
        query: The query string of all of it, with its question mark; ``""`` where it is empty.
    """

    rows: Sequence[DeviceEntry]
    columns: Sequence[Column]
    groups: Sequence[Choice]
    words: str
    total: int
    sort: str
    filters: str
    query: str

    @property
    def group(self) -> str:
        """The id of the group it is narrowed to; ``""`` where to none."""
        chosen = next((choice.value for choice in self.groups if choice.current), "")
        return "" if chosen == UNGROUPED else chosen

    @property
    def narrowed(self) -> bool:
        """Whether some devices may be left out."""
        return bool(self.words) or any(choice.current and choice.value for choice in self.groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What a reader asks the list for.

    Attributes:
        sort: A column's name, with ``-`` before it for the other order.
        words: Only devices in which each of these words occurs.
        group: Only devices of this group, by id; `UNGROUPED`: those in none; ``""``: all.
    """

    sort: str = ""
    words: str = ""
    group: str = ""


def _gravity(row: DeviceRow) -> tuple[int, bool]:
    worst = _WELL if row.gravest is None else Severity(row.gravest.severity).rank
    return (worst, not row.stale)


def device_list(
    overview: Overview, groups: Sequence[DeviceGroup], pages: OwnPages, query: ListQuery
) -> DeviceList:
    """The devices of ``overview``.

    Args:
        overview: What the reader sees.
        groups: All groups the reader sees.
        pages: See `portal.monitoring.device_web_page.own_pages`.
        query: Which devices, and in which order.
    """
    name = query.sort.removeprefix("-")
    name, backwards = (name, query.sort.startswith("-")) if name in _KEYS else (_FIRST, False)
    entries = [
        DeviceEntry(row=row, card=card, own_page=_own_page(row, card, pages))
        for card in overview.gateways
        for row in card.rows
    ]
    choices = _choices(groups, query.group)
    group = next((choice.value for choice in choices if choice.current), "")
    found = [one for one in entries if _matches(one, query.words) and _is_in(one, group)]
    found.sort(key=_KEYS["name"][1])
    key = _KEYS[name][1]
    found.sort(key=key, reverse=backwards)
    found.sort(key=lambda one: key(one) == "")  # what is not said comes last, either way round
    filters = [(name, said) for name, said in (("q", query.words), ("group", group)) if said]
    pairs = [*filters, ("sort", query.sort)] if query.sort else filters
    return DeviceList(
        rows=found,
        columns=_columns(name, backwards=backwards),
        groups=choices,
        words=query.words,
        total=len(entries),
        sort=query.sort,
        filters=urlencode(filters),
        query=f"?{urlencode(pairs)}" if pairs else "",
    )


def _columns(name: str, *, backwards: bool) -> list[Column]:
    return [
        Column(
            name=key,
            title=title,
            sorted=("descending" if backwards else "ascending") if key == name else "none",
            link=f"-{key}" if key == name and not backwards else key,
        )
        for key, (title, _key) in _KEYS.items()
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


def _is_in(one: DeviceEntry, group: str) -> bool:
    own = one.row.device.group_id
    return not group or (own is None if group == UNGROUPED else str(own) == group)


def _own_page(row: DeviceRow, card: GatewayCard, pages: OwnPages) -> str:
    if row.family is not DeviceFamily.PRINTER:
        return ""
    return pages.get(card.gateway.pk, {}).get(row.device.name, "")


def _matches(one: DeviceEntry, words: str) -> bool:
    device, gateway = one.row.device, one.card.gateway
    said = " ".join(
        (
            str(device),
            device.name,
            device.maker,
            device.model,
            device.serial,
            device.location,
            str(device.group or ""),
            gateway.name,
            gateway.site.name,
        )
    )
    found = _plain(said)
    return all(word in found for word in _plain(words).split())


def _plain(text: str) -> str:
    """The same for a search: in small letters, and of full and half width (``３Ｆ``) as ``3f``."""
    return unicodedata.normalize("NFKC", text).casefold()


def gateways_by_need(overview: Overview) -> list[GatewayCard]:
    """The faulty first: silent ones, then those with a fault, then by site and name."""

    def key(card: GatewayCard) -> tuple[Any, ...]:
        rows = [row for row in (card.own, *card.rows) if row is not None]
        worst = min((_gravity(row)[0] for row in rows), default=_WELL)
        return (not card.needs_you, worst, card.gateway.site.name, card.gateway.name)

    return sorted(overview.gateways, key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationView:
    """An organization as its members see it.

    Attributes:
        members: Administrators first.
        sole_administrator: Whether only one person administers it: at least two should (E-15).
        administers: Whether the reader does.
    """

    organization: Organization
    members: Sequence[Membership]
    sole_administrator: bool
    administers: bool


def organizations(user: User | AnonymousUser) -> list[OrganizationView]:
    """The organizations ``user`` is a member of."""
    seen = Organization.objects.visible_to(user).prefetch_related("memberships__user")
    return [_organization(each, user) for each in seen]


def _organization(each: Organization, user: User | AnonymousUser) -> OrganizationView:
    members = sorted(
        each.memberships.all(), key=lambda m: (m.role != Role.ADMINISTRATOR, str(m.user))
    )
    administrators = [m.user_id for m in members if m.role == Role.ADMINISTRATOR]
    return OrganizationView(
        organization=each,
        members=members,
        sole_administrator=len(administrators) == 1,
        administers=user.pk in administrators,
    )
