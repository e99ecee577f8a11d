"""The chips over the list of devices: what it can be narrowed to with one press, and how many."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from django.db.models import BooleanField, Case, Count, Q, Value, When
from django.utils.translation import gettext_lazy as later

from drivers.report import Reachability
from portal.monitoring.device_status import NEEDS, with_status
from portal.monitoring.tally import StatusCount

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet
    from django.utils.functional import _StrPromise

    from portal.fleet.models import Device
    from portal.monitoring.list_query import ListQuery
    from portal.monitoring.tally import GatewayFact


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """What a list can be narrowed to with one press.

    Attributes:
        name: In the address.
        many: How many devices there are of it.
        link: The address' query that narrows to it, or no longer does.
    """

    name: str
    words: _StrPromise
    many: int
    current: bool
    link: str


CHIPS: Final[dict[str, _StrPromise]] = {
    "attention": later("Needs attention"),
    "unreachable": later("Cannot be reached"),
    "printers": later("Printers"),
    "meters": later("Meters"),
}
"""Each chip by its name in the address."""


def devices_of_chip(
    devices: QuerySet[Device], chip: str, gateways: Mapping[int, GatewayFact]
) -> QuerySet[Device]:
    """Those of the devices that a chip counts."""
    return with_status(devices).filter(_condition(chip, gateways)) if chip else devices


def _condition(chip: str, gateways: Mapping[int, GatewayFact]) -> Q:
    return {
        "attention": NEEDS,
        "unreachable": Q(reach=Reachability.UNREACHABLE) | Q(gateway__in=_silent(gateways)),
        "printers": Q(prints=True),
        "meters": Q(prints=False),
    }[chip]


def chips_of(
    devices: QuerySet[Device], query: ListQuery, gateways: Mapping[int, GatewayFact]
) -> list[Chip]:
    """The chips that count any device, or are chosen; one query."""
    silent = Case(
        When(gateway__in=_silent(gateways), then=Value(value=True)),
        default=Value(value=False),
        output_field=BooleanField(),
    )
    rows = (
        with_status(devices.order_by())
        .annotate(silent=silent)
        .values_list("silent", "prints", "reach", "worst")
        .annotate(many=Count("pk"))
    )
    many = dict.fromkeys(CHIPS, 0)
    for is_silent, prints, reach, worst, count in rows:
        alike = StatusCount(
            own=False, prints=prints, reach=reach, state="", worst=worst, many=count
        )
        unreachable = is_silent or reach == Reachability.UNREACHABLE
        many["attention"] += count if alike.needs_you else 0
        many["unreachable"] += count if unreachable else 0
        many["printers" if prints else "meters"] += count
    sort = [("sort", query.sort)] if query.sort else []
    return [
        Chip(
            name=name,
            words=words,
            many=many[name],
            current=name == query.show,
            link=urlencode(
                [*replace(query, show="" if name == query.show else name).filters, *sort]
            ),
        )
        for name, words in CHIPS.items()
        if many[name] or name == query.show
    ]


def _silent(gateways: Mapping[int, GatewayFact]) -> list[int]:
    return [pk for pk, fact in gateways.items() if fact.silent]
