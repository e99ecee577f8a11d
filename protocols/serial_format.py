"""Speed and character of a serial line. Pure.

A character is ten or eleven bits: a start bit, eight of data, parity where there is one, one or two
stop bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PARITIES: Final = ("N", "E", "O")
BAUDS: Final = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)


def line_key(path: str) -> str:
    """What names the line at a port, for people and as a key: ``serial:/dev/ttyUSB0``."""
    return f"serial:{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialFormat:
    """Speed and character of a line.

    Attributes:
        baud: Bits a second.
        parity: ``N``, ``E`` or ``O``.
        stop: Stop bits, 1 or 2.
    """

    baud: int = 9600
    parity: str = "E"
    stop: int = 1

    def __str__(self) -> str:
        return f"{self.baud} 8{self.parity}{self.stop}"

    @property
    def character_s(self) -> float:
        """Seconds that one character takes."""
        return (9 + (self.parity != "N") + self.stop) / self.baud
