"""Reading Modbus units over a line, whatever frames it carries.

::

    ModbusUnit --Question--> MbapExchange | RtuExchange --> Line --> Wire

`protocols.modbus.pdu` says what a question is and whether an answer is one, `protocols.modbus.mbap`
and `protocols.modbus.rtu` how both are framed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from protocols.errors import Garbled, Refused, Timeout
from protocols.line import Exchange, Line
from protocols.modbus.mbap import MbapExchange
from protocols.modbus.pdu import Asks, Order, Question
from protocols.modbus.planner import TCP, Cost, Read, Span
from protocols.modbus.rtu_timing import LONGEST_FRAME, RtuTiming

Framing = Callable[[Asks], Exchange[bytes]]


@dataclass(frozen=True, slots=True)
class Block:
    """The answer to one `Read`.

    Attributes:
        data: Registers as big-endian pairs of bytes; coils and inputs as packed bits, lowest
            address in the lowest bit.
        at: Midpoint between request and answer, in the unit of the `ModbusUnit`'s clock.
    """

    data: bytes
    at: int


class ModbusUnit:
    """One unit (device address) on a line.

    Args:
        line: The shared line.
        unit: Unit id, 0 to 255.
        now: The clock that dates the answers.
        timeout_s: How long an answer may take; less once the unit is known (`protocols.delays`).
        framing: How requests travel.
    """

    def __init__(
        self,
        line: Line,
        unit: int,
        *,
        now: Callable[[], int],
        timeout_s: float = 1.0,
        framing: Framing = MbapExchange,
    ) -> None:
        self.line = line
        self.unit = unit
        self.now = now
        self.timeout_s = timeout_s
        self.member = line.member(unit)
        self.where = f"modbus {line.wire.where} unit {unit}"
        self._framing = framing
        self.timing = None if line.form is None else RtuTiming(line.form)

    async def read(self, read: Read) -> Block:
        """Read one run of registers or bits.

        Raises:
            Refused: The unit answered with an exception code.
            Garbled: The answer was none, or too short or too long.
            Timeout: Nothing came.
            Unreachable: There is no connection.
        """
        wire_s = 0.0 if self.timing is None else self.timing.wire_s(read)
        delays = self.member.delays_of((read.table, read.address, read.count))
        question = Question(self.unit, read, self.where)
        try:
            asked, data = await self._ask(question, delays.timeout_s(wire_s, self.timeout_s))
        except (Timeout, Garbled):  # an answer that was cut off in the middle is garbled
            delays.missed()
            raise
        delay_s = asyncio.get_running_loop().time() - asked.sent_s - wire_s
        delays.answered(delay_s)
        self.member.delays.answered(delay_s)
        return Block(data, (asked.sent + self.now()) // 2)

    async def write(self, span: Span, values: tuple[int, ...]) -> None:
        """Write registers, or one coil.

        Args:
            span: Where, in the holding registers or the coils.
            values: Registers (0 to 65535), as many as ``span`` has, or one bit.

        Raises:
            ProtocolError: As `read`. After `Timeout` and `Unreachable` it may have been written.
        """
        form = self.line.form
        wire_s = 0.0 if form is None else LONGEST_FRAME * form.character_s
        # A write may take the device long: it has its full patience.
        await self._ask(Order(self.unit, span, values, self.where), wire_s + self.timeout_s)

    async def _ask(self, asks: Asks, timeout_s: float) -> tuple[_Timed, bytes]:
        member = self.member
        asked = _Timed(self._framing(asks), self.now)
        member.asked += 1
        try:
            data = await self.line.exchange(asked, timeout_s)
        except Timeout:
            member.timeouts += 1
            raise
        except Garbled:
            member.garbled += 1
            raise
        except Refused:
            member.refused += 1
            raise
        member.answered += 1
        return asked, data

    @property
    def cost(self) -> Cost:
        """What a read of this unit takes, as far as it is known."""
        return TCP if self.timing is None else self.timing.cost(self.member.delays.typical_s)


class _Timed:
    """An exchange that knows when its request was sent."""

    __slots__ = (
        "_exchange",
        "_now",
        "collect",
        "missing",
        "repeatable",
        "sent",
        "sent_s",
        "unanswered",
    )

    def __init__(self, exchange: Exchange[bytes], now: Callable[[], int]) -> None:
        self._exchange = exchange
        self._now = now
        self.sent = 0
        self.sent_s = 0.0
        self.collect = exchange.collect
        self.missing = exchange.missing
        self.repeatable = exchange.repeatable
        self.unanswered = exchange.unanswered

    def request(self, number: int) -> bytes:
        self.sent = self._now()
        self.sent_s = asyncio.get_running_loop().time()
        return self._exchange.request(number)
