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

from console.templates import modbus
from console.text import NO_MESSAGE, Duration
from protocols.errors import ErrorResponse, InvalidResponse, ProtocolError, Timeout
from protocols.modbus.planner import Read, Span, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pymodbus.pdu.pdu import ModbusPDU

    from console.text import Message, Template

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
EXCEPTIONS: Final[Mapping[int, tuple[Template, Template]]] = {
    1: (modbus.ILLEGAL_FUNCTION, modbus.CHECK_MODEL),
    2: (modbus.ILLEGAL_ADDRESS, modbus.CHECK_FIRMWARE),
    3: (modbus.ILLEGAL_VALUE, modbus.CHECK_MODEL),
    4: (modbus.DEVICE_FAILURE, modbus.CHECK_FAULT),
    5: (modbus.ACKNOWLEDGE, modbus.READ_LESS),
    6: (modbus.DEVICE_BUSY, modbus.FIND_OTHERS),
    7: (modbus.NEGATIVE_ACKNOWLEDGE, modbus.CHECK_MODEL),
    8: (modbus.PARITY_ERROR, modbus.CHECK_FAULT),
    10: (modbus.NO_GATEWAY_PATH, modbus.CHECK_GATEWAY),
    11: (modbus.NO_TARGET_RESPONSE, modbus.CHECK_BEHIND_GATEWAY),
}
"""Names and next steps of the exception codes (V1.1b3 section 7)."""
GATEWAY_EXCEPTIONS: Final = frozenset({10, 11})
"""Those that a Modbus gateway answers with in place of the device."""
_RUNS: Final[Mapping[Table, tuple[Template, Template]]] = {
    Table.COIL: (modbus.COIL, modbus.COILS),
    Table.DISCRETE: (modbus.DISCRETE_INPUT, modbus.DISCRETE_INPUTS),
    Table.INPUT: (modbus.INPUT_REGISTER, modbus.INPUT_REGISTERS),
    Table.HOLDING: (modbus.HOLDING_REGISTER, modbus.HOLDING_REGISTERS),
}


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

    def invalid_response(
        self, came: Message, number: int | None = None, step: Message = NO_MESSAGE
    ) -> InvalidResponse:
        """The error that ``came`` came instead.

        Args:
            came: What came.
            number: The number of the request, where the framing numbers requests.
            step: What to check, where ``came`` tells.
        """

    def late_error(self, timeout_s: float) -> Timeout:
        """The error that within ``timeout_s`` came the response to an earlier request only."""

    def timeout_error(self, timeout_s: float, step: Message) -> Timeout:
        """The error that nothing came within ``timeout_s``.

        Args:
            timeout_s: How long was waited.
            step: What to check on this line, where nothing else comes first.
        """


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
            raise self.invalid_response(modbus.OTHER_UNIT(unit=unit))
        if pdu[0] == self.function | 0x80 and len(pdu) == 2:
            by_gateway = pdu[1] in GATEWAY_EXCEPTIONS
            what = modbus.WRITE_FAILED if by_gateway else modbus.WRITE_REFUSED
            raise error_response(pdu[1], what(registers=registers(self.span)), self.where)
        if pdu != self.pdu[:5]:
            raise self.invalid_response(modbus.OTHER_DATA(data=hex_preview(pdu)))
        return b""

    def invalid_response(
        self, came: Message, number: int | None = None, step: Message = NO_MESSAGE
    ) -> InvalidResponse:
        """See `Request`."""
        expected = modbus.WRITE_RESPONSE(unit=self.unit, data=self.pdu[:5].hex(" "))
        return _invalid_response(expected, came, number, self.where, step)

    def late_error(self, timeout_s: float) -> Timeout:
        """See `Request`."""
        return self.timeout_error(timeout_s, modbus.RAISE_TIMEOUT())

    def timeout_error(self, timeout_s: float, step: Message) -> Timeout:  # below
        """See `Request`: whatever there is to check, it may have been written."""
        limit = Duration(timeout_s)
        what = modbus.NO_WRITE_RESPONSE(registers=registers(self.span), limit=limit)
        return Timeout(what, where=self.where, next_step=modbus.READ_BACK())


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
            raise self.invalid_response(modbus.OTHER_UNIT(unit=unit))
        if pdu[0] == self.function | 0x80:
            raise self._error_response(pdu)
        if pdu[0] != self.function:
            raise self.invalid_response(modbus.OTHER_FUNCTION(function=pdu[0]))
        size = self.read.size_bytes
        if len(pdu) != size + 2 or pdu[1] != size:
            came = modbus.OTHER_SIZE(size=len(pdu) - 2, announced=pdu[1])
            raise self.invalid_response(came)
        return pdu[2:]

    def invalid_response(
        self, came: Message, number: int | None = None, step: Message = NO_MESSAGE
    ) -> InvalidResponse:
        """See `Request`."""
        expected = modbus.READ_RESPONSE(
            unit=self.unit, function=self.function, size=self.read.size_bytes
        )
        return _invalid_response(expected, came, number, self.where, step)

    def late_error(self, timeout_s: float) -> Timeout:
        """See `Request`."""
        what = modbus.LATE_RESPONSES(limit=Duration(timeout_s))
        return Timeout(what, where=self.where, next_step=modbus.RAISE_TIMEOUT())

    def timeout_error(self, timeout_s: float, step: Message) -> Timeout:
        """See `Request`."""
        limit = Duration(timeout_s)
        what = modbus.NO_READ_RESPONSE(registers=registers(self.read), limit=limit)
        return Timeout(what, where=self.where, next_step=step)

    def _error_response(self, pdu: bytes) -> ProtocolError:
        if len(pdu) != 2:
            return self.invalid_response(modbus.EXCEPTION_SIZE(size=len(pdu)))
        by_gateway = pdu[1] in GATEWAY_EXCEPTIONS
        what = modbus.READ_FAILED if by_gateway else modbus.READ_REFUSED
        return error_response(pdu[1], what(registers=registers(self.read)), self.where)


def registers(run: Span | Read) -> Message:
    """A run of addresses, as it is named to people: ``holding registers 10 to 11``."""
    one, several = _RUNS[run.table]
    if run.count == 1:
        return one(first=run.address)
    return several(first=run.address, last=run.address + run.count - 1)


def hex_preview(data: bytes | bytearray) -> str:
    """The first bytes of ``data`` in hexadecimal, for people."""
    return bytes(data[:16]).hex(" ") + (" ..." if len(data) > 16 else "")


def _invalid_response(
    expected: Message, came: Message, number: int | None, where: str, step: Message
) -> InvalidResponse:
    if number is not None:
        expected = modbus.NUMBERED(response=expected, number=number)
    return InvalidResponse(expected=expected, came=came, where=where, next_step=step)


def error_response(code: int, what: Message, where: str) -> ErrorResponse:
    """The error that an exception code is.

    Args:
        code: As in `EXCEPTIONS`, or any other number.
        what: What was refused.
        where: The line and unit.
    """
    if code in EXCEPTIONS:
        name, step = EXCEPTIONS[code]
        reason, next_step = name(), step()
    else:
        reason, next_step = modbus.UNKNOWN_EXCEPTION(code=code), modbus.SEE_MANUAL()
    return ErrorResponse(code=code, reason=reason, what=what, where=where, next_step=next_step)
