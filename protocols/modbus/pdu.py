"""What Modbus says, whatever carries it: functions, requests, and whether an answer is one.

::

    request    function  address  count                 answer    function  byte count  bytes
                1 byte   2 bytes 2 bytes                refusal   function | 0x80  exception code

pymodbus knows the PDUs; its client is not used (docs/adr/0004). Registers stay the bytes they came
as: whoever knows their types unpacks them in one go.

Source: Modbus Application Protocol V1.1b3, sections 6.1-6.4 and 7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadDiscreteInputsRequest,
    WriteSingleCoilRequest,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from protocols.errors import Garbled, ProtocolError, Refused, Timeout
from protocols.modbus.planner import Read, Span, Table

if TYPE_CHECKING:
    from pymodbus.pdu.pdu import ModbusPDU

LONGEST_PDU: Final = 253

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


class Asks(Protocol):
    """What is asked of a unit, as the framings see it: `Question`, `Order`."""

    @property
    def unit(self) -> int:
        """The unit's id."""

    @property
    def function(self) -> int:
        """The function code."""

    @property
    def pdu(self) -> bytes:
        """The request."""

    @property
    def repeatable(self) -> bool:
        """Whether asking twice does no harm."""

    @property
    def answer_head(self) -> bytes:
        """The first two bytes of the answer's PDU."""

    @property
    def answer_bytes(self) -> int:
        """How long the answer's PDU is."""

    @property
    def mirrored(self) -> bool:
        """Whether the right answer is the request over again."""

    def data(self, unit: int, pdu: bytes) -> bytes:
        """What ``unit`` answered; raises `Refused`, or `Garbled` where it is no answer."""

    def garbled(self, came: str, number: str = "") -> Garbled:
        """The error that ``came`` came instead; ``number`` is how the framing counts."""

    def unanswered(self, timeout_s: float) -> Timeout:
        """The error that nothing came."""


@dataclass(frozen=True, slots=True)
class Order:
    """One write to one unit: the answer says the same again.

    Attributes:
        unit: The unit's id.
        span: Where it is written; holding registers or one coil.
        values: Registers (0 to 65535), or one bit.
        where: The line and unit, for people.
    """

    unit: int
    span: Span
    values: tuple[int, ...]
    where: str
    repeatable: bool = field(default=False, init=False)

    @property
    def function(self) -> int:
        """5 a coil, 6 a register, 16 several."""
        if self.span.table.bits:
            return 5
        return 6 if len(self.values) == 1 else 16

    @property
    def pdu(self) -> bytes:
        """The request (V1.1b3 sections 6.5, 6.6, 6.12)."""
        address, values = self.span.address, self.values
        request: ModbusPDU
        if self.function == 5:
            request = WriteSingleCoilRequest(address=address, bits=[bool(values[0])])
        elif self.function == 6:
            request = WriteSingleRegisterRequest(address=address, registers=list(values))
        else:
            request = WriteMultipleRegistersRequest(address=address, registers=list(values))
        return bytes((self.function,)) + bytes(request.encode())

    @property
    def answer_head(self) -> bytes:
        """The function and the address's first byte."""
        return self.pdu[:2]

    @property
    def answer_bytes(self) -> int:
        """Function, address, and value or count."""
        return 5

    @property
    def mirrored(self) -> bool:
        """As functions 5 and 6 are answered."""
        return self.function != 16

    def data(self, unit: int, pdu: bytes) -> bytes:
        """Nothing, once the unit has said the same; raises `Refused` or `Garbled`."""
        if unit != self.unit:
            raise self.garbled(f"an answer of unit {unit}")
        if pdu[0] == self.function | 0x80 and len(pdu) == 2:
            raise refusal(pdu[1], f"refused to write {self}", self.where)
        if pdu != self.pdu[:5]:
            raise self.garbled(f"{pdu[:16].hex(' ')}")
        return b""

    def garbled(self, came: str, number: str = "") -> Garbled:
        """See `Asks`."""
        expected = f"{number}unit {self.unit}, {self.pdu[:5].hex(' ')} again"
        return Garbled(expected=expected, came=came, where=self.where)

    def unanswered(self, timeout_s: float) -> Timeout:
        """See `Asks`."""
        what = f"no answer to the write of {self} within {timeout_s:.3g} s"
        return Timeout(what, where=self.where, next_step="Read it back: it may have been written")

    def __str__(self) -> str:
        return spelt(self.span.table, self.span.address, self.span.count)


@dataclass(frozen=True, slots=True)
class Question:
    """One read of one unit, and what its answer must be.

    Attributes:
        unit: The unit's id.
        read: What is asked for.
        where: The line and unit, for people.
    """

    unit: int
    read: Read
    where: str
    repeatable: bool = field(default=True, init=False)

    @property
    def function(self) -> int:
        """The function code that reads this table."""
        return FUNCTIONS[self.read.table]

    @property
    def pdu(self) -> bytes:
        """The request."""
        request = _REQUESTS[self.read.table](address=self.read.address, count=self.read.count)
        return bytes((self.function,)) + bytes(request.encode())

    @property
    def answer_head(self) -> bytes:
        """The function and the byte count."""
        return bytes((self.function, self.read.size_bytes))

    @property
    def answer_bytes(self) -> int:
        """How long the answer's PDU is."""
        return 2 + self.read.size_bytes

    @property
    def mirrored(self) -> bool:
        """Never: an answer has data where the request has an address."""
        return False

    def data(self, unit: int, pdu: bytes) -> bytes:
        """The bytes that ``unit`` answered with.

        Raises:
            Refused: It is an exception.
            Garbled: It is no answer to this.
        """
        if unit != self.unit:
            raise self.garbled(f"an answer of unit {unit}")
        if pdu[0] == self.function | 0x80:
            raise self._refused(pdu)
        if pdu[0] != self.function:
            raise self.garbled(f"an answer to function {pdu[0]}")
        size = self.read.size_bytes
        if len(pdu) != size + 2 or pdu[1] != size:
            raise self.garbled(f"{len(pdu) - 2} bytes, announced as {pdu[1]}")
        return pdu[2:]

    def garbled(self, came: str, number: str = "") -> Garbled:
        """The error that ``came`` came instead; ``number`` is how the framing counts."""
        expected = (
            f"{number}unit {self.unit}, function {self.function}, {self.read.size_bytes} bytes"
        )
        return Garbled(expected=expected, came=came, where=self.where)

    def unanswered(self, timeout_s: float) -> Timeout:
        """The error that nothing came."""
        return Timeout(f"no answer to {self} within {timeout_s:.3g} s", where=self.where)

    def __str__(self) -> str:
        return spelt(self.read.table, self.read.address, self.read.count)

    def _refused(self, pdu: bytes) -> ProtocolError:
        if len(pdu) != 2:
            return self.garbled(f"a refusal of {len(pdu)} bytes")
        return refusal(pdu[1], f"refused {self}", self.where)


def spelt(table: Table, address: int, count: int) -> str:
    """A run of addresses in words: ``holding 10..11``."""
    last = address + count - 1
    return f"{table.value} {address}..{last}" if count > 1 else f"{table.value} {address}"


def refusal(code: int, what: str, where: str) -> Refused:
    """The error that an exception code is.

    Args:
        code: As in `EXCEPTIONS`, or any other number.
        what: What was refused.
        where: The line and unit.
    """
    reason, next_step = EXCEPTIONS.get(
        code, ("a reason Modbus does not know", "Look the code up in the device's manual")
    )
    return Refused(code=code, reason=reason, what=what, where=where, next_step=next_step)
