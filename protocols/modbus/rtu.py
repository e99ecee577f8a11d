"""Modbus RTU: frames without a length or a number, told apart by silence and by a checksum.

::

    [ unit ][ PDU ][ CRC, low byte first ]
     1 byte           2 bytes

Nothing in a frame says where it begins, so the answer is looked for: the place where the unit, the
function and the byte count that were asked for stand, with the right checksum behind the data.
What stands before it is noise of the line, such as a bus that turns round makes;
what comes behind it is thrown away before the next request.

Adapters of two-wire lines may hear what they send::

    [ request ][ answer ]      the request comes back, once, in front of its answer

The answer to functions 5 and 6 is the request over again: there one copy is an answer on a line
without an echo, and says nothing on one with it. Which it is, every read of the line tells.

A whole frame of somebody else, or a wrong checksum, ends the transaction at once: waiting longer
would cost the line's other devices their time. A late answer to an earlier request to the same unit
cannot be told from the answer; the line drains it before it asks again
(`protocols.timing.LineTiming`).

Source: Modbus over serial line V1.02, sections 2.5.1.1 (frames) and 2.5.1.2 (CRC).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pymodbus.framer.rtu import FramerRTU
from pymodbus.pdu.decoders import DecodePDU

from console.templates import modbus
from protocols.line import Echo
from protocols.modbus.pdu import hex_preview
from protocols.modbus.rtu_timing import LONGEST_FRAME

if TYPE_CHECKING:
    from console.text import Message
    from protocols.errors import ProtocolError
    from protocols.modbus.pdu import Request

AROUND_PDU: Final = 3
"""Unit and CRC."""
NOISE_LIMIT: Final = 2 * LONGEST_FRAME
"""Bytes without an answer in them, after which there will be none."""
REFUSAL_BYTES: Final = 5
FRAMER: Final = FramerRTU(DecodePDU(is_server=False))


class RtuTransaction:
    """The `protocols.line.Transaction` of one request on a serial line; its answer is the data.

    Args:
        request: The request.
        echo: What is known of the line's echo; learned here from reads.
    """

    __slots__ = ("_echo", "_request", "_returned", "_sent")

    def __init__(self, request: Request, echo: Echo | None = None) -> None:
        self._request = request
        self._echo = echo or Echo()
        self._sent = b""
        self._returned = False

    def request(self, number: int) -> bytes:  # RTU does not number its requests
        """See `protocols.line.Transaction`."""
        self._sent = FRAMER.encode(self._request.pdu, self._request.unit, 0)
        self._returned = False
        return self._sent

    @property
    def repeatable(self) -> bool:
        """See `protocols.line.Transaction`."""
        return self._request.repeatable

    def feed(self, buffer: bytearray) -> bytes | None:
        """See `protocols.line.Transaction`."""
        self._take_echo(buffer)
        spoilt: Message | None = None
        for start in range(len(buffer) - 2):
            length = self._length_at(buffer, start)
            if not length:
                continue
            frame = bytes(buffer[start : start + length])
            if len(frame) < length:
                return None
            if crc_ok(frame):
                del buffer[: start + length]
                if not self._request.echoes_request:
                    self._echo.read(echoed=self._returned)
                return self._request.data(frame[0], frame[1:-2])
            if any(self._sent.startswith(buffer[begun:]) for begun in range(start + 1)):
                return None  # an echo on its way: it ends in a checksum of its own
            if spoilt is None:
                spoilt = modbus.CRC(crc=frame[-2:].hex(" "), data=hex_preview(frame[:-2]))
        if spoilt:
            raise self._request.invalid_response(spoilt, step=modbus.CHECK_LINE())
        self._check_foreign(buffer)
        return None

    def bytes_missing(self, buffer: bytearray) -> int:
        """See `protocols.line.Transaction`."""
        refused = len(buffer) > 1 and buffer[1] & 0x80
        whole = REFUSAL_BYTES if refused else AROUND_PDU + self._request.response_length
        return max(1, whole - len(buffer))

    def timeout_error(self, buffer: bytearray, timeout_s: float) -> ProtocolError:
        """See `protocols.line.Transaction`."""
        if buffer:
            came = modbus.NOT_A_RESPONSE(n=len(buffer), data=hex_preview(buffer))
            return self._request.invalid_response(came, step=modbus.CHECK_LINE())
        return self._request.timeout_error(timeout_s, modbus.CHECK_SERIAL())

    def _take_echo(self, buffer: bytearray) -> None:
        """Take the request away that came back, unless it may be the answer."""
        if (
            self._returned
            or not self._sent
            or (self._request.echoes_request and not self._echo.present)
        ):
            return
        start = buffer.find(self._sent)
        if start >= 0:
            del buffer[: start + len(self._sent)]
            self._returned = True

    def _length_at(self, buffer: bytearray, start: int) -> int:
        """How long the answer or refusal that begins at ``start`` is; 0 if none does."""
        request = self._request
        unit, function, third = buffer[start : start + 3]
        if unit != request.unit:
            return 0
        if bytes((function, third)) == request.response_prefix:
            return AROUND_PDU + request.response_length
        return REFUSAL_BYTES if function == request.function | 0x80 else 0

    def _check_foreign(self, buffer: bytearray) -> None:
        """End the transaction when what came is whole, sound and something else, or has no end."""
        if len(buffer) > NOISE_LIMIT:
            came = modbus.ENDLESS(size=len(buffer), data=hex_preview(buffer))
            raise self._request.invalid_response(came, step=modbus.CHECK_LINE())
        if len(buffer) < REFUSAL_BYTES:
            return
        length = REFUSAL_BYTES if buffer[1] & 0x80 else REFUSAL_BYTES + buffer[2]
        frame = bytes(buffer)
        if len(frame) == length and crc_ok(frame):
            self._request.data(frame[0], frame[1:-2])  # it is not the answer, and this says why


def crc_ok(frame: bytes) -> bool:
    """Whether the CRC at the end of ``frame`` is right."""
    return FRAMER.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big"))


def unpack_frame(frame: bytes) -> tuple[int, bytes]:
    """The unit and the PDU of a whole frame."""
    return frame[0], frame[1:-2]
