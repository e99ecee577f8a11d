"""The faults that trays, outputs, covers, markers and supplies report. Pure.

On idle printers a manual slot is *unavailable because broken* with a critical alert (19) when it is
merely empty, and a cassette without paper stands beside full ones. So faults of sub-units are
information, or tentative, until the printer itself reports a fault.

::

    PrtSubUnitStatusTC    bits 0-2  availability: 0 idle, 1 on request, 2 standby, 3 broken,
                                    4 active, 5 unknown, 6 busy
                          8  non-critical alerts    16  critical    32  off-line    64  on its way

Source: RFC 3805 (prtInputTable, prtOutputTable, prtCoverTable, prtMarkerTable).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from console import component_key
from console.component_key import Unit
from console.templates import evidence
from console.text import NO_MESSAGE, Message, verbatim
from drivers.printer.fault import PrinterFault
from drivers.printer.mib import COVERS, INPUTS, MARKERS, OUTPUTS, Index, Row, Table
from drivers.printer.supplies import CONSUMED, RECEPTACLES, SupplyRow
from drivers.printer.text import words
from drivers.report import Code, Evidence, Severity, SupplyState

BROKEN: Final = 3
CRITICAL: Final = 16
_AVAILABILITY: Final = 7
_OPEN: Final = {3: "coverOpen", 5: "interlockOpen"}
"""Values of PrtCoverStatusTC."""
_MANUAL: Final = frozenset({4, 5})
"""Values of PrtInputTypeTC: sheetFeedAutoNonRemovableTray, sheetFeedManual."""
_MANUAL_NAME: Final = re.compile(r"bypass|manual|multi.?purpose|\bmp.?tray|手差し", re.I)

_PRINTED: Final = re.compile(r"(?<!\d)(?<!\b[AB])\d{1,2}(?!\d)", re.I)
"""A number that may be printed on a tray: neither of A4 nor of 500 sheets."""
_ROLL: Final = re.compile(r"\broll|ロール", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubUnits:
    """The rows of a printer's sub-units, by index."""

    covers: Mapping[Index, Row]
    inputs: Mapping[Index, Row]
    outputs: Mapping[Index, Row]
    markers: Mapping[Index, Row]

    def places(self, charset: int | None) -> dict[str, str]:
        """The names that people know the sub-units by, by `console.component_key`."""
        named = {}
        for kind, table, columns in (
            ("cover", self.covers, (2,)),
            ("input", self.inputs, (13, 18)),
            ("output", self.outputs, (7, 12)),
        ):
            for index, row in table.items():
                names = (words(row.octets(column), charset) for column in columns)
                named[_key(kind, index)] = next(filter(None, names), "")
        return named


def numbered(places: Mapping[str, str]) -> dict[str, str]:
    """Trays and rolls by the number printed on them, where there is one: ``input 3`` -> ``tray 2``.

    The number in a tray's name is the same in every language of the panel; an index counts slots
    that nobody numbers, such as one for single sheets. Sizes and capacities are no such numbers.
    """
    said = {
        key: Unit(kind="roll" if _ROLL.search(name) else "tray", number=int(found[0]))
        for key, name in places.items()
        if component_key.kind(key) == "input" and len(found := _PRINTED.findall(name)) == 1
    }
    units = list(said.values())
    return {k: component_key.write(unit) for k, unit in said.items() if units.count(unit) == 1}


def faults(parts: SubUnits, places: Mapping[str, str]) -> list[PrinterFault]:
    """The faults of the sub-units; most are tentative, see the module."""
    found = [*_inputs(parts.inputs, places), *_outputs(parts.outputs, places)]
    return [*found, *_covers(parts.covers, places), *_markers(parts.markers)]


def supply_faults(supplies: tuple[SupplyRow, ...]) -> list[PrinterFault]:
    """The faults of supplies; a low one's is tentative: a threshold is the owner's choice."""
    return list(_supplies(supplies))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One row of a table of sub-units, with its names."""

    table: Table
    index: Index
    row: Row
    component: str
    place: str

    def cell(self, column: int, meaning: Message = NO_MESSAGE) -> tuple[Evidence, ...]:
        """What stands in a column, as evidence; nothing where it has no number."""
        value = self.row.whole(column)
        return () if value is None else (self.table.evidence(self.index, column, value, meaning),)

    def fault(
        self,
        code: Code,
        seen: tuple[Evidence, ...],
        *,
        severity: Severity = Severity.INFO,
        tentative: bool = False,
        low_priority: bool = False,
    ) -> PrinterFault:
        """A fault of this sub-unit; ``seen`` is the evidence."""
        return PrinterFault(
            code=code,
            severity=severity,
            component=self.component,
            place=self.place,
            evidence=seen,
            tentative=tentative,
            low_priority=low_priority,
        )


def _each(
    kind: str, rows: Mapping[Index, Row], table: Table, places: Mapping[str, str]
) -> Iterator[_Part]:
    for index, row in sorted(rows.items()):
        component = _key(kind, index)
        place = places.get(component, "")
        yield _Part(table=table, index=index, row=row, component=component, place=place)


def _key(kind: str, index: Index) -> str:
    return component_key.write(Unit(kind=kind, number=index[-1]))


def _inputs(rows: Mapping[Index, Row], places: Mapping[str, str]) -> Iterator[PrinterFault]:
    for part in _each("input", rows, INPUTS, places):
        row, status = part.row, part.row.whole(11)
        manual = (
            row.whole(2) in _MANUAL or row.whole(9) == 1 or bool(_MANUAL_NAME.search(part.place))
        )
        if row.whole(10) == 0:
            seen = (*part.cell(10, evidence.NO_PAPER()), *part.cell(9), *part.cell(11))
            yield part.fault(Code.MEDIA_EMPTY, seen, tentative=manual, low_priority=manual)
        elif status is not None and _is_broken(status):
            seen = (*part.cell(11, evidence.BROKEN()), *part.cell(10))
            yield part.fault(Code.ATTENTION, seen, tentative=True, low_priority=manual)


def _outputs(rows: Mapping[Index, Row], places: Mapping[str, str]) -> Iterator[PrinterFault]:
    for part in _each("output", rows, OUTPUTS, places):
        if part.row.whole(5) == 0 and (part.row.whole(4) or 0) > 0:
            seen = (*part.cell(5, evidence.NO_ROOM()), *part.cell(4))
            yield part.fault(Code.OUTPUT_FULL, seen)


def _covers(rows: Mapping[Index, Row], places: Mapping[str, str]) -> Iterator[PrinterFault]:
    for part in _each("cover", rows, COVERS, places):
        name = _OPEN.get(part.row.whole(3) or 0)
        if name is not None:
            yield part.fault(Code.COVER_OPEN, part.cell(3, verbatim(name)))


def _markers(rows: Mapping[Index, Row]) -> Iterator[PrinterFault]:
    for part in _each("marker", rows, MARKERS, {}):
        status = part.row.whole(15)
        if status is not None and _is_broken(status):
            seen = part.cell(15, evidence.BROKEN())
            yield part.fault(Code.HARDWARE_FAILURE, seen, severity=Severity.ERROR, tentative=True)


def _is_broken(status: int) -> bool:
    return status & _AVAILABILITY == BROKEN and bool(status & CRITICAL)


def _supplies(supplies: tuple[SupplyRow, ...]) -> Iterator[PrinterFault]:
    for one in supplies:
        supply = one.supply
        if supply.state not in (SupplyState.LOW, SupplyState.EMPTY):
            continue
        empty = supply.state is SupplyState.EMPTY
        if supply.kind in RECEPTACLES:
            code = Code.WASTE_FULL if empty else Code.WASTE_NEAR_FULL
        elif supply.kind in CONSUMED or supply.kind == "other":
            code = Code.SUPPLY_EMPTY if empty else Code.SUPPLY_LOW
        else:
            code = Code.MAINTENANCE_DUE
        yield PrinterFault(
            code=code,
            severity=Severity.WARNING,
            component=one.component,
            place=supply.name,
            evidence=one.evidence,
            tentative=not empty,
        )
