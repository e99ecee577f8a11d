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

from protocols.errors import ErrorResponse, InvalidResponse, ProtocolError, Timeout
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


class Request(Protocol):
    """A request to a unit as the framings see it: `ReadRequest`, `WriteRequest`."""

    @property
    def unit(self) -> int:
        """The unit id, 0 to 255."""

    @property
    def function(self) -> int:
        """The function code of the request."""

    @property
    def pdu(self) -> bytes:
        """The PDU of the request."""

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no harm."""

    @property
    def response_prefix(self) -> bytes:
        """The first two bytes of the response's PDU."""

    @property
    def response_length(self) -> int:
        """The length of the response's PDU in bytes."""

    @property
    def echoes_request(self) -> bool:
        """Whether the response is the same bytes as the request."""

    def data(self, unit: int, pdu: bytes) -> bytes:
        """The data in the PDU that ``unit`` answered with.

        Raises:
            ErrorResponse: It is an exception response.
            InvalidResponse: It is not a response to this request.
        """

    def invalid_response(self, came: str, number: str = "") -> InvalidResponse:
        """The error that ``came`` came instead.

        Args:
            came: What came, in words.
            number: The number of the request, in words, where the framing numbers requests.
        """

    def timeout_error(self, timeout_s: float) -> Timeout:
        """The error that nothing came within ``timeout_s``."""


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """One write to one unit; the response repeats what was written.

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
        """The function code: 5 writes a coil, 6 a register, 16 several registers."""
        if self.span.table.bits:
            return 5
        return 6 if len(self.values) == 1 else 16

    @property
    def pdu(self) -> bytes:
        """See `Request` (V1.1b3 sections 6.5, 6.6, 6.12)."""
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
    def response_prefix(self) -> bytes:
        """See `Request`: the function and the first byte of the address."""
        return self.pdu[:2]

    @property
    def response_length(self) -> int:
        """See `Request`: function, address, and value or count."""
        return 5

    @property
    def echoes_request(self) -> bool:
        """See `Request`: only functions 5 and 6 are answered so."""
        return self.function != 16

    def data(self, unit: int, pdu: bytes) -> bytes:
        """See `Request`; a write brings no data."""
        if unit != self.unit:
            raise self.invalid_response(f"an answer of unit {unit}")
        if pdu[0] == self.function | 0x80 and len(pdu) == 2:
            raise error_response(pdu[1], f"refused to write {self}", self.where)
        if pdu != self.pdu[:5]:
            raise self.invalid_response(f"{pdu[:16].hex(' ')}")
        return b""

    def invalid_response(self, came: str, number: str = "") -> InvalidResponse:
        """See `Request`."""
        expected = f"{number}unit {self.unit}, {self.pdu[:5].hex(' ')} again"
        return InvalidResponse(expected=expected, came=came, where=self.where)

    def timeout_error(self, timeout_s: float) -> Timeout:
        """See `Request`."""
        what = f"no answer to the write of {self} within {timeout_s:.3g} s"
        return Timeout(what, where=self.where, next_step="Read it back: it may have been written")

    def __str__(self) -> str:
        return format_span(self.span.table, self.span.address, self.span.count)


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One read of one unit.

    Attributes:
        unit: The unit's id.
        read: The registers or bits.
        where: The line and unit, for people.
    """

    unit: int
    read: Read
    where: str
    repeatable: bool = field(default=True, init=False)

    @property
    def function(self) -> int:
        """See `Request`: the function code that reads this table."""
        return FUNCTIONS[self.read.table]

    @property
    def pdu(self) -> bytes:
        """See `Request`."""
        request = _REQUESTS[self.read.table](address=self.read.address, count=self.read.count)
        return bytes((self.function,)) + bytes(request.encode())

    @property
    def response_prefix(self) -> bytes:
        """See `Request`: the function and the byte count."""
        return bytes((self.function, self.read.size_bytes))

    @property
    def response_length(self) -> int:
        """See `Request`."""
        return 2 + self.read.size_bytes

    @property
    def echoes_request(self) -> bool:
        """See `Request`: never, a response has data where the request has an address."""
        return False

    def data(self, unit: int, pdu: bytes) -> bytes:
        """See `Request`: registers as big-endian pairs of bytes, bits packed."""
        if unit != self.unit:
            raise self.invalid_response(f"an answer of unit {unit}")
        if pdu[0] == self.function | 0x80:
            raise self._error_response(pdu)
        if pdu[0] != self.function:
            raise self.invalid_response(f"an answer to function {pdu[0]}")
        size = self.read.size_bytes
        if len(pdu) != size + 2 or pdu[1] != size:
            raise self.invalid_response(f"{len(pdu) - 2} bytes, announced as {pdu[1]}")
        return pdu[2:]

    def invalid_response(self, came: str, number: str = "") -> InvalidResponse:
        """See `Request`."""
        expected = (
            f"{number}unit {self.unit}, function {self.function}, {self.read.size_bytes} bytes"
        )
        return InvalidResponse(expected=expected, came=came, where=self.where)

    def timeout_error(self, timeout_s: float) -> Timeout:
        """See `Request`."""
        return Timeout(f"no answer to {self} within {timeout_s:.3g} s", where=self.where)

    def __str__(self) -> str:
        return format_span(self.read.table, self.read.address, self.read.count)

    def _error_response(self, pdu: bytes) -> ProtocolError:
        if len(pdu) != 2:
            return self.invalid_response(f"a refusal of {len(pdu)} bytes")
        return error_response(pdu[1], f"refused {self}", self.where)


def format_span(table: Table, address: int, count: int) -> str:
    """A run of addresses in words: ``holding 10..11``."""
    last = address + count - 1
    return f"{table.value} {address}..{last}" if count > 1 else f"{table.value} {address}"


def error_response(code: int, what: str, where: str) -> ErrorResponse:
    """The error that an exception code is.

    Args:
        code: As in `EXCEPTIONS`, or any other number.
        what: What was refused.
        where: The line and unit.
    """
    reason, next_step = EXCEPTIONS.get(
        code, ("a reason Modbus does not know", "Look the code up in the device's manual")
    )
    return ErrorResponse(code=code, reason=reason, what=what, where=where, next_step=next_step)
