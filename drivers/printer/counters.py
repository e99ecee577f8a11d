"""The counters of a printer. Pure.

The standard knows one count of each marker, with its unit: impressions, sheets, or a length.
Several markers with one unit are added up. Two markers that are told apart by their colorants,
one with a single and one with several, count mono and colour (a custom, not a standard).

Makers tell more in tables of their own: here the length and area of Epson's large-format printers.

Sources: RFC 3805 (prtMarkerLifeCount, PrtMarkerCounterUnitTC); for Epson's table a walk in which
area / length is the width of the roll.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.printer.mib import Index, Row, rows
from drivers.report import Quality, Quantity, Reading
from protocols.snmp.model import Value

LIMIT: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class CountUnit:
    """The unit of a counter.

    Attributes:
        quantity: The quantity that is counted.
        factor: One count in ``10**resolution`` of the quantity's unit.
        resolution: Decimal exponent.
    """

    quantity: Quantity
    factor: int = 1
    resolution: int = 0


_UNITS: Final = {
    3: CountUnit(Quantity.LENGTH, 254, -8),  # a ten-thousandth of an inch
    4: CountUnit(Quantity.LENGTH, 1, -6),
    7: CountUnit(Quantity.IMPRESSIONS),
    8: CountUnit(Quantity.SHEETS),
    11: CountUnit(Quantity.OPERATING_TIME, 3600),
    16: CountUnit(Quantity.LENGTH, 3048, -4),  # a foot
    17: CountUnit(Quantity.LENGTH),
}
"""By PrtMarkerCounterUnitTC; characters, lines and rows of dots are not counted here."""
_NOT_OURS: Final = frozenset({5, 6, 9})

EPSON: Final = 1248
EPSON_TOTALS: Final = "1.3.6.1.4.1.1248.1.2.2.27.5.1"
_EPSON_UNITS: Final = {14: CountUnit(Quantity.LENGTH, 1, -3), 17: CountUnit(Quantity.AREA, 1, -4)}
"""By the table's third column: mm and cm²."""


def readings(markers: Mapping[Index, Row], at: int) -> list[Reading]:
    """The readings of the markers' life counts, all of the time ``at``.

    A count without a unit is no value of anything: then impressions are *not available*.
    """
    counted = [row for row in markers.values() if row.whole(4) is not None]
    by_unit: dict[int | None, list[Row]] = {}
    for row in counted:
        by_unit.setdefault(row.whole(3), []).append(row)
    made: list[Reading] = []
    for number, same in by_unit.items():
        unit = _UNITS.get(number or 0)
        if unit is not None:
            # One that is below nothing is no count, and spoils a sum.
            counts = [_count(row) for row in same]
            made.append(_reading(unit, min(0, *counts) or sum(counts), at))
            made += _colours(unit, same, at)
    if counted and not made and not by_unit.keys() <= _NOT_OURS:
        made.append(_missing(Quantity.IMPRESSIONS, at, Quality.NOT_AVAILABLE))
    return made


def epson_readings(found: Mapping[str, Value], at: int) -> list[Reading]:
    """The readings of printed length and area, where an Epson has them."""
    made: dict[Quantity, Reading] = {}
    for row in rows(found, EPSON_TOTALS).values():
        unit, count = _EPSON_UNITS.get(row.whole(3) or 0), row.whole(4)
        if unit is not None and count is not None and unit.quantity not in made:
            made[unit.quantity] = _reading(unit, count, at)
    return list(made.values())


def unique_readings(made: Sequence[Reading], at: int) -> tuple[Reading, ...]:
    """The first reading of each quantity and part.

    A printer without any counter has impressions that are *not supported* (C-20).
    """
    if not made:
        return (_missing(Quantity.IMPRESSIONS, at, Quality.NOT_SUPPORTED),)
    first: dict[tuple[Quantity, str], Reading] = {}
    for reading in made:
        first.setdefault((reading.quantity, reading.part), reading)
    return tuple(first.values())


def _count(row: Row) -> int:
    return row.whole(4) or 0


def _colours(unit: CountUnit, same: Sequence[Row], at: int) -> list[Reading]:
    if len(same) != 2 or unit.quantity not in (Quantity.IMPRESSIONS, Quantity.SHEETS):
        return []
    mono, colour = sorted(same, key=lambda row: row.whole(6) or 0)
    if mono.whole(6) != 1 or (colour.whole(6) or 0) < 2:
        return []
    return [
        _reading(unit, _count(mono), at, "colour=mono"),
        _reading(unit, _count(colour), at, "colour=colour"),
    ]


def _reading(unit: CountUnit, count: int, at: int, part: str = "") -> Reading:
    value = count * unit.factor
    if not 0 <= value <= LIMIT:
        return _missing(unit.quantity, at, Quality.OUT_OF_RANGE, part, unit.resolution)
    return Reading(
        quantity=unit.quantity, value=value, at=at, resolution=unit.resolution, part=part
    )


def _missing(
    quantity: Quantity, at: int, quality: Quality, part: str = "", resolution: int = 0
) -> Reading:
    return Reading(
        quantity=quantity, value=None, at=at, resolution=resolution, part=part, quality=quality
    )
