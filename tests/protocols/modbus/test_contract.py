"""The same tests over a wire in memory, our simulator, pymodbus's, and one written in C.

Over TCP, over serial lines (pseudo-terminals) and with serial frames over TCP. What holds over all
holds for our codec, our line and our fakes, and not for each other's
mistakes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
from pymodbus.framer import FramerType

from console.templates import modbus
from protocols.errors import ErrorResponse
from protocols.line import Line
from protocols.modbus.mbap import MbapTransaction
from protocols.modbus.planner import Read, Span, Table
from protocols.modbus.replay import ReplayWire
from protocols.modbus.rtu import RtuTransaction
from protocols.modbus.simulator import Simulator
from protocols.modbus.unit import Framing, ModbusUnit
from protocols.serial_line import SerialWire
from protocols.tcp_line import TcpWire
from tests.modbus_peers import (
    COUNT,
    FIRST,
    filled_unit,
    held,
    libmodbus_server,
    pymodbus_serial_server,
    pymodbus_server,
)
from tests.serial_peers import FAST, FAST_TIMING, joined

LAST = FIRST + COUNT - 1


class Ticks:
    """A clock that goes on by ten with every look."""

    def __init__(self) -> None:
        self.at = 0

    def __call__(self) -> int:
        self.at += 10
        return self.at


@pytest.fixture(scope="module")
def libmodbus_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with libmodbus_server(Path(tmp_path_factory.mktemp("libmodbus"))) as port:
        yield port


@pytest.fixture(
    params=[
        "memory",
        "simulator",
        "pymodbus",
        pytest.param("libmodbus", marks=pytest.mark.peer("libmodbus")),
        "pymodbus, serial",
        "pymodbus, serial over TCP",
        pytest.param("libmodbus, serial", marks=pytest.mark.peer("libmodbus")),
        pytest.param("libmodbus, serial with an echo", marks=pytest.mark.peer("libmodbus")),
    ]
)
async def unit(request: pytest.FixtureRequest) -> AsyncIterator[ModbusUnit]:
    match request.param:
        case "memory":
            yield ModbusUnit(Line(ReplayWire({1: filled_unit()})), 1, now=Ticks())
        case "simulator":
            async with Simulator({1: filled_unit()}) as simulator, over(simulator.port) as unit:
                yield unit
        case "pymodbus":
            async with pymodbus_server() as port, over(port) as unit:
                yield unit
        case "pymodbus, serial":
            async with (
                joined() as (ours, theirs),
                pymodbus_serial_server(theirs),
                over(ours) as unit,
            ):
                yield unit
        case "pymodbus, serial over TCP":
            async with pymodbus_server(FramerType.RTU) as port, over(port, serial=True) as unit:
                yield unit
        case "libmodbus, serial" | "libmodbus, serial with an echo":
            folder = request.getfixturevalue("tmp_path")
            async with joined(echoing="echo" in request.param) as (ours, theirs):
                with libmodbus_server(folder, "rtu", theirs):
                    async with over(ours) as unit:
                        yield unit
        case _:
            async with over(request.getfixturevalue("libmodbus_port")) as unit:
                yield unit


class over:  # noqa: N801 # reads as a word in `async with ... over(port)`
    """A unit over TCP or at a serial device, whose line is closed at the end."""

    def __init__(self, place: int | str, *, serial: bool = False) -> None:
        if isinstance(place, str):
            self._line = Line(SerialWire(place, FAST), FAST_TIMING)
        elif serial:
            self._line = Line(TcpWire("127.0.0.1", place, numbered=False), FAST_TIMING)
        else:
            self._line = Line(TcpWire("127.0.0.1", place))
        rtu = partial(RtuTransaction, echo=self._line.echo)
        self._framing: Framing = rtu if serial or isinstance(place, str) else MbapTransaction

    async def __aenter__(self) -> ModbusUnit:
        return ModbusUnit(self._line, 1, now=Ticks(), timeout_s=10, framing=self._framing)

    async def __aexit__(self, *exc: object) -> None:
        await self._line.aclose()


def values(table: Table, data: bytes, count: int) -> list[int]:
    if table.bits:
        return [data[i >> 3] >> (i & 7) & 1 for i in range(count)]
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, 2 * count, 2)]


@pytest.mark.parametrize("table", list(Table))
@pytest.mark.parametrize(("first", "count"), [(FIRST, 1), (FIRST + 3, 17), (LAST, 1), (120, 125)])
async def test_reads_what_is_there(unit: ModbusUnit, table: Table, first: int, count: int) -> None:
    block = await unit.read(Read(table, first, count))
    wanted = [held(table, address) for address in range(first, first + count)]
    assert values(table, block.data, count) == wanted


async def test_an_answer_is_dated_at_the_middle_of_its_own_transaction(unit: ModbusUnit) -> None:
    block = await unit.read(Read(Table.INPUT, FIRST, 2))
    assert block.at == 15  # asked at 10, answered at 20
    assert (await unit.read(Read(Table.INPUT, FIRST, 2))).at == 35


@pytest.mark.parametrize("table", list(Table))
@pytest.mark.parametrize(("first", "count"), [(FIRST - 1, 1), (LAST, 2), (0, 10), (65535, 1)])
async def test_what_is_not_there_is_refused_by_name_and_the_line_goes_on(
    unit: ModbusUnit, table: Table, first: int, count: int
) -> None:
    with pytest.raises(ErrorResponse) as refused:
        await unit.read(Read(table, first, count))
    assert refused.value.code == 2
    assert refused.value.why == modbus.ILLEGAL_ADDRESS()
    assert "illegal data address (exception code 2)" in str(refused.value)
    assert len((await unit.read(Read(Table.INPUT, FIRST, 2))).data) == 4


@pytest.mark.parametrize(
    ("span", "values_written"),
    [
        pytest.param(Span(Table.COIL, FIRST + 1, 1), (1,), id="a coil, function 5"),
        pytest.param(Span(Table.HOLDING, FIRST + 2, 1), (7,), id="a register, function 6"),
        pytest.param(Span(Table.HOLDING, FIRST + 4, 3), (1, 65535, 0), id="several, function 16"),
    ],
)
async def test_what_is_written_is_there(
    unit: ModbusUnit, span: Span, values_written: tuple[int, ...]
) -> None:
    read = Read(span.table, span.address, span.count)
    await unit.read(read)  # whoever writes looks first
    await unit.write(span, values_written)
    block = await unit.read(read)
    assert tuple(values(span.table, block.data, span.count)) == values_written
    before = tuple(held(span.table, span.address + i) for i in range(span.count))
    await unit.write(span, before)
    assert tuple(values(span.table, (await unit.read(read)).data, span.count)) == before


@pytest.mark.parametrize("address", [FIRST - 1, LAST + 1, 65535])
@pytest.mark.parametrize("table", [Table.COIL, Table.HOLDING])
async def test_a_write_to_what_is_not_there_is_refused_by_name(
    unit: ModbusUnit, table: Table, address: int
) -> None:
    await unit.read(Read(Table.INPUT, FIRST, 2))
    with pytest.raises(ErrorResponse, match="refused to write") as refused:
        await unit.write(Span(table, address, 1), (1,))
    assert refused.value.code == 2
    assert len((await unit.read(Read(Table.INPUT, FIRST, 2))).data) == 4
