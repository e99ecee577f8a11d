"""The supplies of a printer and their levels: ink, toner, drums, waste. Pure.

A level is per cent of what is left; of a receptacle, of the space that is left in it (RFC 3805:
its level is the *remaining* space). Below nothing a level is a word: -1 other, -2 unknown, -3 some
is left. A level of 0 whose capacity is unknown is unknown, too: printers say so of cartridges that
print.

Sources: RFC 3805 (prtMarkerSuppliesTable, prtMarkerColorantTable).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from console import component_key
from console.component_key import SupplyItem, Unit
from console.templates import evidence
from console.text import NO_MESSAGE
from drivers.printer.mib import COLORANTS, SUPPLIES, Index, Row, rows_of
from drivers.printer.text import words
from drivers.report import Evidence, Supply, SupplyState
from protocols.snmp.model import Value

LOW: Final = 10
"""Per cent at and below which a supply is low."""
PERCENT: Final = 19
SOME_LEFT: Final = -3
RECEPTACLE: Final = 4
"""The value of PrtMarkerSuppliesClassTC for what is filled, such as waste boxes."""
_SLACK: Final = 110
"""Per cent of its capacity up to which a level is taken; a higher one is unknown."""

_KINDS: Final = {
    3: "toner",
    4: "waste",
    5: "ink",
    6: "ink",
    7: "ribbon",
    8: "maintenance_tank",
    9: "drum",
    10: "developer",
    11: "fuser_oil",
    12: "wax",
    13: "ribbon",
    14: "waste",
    15: "fuser",
    16: "corona_wire",
    17: "fuser_oil",
    18: "cleaner",
    19: "cleaner",
    20: "transfer_unit",
    21: "toner",
    22: "fuser_oil",
    23: "water",
    24: "waste",
    25: "glue",
    26: "waste",
    27: "binding",
    28: "banding",
    29: "staples",
    30: "wrap",
    31: "wrap",
    32: "staples",
    33: "insert",
    34: "cover_sheet",
}
"""By PrtMarkerSuppliesTypeTC; other and unknown are looked up by name."""
RECEPTACLES: Final = frozenset({"waste", "maintenance_tank"})
CONSUMED: Final = frozenset({"toner", "ink", "ribbon", "wax", "developer"})
"""The kinds that an alert for *toner* may mean."""
_NAMED: Final = (
    (re.compile(r"maintenance (box|tank|cartridge|kit)|waste ink", re.I), "maintenance_tank"),
    (re.compile(r"waste|廃|resttoner", re.I), "waste"),
    (re.compile(r"drum|photoconduct|imaging unit|ドラム", re.I), "drum"),
    (re.compile(r"develop|現像", re.I), "developer"),
    (re.compile(r"fus(er|ing)|定着", re.I), "fuser"),
    (re.compile(r"transfer|belt|転写", re.I), "transfer_unit"),
    (re.compile(r"filter|clean", re.I), "cleaner"),
    (re.compile(r"ribbon", re.I), "ribbon"),
    (re.compile(r"\bink|インク", re.I), "ink"),
    (re.compile(r"toner|トナー|cartridge", re.I), "toner"),
)
"""By the supply's name, where its type does not tell the kind."""
_COLOURS: Final = (
    (re.compile(r"light[ _-]?cyan|ライトシアン", re.I), "light_cyan"),
    (re.compile(r"light[ _-]?magenta|ライトマゼンタ", re.I), "light_magenta"),
    (re.compile(r"light[ _-]?gr[ae]y|ライトグレー", re.I), "light_gray"),
    (re.compile(r"matte?[ _-]?black|マットブラック", re.I), "matte_black"),
    (re.compile(r"photo[ _-]?black|フォトブラック", re.I), "photo_black"),
    (re.compile(r"black|schwarz|noir|ブラック|黒", re.I), "black"),
    (re.compile(r"cyan|シアン", re.I), "cyan"),
    (re.compile(r"magenta|マゼンタ", re.I), "magenta"),
    (re.compile(r"yellow|gelb|jaune|イエロー", re.I), "yellow"),
    (re.compile(r"gr[ae]y|grau|グレー", re.I), "gray"),
    (re.compile(r"\bwhite|weiß|blanc|ホワイト", re.I), "white"),
    (re.compile(r"\bred\b|レッド", re.I), "red"),
    (re.compile(r"\bgreen\b|グリーン", re.I), "green"),
    (re.compile(r"\bblue\b|ブルー", re.I), "blue"),
    (re.compile(r"\borange\b|オレンジ", re.I), "orange"),
    (re.compile(r"\bviolet\b|バイオレット", re.I), "violet"),
)
"""The colours of `drivers.report.Supply` by name or colorant; the more precise first."""
_UNITS: Final[Mapping[int, tuple[str, float]]] = {
    3: ("mm", 0.00254),
    4: ("mm", 0.001),
    7: ("impressions", 1),
    8: ("sheets", 1),
    11: ("hours", 1),
    12: ("g", 0.028349523),
    13: ("g", 0.1),
    14: ("ml", 0.2957353),
    15: ("ml", 0.1),
    16: ("m", 0.3048),
    17: ("m", 1),
    18: ("items", 1),
    PERCENT: ("%", 1),
}
"""By PrtMarkerSuppliesSupplyUnitTC: our unit, and how much of it one is."""


@dataclass(frozen=True, slots=True)
class SupplyRow:
    """A supply and the row it came from.

    Attributes:
        supply: The supply with its level.
        index: The index of its row.
        component: Its key in conditions, see `console.component_key`: ``toner black``, or
            ``supply 3`` where several are alike.
        evidence: Level and capacity as the printer gives them.
    """

    supply: Supply
    index: Index
    component: str
    evidence: tuple[Evidence, ...]


def supply_rows(
    found: Mapping[str, Value], device: int, charset: int | None
) -> tuple[SupplyRow, ...]:
    """The supplies, in the order of the printer.

    Args:
        found: What walks of the supplies and the colorants brought.
        device: The printer's index.
        charset: What its texts are encoded in.
    """
    table = rows_of(found, SUPPLIES, device)
    colorants = {
        index[-1]: words(row.octets(4), charset)
        for index, row in rows_of(found, COLORANTS, device).items()
    }
    made = [(index, row, _supply(row, colorants, charset)) for index, row in sorted(table.items())]
    items = [SupplyItem(kind=supply.kind, colour=supply.colour) for _, _, supply in made]
    return tuple(
        SupplyRow(
            supply,
            index,
            component_key.write(
                item if items.count(item) == 1 else Unit(kind="supply", number=index[-1])
            ),
            _evidence(index, row, supply),
        )
        for (index, row, supply), item in zip(made, items, strict=True)
    )


def _evidence(index: Index, row: Row, supply: Supply) -> tuple[Evidence, ...]:
    left = NO_MESSAGE if supply.level is None else evidence.LEVEL(percent=supply.level)
    return tuple(
        SUPPLIES.evidence(index, column, row.whole(column), meaning)
        for column, meaning in ((9, left), (8, NO_MESSAGE))
        if row.whole(column) is not None
    )


def _supply(row: Row, colorants: Mapping[int, str], charset: int | None) -> Supply:
    name = words(row.octets(6), charset)
    kind = _KINDS.get(row.whole(5) or 0) or _matching(_NAMED, name)
    kind = kind or ("waste" if row.whole(4) == RECEPTACLE else "other")
    colour = _colour(colorants.get(row.whole(3) or 0, ""), name)
    level, state = _level(row)
    unit, size = _UNITS.get(row.whole(7) or 0, ("", 1))
    capacity = row.whole(8)
    whole = None if capacity is None or capacity < 1 else max(1, round(capacity * size))
    return Supply(
        kind=kind,
        colour="" if kind in RECEPTACLES else colour,
        name=name,
        level=level,
        capacity=whole,
        unit=unit if whole is not None else "",
        state=state,
    )


def _colour(colorant: str, name: str) -> str:
    """The colour by the colorant's row, or the supply's own name where that is more precise."""
    by_colorant, by_name = _matching(_COLOURS, colorant), _matching(_COLOURS, name)
    if not by_colorant or by_name.endswith(f"_{by_colorant}"):
        return by_name
    return by_colorant


def _level(row: Row) -> tuple[int | None, SupplyState]:
    level, capacity = row.whole(9), row.whole(8) or 0
    if level == SOME_LEFT:
        return None, SupplyState.SOME_LEFT
    if row.whole(7) == PERCENT:
        capacity = 100
    if level is None or level < 0 or capacity < 1 or 100 * level > _SLACK * capacity:
        return None, SupplyState.UNKNOWN
    # What is not empty is never shown as 0, and what is not full never as 100.
    percent = min(100, 100 * level // capacity) if level else 0
    percent = max(1, percent) if level else 0
    if percent == 0:
        return 0, SupplyState.EMPTY
    return percent, SupplyState.LOW if percent <= LOW else SupplyState.OK


def _matching(table: tuple[tuple[re.Pattern[str], str], ...], name: str) -> str:
    return next((word for pattern, word in table if pattern.search(name)), "")
