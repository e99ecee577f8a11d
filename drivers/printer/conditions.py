"""Merges the faults of several sources into one set of conditions and a state. Pure.

::

    alerts, trays, covers, levels   specific: they know where
    detected errors                 bits: a code, no place
    hrDeviceStatus                  that something is wrong, not what

1. Specific faults of one code and component become one condition: the most severe one, with the
   evidence of the `SOURCES_LIMIT` most severe.
2. A bit that specific faults explain joins the likeliest of them and lends it its severity;
   another one stands for itself.
3. A device status that nothing explains promotes what was tentative: empty trays, low supplies;
   and where there is nothing either, becomes *attention* itself.
4. What is still tentative is left out.

Sources: RFC 2790 (hrPrinterStatus, hrPrinterDetectedErrorState), RFC 3805 section 2.2.13.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from console import component_key
from console.templates import condition, evidence
from console.text import NO_MESSAGE, verbatim
from drivers.printer.fault import PrinterFault, severity_name
from drivers.printer.mib import ALERTS, DETECTED_ERRORS, DEVICE_STATUS
from drivers.printer.severity.detected_errors import (
    DOWN,
    WARNING,
    DetectedError,
    detected,
    severity_of,
)
from drivers.printer.text import raw
from drivers.report import Code, Condition, Evidence, EvidenceKind, Severity, State

RUNNING: Final = 2
TESTING: Final = 4
PRINTING: Final = 4
"""The value of hrPrinterStatus; the others are of hrDeviceStatus."""
_PRINTER_READY: Final = frozenset({1, 3})
"""The values of hrPrinterStatus: other, which is how RFC 3805 writes power saving; idle."""
_EXPLAINS: Final = {
    Code.SERVICE_REQUESTED: (
        Code.HARDWARE_FAILURE,
        Code.TEMPERATURE_HIGH,
        Code.MEMORY_FAULT,
        Code.MAINTENANCE_DUE,
    ),
}
"""By the code of a bit, the codes that say the same more precisely."""
SOURCES_LIMIT: Final = 4
"""Faults of one code and component whose evidence is kept; of the others only their number is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The status of a printer in the host resources; ``None`` for values that it lacks.

    Attributes:
        index: The printer's index in hrDeviceTable.
        device: hrDeviceStatus.
        printer: hrPrinterStatus.
        errors: hrPrinterDetectedErrorState.
    """

    index: int = 1
    device: int | None = None
    printer: int | None = None
    errors: bytes | None = None

    @property
    def calm(self) -> bool:
        """Whether the printer itself says that nothing is wrong."""
        return self.device in (RUNNING, None) and not any(detected(self.errors or b""))


def conditions(specific: Iterable[PrinterFault], status: Status) -> tuple[Condition, ...]:
    """The whole set of conditions, in a stable order.

    Args:
        specific: The faults of alerts, sub-units and supplies.
        status: The status in the host resources.
    """
    faults = _merged(specific)
    for error in detected(status.errors or b""):
        _join(faults, _of_bit(error, status))
    if status.device in (WARNING, DOWN):
        _explain(faults, status)
    reported = sorted(
        (fault for fault in faults if not fault.tentative),
        key=lambda fault: (fault.severity.rank, fault.key),
    )
    return tuple(
        Condition(
            code=fault.code,
            severity=fault.severity,
            component=fault.component,
            message=fault.words,
            evidence=_listed(fault),
        )
        for fault in reported
    )


def state(status: Status, found: Sequence[Condition]) -> State:
    """What the printer is doing (E-30).

    A printer that prints is running, whatever its conditions, unless its device status is down.
    """
    if status.printer == PRINTING and status.device != DOWN:
        return State.RUNNING
    most_severe = min((condition.severity.rank for condition in found), default=99)
    if status.device == DOWN or most_severe <= Severity.ERROR.rank:
        return State.ERROR
    if status.device == TESTING or (status.device is None and status.printer is None):
        return State.OTHER
    if any(condition.code is Code.DEVICE_OFFLINE for condition in found):
        return State.OTHER
    if status.printer is None:
        return State.READY if status.device in (RUNNING, WARNING) else State.OTHER
    return State.READY if status.printer in _PRINTER_READY else State.OTHER


def _merged(specific: Iterable[PrinterFault]) -> list[PrinterFault]:
    """The faults with those of one code and component merged."""
    groups: dict[tuple[Code, str], list[PrinterFault]] = {}
    for fault in specific:
        groups.setdefault(fault.key, []).append(fault)
    return [_one(group) for group in groups.values()]


def _one(group: Sequence[PrinterFault]) -> PrinterFault:
    """Several faults as one: the most severe, with the evidence of the most severe ones."""
    if len(group) == 1:
        return group[0]
    ranked = sorted(group, key=lambda fault: fault.severity.rank)
    kept, rest = ranked[:SOURCES_LIMIT], ranked[SOURCES_LIMIT:]
    return replace(
        ranked[0],
        message=next((fault.message for fault in ranked if fault.message), NO_MESSAGE),
        place=next((fault.place for fault in ranked if fault.place), ""),
        evidence=tuple(seen for fault in kept for seen in fault.evidence),
        left_out=sum(len(fault.evidence) for fault in rest),
        tentative=all(fault.tentative for fault in group),
        low_priority=all(fault.low_priority for fault in group),
    )


def _listed(fault: PrinterFault) -> tuple[Evidence, ...]:
    """The evidence of a fault; the last entry says how many were left out."""
    if not fault.left_out:
        return fault.evidence
    rest = evidence.LEFT_OUT(n=fault.left_out)
    return (*fault.evidence, Evidence(kind=EvidenceKind.OID, label=ALERTS.name, meaning=rest))


def _of_bit(error: DetectedError, status: Status) -> PrinterFault:
    severity = severity_of(error, status.device)
    means = evidence.ERROR_BIT(bit=error.bit, name=error.name, severity=severity_name(severity))
    seen = Evidence(
        kind=EvidenceKind.OID,
        address=f"{DETECTED_ERRORS}.{status.index}",
        label="hrPrinterDetectedErrorState",
        value=raw(status.errors or b""),
        meaning=means,
    )
    return PrinterFault(
        code=error.code, severity=severity, component=error.component, evidence=(seen,)
    )


def _join(faults: list[PrinterFault], bit: PrinterFault) -> None:
    """Merge a bit into the likeliest fault of the same meaning, or add it by itself."""
    codes = (bit.code, *_EXPLAINS.get(bit.code, ()))
    same = [
        place
        for place, fault in enumerate(faults)
        if fault.code in codes and _is_about(fault.component, bit.component)
    ]
    if not same:
        faults.append(bit)
        return
    likeliest = min(same, key=lambda place: _likeliness(faults[place], codes))
    chosen = faults[likeliest]
    severity = min(chosen.severity, bit.severity, key=lambda one: one.rank)
    seen = (*chosen.evidence, *bit.evidence)
    faults[likeliest] = replace(chosen, severity=severity, evidence=seen, tentative=False)


def _is_about(component: str, bit: str) -> bool:
    """Whether a component is of the kind that a bit tells of; a bit without one fits all."""
    return not bit or component_key.kind(component) == component_key.kind(bit)


def _likeliness(fault: PrinterFault, codes: tuple[Code, ...]) -> tuple[bool, int, bool, int]:
    return (fault.low_priority, fault.severity.rank, fault.tentative, codes.index(fault.code))


def _explain(faults: list[PrinterFault], status: Status) -> None:
    """Promote tentative faults to explain a device status, or add one that says *attention*."""
    down = status.device == DOWN
    needed = Severity.ERROR if down else Severity.WARNING
    if any(not fault.tentative and fault.severity.rank <= needed.rank for fault in faults):
        return
    seen = Evidence(
        kind=EvidenceKind.OID,
        address=f"{DEVICE_STATUS}.{status.index}",
        label="hrDeviceStatus",
        value=str(status.device),
        meaning=verbatim("down" if down else "warning"),
    )
    promoted = False
    for place, fault in enumerate(faults):
        if fault.low_priority or fault.code is Code.NOTICE:
            continue
        if fault.code is Code.HARDWARE_FAILURE and down:
            severity = Severity.SERVICE_CALL
        else:
            severity = min(fault.severity, Severity.WARNING, key=lambda one: one.rank)
        faults[place] = replace(
            fault, severity=severity, evidence=(*fault.evidence, seen), tentative=False
        )
        promoted = promoted or severity.rank <= needed.rank
    if not promoted:
        faults.append(
            PrinterFault(
                code=Code.ATTENTION,
                severity=needed,
                message=condition.UNEXPLAINED(),
                evidence=(seen,),
            )
        )
