"""A fault that one source reports; ``conditions`` beside it merges them into conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from console.templates import condition, evidence
from console.text import NO_MESSAGE, Message, Template
from drivers.report import Code, Evidence, Severity

MESSAGES: Final[Mapping[Code, Template]] = {
    Code.MEDIA_JAM: condition.MEDIA_JAM,
    Code.MEDIA_EMPTY: condition.MEDIA_EMPTY,
    Code.MEDIA_LOW: condition.MEDIA_LOW,
    Code.MEDIA_MISMATCH: condition.MEDIA_MISMATCH,
    Code.OUTPUT_FULL: condition.OUTPUT_FULL,
    Code.OUTPUT_NEAR_FULL: condition.OUTPUT_NEAR_FULL,
    Code.TRAY_MISSING: condition.TRAY_MISSING,
    Code.SUPPLY_LOW: condition.SUPPLY_LOW,
    Code.SUPPLY_EMPTY: condition.SUPPLY_EMPTY,
    Code.SUPPLY_MISSING: condition.SUPPLY_MISSING,
    Code.WASTE_NEAR_FULL: condition.WASTE_NEAR_FULL,
    Code.WASTE_FULL: condition.WASTE_FULL,
    Code.COVER_OPEN: condition.COVER_OPEN,
    Code.MAINTENANCE_DUE: condition.MAINTENANCE_DUE,
    Code.SERVICE_REQUESTED: condition.SERVICE_REQUESTED,
    Code.HARDWARE_FAILURE: condition.HARDWARE_FAILURE,
    Code.TEMPERATURE_HIGH: condition.TEMPERATURE_HIGH,
    Code.TEMPERATURE_LOW: condition.TEMPERATURE_LOW,
    Code.MEMORY_FAULT: condition.MEMORY_FAULT,
    Code.DEVICE_OFFLINE: condition.DEVICE_OFFLINE,
    Code.ATTENTION: condition.ATTENTION,
    Code.NOTICE: condition.NOTICE,
}
"""The message of a fault that the printer gives no text for."""
SEVERITIES: Final[Mapping[Severity, Template]] = {
    Severity.SERVICE_CALL: evidence.SERVICE_CALL,
    Severity.ERROR: evidence.ERROR,
    Severity.WARNING: evidence.WARNING,
    Severity.INFO: evidence.INFO,
}
"""The names of severities in evidence."""


def severity_name(severity: Severity) -> Message:
    """The name of a severity, as an argument of a message."""
    return SEVERITIES[severity]()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrinterFault:
    """A fault as one row, bit or status reports it.

    Attributes:
        code: From the closed vocabulary.
        severity: How severe it is by this source alone.
        component: The part of the printer, as every source writes it: `console.component_key`.
        message: The printer's own text; `NO_MESSAGE` for none.
        place: What people call the part: ``Cassette 2``.
        evidence: Its objects and their values, and what was made of them.
        left_out: How many entries of evidence were left out of it.
        tentative: Whether it is reported only where another source supports it, because idle
            printers have it, too.
        low_priority: Whether it comes last where a bit could mean several: a slot for single
            sheets is often empty.
    """

    code: Code
    severity: Severity
    component: str = ""
    message: Message = NO_MESSAGE
    place: str = ""
    evidence: tuple[Evidence, ...]
    left_out: int = 0
    tentative: bool = False
    low_priority: bool = False

    @property
    def key(self) -> tuple[Code, str]:
        """The identity of the fault: two sources that report one key report one fault."""
        return (self.code, self.component)

    @property
    def words(self) -> Message:
        """The message for a person: the printer's text, else ours with the place."""
        if self.message:
            return self.message
        said = MESSAGES.get(self.code, condition.ATTENTION)()
        return condition.PLACED(what=said, place=self.place) if self.place else said
