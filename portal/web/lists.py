"""Lists of sites, gateways and devices, and the organization's page.

A list is the overview's rows in another order: what needs somebody first, or as the reader sorted
it. Whatever is asked for in the address and does not exist is left out of it, never an error.

Source: requirements C-15, E-16, E-23; design section 1 (the dealer's list: the faulty first).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext_lazy as later

from drivers.report import Severity
from portal.accounts.models import Organization, Role

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.utils.functional import _StrPromise

    from portal.accounts.models import Membership, User
    from portal.web.overview import DeviceRow, GatewayCard, Overview

_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_WELL: Final = len(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A device in the list.

    Attributes:
        row: As on the first page.
        card: Its gateway, as there.
    """

    row: DeviceRow
    card: GatewayCard


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


_KEYS: Final[dict[str, tuple[_StrPromise, Callable[[Listed], Any]]]] = {
    "name": (later("Name"), lambda one: str(one.row.device).casefold()),
    "status": (later("Status"), lambda one: _gravity(one.row)),
    "product": (
        later("Product"),
        lambda one: (one.row.device.maker.casefold(), one.row.device.model.casefold()),
    ),
    "site": (later("Site"), lambda one: one.card.gateway.site.name.casefold()),
    "gateway": (later("Gateway"), lambda one: one.card.gateway.name.casefold()),
    "heard": (later("Last heard"), lambda one: one.row.heard_at or _NEVER),
}
_FIRST: Final = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceList:
    """The list of devices.

    Attributes:
        rows: Those that match.
        columns: How it can be sorted.
        words: What was searched for.
        total: How many there are without the search.
    """

    rows: Sequence[Listed]
    columns: Sequence[Column]
    words: str
    total: int


def _gravity(row: DeviceRow) -> tuple[int, bool]:
    worst = _WELL if row.gravest is None else Severity(row.gravest.severity).rank
    return (worst, not row.quiet)


def device_list(overview: Overview, wanted: str, words: str) -> DeviceList:
    """The devices of ``overview``.

    Args:
        overview: What the reader sees.
        wanted: A column's name, with ``-`` before it for the other order.
        words: Only devices in which each of these words occurs.
    """
    name = wanted.removeprefix("-")
    name, backwards = (name, wanted.startswith("-")) if name in _KEYS else (_FIRST, False)
    listed = [Listed(row=row, card=card) for card in overview.gateways for row in card.rows]
    found = [one for one in listed if _matches(one, words)]
    found.sort(key=_KEYS["name"][1])
    found.sort(key=_KEYS[name][1], reverse=backwards)
    columns = [
        Column(
            name=key,
            title=title,
            sorted=("descending" if backwards else "ascending") if key == name else "none",
            link=f"-{key}" if key == name and not backwards else key,
        )
        for key, (title, _) in _KEYS.items()
    ]
    return DeviceList(rows=found, columns=columns, words=words, total=len(listed))


def _matches(one: Listed, words: str) -> bool:
    device, gateway = one.row.device, one.card.gateway
    said = " ".join(
        (
            str(device),
            device.name,
            device.maker,
            device.model,
            device.serial,
            gateway.name,
            gateway.site.name,
        )
    ).casefold()
    return all(word in said for word in words.casefold().split())


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
        lonely: Whether only one person administers it: at least two should (E-15).
        administers: Whether the reader does.
    """

    organization: Organization
    members: Sequence[Membership]
    lonely: bool
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
        lonely=len(administrators) == 1,
        administers=user.pk in administrators,
    )
