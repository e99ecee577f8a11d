"""Modbus servers by other people, for tests: pymodbus's simulator and libmodbus, written in C.

Both hold the same as `filled_unit`: addresses 96 to 303 of every table.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from protocols.modbus.planner import Table
from protocols.modbus.simulator import Unit

FIRST: Final = 96
"""A multiple of 16, as COUNT: pymodbus keeps bits in whole registers."""
COUNT: Final = 208
HELD: Final = range(FIRST, FIRST + COUNT)
SOURCE: Final = Path(__file__).parent / "peers_libmodbus" / "server.c"


def held(table: Table, address: int) -> int:
    """What stands at an address."""
    return {
        Table.COIL: int(address % 3 == 0),
        Table.DISCRETE: int(address % 5 == 0),
        Table.HOLDING: address * 7,
        Table.INPUT: 65535 - address,
    }[table]


def filled_unit() -> Unit:
    """A unit of our own simulator that holds the same."""
    unit = Unit(writable=set(HELD))
    for table in Table:
        unit.set(table, FIRST, (held(table, address) for address in HELD))
    return unit


@contextmanager
def libmodbus_server(folder: Path, *arguments: str) -> Iterator[int]:
    """Compile and run the C server; yields its port. The compiler is the peer's, too.

    Args:
        folder: Where it is built.
        arguments: ``rtu`` and a serial device; none for TCP.
    """
    compiler = shutil.which("cc")
    assert compiler, "libmodbus's header is installed, but no C compiler (package: gcc)"
    program = folder / "server"
    command = [compiler, "-Wall", "-Werror", "-o", str(program), str(SOURCE), "-lmodbus"]
    subprocess.run(command, check=True)
    with subprocess.Popen(
        [program, *(arguments or ("0",))], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@asynccontextmanager
async def pymodbus_server(framer: FramerType = FramerType.SOCKET) -> AsyncIterator[int]:
    """Run pymodbus's own simulator over TCP; yields its port."""
    server = ModbusTcpServer(_pymodbus_device(), framer=framer, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        assert isinstance(server.transport, asyncio.Server)
        yield server.transport.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def pymodbus_serial_server(device: str) -> AsyncIterator[None]:
    """Run pymodbus's own simulator on a serial device, at 115200 8N1."""
    server = ModbusSerialServer(_pymodbus_device(), port=device, baudrate=115200, parity="N")
    await server.serve_forever(background=True)
    try:
        yield
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


def _pymodbus_device() -> SimDevice:
    bits = [
        SimData(FIRST, values=[bool(held(table, a)) for a in HELD], datatype=DataType.BITS)
        for table in (Table.COIL, Table.DISCRETE)
    ]
    words = [
        SimData(FIRST, values=[held(table, a) for a in HELD], datatype=DataType.REGISTERS)
        for table in (Table.HOLDING, Table.INPUT)
    ]
    return SimDevice(id=1, simdata=([bits[0]], [bits[1]], [words[0]], [words[1]]))
