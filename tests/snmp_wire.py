"""SNMP v2c on the wire, as far as agents that misbehave on purpose need it.

::

    async with agent(answer) as port: ...       # answer(Request) -> the datagrams to send
    async with raw_agent(answer) as port: ...   # answer(bytes) -> the same, for what is no v2c

Source: RFC 3416 section 3, X.690.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from tests.peers import LOOPBACK

GET, GETNEXT, RESPONSE, GETBULK = 0xA0, 0xA1, 0xA2, 0xA5
END_OF_MIB = b"\x82\x00"
NULL = b"\x05\x00"

Rows = Iterable[tuple[str, bytes]]


@dataclass(frozen=True)
class Request:
    """What was asked."""

    version: int
    community: bytes
    kind: int
    number: bytes
    repetitions: int
    oids: tuple[str, ...]

    def reply(
        self, rows: Rows, number: bytes | None = None, error: int = 0, index: int = 0
    ) -> bytes:
        """The answer with these variables; ``number`` where it is to be another's."""
        binds = b"".join(tlv(0x30, _oid(oid) + value) for oid, value in rows)
        head = tlv(2, self.number if number is None else number) + integer(error) + integer(index)
        pdu = tlv(RESPONSE, head + tlv(0x30, binds))
        return tlv(0x30, integer(self.version) + octets(self.community) + pdu)


def tlv(tag: int, body: bytes) -> bytes:
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def integer(value: int) -> bytes:
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(data: bytes) -> bytes:
    return tlv(4, data)


def _oid(text: str) -> bytes:
    first, second, *rest = map(int, text.split("."))
    body = b""
    for arc in (40 * first + second, *rest):
        part = [arc & 0x7F]
        while arc := arc >> 7:
            part.append(0x80 | arc & 0x7F)
        body += bytes(reversed(part))
    return tlv(6, body)


def _take(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag, body and what comes after."""
    size, start = data[1], 2
    if size & 0x80:
        start = 2 + (size & 0x7F)
        size = int.from_bytes(data[2:start], "big")
    return data[0], data[start : start + size], data[start + size :]


def _oid_text(body: bytes) -> str:
    arcs: list[int] = []
    arc = 0
    for octet in body:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs, arc = [*arcs, arc], 0
    return ".".join(map(str, [arcs[0] // 40, arcs[0] % 40, *arcs[1:]]))


def parsed(data: bytes) -> Request:
    _, body, _ = _take(data)
    _, version, body = _take(body)
    _, community, body = _take(body)
    kind, body, _ = _take(body)
    _, number, body = _take(body)
    _, _, body = _take(body)
    _, repetitions, body = _take(body)
    _, binds, _ = _take(body)
    oids = []
    while binds:
        _, bind, binds = _take(binds)
        oids.append(_oid_text(_take(bind)[1]))
    times = int.from_bytes(repetitions, "big")
    return Request(version[-1], community, kind, number, times, tuple(oids))


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, answer: Callable[[bytes], Iterable[bytes]]) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # it is, by duck typing

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for reply in self._answer(data):
            self._transport.sendto(reply, addr)


@asynccontextmanager
async def raw_agent(answer: Callable[[bytes], Iterable[bytes]]) -> AsyncIterator[int]:
    """An agent that answers octets so; gives its port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Protocol(answer), local_addr=(LOOPBACK, 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


@asynccontextmanager
async def agent(answer: Callable[[Request], Iterable[bytes]]) -> AsyncIterator[int]:
    """An agent that answers so; gives its port."""
    async with raw_agent(lambda data: answer(parsed(data))) as port:
        yield port
