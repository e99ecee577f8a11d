"""The TCP wire against peers that break: every outcome is the right value or a named error."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from console.templates import modbus, protocol
from console.text import messages_in
from protocols.errors import ErrorResponse, InvalidResponse, Timeout, Unreachable
from protocols.line import Line
from protocols.modbus.mbap import STRAYS_LIMIT
from protocols.modbus.planner import Span, Table
from protocols.modbus.rtu import RtuTransaction
from protocols.modbus.simulator import Simulator, Unit
from protocols.modbus.unit import Block, ModbusUnit
from protocols.tcp_line import UNASKED_LIMIT, TcpWire
from protocols.timing import LineTiming
from tests.broken_peer import LONG_S, RIGHT, SHORT_S, TWO, Script, answer, one, outcome, peer, until
from tests.serial_peers import rtu

# --- one wrong thing each -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "came"),
    [
        pytest.param(lambda t, _: [answer(t, unit=2)], "a response of unit 2", id="unit"),
        pytest.param(
            lambda t, _: [answer(t, pdu=b"\x04\x04" + RIGHT)], "to function 4", id="function"
        ),
        pytest.param(
            lambda t, _: [answer(t, pdu=b"\x84\x02")], "to function 132", id="refusal-of-another"
        ),
        pytest.param(
            lambda t, _: [answer(t, pdu=b"\x83\x02\x00")], "exception response of 3", id="refusal"
        ),
        pytest.param(lambda t, _: [answer(t, pdu=b"\x03\x02\x12\x34")], "2 bytes", id="too-short"),
        pytest.param(
            lambda t, _: [answer(t, pdu=b"\x03\x06" + RIGHT + b"\0\0")], "6 bytes", id="too-long"
        ),
        pytest.param(
            lambda t, _: [answer(t, pdu=b"\x03\x04\x12\x34")],
            "2 bytes, announced as 4",
            id="count-lies",
        ),
        pytest.param(lambda t, _: [b"HTTP/1.1 400 Bad"], "not a Modbus TCP header", id="http"),
        pytest.param(
            lambda t, _: [answer(t)[:2] + b"\0\1" + answer(t)[4:]],
            "not a Modbus TCP header",
            id="protocol",
        ),
        pytest.param(
            lambda t, _: [answer(t)[:4] + b"\xff\xff\1\3"], "not a Modbus TCP header", id="length"
        ),
        pytest.param(
            lambda t, _: [b"\0", *[answer(t)]], "not a Modbus TCP header", id="garbage-before"
        ),
    ],
)
async def test_what_is_no_answer_is_named_with_what_was_expected(script: Script, came: str) -> None:
    error = await one(script)
    assert isinstance(error, InvalidResponse)
    assert came in str(error.came)
    expected = modbus.READ_RESPONSE(unit=1, function=3, size=4)
    assert expected in messages_in(error.expected)
    header = error.came.id == "modbus.no_header"
    assert error.next_step == (modbus.CHECK_FRAMING() if header else protocol.CHECK_PROTOCOL())
    assert str(error.expected) in str(error)
    assert str(error.came) in str(error)


async def test_an_unfinished_answer_is_no_mere_silence() -> None:
    error = await one(lambda t, _: [answer(t)[:9]], SHORT_S)
    assert isinstance(error, InvalidResponse)
    assert error.came == modbus.UNFINISHED(n=9, data="00 01 00 00 00 07 01 03 04")


async def test_an_answer_to_what_was_never_asked_is_named_once_nothing_else_comes() -> None:
    error = await one(lambda t, _: [answer(t + 1000)], SHORT_S)
    assert isinstance(error, InvalidResponse)
    assert error.came == modbus.OTHER_TRANSACTION(number=1001)


async def test_endless_answers_to_something_else_end_the_exchange_and_the_connection() -> None:
    scripts = iter([[answer(7_000) * 20_000], None])

    def script(transaction: int, _: bytes) -> list[bytes]:
        return next(scripts, None) or [answer(transaction)]

    async with peer(script) as (made, unit):
        error = await outcome(unit)
        assert isinstance(error, InvalidResponse)
        assert error.came == modbus.STRAYS(limit=STRAYS_LIMIT)
        assert isinstance(await outcome(unit), Block)
        assert made.connections == 2


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda t, _: [answer(t)], id="whole"),
        pytest.param(lambda t, _: [answer(t)[i : i + 1] for i in range(13)], id="single-bytes"),
        pytest.param(lambda t, _: [answer(t)[:7], answer(t)[7:]], id="two-pieces"),
        pytest.param(lambda t, _: [answer(t) + answer(t)], id="glued-twins"),
        pytest.param(lambda t, _: [answer(t) + answer(t + 1, unit=9)], id="glued-strangers"),
        pytest.param(lambda t, _: [answer(t + 99) + answer(t)], id="stranger-first"),
        pytest.param(lambda t, _: [answer(t) + b"garbage"], id="garbage-after"),
    ],
)
async def test_the_right_answer_is_found_in_whatever_pieces_and_again_afterwards(
    script: Script,
) -> None:
    async with peer(script) as (_, unit):
        for _ in range(3):
            got = await outcome(unit)
            assert isinstance(got, Block), got
            assert got.data == RIGHT


# --- the connection -----------------------------------------------------------------------------


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator({1: Unit(), 2: Unit(silent=True), 3: Unit()}) as running:
        for number, unit in running.units.items():
            unit.set(Table.HOLDING, 10, [number, number])
        yield running


@pytest.fixture
async def line(simulator: Simulator) -> AsyncIterator[Line]:
    made = Line(TcpWire(simulator.host, simulator.port))
    yield made
    await made.aclose()


def unit_of(line: Line, number: int, timeout_s: float = LONG_S) -> ModbusUnit:
    return ModbusUnit(line, number, now=lambda: 0, timeout_s=timeout_s)


async def test_a_unit_that_answers_later_than_the_timeout_is_told_from_a_silent_one(
    simulator: Simulator, line: Line
) -> None:
    simulator.units[1].late_s = 0.3
    with pytest.raises(Timeout) as silent:
        await unit_of(line, 1, 0.2).read(TWO)
    assert silent.value.what.id == "modbus.no_read_response"
    assert silent.value.next_step == modbus.CHECK_UNIT()
    with pytest.raises(Timeout) as late:  # the answer to the first request comes meanwhile
        await unit_of(line, 1, 0.2).read(TWO)
    assert late.value.what.id == "modbus.late_responses"
    assert late.value.next_step == modbus.RAISE_TIMEOUT()
    with pytest.raises(Timeout) as another:
        await unit_of(line, 2, 0.2).read(TWO)
    assert another.value.what.id == "modbus.no_read_response", "a neighbour's answers are not its"


async def test_a_dead_unit_costs_its_neighbours_no_connection(
    simulator: Simulator, line: Line
) -> None:
    for _ in range(4):
        with pytest.raises(
            Timeout, match="no response to the read of holding registers 10 to 11 within"
        ):
            await unit_of(line, 2, 0.05).read(TWO)
        for number in (1, 3):
            assert (await unit_of(line, number).read(TWO)).data == bytes((0, number, 0, number))
    assert simulator.connections == 1


async def test_a_late_answer_is_never_taken_for_the_next_ones(
    simulator: Simulator, line: Line
) -> None:
    slow = simulator.units[3]
    slow.late_s = 0.06
    for value in range(20):
        slow.set(Table.HOLDING, 10, [value, value])
        with pytest.raises(Timeout):
            await unit_of(line, 3, 0.03).read(TWO)
        slow.late_s = 0.0
        slow.set(Table.HOLDING, 10, [value + 100, 0])
        # the late answer arrives while these are asked and answered
        for _ in range(5):
            assert (await unit_of(line, 3).read(TWO)).data[:2] == (value + 100).to_bytes(2, "big")
            assert (await unit_of(line, 1).read(TWO)).data == b"\0\1\0\1"
        slow.late_s = 0.06
    assert simulator.connections == 1


async def test_a_silence_kept_on_the_line_does_not_cut_late_answers_in_two(
    simulator: Simulator,
) -> None:
    line = Line(TcpWire(simulator.host, simulator.port), LineTiming(silence_s=0.01, drain_s=0.02))
    simulator.units[3].late_s = 0.04
    for _ in range(5):
        with pytest.raises(Timeout):
            await unit_of(line, 3, 0.02).read(TWO)
        assert (await unit_of(line, 1).read(TWO)).data == b"\0\1\0\1"
    assert simulator.connections == 1
    await line.aclose()


async def test_an_old_connection_that_was_closed_is_replaced_without_an_error(
    simulator: Simulator, line: Line
) -> None:
    for expected in (1, 2, 3):
        assert (await unit_of(line, 1).read(TWO)).data == b"\0\1\0\1"
        assert simulator.connections == expected
        simulator.drop_connections()


async def test_what_must_not_be_done_twice_is_not_asked_twice() -> None:
    """A device that does what it is told and then restarts must not be told again."""
    scripts = iter([None, [b""]])

    def script(transaction: int, _: bytes) -> list[bytes]:
        return next(scripts, None) or [answer(transaction)]

    async with peer(script) as (made, unit):
        assert isinstance(await outcome(unit), Block)
        with pytest.raises(Unreachable):
            await unit.write(Span(Table.HOLDING, 10, 1), (7,))
        assert len(made.requests) == 2


async def test_without_numbers_nothing_is_asked_twice_and_the_line_is_drained() -> None:
    """A serial server may still answer what it took before it dropped the connection."""
    asked: list[float] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        try:
            while request := await reader.readexactly(8):
                asked.append(loop.time())
                if len(asked) == 2:
                    break
                writer.write(rtu(request[0], b"\x03\x04" + RIGHT))
        except EOFError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    timing = LineTiming(silence_s=0.001, drain_s=0.1)
    line = Line(TcpWire("127.0.0.1", port, numbered=False), timing)
    unit = ModbusUnit(line, 1, now=lambda: 0, timeout_s=0.2, framing=RtuTransaction)
    assert isinstance(await outcome(unit), Block)
    assert isinstance(await outcome(unit), Unreachable)
    assert isinstance(await outcome(unit), Block)
    assert len(asked) == 3
    assert asked[2] - asked[1] >= 0.3, "the patience and the drain of what was not answered"
    await line.aclose()
    server.close()
    await server.wait_closed()


async def test_a_peer_that_closes_at_every_request_is_unreachable_after_one_more_try() -> None:
    async with peer(lambda *_: [b""]) as (made, unit):
        error = await outcome(unit)
        assert isinstance(error, Unreachable)
        assert "closed" in str(error)
        assert made.connections == 1
        await outcome(unit)
        assert made.connections == 2


async def test_a_connection_lost_in_the_middle_of_an_answer_is_not_tried_again() -> None:
    async with peer(lambda t, _: [answer(t)[:5], b""]) as (made, unit):
        error = await outcome(unit)
        assert isinstance(error, Unreachable)
        assert "in the middle of a response" in str(error)
        assert len(made.requests) == 1


async def test_after_lost_framing_the_next_exchange_has_a_new_connection() -> None:
    scripts = iter([[b"\xff" * 40], None])

    def script(transaction: int, _: bytes) -> list[bytes]:
        return next(scripts, None) or [answer(transaction)]

    async with peer(script) as (made, unit):
        assert isinstance(await outcome(unit), InvalidResponse)
        assert isinstance(await outcome(unit), Block)
        assert made.connections == 2


async def test_a_whole_answer_that_is_wrong_keeps_the_connection() -> None:
    async with peer(lambda t, _: [answer(t, unit=5)]) as (made, unit):
        for _ in range(3):
            assert isinstance(await outcome(unit), InvalidResponse)
        assert made.connections == 1


async def test_a_peer_that_floods_between_exchanges_loses_its_connection() -> None:
    def script(transaction: int, _: bytes) -> list[bytes]:
        pieces = [answer(transaction)]
        if transaction == 1:
            pieces += [b"\xee" * UNASKED_LIMIT] * 4
        return pieces

    async with peer(script) as (made, unit):
        assert isinstance(await outcome(unit), Block)
        wire = unit.line.wire
        assert isinstance(wire, TcpWire)
        await until(lambda: not wire.connected)
        assert isinstance(await outcome(unit), Block)
        assert made.connections == 2


async def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        unit = unit_of(Line(TcpWire("127.0.0.1", unused.getsockname()[1])), 1)
        with pytest.raises(Unreachable, match="connection refused"):
            await unit.read(TWO)


async def test_a_name_that_cannot_be_one_is_unreachable() -> None:
    unit = unit_of(Line(TcpWire("a" * 80 + ".invalid", 502)), 1)
    with pytest.raises(Unreachable):
        await unit.read(TWO)


async def test_closing_ends_the_exchange_under_way_and_a_later_one_opens_again(
    simulator: Simulator, line: Line
) -> None:
    waiting = asyncio.ensure_future(unit_of(line, 2).read(TWO))
    await until(lambda: simulator.units[2].reads > 0)
    await line.aclose()
    with pytest.raises(Unreachable, match="the gateway closed the connection"):
        await waiting
    assert (await unit_of(line, 1).read(TWO)).data == b"\0\1\0\1"


async def test_closing_an_old_connection_opens_no_other(simulator: Simulator, line: Line) -> None:
    assert (await unit_of(line, 1).read(TWO)).data == b"\0\1\0\1"
    waiting = asyncio.ensure_future(unit_of(line, 2).read(TWO))
    await until(lambda: simulator.units[2].reads > 0)
    await line.aclose()
    with pytest.raises(Unreachable, match="the gateway closed the connection"):
        await waiting
    assert simulator.connections == 1


async def test_closing_while_it_connects_leaves_no_connection(simulator: Simulator) -> None:
    wire = TcpWire("127.0.0.1", simulator.port)
    waiting = asyncio.ensure_future(unit_of(Line(wire), 1).read(TWO))
    await asyncio.sleep(0)
    wire.close()
    with pytest.raises(Unreachable, match="the gateway closed the connection"):
        await waiting
    assert not wire.connected


async def test_cancelling_leaves_the_connection_and_its_late_answer_harms_nobody(
    simulator: Simulator, line: Line
) -> None:
    simulator.units[3].late_s = 0.02
    waiting = asyncio.ensure_future(unit_of(line, 3).read(TWO))
    await until(lambda: simulator.units[3].reads > 0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    simulator.units[3].late_s = 0.0
    for _ in range(200):
        assert (await unit_of(line, 1).read(TWO)).data == b"\0\1\0\1"
    assert simulator.connections == 1


async def test_the_gateway_answers_for_a_unit_it_does_not_reach(line: Line) -> None:
    with pytest.raises(ErrorResponse) as refused:
        await unit_of(line, 77).read(TWO)
    assert refused.value.code == 11
