"""Reading Modbus units over TCP: requests, answers, and every way an answer can be wrong.

::

    [ transaction ][ protocol = 0 ][ length ][ unit ][ function ][ data ]
         2 bytes        2 bytes      2 bytes   1 byte    1 byte

    answer to a read     function         byte count, bytes
    refusal              function | 0x80  exception code

pymodbus does the framing and knows the PDUs; its client is not used (docs/adr/0004). The answer's
transaction, unit, function and length are verified here. Registers stay the bytes they came as:
whoever knows their types unpacks them in one go.

Sources: Modbus Application Protocol V1.1b3, sections 6.1-6.4 and 7; Modbus Messaging on TCP/IP
Implementation Guide V1.0b, section 3.1.3 (the MBAP header), 4.4.1.3 (answers and transactions).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pymodbus.framer.socket import FramerSocket
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.decoders import DecodePDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from protocols.errors import Garbled, ProtocolError, Refused, Timeout
from protocols.line import Line
from protocols.planner import Read, Table

MBAP_BYTES: Final = 7
LONGEST_PDU: Final = 253
LONGEST_FRAME: Final = MBAP_BYTES + LONGEST_PDU
STRAYS_LIMIT: Final = 64
"""Answers to anything else that one exchange passes over before it gives the connection up."""

FUNCTIONS: Final = {
    Table.COIL: 1,
    Table.DISCRETE: 2,
    Table.HOLDING: 3,
    Table.INPUT: 4,
}
_REQUESTS: Final = {
    Table.COIL: ReadCoilsRequest,
    Table.DISCRETE: ReadDiscreteInputsRequest,
    Table.HOLDING: ReadHoldingRegistersRequest,
    Table.INPUT: ReadInputRegistersRequest,
}

ILLEGAL_ADDRESS: Final = 2
EXCEPTIONS: Final = {
    1: ("illegal function", "Check that the profile is for this model"),
    2: ("illegal data address", "Check that the profile is for this model and its firmware"),
    3: ("illegal data value", "Check that the profile is for this model"),
    4: ("device failure", "Look at the device itself; it reports a fault of its own"),
    5: ("acknowledge", "The device needs longer; read it less often"),
    6: ("device busy", "Read the device less often, or find out who else reads it"),
    7: ("negative acknowledge", "Check that the profile is for this model"),
    8: ("memory parity error", "Look at the device itself; its memory reports a fault"),
    10: ("gateway path unavailable", "Check the unit id and the gateway's own serial settings"),
    11: (
        "gateway target device failed to respond",
        "Check the unit id, the wiring behind the gateway and that the device has power",
    ),
}
"""Names and next steps of the exception codes (V1.1b3 section 7)."""

_FRAMER: Final = FramerSocket(DecodePDU(is_server=False))


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
        timeout_s: How long an answer may take.
    """

    def __init__(
        self, line: Line, unit: int, *, now: Callable[[], int], timeout_s: float = 1.0
    ) -> None:
        self.line = line
        self.unit = unit
        self.timeout_s = timeout_s
        self.now = now
        self.where = f"modbus {line.wire.where} unit {unit}"

    async def read(self, read: Read) -> Block:
        """Read one run of registers or bits.

        Raises:
            Refused: The unit answered with an exception code.
            Garbled: The answer was none, or too short or too long.
            Timeout: Nothing came.
            Unreachable: There is no connection.
        """
        exchange = _ReadExchange(self.unit, read, self.where, self.now)
        return await self.line.exchange(exchange, self.timeout_s)


class _ReadExchange:
    """A `protocols.line.Exchange` that reads."""

    __slots__ = ("_now", "_number", "_read", "_sent", "_stray", "_strays", "_unit", "_where")

    def __init__(self, unit: int, read: Read, where: str, now: Callable[[], int]) -> None:
        self._unit = unit
        self._read = read
        self._where = where
        self._now = now
        self._number = 0
        self._sent = 0
        self._strays = 0
        self._stray = ""

    def request(self, number: int) -> bytes:
        self._number = number
        self._sent = self._now()
        return _FRAMER.encode(
            bytes((FUNCTIONS[self._read.table],)) + _pdu(self._read), self._unit, number & 0xFFFF
        )

    def collect(self, buffer: bytearray) -> Block | None:
        while len(buffer) >= MBAP_BYTES:
            self._check_header(buffer)
            used, unit, transaction, pdu = _FRAMER.decode(bytes(buffer[:LONGEST_FRAME]))
            if not used:
                return None
            if self._strays == STRAYS_LIMIT:  # what is left in the buffer ends the connection
                raise self._garbled(f"more than {STRAYS_LIMIT} answers to something else")
            del buffer[:used]
            if transaction == self._number & 0xFFFF:
                return self._answer(unit, pdu)
            self._strays += 1
            if not self._stray and not self._was_asked(transaction):
                self._stray = f"an answer to transaction {transaction}"
        return None

    def unanswered(self, buffer: bytearray, timeout_s: float) -> ProtocolError:
        if buffer:
            came = f"{len(buffer)} bytes of an unfinished one: {bytes(buffer[:16]).hex(' ')}"
            return self._garbled(came)
        if self._stray:
            return self._garbled(self._stray)
        return Timeout(f"no answer to {self._wanted()} within {timeout_s:g} s", where=self._where)

    def _was_asked(self, transaction: int) -> bool:
        """Whether it is the number of an earlier exchange: then its answer is only late."""
        age = (self._number - transaction) & 0xFFFF
        return 0 < age < min(self._number, 0x8000)

    def _check_header(self, buffer: bytearray) -> None:
        """Refuse what `FramerSocket` would wait for, for ever: lost framing never heals."""
        length = int.from_bytes(buffer[4:6], "big")
        if buffer[2] or buffer[3] or not 2 < length <= LONGEST_PDU + 1:
            raise self._garbled(f"no Modbus TCP header: {bytes(buffer[:MBAP_BYTES]).hex(' ')}")

    def _answer(self, unit: int, pdu: bytes) -> Block:
        if unit != self._unit:
            raise self._garbled(f"an answer of unit {unit}")
        function = FUNCTIONS[self._read.table]
        if pdu[0] == function | 0x80:
            raise self._refused(pdu)
        if pdu[0] != function:
            raise self._garbled(f"an answer to function {pdu[0]}")
        size = self._read.size_bytes
        if len(pdu) != size + 2 or pdu[1] != size:
            raise self._garbled(f"{len(pdu) - 2} bytes, announced as {pdu[1]}")
        return Block(bytes(pdu[2:]), (self._sent + self._now()) // 2)

    def _refused(self, pdu: bytes) -> ProtocolError:
        if len(pdu) != 2:
            return self._garbled(f"a refusal of {len(pdu)} bytes")
        code = pdu[1]
        reason, next_step = EXCEPTIONS.get(
            code, ("a reason Modbus does not know", "Look the code up in the device's manual")
        )
        return Refused(
            code=code,
            reason=reason,
            what=f"refused {self._wanted()}",
            where=self._where,
            next_step=next_step,
        )

    def _garbled(self, came: str) -> Garbled:
        size = self._read.size_bytes
        expected = (
            f"transaction {self._number & 0xFFFF}, unit {self._unit}, function "
            f"{FUNCTIONS[self._read.table]}, {size} bytes"
        )
        return Garbled(expected=expected, came=came, where=self._where)

    def _wanted(self) -> str:
        read = self._read
        last = read.address + read.count - 1
        return (
            f"{read.table.value} {read.address}..{last}"
            if last > read.address
            else (f"{read.table.value} {read.address}")
        )


def _pdu(read: Read) -> bytes:
    request = _REQUESTS[read.table](address=read.address, count=read.count)
    return bytes(request.encode())
