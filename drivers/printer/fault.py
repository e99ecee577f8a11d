"""A fault that one source reports; ``conditions`` beside it merges them into conditions."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.report import Code, Severity

WORDS = {
    Code.MEDIA_JAM: "Paper jam",
    Code.MEDIA_EMPTY: "No paper",
    Code.MEDIA_LOW: "Paper is running low",
    Code.MEDIA_MISMATCH: "Another paper is asked for",
    Code.OUTPUT_FULL: "The output is full",
    Code.OUTPUT_NEAR_FULL: "The output is nearly full",
    Code.TRAY_MISSING: "A tray is missing",
    Code.SUPPLY_LOW: "A supply is running low",
    Code.SUPPLY_EMPTY: "A supply is used up",
    Code.SUPPLY_MISSING: "A supply is missing",
    Code.WASTE_NEAR_FULL: "The waste container is nearly full",
    Code.WASTE_FULL: "The waste container is full",
    Code.COVER_OPEN: "A cover is open",
    Code.MAINTENANCE_DUE: "Maintenance is due",
    Code.SERVICE_REQUESTED: "The printer asks for service",
    Code.HARDWARE_FAILURE: "Something is broken",
    Code.TEMPERATURE_HIGH: "Too hot",
    Code.TEMPERATURE_LOW: "Not warm enough yet",
    Code.MEMORY_FAULT: "Memory or storage has a fault, or is full",
    Code.DEVICE_OFFLINE: "It is offline",
    Code.ATTENTION: "The printer asks for attention",
    Code.NOTICE: "Notice",
}
"""The message of a fault that the printer gives no text for."""


UNEXPLAINED = "The printer asks for attention and does not say why"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrinterFault:
    """A fault as one row, bit or status reports it.

    Attributes:
        code: From the closed vocabulary.
        severity: How severe it is by this source alone.
        component: The part of the printer, named alike by every source.
        message: The printer's own text; ``""`` for none.
        place: What people call the part: ``Cassette 2``.
        evidence: Its object and value, and what was made of them.
        tentative: Whether it is reported only where another source supports it, because idle
            printers have it, too.
        low_priority: Whether it comes last where a bit could mean several: a slot for single
            sheets is often empty.
    """

    code: Code
    severity: Severity
    component: str = ""
    message: str = ""
    place: str = ""
    evidence: str
    tentative: bool = False
    low_priority: bool = False

    @property
    def key(self) -> tuple[Code, str]:
        """The identity of the fault: two sources that report one key report one fault."""
        return (self.code, self.component)

    @property
    def words(self) -> str:
        """The message for a person: the printer's text, else ours with the place."""
        if self.message:
            return self.message
        said = WORDS.get(self.code, self.code.value)
        return f"{said}: {self.place}" if self.place else said
