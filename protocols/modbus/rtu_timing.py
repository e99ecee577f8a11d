"""How long a Modbus RTU transaction takes on a serial line, and the silences it keeps. Pure.

::

    |-- request --|t35|-- device's delay --|-- answer --|t35|
        8 c                   t_dev         (5 + 2N) c

    T(N) = (13 + 2N) c + 2 t35 + t_dev          N registers; c: one character

t35 is the silence that ends a frame: 3.5 characters, and 1.75 ms above 19200 baud.

Source: Modbus over serial line V1.02, 2.5.1 (the character) and 2.5.1.1 (the silences).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from protocols.modbus.planner import Cost
from protocols.timing import JITTER_S, NETWORK_JITTER_S, LineTiming

if TYPE_CHECKING:
    from protocols.modbus.planner import Read
    from protocols.serial_format import SerialFormat

REQUEST_BYTES: Final = 8
"""Unit, function, address, count, CRC."""
ANSWER_BYTES: Final = 5
"""What an answer has beside its data: unit, function, byte count, CRC. A refusal is as long."""
LONGEST_FRAME: Final = 256
"""Bytes (V1.02, 2.5.1)."""
FIXED_SILENCE_ABOVE: Final = 19_200
FIXED_SILENCE_S: Final = 0.00175


@dataclass(frozen=True, slots=True)
class RtuTiming:
    """What Modbus RTU takes on a line of one format; all times in seconds.

    Attributes:
        form: Speed and character of the line.
    """

    form: SerialFormat

    @property
    def silence_s(self) -> float:
        """The silence between two frames (t35)."""
        form = self.form
        return FIXED_SILENCE_S if form.baud > FIXED_SILENCE_ABOVE else 3.5 * form.character_s

    @property
    def line(self) -> LineTiming:
        """The pauses of a line at a serial port of this machine."""
        return LineTiming(
            silence_s=self.silence_s,
            drain_s=self.silence_s + JITTER_S,
            character_s=self.form.character_s,
        )

    @property
    def line_over_network(self) -> LineTiming:
        """The pauses of a line behind a serial server, whose network may hold an answer back."""
        line = self.line
        return replace(line, drain_s=line.drain_s + NETWORK_JITTER_S)

    def wire_s(self, read: Read) -> float:
        """From the request's first bit to the answer's last, if the device took no time at all."""
        characters = REQUEST_BYTES + ANSWER_BYTES + read.size_bytes
        return characters * self.form.character_s + self.silence_s

    def answer_s(self, read: Read) -> float:
        """What the bytes of an answer take."""
        return (ANSWER_BYTES + read.size_bytes) * self.form.character_s

    def transaction_s(self, read: Read, delay_s: float) -> float:
        """T(N): how long a read keeps the line when the device takes ``delay_s``."""
        return self.wire_s(read) + self.silence_s + delay_s

    def cost(self, delay_s: float) -> Cost:
        """What a read costs, for the planner, when the device takes ``delay_s``."""
        character_s = self.form.character_s
        fixed = (REQUEST_BYTES + ANSWER_BYTES) * character_s + 2 * self.silence_s
        return Cost(request=fixed + delay_s, register=2 * character_s)
