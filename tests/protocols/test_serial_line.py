"""The serial wire on pseudo-terminals: right answers, silence, noise, and ports that go away."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.templates import modbus
from protocols.errors import InvalidResponse, ProtocolError, Timeout, Unreachable
from protocols.line import Line
from protocols.modbus.planner import Read, Table
from protocols.modbus.rtu import RtuTransaction
from protocols.modbus.unit import Block, ModbusUnit
from protocols.serial_line import SerialWire
from protocols.timing import LineTiming
from tests.broken_peer import until
from tests.serial_peers import FAST, FAST_TIMING, Bus, bus, rtu

TWO = Read(Table.HOLDING, 10, 2)
RIGHT = b"\x12\x34\xab\xcd"
ANSWER = rtu(1, b"\x03\x04" + RIGHT)
SHORT_S = 0.05
LONG_S = 20.0
RESTED_S = 2.0
"""Where the line is asked again after a failure: it rests for as long as an answer may take."""

Script = Callable[[bytes], list[bytes]]


@asynccontextmanager
async def unit_on(
    script: Script, timeout_s: float = LONG_S, timing: LineTiming = FAST_TIMING
) -> AsyncIterator[tuple[Bus, ModbusUnit]]:
    async with bus(script) as made:
        line = Line(SerialWire(made.path, FAST), timing)
        try:
            yield made, unit_of(line, timeout_s)
        finally:
            await line.aclose()


def unit_of(line: Line, timeout_s: float = LONG_S, number: int = 1) -> ModbusUnit:
    return ModbusUnit(line, number, now=lambda: 0, timeout_s=timeout_s, framing=RtuTransaction)


async def outcome(unit: ModbusUnit) -> Block | ProtocolError:
    try:
        return await unit.read(TWO)
    except ProtocolError as error:
        return error


def says(*answers: list[bytes]) -> Script:
    """Answers requests with these, one after the other, then with the right one."""
    left = iter(answers)
    return lambda request: next(left, [rtu(request[0], b"\x03\x04" + RIGHT)])


async def test_an_answer_in_single_bytes_is_read() -> None:
    async with unit_on(says([bytes((byte,)) for byte in ANSWER])) as (made, unit):
        assert (await unit.read(TWO)).data == RIGHT
        assert made.requests == [rtu(1, b"\x03\x00\x0a\x00\x02")]


@pytest.mark.parametrize(
    "first",
    [
        pytest.param([], id="silence"),
        pytest.param([ANSWER[:6]], id="cut"),
        pytest.param([ANSWER[:-2] + b"\0\0"], id="crc"),
        pytest.param([b"\x55" * 40], id="noise"),
        pytest.param([b"\x55" * 300] * 12, id="endless"),
        pytest.param([rtu(9, b"\x03\x04" + RIGHT)], id="another unit"),
    ],
)
async def test_after_every_failure_the_next_exchange_is_clean(first: list[bytes]) -> None:
    async with unit_on(says(first), SHORT_S) as (made, unit):
        assert isinstance(await outcome(unit), InvalidResponse | Timeout)
        patient = unit_of(unit.line)
        assert (await patient.read(TWO)).data == RIGHT
        assert len(made.requests) == 2


async def test_a_late_answer_is_drained_and_never_the_next_ones() -> None:
    """The answer of a unit that was given up comes while the line rests: it is thrown away."""
    async with unit_on(lambda _: [], SHORT_S, LineTiming(silence_s=0.001, drain_s=0.3)) as (
        made,
        unit,
    ):
        assert isinstance(await outcome(unit), Timeout)
        made.say(rtu(1, b"\x03\x04old!"))
        made.script = says()
        assert (await unit_of(unit.line).read(TWO)).data == RIGHT


async def test_a_unit_that_answers_later_than_the_timeout_is_told_from_a_silent_one() -> None:
    async with unit_on(lambda _: [], SHORT_S, LineTiming(silence_s=0.001, drain_s=0.3)) as (
        made,
        unit,
    ):
        silent = await outcome(unit)
        assert isinstance(silent, Timeout)
        assert silent.what.id == "modbus.no_read_response"
        made.say(ANSWER)
        late = await outcome(unit)
        assert isinstance(late, Timeout)
        assert late.what.id == "modbus.late_responses"
        assert late.next_step == modbus.RAISE_TIMEOUT()
        made.script = says()
        assert (await unit_of(unit.line).read(TWO)).data == RIGHT
        made.script = lambda _: []
        made.say(rtu(9, b"\x03\x04" + RIGHT))
        another = await outcome(unit)
        assert isinstance(another, Timeout)
        assert another.what.id == "modbus.no_read_response", "it answered in time since"


async def test_a_cancelled_exchange_is_drained_as_if_it_had_timed_out() -> None:
    async with unit_on(lambda _: [], 0.2) as (made, unit):
        asked = asyncio.ensure_future(unit.read(TWO))
        await until(lambda: bool(made.requests))
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        made.say(rtu(1, b"\x03\x04old!"))
        made.script = says()
        assert (await unit_of(unit.line).read(TWO)).data == RIGHT


async def test_what_came_unasked_is_thrown_away() -> None:
    async with unit_on(says()) as (made, unit):
        assert (await unit.read(TWO)).data == RIGHT
        made.say(rtu(1, b"\x03\x04old!"))
        assert (await unit.read(TWO)).data == RIGHT


async def test_an_adapter_that_is_unplugged_is_unreachable_and_comes_back(tmp_path: Path) -> None:
    link = tmp_path / "tty"
    async with bus(says()) as first, bus(says()) as second:
        link.symlink_to(first.path)
        line = Line(SerialWire(str(link), FAST), FAST_TIMING)
        unit = unit_of(line, RESTED_S)
        assert (await unit.read(TWO)).data == RIGHT
        first.unplug()
        error = await outcome(unit)
        assert isinstance(error, Unreachable)
        assert "the serial port does not exist. Connect the adapter" in str(error)
        link.unlink()
        link.symlink_to(second.path)
        assert (await unit.read(TWO)).data == RIGHT
        await line.aclose()


async def test_an_adapter_unplugged_while_an_answer_is_awaited_ends_the_wait() -> None:
    async with unit_on(lambda _: []) as (made, unit):
        asked = asyncio.ensure_future(outcome(unit))
        await until(lambda: bool(made.requests))
        made.unplug()
        assert isinstance(await asked, Unreachable)


async def test_closing_ends_the_exchange_under_way() -> None:
    async with unit_on(lambda _: []) as (made, unit):
        asked = asyncio.ensure_future(outcome(unit))
        await until(lambda: bool(made.requests))
        await unit.line.aclose()
        assert isinstance(await asked, Unreachable)


async def test_a_port_another_program_holds_is_named() -> None:
    async with unit_on(says(), RESTED_S) as (made, unit):
        other = os.open(made.path, os.O_RDWR | os.O_NOCTTY)
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            error = await outcome(unit)
        finally:
            os.close(other)
        assert isinstance(error, Unreachable)
        assert "another program uses the serial port. Stop the other program" in str(error)
        assert (await unit.read(TWO)).data == RIGHT


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/dev/no-such-port", "the serial port does not exist. Connect the adapter"),
        ("/dev/null", "does not lead to a serial port. Correct the path"),
        ("/tmp", "it is a folder"),  # noqa: S108 # any folder
    ],
)
async def test_what_is_no_port_is_named(path: str, words: str) -> None:
    error = await outcome(unit_of(Line(SerialWire(path, FAST), FAST_TIMING)))
    assert isinstance(error, Unreachable)
    assert words in str(error)
    assert f"serial:{path}" in str(error)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.binary(min_size=1, max_size=40), max_size=4), min_size=1, max_size=3))
async def test_whatever_comes_the_outcome_is_named_and_the_line_goes_on(
    noises: list[list[bytes]],
) -> None:
    async with unit_on(says(*noises), 0.01) as (_, unit):
        for noise in noises:
            got = await outcome(unit)
            if isinstance(got, Block):
                assert rtu(1, b"\x03\x04" + got.data) in b"".join(noise)
            else:
                assert got.what
                assert got.where
        assert (await unit_of(unit.line).read(TWO)).data == RIGHT
