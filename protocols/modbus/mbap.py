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

from protocols.modbus.pdu import LONGEST_PDU

if TYPE_CHECKING:
    from protocols.errors import Garbled, ProtocolError
    from protocols.modbus.pdu import Asks

HEADER_BYTES: Final = 7
LONGEST_FRAME: Final = HEADER_BYTES + LONGEST_PDU
STRAYS_LIMIT: Final = 64
"""Answers to anything else that one exchange passes over before it gives the connection up."""
FRAMER: Final = FramerSocket(DecodePDU(is_server=False))


class MbapExchange:
    """A `protocols.line.Exchange` whose answer is the data of ``question``."""

    __slots__ = ("_number", "_question", "_stray", "_strays")

    def __init__(self, question: Asks) -> None:
        self._question = question
        self._number = 0
        self._strays = 0
        self._stray = ""

    def request(self, number: int) -> bytes:
        """See `protocols.line.Exchange`."""
        self._number = number
        return FRAMER.encode(self._question.pdu, self._question.unit, number & 0xFFFF)

    @property
    def repeatable(self) -> bool:
        """See `protocols.line.Exchange`."""
        return self._question.repeatable

    def collect(self, buffer: bytearray) -> bytes | None:
        """See `protocols.line.Exchange`."""
        while len(buffer) >= HEADER_BYTES:
            self._check_header(buffer)
            used, unit, transaction, pdu = FRAMER.decode(bytes(buffer[:LONGEST_FRAME]))
            if not used:
                return None
            if self._strays == STRAYS_LIMIT:  # what is left in the buffer ends the connection
                raise self._garbled(f"more than {STRAYS_LIMIT} answers to something else")
            del buffer[:used]
            if transaction == self._number & 0xFFFF:
                return self._question.data(unit, pdu)
            self._strays += 1
            if not self._stray and not self._was_asked(transaction):
                self._stray = f"an answer to transaction {transaction}"
        return None

    def missing(self, buffer: bytearray) -> int:
        """See `protocols.line.Exchange`."""
        return max(1, HEADER_BYTES + self._question.answer_bytes - len(buffer))

    def unanswered(self, buffer: bytearray, timeout_s: float) -> ProtocolError:
        """See `protocols.line.Exchange`."""
        if buffer:
            came = f"{len(buffer)} bytes of an unfinished one: {bytes(buffer[:16]).hex(' ')}"
            return self._garbled(came)
        if self._stray:
            return self._garbled(self._stray)
        return self._question.unanswered(timeout_s)

    def _was_asked(self, transaction: int) -> bool:
        """Whether it is the number of an earlier exchange: then its answer is only late."""
        age = (self._number - transaction) & 0xFFFF
        return 0 < age < min(self._number, 0x8000)

    def _check_header(self, buffer: bytearray) -> None:
        """Refuse what `FramerSocket` would wait for, for ever: lost framing never heals."""
        length = int.from_bytes(buffer[4:6], "big")
        if buffer[2] or buffer[3] or not 2 < length <= LONGEST_PDU + 1:
            raise self._garbled(f"no Modbus TCP header: {bytes(buffer[:HEADER_BYTES]).hex(' ')}")

    def _garbled(self, came: str) -> Garbled:
        return self._question.garbled(came, f"transaction {self._number & 0xFFFF}, ")


def unpack_frame(frame: bytes) -> tuple[int, bytes]:
    """The unit and the PDU of a whole frame."""
    return frame[HEADER_BYTES - 1], frame[HEADER_BYTES:]
