"""The measures that can be asked for, and which of a device's series answer them. Pure.

A device may count a thing as a whole, by tariff, by phase, or as several of these. The whole is
taken where there is one; else all its tariffs, phases or (of a printer) colours. Strings and
channels are loads of their own and are never added up. Several resolutions of one part are one
counter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from drivers.report import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Measure(StrEnum):
    """What is counted; the value is its name in an address."""

    IMPORT = "import"
    EXPORT = "export"
    HEAT = "heat"
    COLD = "cold"
    GAS = "gas"
    WATER = "water"
    AREA = "area"
    IMPRESSIONS = "impressions"
    SHEETS = "sheets"
    LENGTH = "length"
    JOBS = "jobs"

    @property
    def printed(self) -> bool:
        """Whether printers count it. They lie behind no other printer: they may be added up."""
        return self in _PRINTED

    @property
    def electric(self) -> bool:
        """Whether demand is billed for it."""
        return self in {Measure.IMPORT, Measure.EXPORT}


QUANTITIES: Final[Mapping[Measure, Sequence[Quantity]]] = {
    Measure.IMPORT: (Quantity.ENERGY_IMPORT, Quantity.ENERGY_TOTAL),
    Measure.EXPORT: (Quantity.ENERGY_EXPORT,),
    Measure.HEAT: (Quantity.ENERGY_HEAT,),
    Measure.COLD: (Quantity.ENERGY_COLD,),
    Measure.GAS: (Quantity.VOLUME_GAS,),
    Measure.WATER: (Quantity.VOLUME_WATER,),
    Measure.AREA: (Quantity.AREA,),
    Measure.IMPRESSIONS: (Quantity.IMPRESSIONS,),
    Measure.SHEETS: (Quantity.SHEETS,),
    Measure.LENGTH: (Quantity.LENGTH,),
    Measure.JOBS: (Quantity.JOBS,),
}
"""The first of these that a device has answers for it."""
EXTENTS: Final = (Measure.AREA, Measure.IMPRESSIONS, Measure.SHEETS, Measure.LENGTH)
"""How much was printed, in the order in which people ask for it."""
WHOLE_PARTS: Final = ("", "l1", "l2", "l3")
SPLIT_PARTS: Final = ("tariff=", "phase=l", "colour=")
"""The parts, and the beginnings of parts, that can be part of a counter."""
_PRINTED: Final = frozenset({*EXTENTS, Measure.JOBS})
_SPLITS: Final = tuple(
    re.compile(p) for p in (r"tariff=\d+", r"l[123]", r"phase=l[123]", r"colour=\w+")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFact:
    """A series without its samples.

    Attributes:
        has: Whether the device has such a value at all, as far as it said.
    """

    pk: int
    quantity: str
    part: str
    resolution: int
    has: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """What a device counted of one thing.

    Attributes:
        quantity: Its unit is that of the readings.
        parts: For each part to add up (one alone, for the whole) its series.
    """

    quantity: Quantity
    parts: Sequence[Sequence[SeriesFact]]

    @property
    def series(self) -> Sequence[SeriesFact]:
        """The series of all parts."""
        return [series for part in self.parts for series in part]

    @property
    def finest(self) -> int:
        """The least resolution of all: the exponent of the unit that holds every reading."""
        return min(series.resolution for series in self.series)


def counter_of(rows: Iterable[SeriesFact], measure: Measure) -> Counter | None:
    """The counter of ``measure`` among a device's series; ``None`` without one."""
    by_quantity: dict[str, dict[str, list[SeriesFact]]] = {}
    for row in rows:
        if row.has:
            by_quantity.setdefault(row.quantity, {}).setdefault(row.part, []).append(row)
    for quantity in QUANTITIES[measure]:
        parts = _whole_or_split(by_quantity.get(quantity.value, {}))
        if parts:
            return Counter(quantity=quantity, parts=parts)
    return None


def _whole_or_split(parts: Mapping[str, list[SeriesFact]]) -> list[list[SeriesFact]]:
    if "" in parts:
        return [parts[""]]
    for split in _SPLITS:
        found = [rows for part, rows in sorted(parts.items()) if split.fullmatch(part)]
        if found:
            return found
    return []
