"""Supplies for a page: a name, a bar in its colour, what is left.

A level that is not known in per cent is said in words, never drawn as empty (requirement C-20);
what fills up (waste, a maintenance tank) shows the room that is left, as RFC 3805 counts it.

Source: requirement E-32; RFC 3805, prtMarkerSuppliesLevel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _
from django.utils.translation import override

from console.vocabulary import COLOURS, SUPPLIES
from drivers.report import SupplyState
from portal.web import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portal.fleet.models import DeviceSupply

LOW: Final = 15
"""Per cent from which people should order, where the device does not say itself."""
FILLING: Final = frozenset({"waste", "maintenance_tank"})
"""Kinds whose level is the room that is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyView:
    """One supply, ready for a page.

    Attributes:
        name: What it is, in the page's language; the device's own name where we have no word.
        own_name: What the device calls it, where that says more.
        colour: What to draw it in: a key of `COLOURS`, or ``none``.
        level: Per cent left; ``None``: not known in per cent.
        some: Whether there is some, of an unknown amount.
        low: Whether somebody should order or empty it.
        value: What is left, in words.
    """

    name: str
    own_name: str
    colour: str
    level: int | None
    some: bool
    low: bool
    value: str


def supply_views(rows: Iterable[DeviceSupply]) -> list[SupplyView]:
    """The views of ``rows``: what is used up first, then what fills."""
    return [_view(row) for row in sorted(rows, key=_order)]


_COLOUR_ORDER: Final = {colour: rank for rank, colour in enumerate(COLOURS)}
_KIND_ORDER: Final = {kind: rank for rank, kind in enumerate(SUPPLIES)}


def _order(row: DeviceSupply) -> tuple[int, int, str, int]:
    return (
        _KIND_ORDER.get(row.kind, len(_KIND_ORDER)),
        _COLOUR_ORDER.get(row.colour, len(_COLOUR_ORDER)),
        row.name,
        row.pk,
    )


def _view(row: DeviceSupply) -> SupplyView:
    state = SupplyState(row.state) if row.state in set(SupplyState) else SupplyState.UNKNOWN
    name = _name(row)
    # A state counts where there is no level: -3 of RFC 3805 is "some", not a number.
    level = row.level if row.level is None or 0 <= row.level <= 100 else None
    level = 0 if level is None and state is SupplyState.EMPTY else level
    low = state in _BAD or (level is not None and level <= LOW)
    return SupplyView(
        name=name,
        own_name="" if row.name.casefold() in _said_so(row, name) else row.name,
        colour=row.colour if row.colour in COLOURS else "none",
        level=level,
        some=level is None and state in {SupplyState.SOME_LEFT, SupplyState.OK},
        low=low,
        value=_value(row.kind, level, state),
    )


def _said_so(row: DeviceSupply, name: str) -> set[str]:
    """What ``row`` may call itself without saying more than its name, here and in English."""
    with override("en"):
        return {"", name.casefold(), _name(row).casefold()}


_BAD: Final = frozenset({SupplyState.LOW, SupplyState.EMPTY, SupplyState.MISSING})


def _name(row: DeviceSupply) -> str:
    if row.kind not in SUPPLIES:
        return row.name or row.kind
    return words.supply_words(row.kind, row.colour if row.colour in COLOURS else "")


def _value(kind: str, level: int | None, state: SupplyState) -> str:
    if level is None:
        return words.supply_state_words(state)
    if kind in FILLING:
        return _("%(percent)s%% free") % {"percent": level}
    return f"{level}%"
