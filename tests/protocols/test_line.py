"""One owner at a time, and the silences, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

import pytest

from gateway.fakes import VirtualLoop, run_virtually
from protocols.errors import ErrorResponse, LineClosed, Timeout
from protocols.line import Line, Transaction
from protocols.modbus.planner import Read, Table
from protocols.modbus.replay import ReplayWire
from protocols.modbus.simulator import Unit
from protocols.modbus.unit import ModbusUnit
from protocols.timing import LineTiming

T = TypeVar("T")
ONE = Read(Table.HOLDING, 0, 1)


class SlowWire(ReplayWire):
    """Notes what happens on it, and when; an exchange takes a tenth of a second."""

    def __init__(self, units: dict[int, Unit], time: Callable[[], float]) -> None:
        super().__init__(units)
        self.events: list[tuple[str, float]] = []
        self._time = time
        self._busy = False

    async def exchange(self, exchange: Transaction[T], timeout_s: float) -> T:
        assert not self._busy, "two exchanges at once"
        self._busy = True
        self._note("ask")
        try:
            await asyncio.sleep(0.1)
            return await super().exchange(exchange, timeout_s)
        finally:
            self._busy = False

    def discard(self) -> bytes:
        self._note("discard")
        return super().discard()

    def _note(self, what: str) -> None:
        self.events.append((what, round(self._time(), 3)))


def on_a_line(
    timing: LineTiming, scenario: Callable[[Line], Coroutine[None, None, None]]
) -> list[tuple[str, float]]:
    """What happened on a line with a unit 1 that answers and a unit 2 that does not."""
    answering = Unit()
    answering.set(Table.HOLDING, 0, [7])

    async def main(loop: VirtualLoop) -> list[tuple[str, float]]:
        wire = SlowWire({1: answering, 2: Unit(silent=True)}, loop.time)
        await scenario(Line(wire, timing))
        return wire.events

    return run_virtually(main)


def unit(line: Line, number: int) -> ModbusUnit:
    return ModbusUnit(line, number, now=lambda: 0)


def test_everybody_waits_for_the_turn_first_come_first_served() -> None:
    async def scenario(line: Line) -> None:
        blocks = await asyncio.gather(*(unit(line, 1).read(ONE) for _ in range(3)))
        assert [block.data for block in blocks] == [b"\0\7"] * 3

    assert on_a_line(LineTiming(), scenario) == [("ask", 0.0), ("ask", 0.1), ("ask", 0.2)]


def test_silence_is_kept_after_every_exchange() -> None:
    async def scenario(line: Line) -> None:
        await unit(line, 1).read(ONE)
        with pytest.raises(ErrorResponse):
            await unit(line, 1).read(Read(Table.HOLDING, 9, 1))
        await unit(line, 1).read(ONE)

    assert on_a_line(LineTiming(silence_s=0.05), scenario) == [
        ("ask", 0.0),
        ("discard", 0.15),
        ("ask", 0.15),
        ("discard", 0.3),
        ("ask", 0.3),
    ]


def test_after_a_timeout_the_line_is_drained_and_what_came_is_thrown_away() -> None:
    async def scenario(line: Line) -> None:
        with pytest.raises(Timeout):
            await unit(line, 2).read(ONE)
        await unit(line, 1).read(ONE)
        await unit(line, 1).read(ONE)

    assert on_a_line(LineTiming(drain_s=0.5), scenario) == [
        ("ask", 0.0),
        ("discard", 0.6),  # counted from the timeout at 0.1
        ("ask", 0.6),
        ("ask", 0.7),
    ]


def test_a_silence_that_has_passed_costs_nothing() -> None:
    async def scenario(line: Line) -> None:
        await unit(line, 1).read(ONE)
        await asyncio.sleep(10)
        await unit(line, 1).read(ONE)

    assert on_a_line(LineTiming(silence_s=0.05), scenario)[-1] == ("ask", 10.1)


def test_cancelling_one_leaves_the_line_to_the_next() -> None:
    async def scenario(line: Line) -> None:
        first = asyncio.ensure_future(unit(line, 1).read(ONE))
        waiting = asyncio.ensure_future(unit(line, 1).read(ONE))
        await asyncio.sleep(0.03)
        first.cancel()
        assert (await waiting).data == b"\0\7"
        assert first.cancelled()

    assert on_a_line(LineTiming(), scenario) == [("ask", 0.0), ("ask", 0.03)]


def test_a_closed_line_is_never_opened_again() -> None:
    async def scenario(line: Line) -> None:
        waiting = asyncio.ensure_future(unit(line, 1).read(ONE))
        await asyncio.sleep(0.03)
        behind = asyncio.ensure_future(unit(line, 1).read(ONE))
        line.close()
        assert (await waiting).data == b"\0\7", "this wire had sent its request"
        with pytest.raises(LineClosed):
            await behind
        with pytest.raises(LineClosed):
            await unit(line, 1).read(ONE)

    assert on_a_line(LineTiming(), scenario) == [("ask", 0.0)]
