"""Reading Modbus units over a line, whatever frames it carries.

::

    ModbusUnit --ReadRequest--> MbapTransaction | RtuTransaction --> Line --> Wire

`protocols.modbus.pdu` says what a request is and whether an answer is one, `protocols.modbus.mbap`
and `protocols.modbus.rtu` how both are framed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from protocols.errors import ErrorResponse, InvalidResponse, Timeout
from protocols.line import Line, Transaction, UnansweredRequest
from protocols.modbus.mbap import MbapTransaction
from protocols.modbus.pdu import ReadRequest, Request, WriteRequest
from protocols.modbus.planner import TCP, Cost, Read, Span
from protocols.modbus.rtu_timing import LONGEST_FRAME, RtuTiming

Framing = Callable[[Request], Transaction[bytes]]


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

    Attributes:
        stats: What the line knows of the unit.
        timing: How long requests take on its serial line; ``None`` where a network carries it.
    """

    def __init__(
        self,
        line: Line,
        unit: int,
        *,
        now: Callable[[], int],
        timeout_s: float = 1.0,
        framing: Framing = MbapTransaction,
    ) -> None:
        self.line = line
        self.unit = unit
        self.now = now
        self.timeout_s = timeout_s
        self.stats = line.device(unit)
        self.where = f"modbus {line.wire.where} unit {unit}"
        self._framing = framing
        self.timing = None if line.form is None else RtuTiming(line.form)

    async def read(self, read: Read) -> Block:
        """Read one run of registers or bits.

        Raises:
            ErrorResponse: The unit answered with an exception code.
            InvalidResponse: What came is not a response to this read, or too short or too long.
            Timeout: Nothing came.
            Unreachable: There is no connection.
        """
        wire_s = 0.0 if self.timing is None else self.timing.wire_s(read)
        delays = self.stats.delays_of((read.table, read.address, read.count))
        request = ReadRequest(self.unit, read, self.where)
        try:
            timed, data = await self._ask(request, delays.timeout_s(wire_s, self.timeout_s))
        except (Timeout, InvalidResponse):  # a response that was cut off is invalid
            delays.missed()
            raise
        delay_s = asyncio.get_running_loop().time() - timed.sent_s - wire_s
        delays.answered(delay_s)
        self.stats.delays.answered(delay_s)
        return Block(data, (timed.sent + self.now()) // 2)

    async def write(self, span: Span, values: tuple[int, ...]) -> None:
        """Write registers, or one coil, and wait for the confirmation.

        Args:
            span: Where, in the holding registers or the coils.
            values: Registers (0 to 65535), as many as ``span`` has, or one bit.

        Raises:
            ProtocolError: As `read`. After `Timeout` and `Unreachable` it may have been written.
        """
        form = self.line.form
        wire_s = 0.0 if form is None else LONGEST_FRAME * form.character_s
        # A write may take the device long: it has its full patience.
        await self._ask(WriteRequest(self.unit, span, values, self.where), wire_s + self.timeout_s)

    async def _ask(self, request: Request, timeout_s: float) -> tuple[_TimedTransaction, bytes]:
        stats = self.stats
        timed = _TimedTransaction(self._framing(request), self.now)
        stats.requests += 1
        try:
            data = await self.line.exchange(timed, timeout_s)
        except Timeout as error:
            stats.timeouts += 1
            self.line.unanswered = UnansweredRequest(transaction=timed, stats=stats)
            if stats.late:
                raise request.late_error(timeout_s) from error
            raise
        except InvalidResponse:
            stats.invalid_responses += 1
            raise
        except ErrorResponse:
            stats.error_responses += 1
            raise
        stats.responses += 1
        stats.late = False
        return timed, data

    @property
    def cost(self) -> Cost:
        """What a read of this unit takes, as far as it is known."""
        return TCP if self.timing is None else self.timing.cost(self.stats.delays.typical_s)


class _TimedTransaction:
    """A transaction that keeps the time at which its request was sent."""

    __slots__ = (
        "_now",
        "_transaction",
        "bytes_missing",
        "feed",
        "repeatable",
        "sent",
        "sent_s",
        "timeout_error",
    )

    def __init__(self, transaction: Transaction[bytes], now: Callable[[], int]) -> None:
        self._transaction = transaction
        self._now = now
        self.sent = 0
        self.sent_s = 0.0
        self.feed = transaction.feed
        self.bytes_missing = transaction.bytes_missing
        self.repeatable = transaction.repeatable
        self.timeout_error = transaction.timeout_error

    def request(self, number: int) -> bytes:
        self.sent = self._now()
        self.sent_s = asyncio.get_running_loop().time()
        return self._transaction.request(number)
