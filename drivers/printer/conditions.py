"""From what several sources say to one set of conditions, and to the printer's state. Pure.

::

    alerts, trays, covers, levels   specific: they know where
    detected errors                 bits: a code, no place
    hrDeviceStatus                  that something is wrong, not what

1. Specific troubles of one code and component become one condition: the gravest, all evidence.
2. A bit that specific troubles explain joins the likeliest of them and lends it its severity;
   another one stands for itself.
3. A device status that nothing explains promotes what was too quiet to be told: empty trays, low
   supplies; and where there is nothing either, becomes *attention* itself.
4. What is quiet still is left out.

Sources: RFC 2790 (hrPrinterStatus, hrPrinterDetectedErrorState), RFC 3805 section 2.2.13.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from drivers.printer.finding import UNEXPLAINED, Trouble
from drivers.printer.mib import DETECTED_ERRORS, DEVICE_STATUS
from drivers.printer.severity.detected_errors import (
    DOWN,
    WARNING,
    DetectedError,
    detected,
    severity_of,
)
from drivers.printer.text import raw
from drivers.report import Code, Condition, Severity, State

RUNNING: Final = 2
TESTING: Final = 4
PRINTING: Final = 4
"""Of hrPrinterStatus."""
_PRINTER_READY: Final = frozenset({1, 3})
"""other, which is how RFC 3805 writes power saving; idle."""
_EXPLAINS: Final = {
    Code.SERVICE_REQUESTED: (
        Code.HARDWARE_FAILURE,
        Code.TEMPERATURE_HIGH,
        Code.MEMORY_FAULT,
        Code.MAINTENANCE_DUE,
    ),
}
"""Which other codes say what a bit says, and better."""
SOURCE_LIMIT: Final = 900
"""Characters of evidence that are kept: a condition must travel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the host resources say of a printer; ``None`` where they do not.

    Attributes:
        index: Its index in hrDeviceTable.
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


def conditions(specific: Iterable[Trouble], status: Status) -> tuple[Condition, ...]:
    """The whole set, in a stable order."""
    troubles = _merged(specific)
    for error in detected(status.errors or b""):
        _join(troubles, _of_bit(error, status))
    if status.device in (WARNING, DOWN):
        _explain(troubles, status)
    told = sorted((t for t in troubles if not t.quiet), key=lambda t: (t.severity.rank, t.key))
    return tuple(
        Condition(
            code=trouble.code,
            severity=trouble.severity,
            component=trouble.component,
            message=trouble.words,
            source=_short(trouble.evidence),
        )
        for trouble in told
    )


def state(status: Status, told: Sequence[Condition]) -> State:
    """What the printer is doing (E-30).

    One that prints is running, whatever else is wrong with it, unless it says that it is down.
    """
    if status.printer == PRINTING and status.device != DOWN:
        return State.RUNNING
    gravest = min((condition.severity.rank for condition in told), default=99)
    if status.device == DOWN or gravest <= Severity.ERROR.rank:
        return State.ERROR
    if status.device == TESTING or (status.device is None and status.printer is None):
        return State.OTHER
    if any(condition.code is Code.DEVICE_OFFLINE for condition in told):
        return State.OTHER
    if status.printer is None:
        return State.READY if status.device in (RUNNING, WARNING) else State.OTHER
    return State.READY if status.printer in _PRINTER_READY else State.OTHER


def _merged(specific: Iterable[Trouble]) -> list[Trouble]:
    """One trouble a code and component."""
    known: dict[tuple[Code, str], Trouble] = {}
    for trouble in specific:
        before = known.get(trouble.key)
        known[trouble.key] = trouble if before is None else _both(before, trouble)
    return list(known.values())


def _both(one: Trouble, other: Trouble) -> Trouble:
    """Both in one: as the graver says, with the evidence of both."""
    graver = one if one.severity.rank <= other.severity.rank else other
    return replace(
        graver,
        message=graver.message or one.message or other.message,
        place=graver.place or one.place or other.place,
        evidence=f"{one.evidence}; {other.evidence}",
        quiet=one.quiet and other.quiet,
        aside=one.aside and other.aside,
    )


def _of_bit(error: DetectedError, status: Status) -> Trouble:
    octets = raw(status.errors or b"")
    where = f"hrPrinterDetectedErrorState {DETECTED_ERRORS}.{status.index} = {octets}"
    grave = severity_of(error, status.device)
    return Trouble(
        code=error.code,
        severity=grave,
        component=error.component,
        evidence=f"{where} bit {error.bit} {error.name} -> {grave.value}",
    )


def _join(troubles: list[Trouble], bit: Trouble) -> None:
    """Add a bit: to the likeliest trouble that says the same, or by itself."""
    codes = (bit.code, *_EXPLAINS.get(bit.code, ()))
    same = [
        place
        for place, trouble in enumerate(troubles)
        if trouble.code in codes and trouble.component.startswith(bit.component)
    ]
    if not same:
        troubles.append(bit)
        return
    likeliest = min(same, key=lambda place: _likeliness(troubles[place], codes))
    chosen = troubles[likeliest]
    grave = min(chosen.severity, bit.severity, key=lambda severity: severity.rank)
    troubles[likeliest] = replace(
        chosen, severity=grave, evidence=f"{chosen.evidence}; {bit.evidence}", quiet=False
    )


def _likeliness(trouble: Trouble, codes: tuple[Code, ...]) -> tuple[bool, int, bool, int]:
    return (trouble.aside, trouble.severity.rank, trouble.quiet, codes.index(trouble.code))


def _explain(troubles: list[Trouble], status: Status) -> None:
    """Let a device status that nothing explains promote what is quiet, or stand for itself."""
    down = status.device == DOWN
    needed = Severity.ERROR if down else Severity.WARNING
    if any(not t.quiet and t.severity.rank <= needed.rank for t in troubles):
        return
    word = "down" if down else "warning"
    evidence = f"hrDeviceStatus {DEVICE_STATUS}.{status.index} = {status.device} {word}"
    promoted = False
    for place, trouble in enumerate(troubles):
        if trouble.aside or trouble.code is Code.NOTICE:
            continue
        if trouble.code is Code.HARDWARE_FAILURE and down:
            grave = Severity.SERVICE_CALL
        else:
            grave = min(trouble.severity, Severity.WARNING, key=lambda severity: severity.rank)
        why = f"{trouble.evidence}; {evidence}"
        troubles[place] = replace(trouble, severity=grave, evidence=why, quiet=False)
        promoted = promoted or grave.rank <= needed.rank
    if not promoted:
        troubles.append(
            Trouble(
                code=Code.ATTENTION,
                severity=needed,
                message=UNEXPLAINED,
                evidence=evidence,
            )
        )


def _short(evidence: str) -> str:
    return evidence if len(evidence) <= SOURCE_LIMIT else evidence[: SOURCE_LIMIT - 1] + "…"
