"""The office's printers as an SNMP agent serves them: they print, use their toner up, and jam.

Sources: RFC 2790 (hrDeviceStatus, hrPrinterStatus, hrPrinterDetectedErrorState), RFC 3805
(prtMarkerLifeCount, prtMarkerSuppliesLevel, prtAlertTable).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from protocols.snmp.model import Value
from protocols.snmp.simulator import Variables
from scripts.demonstration.loads import Pages
from scripts.demonstration.sites import Printer, printed

_UPTIME: Final = "1.3.6.1.2.1.1.3.0"
_DEVICE_STATUS: Final = "1.3.6.1.2.1.25.3.2.1.5.1"
_PRINTER_STATUS: Final = "1.3.6.1.2.1.25.3.5.1.1.1"
_ERRORS: Final = "1.3.6.1.2.1.25.3.5.1.2.1"
_LIFE_COUNT: Final = "1.3.6.1.2.1.43.10.2.1.4.1.1"
_LEVEL: Final = "1.3.6.1.2.1.43.11.1.1.9.1"
_TRAY_1: Final = "1.3.6.1.2.1.43.8.2.1.10.1.2"
_ALERT: Final = "1.3.6.1.2.1.43.18.1.1"
_RUNNING, _DOWN = 2, 5
_OTHER, _IDLE, _PRINTING = 1, 3, 4
_JAMMED: Final = bytes((0x04, 0))
_FIRST_ALERT: Final = 101
_YIELDS: Final = {1: 6_500, 2: 6_000, 3: 7_500, 4: 9_000, 5: 30_000}
"""Impressions of a full toner, and of an empty waste container, by its row."""
_BURST_S: Final = 45
_PRINTS_S: Final = 12


@dataclass(kw_only=True)
class PrinterAgent:
    """A printer, and the variables that its agent serves.

    Attributes:
        jammed: Whether paper is stuck in it.
    """

    printer: Printer
    office: Pages
    started_at: float
    variables: Variables = field(init=False)
    jammed: bool = False
    _alerts: int = 0

    def __post_init__(self) -> None:
        text = (Path(__file__).parent / self.printer.walk).read_text("utf-8")
        self.variables = Variables.of(text, self.printer.community)

    def show(self, at: float) -> None:
        """Set every variable to its value at a moment (Unix seconds)."""
        put = self.variables.set
        put(_UPTIME, int((at - self.started_at) * 100) % (1 << 32))
        if self.jammed:
            return
        count = printed(self.printer, self.office, at)
        prints = self._prints(at)
        put(_PRINTER_STATUS, _PRINTING if prints else _IDLE)
        put(_LIFE_COUNT, count)
        if self.printer.walk == "copier.snmprec":
            put(_TRAY_1, 550 - count % 500)
            for row, full in _YIELDS.items():
                put(f"{_LEVEL}.{row}", 100 - count % full * 90 // full)

    def _prints(self, at: float) -> bool:
        """Whether a job runs: in office hours now and then, for a moment each time."""
        soon = printed(self.printer, self.office, at + 900) > printed(self.printer, self.office, at)
        return soon and at % _BURST_S < _PRINTS_S

    def jam(self, at: float) -> None:
        """Let a sheet stick in the right-hand path."""
        if self.jammed:
            return
        self.jammed = True
        self._alerts += 1
        put = self.variables.set
        put(_DEVICE_STATUS, _DOWN)
        put(_PRINTER_STATUS, _OTHER)
        put(_ERRORS, _JAMMED)
        columns: dict[int, Value] = {
            2: 3,  # critical
            3: 4,  # trained: the people who use it
            4: 8,  # input
            5: 2,  # the second of them
            6: 2,
            7: 8,  # jam
            8: b"Paper jam, tray 2",
            9: int((at - self.started_at) * 100) % (1 << 32),
        }
        for column, value in columns.items():
            put(self._alert(column), value)

    def clear(self) -> None:
        """Take the sheet out."""
        if not self.jammed:
            return
        for column in range(2, 10):
            self.variables.drop(self._alert(column))
        self.jammed = False
        self.variables.set(_DEVICE_STATUS, _RUNNING)
        self.variables.set(_PRINTER_STATUS, _IDLE)
        self.variables.set(_ERRORS, bytes(2))

    def _alert(self, column: int) -> str:
        return f"{_ALERT}.{column}.1.{_FIRST_ALERT + self._alerts}"
