"""One thing that one source says is wrong; ``conditions`` beside it makes conditions of them."""

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
"""What is said where the printer gives no words of its own."""


UNEXPLAINED = "The printer asks for attention and does not say why"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What one row, bit or status says.

    Attributes:
        code: From the closed vocabulary.
        severity: How grave this source alone makes it.
        component: Which part of the printer, named alike by every source.
        message: The printer's own words, if it has any.
        place: What people call the part: ``Cassette 2``.
        evidence: Where it stands, what stands there, and what was made of it.
        quiet: Told only where another source supports it: it is so on idle printers, too.
        aside: Taken last where a bit could mean several: a slot for single sheets is often empty.
    """

    code: Code
    severity: Severity
    component: str = ""
    message: str = ""
    place: str = ""
    evidence: str
    quiet: bool = False
    aside: bool = False

    @property
    def key(self) -> tuple[Code, str]:
        """What makes two sources' troubles the same."""
        return (self.code, self.component)

    @property
    def words(self) -> str:
        """What a person is told."""
        if self.message:
            return self.message
        said = WORDS.get(self.code, self.code.value)
        return f"{said}: {self.place}" if self.place else said
