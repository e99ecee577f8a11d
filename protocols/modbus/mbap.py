"""Modbus over TCP: the header that numbers requests, and every way an answer can be wrong.

::

    [ transaction ][ protocol = 0 ][ length ][ unit ][ PDU ]
         2 bytes        2 bytes      2 bytes   1 byte

Source: Modbus Messaging on TCP/IP Implementation Guide V1.0b, sections 3.1.3 (the MBAP header) and
4.4.1.3 (answers and transactions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pymodbus.framer.socket import FramerSocket
from pymodbus.pdu.decoders import DecodePDU

from console.templates import modbus
from console.text import NO_MESSAGE
from protocols.modbus.pdu import LONGEST_PDU, hex_preview

if TYPE_CHECKING:
    from console.text import Message
    from protocols.errors import InvalidResponse, ProtocolError
    from protocols.modbus.pdu import Request

HEADER_BYTES: Final = 7
LONGEST_FRAME: Final = HEADER_BYTES + LONGEST_PDU
STRAYS_LIMIT: Final = 64
"""Answers to anything else that one transaction passes over before it gives the connection up."""
FRAMER: Final = FramerSocket(DecodePDU(is_server=False))


class MbapTransaction:
    """The `protocols.line.Transaction` of one request over TCP; its answer is the data."""

    __slots__ = ("_late", "_number", "_request", "_stray", "_strays")

    def __init__(self, request: Request) -> None:
        self._request = request
        self._number = 0
        self._strays = 0
        self._stray: int | None = None
        self._late = False

    def request(self, number: int) -> bytes:
        """See `protocols.line.Transaction`."""
        self._number = number
        return FRAMER.encode(self._request.pdu, self._request.unit, number & 0xFFFF)

    @property
    def repeatable(self) -> bool:
        """See `protocols.line.Transaction`."""
        return self._request.repeatable

    def feed(self, buffer: bytearray) -> bytes | None:
        """See `protocols.line.Transaction`."""
        while len(buffer) >= HEADER_BYTES:
            self._check_header(buffer)
            used, unit, transaction, pdu = FRAMER.decode(bytes(buffer[:LONGEST_FRAME]))
            if not used:
                return None
            if self._strays == STRAYS_LIMIT:  # what is left in the buffer ends the connection
                raise self._invalid_response(modbus.STRAYS(limit=STRAYS_LIMIT))
            del buffer[:used]
            if transaction == self._number & 0xFFFF:
                return self._request.data(unit, pdu)
            self._strays += 1
            if self._was_asked(transaction):
                self._late = self._late or unit == self._request.unit
            elif self._stray is None:
                self._stray = transaction
        return None

    def bytes_missing(self, buffer: bytearray) -> int:
        """See `protocols.line.Transaction`."""
        return max(1, HEADER_BYTES + self._request.response_length - len(buffer))

    def timeout_error(self, buffer: bytearray, timeout_s: float) -> ProtocolError:
        """See `protocols.line.Transaction`."""
        if buffer:
            came = modbus.UNFINISHED(n=len(buffer), data=hex_preview(buffer))
            return self._invalid_response(came)
        if self._stray is not None:
            return self._invalid_response(modbus.OTHER_TRANSACTION(number=self._stray))
        if self._late:
            return self._request.late_error(timeout_s)
        return self._request.timeout_error(timeout_s, modbus.CHECK_UNIT())

    def _was_asked(self, transaction: int) -> bool:
        """Whether it is the number of an earlier transaction: then its answer is only late."""
        age = (self._number - transaction) & 0xFFFF
        return 0 < age < min(self._number, 0x8000)

    def _check_header(self, buffer: bytearray) -> None:
        """Refuse what `FramerSocket` would wait for, for ever: lost framing never heals."""
        length = int.from_bytes(buffer[4:6], "big")
        if buffer[2] or buffer[3] or not 2 < length <= LONGEST_PDU + 1:
            header = bytes(buffer[:HEADER_BYTES]).hex(" ")
            raise self._invalid_response(modbus.NO_HEADER(data=header), modbus.CHECK_FRAMING())

    def _invalid_response(self, came: Message, step: Message = NO_MESSAGE) -> InvalidResponse:
        return self._request.invalid_response(came, self._number & 0xFFFF, step)


def unpack_frame(frame: bytes) -> tuple[int, bytes]:
    """The unit and the PDU of a whole frame."""
    return frame[HEADER_BYTES - 1], frame[HEADER_BYTES:]
