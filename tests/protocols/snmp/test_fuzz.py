"""Answers that no agent meant to give: whatever comes ends in a value or a `ProtocolError`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.templates import snmp
from protocols.errors import InvalidResponse, ProtocolError
from protocols.snmp.agent import SnmpAgent
from protocols.snmp.model import Target, Version
from tests.peers import LOOPBACK
from tests.snmp_peers import USER
from tests.snmp_wire import END_OF_MIB, GETBULK, Request, integer, octets, raw_agent
from tests.snmp_wire import agent as wire_agent

STATUS = "1.3.6.1.2.1.25.3.2.1.5.1"
BASE = "1.3.6.1.2.1.43"


async def test_a_panic_of_the_library_is_an_answer_that_was_garbled(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A length of 113 bytes for a length: the library panics, which is no `Exception`."""
    async with raw_agent(lambda _: [bytes.fromhex("300302f103")]) as port:
        target = Target(host=LOOPBACK, port=port, version=Version.V3, user=USER, timeout_s=5)
        with pytest.raises(InvalidResponse) as caught:
            await SnmpAgent(target).get([STATUS])
        assert type(caught.value.__cause__).__name__ == "PanicException"
        assert not isinstance(caught.value.__cause__, Exception)
        assert caught.value.why == snmp.LIBRARY_REASON(reason=str(caught.value.__cause__)), (
            "the library's words, whole"
        )
    capfd.readouterr()  # a panic writes of itself


async def test_a_mangled_answer_of_v2c_is_told_and_nothing_writes_of_itself(
    capfd: pytest.CaptureFixture[str],
) -> None:
    broken = [True, False]

    def answer(request: Request) -> Iterable[bytes]:
        data = request.reply([(STATUS, integer(2))])
        status = b"\x02\x01\x00\x02\x01\x00"
        mangled = data.replace(status, b"\x02\xf1" + status[2:], 1)
        return [mangled if broken.pop(0) else data]

    async with wire_agent(answer) as port:
        agent = SnmpAgent(Target(host=LOOPBACK, port=port, timeout_s=5))
        with pytest.raises(InvalidResponse, match="cannot be decoded"):
            await agent.get([STATUS])

        assert await agent.get([STATUS]) == {STATUS: 2}
    assert capfd.readouterr() == ("", "")


@st.composite
def mangling(draw: st.DrawFn) -> Callable[[bytes], list[bytes]]:
    """Something that happens to a datagram on its way."""
    kind = draw(st.sampled_from(["cut", "flip", "insert", "twice", "noise", "lengths"]))
    # Of its own: how often an agent is asked depends on time, which must not change what is drawn.
    seed = random.Random(draw(st.integers(0, 2**32 - 1)))

    def mangled(data: bytes) -> list[bytes]:
        broken = bytearray(data)
        match kind:
            case "cut":
                del broken[seed.randrange(len(broken)) :]
            case "flip":
                for _ in range(seed.randint(1, 6)):
                    broken[seed.randrange(len(broken))] ^= 1 << seed.randrange(8)
            case "insert":
                broken[seed.randrange(len(broken)) : 0] = seed.randbytes(seed.randint(1, 8))
            case "twice":
                return [data[: seed.randrange(len(data))], data, data]
            case "noise":
                broken = bytearray(seed.randbytes(seed.randint(0, 300)))
            case "lengths":
                for place in range(1, len(broken)):
                    if seed.random() < 0.1:
                        broken[place] = seed.choice([0, 0x7F, 0x80, 0x84, 0xFF])
        return [bytes(broken)]

    return mangled


def printer(request: Request) -> bytes:
    """An agent with one table of three kinds of values."""
    rows = [(f"{BASE}.1.{row}", octets(b"name") if row % 2 else integer(row)) for row in range(20)]
    if request.kind not in (GETBULK, 0xA1):
        return request.reply([(oid, integer(2)) for oid in request.oids])
    last = tuple(map(int, request.oids[0].split(".")))
    after = [row for row in rows if tuple(map(int, row[0].split("."))) > last]
    wanted = request.repetitions if request.kind == GETBULK else 1
    return request.reply(after[:wanted] or [(request.oids[0], END_OF_MIB)])


@settings(max_examples=150, deadline=None)
@given(mangle=mangling(), version=st.sampled_from([Version.V1, Version.V2C]))
def test_whatever_comes_ends_in_a_value_or_a_protocol_error(
    mangle: Callable[[bytes], list[bytes]],
    version: Version,
) -> None:
    async def scene() -> None:
        async with wire_agent(lambda request: mangle(printer(request))) as port:
            target = Target(host=LOOPBACK, port=port, version=version, timeout_s=0.03)
            agent = SnmpAgent(target)
            for ask in (agent.get([STATUS, f"{STATUS}.9"]), agent.walk(BASE)):
                try:
                    found = await ask
                except ProtocolError:
                    continue
                assert all(isinstance(v, int | float | bytes | str) for v in found.values())

    asyncio.run(scene())
