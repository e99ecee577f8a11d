from __future__ import annotations

import asyncio

import pytest

from protocols.modbus.planner import Table
from protocols.modbus.simulator import Simulator, Unit


async def ask(port: int, request: bytes, size: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(10):
            return await reader.readexactly(size)
    finally:
        writer.close()
        await writer.wait_closed()


def frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    return transaction.to_bytes(2, "big") + bytes((0, 0, 0, len(pdu) + 1, unit)) + pdu


async def test_every_request_of_one_segment_is_answered_in_order() -> None:
    units = {number: Unit() for number in (1, 2)}
    for number, unit in units.items():
        unit.set(Table.HOLDING, 0, [number * 256])
    read = b"\x03\0\0\0\1"
    async with Simulator(units) as simulator:
        requests = b"".join(frame(n, 1 + n % 2, read) for n in range(20))
        wanted = b"".join(frame(n, 1 + n % 2, bytes((3, 2, 1 + n % 2, 0))) for n in range(20))
        assert await ask(simulator.port, requests, len(wanted)) == wanted
        assert units[1].reads == units[2].reads == 10


@pytest.mark.parametrize(
    ("pdu", "answer"),
    [
        (b"\x10\0\0\0\1\2\0\0", b"\x90\1"),  # a function it does not know
        (b"\x03\0\0\0\0", b"\x83\3"),
        (b"\x03\0\0\0\x7e", b"\x83\3"),
        (b"\x03\0\0\0", b"\x83\3"),
        (b"\x03\0\5\0\1", b"\x83\2"),
    ],
)
async def test_what_cannot_be_answered_is_refused(pdu: bytes, answer: bytes) -> None:
    async with Simulator() as simulator:
        simulator.units[1].set(Table.HOLDING, 0, range(5))
        wanted = frame(7, 1, answer)
        assert await ask(simulator.port, frame(7, 1, pdu), len(wanted)) == wanted


async def test_what_is_not_modbus_ends_the_connection() -> None:
    async with Simulator() as simulator:
        with pytest.raises((EOFError, OSError)):
            await ask(simulator.port, b"GET / HTTP/1.1\r\n\r\n", 1)


def test_numbers_are_put_high_word_first() -> None:
    unit = Unit()
    unit.set_float(Table.INPUT, 4, 1.5)
    unit.set_uint32(Table.INPUT, 6, 0x12345678)
    assert unit.tables[Table.INPUT] == {4: 0x3FC0, 5: 0, 6: 0x1234, 7: 0x5678}
