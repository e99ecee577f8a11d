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

from drivers.printer.fault import PrinterFault
from drivers.printer.mib import COVERS, INPUTS, MARKERS, OUTPUTS, Index, Row, Table
from drivers.printer.supplies import CONSUMED, RECEPTACLES, SupplyRow
from drivers.printer.text import words
from drivers.report import Code, Severity, SupplyState

BROKEN: Final = 3
CRITICAL: Final = 16
_AVAILABILITY: Final = 7
_OPEN: Final = frozenset({3, 5})
"""Values of PrtCoverStatusTC: coverOpen, interlockOpen."""
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
        """The names that people know the sub-units by, by component."""
        named = {}
        for kind, table, columns in (
            ("cover", self.covers, (2,)),
            ("input", self.inputs, (13, 18)),
            ("output", self.outputs, (7, 12)),
        ):
            for index, row in table.items():
                names = (words(row.octets(column), charset) for column in columns)
                named[f"{kind} {index[-1]}"] = next(filter(None, names), "")
        return named


def numbered(places: Mapping[str, str]) -> dict[str, str]:
    """Trays and rolls by the number printed on them, where there is one: ``input 3`` -> ``tray 2``.

    The number in a tray's name is the same in every language of the panel; an index counts slots
    that nobody numbers, such as one for single sheets. Sizes and capacities are no such numbers.
    """
    said = {
        component: f"{'roll' if _ROLL.search(name) else 'tray'} {int(found[0])}"
        for component, name in places.items()
        if component.startswith("input ") and len(found := _PRINTED.findall(name)) == 1
    }
    names = list(said.values())
    return {component: name for component, name in said.items() if names.count(name) == 1}


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

    row: Row
    component: str
    place: str
    where: str

    def fault(
        self,
        code: Code,
        what: str,
        *,
        severity: Severity = Severity.INFO,
        tentative: bool = False,
        low_priority: bool = False,
    ) -> PrinterFault:
        """A fault of this sub-unit; ``what`` is the evidence."""
        return PrinterFault(
            code=code,
            severity=severity,
            component=self.component,
            place=self.place,
            evidence=f"{self.where} {what}",
            tentative=tentative,
            low_priority=low_priority,
        )


def _each(
    kind: str, rows: Mapping[Index, Row], table: Table, places: Mapping[str, str]
) -> Iterator[_Part]:
    for index, row in sorted(rows.items()):
        component = f"{kind} {index[-1]}"
        where = f"{table.name}.{index[-1]}"
        yield _Part(row=row, component=component, place=places.get(component, ""), where=where)


def _inputs(rows: Mapping[Index, Row], places: Mapping[str, str]) -> Iterator[PrinterFault]:
    for part in _each("input", rows, INPUTS, places):
        row, status = part.row, part.row.whole(11)
        manual = (
            row.whole(2) in _MANUAL or row.whole(9) == 1 or bool(_MANUAL_NAME.search(part.place))
        )
        if row.whole(10) == 0:
            what = _evidence(level=row.whole(10), of=row.whole(9), status=status)
            yield part.fault(Code.MEDIA_EMPTY, what, tentative=manual, low_priority=manual)
        elif status is not None and _is_broken(status):
            what = _evidence(status=status, level=row.whole(10))
            yield part.fault(Code.ATTENTION, what, tentative=True, low_priority=manual)


def _evidence(**said: int | None) -> str:
    """Names and values as evidence; missing values are left out."""
    words_told = ", ".join(f"{name} {value}" for name, value in said.items() if value is not None)
    return words_told.replace(", of ", " of ")


def _outputs(rows: Mapping[Index, Row], places: Mapping[str, str]) -> Iterator[PrinterFault]:
    for part in _each("output", rows, OUTPUTS, places):
        if part.row.whole(5) == 0 and (part.row.whole(4) or 0) > 0:
            yield part.fault(Code.OUTPUT_FULL, f"room for 0 of {part.row.whole(4)}")


def _covers(rows: Mapping[Index, Row], places: Mapping[str, str]) -> Iterator[PrinterFault]:
    for part in _each("cover", rows, COVERS, places):
        if part.row.whole(3) in _OPEN:
            yield part.fault(Code.COVER_OPEN, f"status {part.row.whole(3)}")


def _markers(rows: Mapping[Index, Row]) -> Iterator[PrinterFault]:
    for part in _each("marker", rows, MARKERS, {}):
        status = part.row.whole(15)
        if status is not None and _is_broken(status):
            what = f"status {status}: broken, critical"
            yield part.fault(Code.HARDWARE_FAILURE, what, severity=Severity.ERROR, tentative=True)


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
            evidence=f"{one.raw}: {supply.level} %",
            tentative=not empty,
        )
