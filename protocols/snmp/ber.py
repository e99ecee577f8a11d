"""SNMP v1 and v2c messages in BER, as an agent and who asks it meet them. Pure, and bounded.

::

    30 len  02 01 version  04 len community  PDU
    PDU     A0 get, A1 get next, A5 get bulk (v2c), A2 the answer:
            02 number  02 a  02 b  30 (30 06 identifier  tag value)*
            a, b    get: 0, 0;  get bulk: non-repeaters, max-repetitions;  answer: error, index

    an agent        `decode` a request, `response`
    who asks        `encode`, `decode_response`, `value_of` each of its variables

What decodes takes whatever bytes there are and raises `MalformedError` only.

Sources: RFC 1157, RFC 3416 section 3, X.690 (definite lengths, as RFC 3417 section 8 wants them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from console.templates import snmp
from console.text import MessageError

VERSION_1: Final = 0
VERSION_2C: Final = 1
GET: Final = 0xA0
GET_NEXT: Final = 0xA1
RESPONSE: Final = 0xA2
SET: Final = 0xA3
GET_BULK: Final = 0xA5
_REQUESTS: Final = frozenset({GET, GET_NEXT, SET, GET_BULK})

INTEGER: Final = 0x02
OCTETS: Final = 0x04
NULL: Final = 0x05
NAME: Final = 0x06
ADDRESS: Final = 0x40
COUNTER: Final = 0x41
GAUGE: Final = 0x42
TICKS: Final = 0x43
OPAQUE: Final = 0x44
COUNTER64: Final = 0x46
NO_SUCH_OBJECT: Final = 0x80
NO_SUCH_INSTANCE: Final = 0x81
END_OF_MIB: Final = 0x82
_SEQUENCE: Final = 0x30
_WHOLE: Final = frozenset({INTEGER, COUNTER, GAUGE, TICKS, COUNTER64})
_ADDRESS_SIZE: Final = 4

ARCS_LIMIT: Final = 128
"""Of an identifier (RFC 2578, 3.5)."""
_ARC_LIMIT: Final = 1 << 32
VARIABLES_LIMIT: Final = 256
"""More than anybody asks for, or answers, in one datagram."""
_NUMBER_LIMIT: Final = 9

Oid = tuple[int, ...]


class MalformedError(MessageError, ValueError):
    """Bytes that are no message of these versions."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A value with its type: ``body`` is its content, ``tag`` one of the above."""

    tag: int
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request message.

    Attributes:
        first: Non-repeaters of a get bulk.
        second: Its max-repetitions.
    """

    version: int
    community: bytes
    kind: int
    number: int
    first: int
    second: int
    oids: tuple[Oid, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response message.

    Attributes:
        number: That of the request.
        error: error-status (RFC 3416, 3); 0 where there is none.
        index: Which variable of the request the error is about, from 1; 0 where it does not say.
        rows: The variables, as they came.
    """

    number: int
    error: int
    index: int
    rows: tuple[tuple[Oid, Variable], ...]


def decode(data: bytes) -> Request:
    """The request in a datagram; raises `MalformedError`."""
    message = _message(data)
    if message.kind not in _REQUESTS or (message.kind == GET_BULK and message.version == VERSION_1):
        raise MalformedError(snmp.NOT_A_REQUEST(tag=f"{message.kind:#x}"))
    return Request(
        version=message.version,
        community=message.community,
        kind=message.kind,
        number=message.number,
        first=max(message.first, 0),
        second=max(message.second, 0),
        oids=tuple(oid for oid, _ in message.rows),
    )


def decode_response(data: bytes) -> Response:
    """The answer in a datagram; raises `MalformedError`."""
    message = _message(data)
    if message.kind != RESPONSE:
        raise MalformedError(snmp.NOT_A_RESPONSE(tag=f"{message.kind:#x}"))
    return Response(
        number=message.number, error=message.first, index=message.second, rows=message.rows
    )


def encode(request: Request) -> bytes:
    """The datagram of a request."""
    binds = b"".join(bind(oid, Variable(NULL)) for oid in request.oids)
    head = number(request.number) + number(request.first) + number(request.second)
    pdu = tlv(request.kind, head + tlv(_SEQUENCE, binds))
    return tlv(_SEQUENCE, number(request.version) + tlv(OCTETS, request.community) + pdu)


def value_of(variable: Variable) -> int | bytes | str | None:
    """A number, octets, or an identifier or IP address as text.

    Counters, gauges and ticks are never below 0, even from agents that leave out the octet that
    says so (X.690, 8.3). ``None`` for any other type, for the exceptions of v2c (no such object,
    no such instance, end of the tree), and where the content does not fit its type: the other
    variables of an answer are still good.
    """
    body = variable.body
    if variable.tag in _WHOLE and 1 <= len(body) <= _NUMBER_LIMIT:
        return int.from_bytes(body, "big", signed=variable.tag == INTEGER)
    if variable.tag == OCTETS:
        return body
    if variable.tag == NAME:
        try:
            return ".".join(map(str, _oid(body)))
        except MalformedError:
            return None
    if variable.tag == ADDRESS and len(body) == _ADDRESS_SIZE:
        return ".".join(map(str, body))
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """A datagram, taken apart; ``first`` and ``second`` are a and b of the module's drawing."""

    version: int
    community: bytes
    kind: int
    number: int
    first: int
    second: int
    rows: tuple[tuple[Oid, Variable], ...]


def _message(data: bytes) -> _Message:
    message = _Reader(_Reader(data).take(_SEQUENCE))
    version = message.number()
    if version not in (VERSION_1, VERSION_2C):
        raise MalformedError(snmp.OTHER_VERSION(version=version))
    community = message.take(OCTETS)
    kind, body = message.next()
    pdu = _Reader(body)
    number, first, second = pdu.number(), pdu.number(), pdu.number()
    binds = _Reader(pdu.take(_SEQUENCE))
    rows: list[tuple[Oid, Variable]] = []
    while binds.left:
        if len(rows) == VARIABLES_LIMIT:
            raise MalformedError(snmp.MANY_VARIABLES(limit=VARIABLES_LIMIT))
        bind = _Reader(binds.take(_SEQUENCE))
        rows.append((_oid(bind.take(NAME)), Variable(*bind.next())))
    return _Message(
        version=version,
        community=community,
        kind=kind,
        number=number,
        first=first,
        second=second,
        rows=tuple(rows),
    )


def response(
    request: Request, rows: Sequence[tuple[Oid, Variable]], error: int = 0, index: int = 0
) -> bytes:
    """The answer to ``request`` with these variables."""
    binds = b"".join(bind(oid, value) for oid, value in rows)
    head = number(request.number) + number(error) + number(index)
    pdu = tlv(RESPONSE, head + tlv(_SEQUENCE, binds))
    return tlv(_SEQUENCE, number(request.version) + tlv(OCTETS, request.community) + pdu)


def bind(oid: Oid, value: Variable) -> bytes:
    """One variable with its value, as an answer carries it."""
    return tlv(_SEQUENCE, tlv(NAME, name(oid)) + tlv(value.tag, value.body))


def tlv(tag: int, body: bytes) -> bytes:
    """A value with its tag and length."""
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def whole(value: int) -> bytes:
    """The content of a number, signed and as short as can be; counters are numbers, too."""
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return value.to_bytes(size, "big", signed=True)


def number(value: int) -> bytes:
    """An INTEGER with its tag and length."""
    return tlv(INTEGER, whole(value))


def name(oid: Oid) -> bytes:
    """The content of an identifier of at least two arcs."""
    body = bytearray()
    for arc in (40 * oid[0] + oid[1], *oid[2:]):
        part = [arc & 0x7F]
        while arc := arc >> 7:
            part.append(0x80 | arc & 0x7F)
        body += bytes(reversed(part))
    return bytes(body)


def _oid(body: bytes) -> Oid:
    arcs: list[int] = []
    arc, open_ = 0, True
    for octet in body:
        arc, open_ = arc << 7 | octet & 0x7F, bool(octet & 0x80)
        if arc >= _ARC_LIMIT + 80 or len(arcs) == ARCS_LIMIT:
            raise MalformedError(snmp.INVALID_OID())
        if not open_:
            arcs.append(arc)
            arc = 0
    if open_:
        raise MalformedError(snmp.INVALID_OID())
    first = min(arcs[0] // 40, 2)
    return (first, arcs[0] - 40 * first, *arcs[1:])


class _Reader:
    """Takes values from the front of some octets."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def next(self) -> tuple[int, bytes]:
        """The tag and content of the next value."""
        if self.left < 2:
            raise MalformedError(snmp.TRUNCATED())
        tag, size = self._data[self._at], self._data[self._at + 1]
        self._at += 2
        if size & 0x80:
            count = size & 0x7F
            if not 1 <= count <= 4 or count > self.left:
                raise MalformedError(snmp.INVALID_LENGTH())
            size = int.from_bytes(self._data[self._at : self._at + count], "big")
            self._at += count
        if size > self.left:
            raise MalformedError(snmp.TRUNCATED())
        self._at += size
        return tag, self._data[self._at - size : self._at]

    def take(self, tag: int) -> bytes:
        """The content of the next value, which must have the tag ``tag``."""
        found, body = self.next()
        if found != tag:
            raise MalformedError(snmp.OTHER_TAG(tag=f"{found:#x}", expected=f"{tag:#x}"))
        return body

    def number(self) -> int:
        """The next value, which must be an INTEGER."""
        body = self.take(INTEGER)
        if not 1 <= len(body) <= _NUMBER_LIMIT:
            raise MalformedError(snmp.INVALID_NUMBER())
        return int.from_bytes(body, "big", signed=True)
