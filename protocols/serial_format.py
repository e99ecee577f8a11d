"""How fast a serial line is, and how long a Modbus RTU transaction takes on it. Pure.

::

    |-- request --|t35|-- device's delay --|-- answer --|t35|
        8 c                   t_dev         (5 + 2N) c

    T(N) = (13 + 2N) c + 2 t35 + t_dev          N registers; c: one character

c is ten or eleven bits: a start bit, eight of data, parity where there is one, one or two stop
bits. t35 is the silence that ends a frame: 3.5 characters, and 1.75 ms above 19200 baud.

Source: Modbus over serial line V1.02, 2.5.1 (the character) and 2.5.1.1 (the silences).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from protocols.line import Pace
from protocols.modbus.planner import Cost, Read

REQUEST_BYTES: Final = 8
"""Unit, function, address, count, CRC."""
ANSWER_BYTES: Final = 5
"""What an answer has beside its data: unit, function, byte count, CRC. A refusal is as long."""
LONGEST_FRAME: Final = 256
"""Bytes (V1.02, 2.5.1)."""
FIXED_SILENCE_ABOVE: Final = 19_200
FIXED_SILENCE_S: Final = 0.00175
JITTER_S: Final = 0.02
"""What adapters and schedulers add: a USB one collects bytes for up to 16 ms."""
NETWORK_JITTER_S: Final = 0.1
"""What a site's network adds."""
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
        """How long one character takes (c)."""
        return (9 + (self.parity != "N") + self.stop) / self.baud

    @property
    def silence_s(self) -> float:
        """The silence between two frames (t35)."""
        return FIXED_SILENCE_S if self.baud > FIXED_SILENCE_ABOVE else 3.5 * self.character_s

    @property
    def pace(self) -> Pace:
        """What a line of this speed keeps; see `protocols.line`."""
        return Pace(
            silence_s=self.silence_s,
            drain_s=self.silence_s + JITTER_S,
            character_s=self.character_s,
        )

    @property
    def pace_over_network(self) -> Pace:
        """The same behind a serial server, whose network may hold an answer back."""
        return replace(self.pace, drain_s=self.pace.drain_s + NETWORK_JITTER_S)

    def wire_s(self, read: Read) -> float:
        """From the request's first bit to the answer's last, if the device took no time at all."""
        characters = REQUEST_BYTES + ANSWER_BYTES + read.size_bytes
        return characters * self.character_s + self.silence_s

    def answer_s(self, read: Read) -> float:
        """What the bytes of an answer take."""
        return (ANSWER_BYTES + read.size_bytes) * self.character_s

    def transaction_s(self, read: Read, delay_s: float) -> float:
        """T(N): how long a read keeps the line, when the device takes ``delay_s``."""
        return self.wire_s(read) + self.silence_s + delay_s

    def cost(self, delay_s: float) -> Cost:
        """The same for the planner, in seconds."""
        fixed = (REQUEST_BYTES + ANSWER_BYTES) * self.character_s + 2 * self.silence_s
        return Cost(request=fixed + delay_s, register=2 * self.character_s)
