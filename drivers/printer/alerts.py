"""The faults that a printer's alerts report. Pure.

Rows that report no fault, as idle printers have them, are dropped first:

* severity 0; severity other(1) with code 0, other(1) or printerReadyToPrint(507);
* alertRemovalOfBinaryChangeEntry(1801), with the row whose index it names;
* warnings without an end (warningUnary) that are older than `UNARY_MS`, by the printer's clock.

Sources: RFC 3805 section 2.2.13 and prtAlertTable; what idle printers of five makers tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from console import component_key
from console.component_key import Unit
from console.templates import condition, evidence
from console.text import NO_MESSAGE, Message, verbatim
from drivers.printer.fault import PrinterFault, severity_name
from drivers.printer.mib import ALERTS, Index, Row
from drivers.printer.severity.alert_codes import GROUP_NAMES, AlertCode, Group, meaning
from drivers.printer.severity.alert_severity import (
    LEVEL_NAMES,
    TRAINING_NAMES,
    Level,
    severity,
)
from drivers.printer.severity.pjl import PjlStatus, pjl_status
from drivers.printer.text import is_plain, raw, words
from drivers.report import Code, Evidence, Severity

UNARY_MS: Final = 3_600_000
REMOVAL: Final = 1801
BROTHER: Final = 2435
"""The enterprise whose agents give PJL's status as a place; elsewhere such a place is one."""
_LOCATION: Final = 6
_CAPITAL: Final = re.compile(r"(?<=[a-z])([A-Z])")
_PLACEHOLDERS: Final = frozenset({0, 1, 507})
_COMPONENTS: Final = {
    Group.COVER: "cover",
    Group.INPUT: "input",
    Group.OUTPUT: "output",
    Group.MARKER: "marker",
    Group.MEDIA_PATH: "path",
    Group.CHANNEL: "channel",
    Group.INTERPRETER: "interpreter",
    Group.FINISHER: "finisher",
    Group.FINISHER_SUPPLY: "finisher supply",
    Group.FINISHER_SUPPLY_INPUT: "finisher supply",
    Group.FINISHER_ATTRIBUTE: "finisher",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Printer:
    """What the alerts of a printer are read with.

    Attributes:
        uptime: Hundredths of a second since its agent started; ``None`` where it does not say.
        charset: The MIBenum of its texts' encoding.
        supplies: The keys of its supplies, by row; see `console.component_key`.
        places: What people call its parts, by their keys.
        pjl: Whether it gives a PJL status code as the place of an alert.
    """

    uptime: int | None = None
    charset: int | None = None
    supplies: Mapping[int, str]
    places: Mapping[str, str]
    pjl: bool = False


def faults(table: Mapping[Index, Row], printer: Printer) -> list[PrinterFault]:
    """The faults of the rows that still stand."""
    removed = {row.whole(5) for row in table.values() if row.whole(7) == REMOVAL}
    return [
        _fault(index, row, printer)
        for index, row in sorted(table.items())
        if index[-1] not in removed and _stands(row, printer)
    ]


def _stands(row: Row, printer: Printer) -> bool:
    level, code = row.whole(2) or 0, row.whole(7) or 0
    if level == 0 or code == REMOVAL:
        return False
    if level == Level.OTHER and code in _PLACEHOLDERS:
        return False
    if level != Level.WARNING_UNARY:
        return True
    since = row.whole(9)
    if since is None or printer.uptime is None or since > printer.uptime:
        return True
    return 10 * (printer.uptime - since) < UNARY_MS


def _fault(index: Index, row: Row, printer: Printer) -> PrinterFault:
    level, training = row.whole(2) or 0, row.whole(3) or 0
    group, code = row.whole(4) or 0, row.whole(7) or 0
    component = _component(group, row.whole(5), printer)
    known = meaning(code, group)
    rating, means = severity(known.kind, level, training), known.code
    pjl = pjl_status(row.whole(6) or 0) if printer.pjl else None
    if pjl is not None:
        means, rating = pjl.code, pjl.severity
    own = words(row.octets(8), printer.charset)
    return PrinterFault(
        code=means,
        severity=rating,
        component=component,
        message=verbatim(own) if own else _standard_name(means, known.name),
        place=printer.places.get(component, ""),
        evidence=tuple(_evidence(index, row, known, pjl, rating)),
    )


def _standard_name(means: Code, name: str) -> Message:
    """The standard's name in words, where our code says nothing of it: ``power up``."""
    if not name or means not in (Code.NOTICE, Code.ATTENTION):
        return NO_MESSAGE
    return condition.ALERT(name=_CAPITAL.sub(lambda found: f" {found[1].lower()}", name))


def _evidence(
    index: Index, row: Row, known: AlertCode, pjl: PjlStatus | None, rating: Severity
) -> Iterator[Evidence]:
    """The columns of a row that its condition is based on; missing ones are left out."""
    rated, name = severity_name(rating), known.name or evidence.UNLISTED()
    if pjl is None:
        code = evidence.ALERT_CODE(name=name, kind=known.kind.value, severity=rated)
    else:
        code = name if isinstance(name, Message) else verbatim(name)
    said = {
        7: code,
        6: NO_MESSAGE if pjl is None else evidence.PJL_STATUS(name=pjl.name, severity=rated),
        2: verbatim(LEVEL_NAMES.get(row.whole(2) or 0, "")),
        3: verbatim(TRAINING_NAMES.get(row.whole(3) or 0, "")),
        4: verbatim(GROUP_NAMES.get(row.whole(4) or 0, "")),
        5: NO_MESSAGE,
    }
    for column, means in said.items():
        if row.whole(column) is not None and (column != _LOCATION or pjl is not None):
            yield ALERTS.evidence(index, column, row.whole(column), means)
    if not is_plain(row.octets(8)):
        yield ALERTS.evidence(index, 8, raw(row.octets(8)))


def _component(group: int, place: int | None, printer: Printer) -> str:
    number = place if place is not None and place > 0 else None
    if group == Group.SUPPLIES:
        unlisted = component_key.write(Unit(kind="supply", number=number))
        return printer.supplies.get(number or 0, unlisted)
    kind = _COMPONENTS.get(Group(group)) if group in Group.__members__.values() else None
    return component_key.write(Unit(kind=kind, number=number)) if kind else ""
