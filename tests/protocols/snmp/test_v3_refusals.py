"""What a refusal becomes in v3, whose library hands on an error-status as nothing at all.

The agent here speaks v3 without authentication, as far as one refusal needs it (RFC 3412, 6; RFC
3414, 3.1.1). Debian's snmpd, which the other tests ask in v3, refuses nothing in this way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from protocols.errors import ErrorResponse
from protocols.snmp.agent import SnmpAgent
from protocols.snmp.model import Target, User, Value, Version
from tests.peers import LOOPBACK
from tests.snmp_wire import NULL, Request, integer, octets, parsed, raw_agent, tlv

ENGINE = bytes.fromhex("80007ed9056b616e6d6f6e")
UNKNOWN_ENGINES = bytes.fromhex("2b060106030f01010400")
REPORT = 0xA8
NAMES = [f"1.3.6.1.2.1.43.1.{arc}" for arc in range(1, 4)]


def taken(data: bytes) -> tuple[bytes, bytes]:
    """The body of the first value, and what comes after it."""
    size, start = data[1], 2
    if size & 0x80:
        start = 2 + (size & 0x7F)
        size = int.from_bytes(data[2:start], "big")
    return data[start : start + size], data[start + size :]


def message(number: bytes, name: bytes, pdu: bytes) -> bytes:
    """An answer without authentication to the message of this number, to a user."""
    head = tlv(0x30, tlv(2, number) + integer(65_507) + octets(b"\x00") + integer(3))
    engine = octets(ENGINE)
    user = tlv(0x30, engine + integer(1) + integer(9) + octets(name) + octets(b"") + octets(b""))
    return tlv(0x30, integer(3) + head + octets(user) + tlv(0x30, engine + octets(b"") + pdu))


def agent_of(answer: Callable[[Request], bytes]) -> Callable[[bytes], Iterable[bytes]]:
    """An agent of v3 whose answers are made as for v2c."""

    def answered(data: bytes) -> Iterable[bytes]:
        body, _ = taken(data)
        _, rest = taken(body)  # the version
        head, rest = taken(rest)
        number, _ = taken(head)
        who, rest = taken(rest)
        asker = taken(who)[0]
        for _ in range(3):  # engine, boots, time
            _, asker = taken(asker)
        name, _ = taken(asker)
        scoped, _ = taken(rest)
        engine, rest = taken(scoped)
        _, pdu = taken(rest)
        request = parsed(tlv(0x30, integer(1) + octets(b"") + pdu))
        if engine != ENGINE or not request.oids:  # it asks who this is, or what time it is
            row = tlv(0x30, tlv(6, UNKNOWN_ENGINES) + tlv(0x41, b"\x01"))
            head = tlv(2, request.number) + integer(0) + integer(0)
            return [message(number, name, tlv(REPORT, head + tlv(0x30, row)))]
        _, rest = taken(taken(answer(request))[0])
        _, made = taken(rest)
        return [message(number, name, made)]

    return answered


async def got(answer: Callable[[Request], bytes]) -> dict[str, Value]:
    async with raw_agent(agent_of(answer)) as port:
        user = User(name="u")
        target = Target(host=LOOPBACK, port=port, version=Version.V3, user=user, timeout_s=2)
        return dict(await SnmpAgent(target).get(NAMES))


def refusing(*names: str) -> Callable[[Request], bytes]:
    def answer(request: Request) -> bytes:
        if set(names) & set(request.oids):
            return request.reply([(oid, NULL) for oid in request.oids], error=5, index=1)
        return request.reply([(oid, integer(7)) for oid in request.oids])

    return answer


async def test_what_is_told_comes() -> None:
    assert await got(refusing()) == dict.fromkeys(NAMES, 7)


async def test_what_is_refused_beside_others_is_left_out() -> None:
    assert await got(refusing(NAMES[1])) == {NAMES[0]: 7, NAMES[2]: 7}


async def test_where_everything_is_refused_that_is_said() -> None:
    with pytest.raises(ErrorResponse, match="general error") as caught:
        await got(refusing(*NAMES))

    assert NAMES[0] in str(caught.value)
    assert "user" in str(caught.value.next_step)


async def test_what_is_not_there_is_no_refusal() -> None:
    def absent(request: Request) -> bytes:
        return request.reply([(oid, b"\x81\x00") for oid in request.oids])

    assert await got(absent) == {}
