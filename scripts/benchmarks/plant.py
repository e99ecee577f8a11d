"""A process that serves ten Modbus units of 400 registers, all of which change every second."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from protocols.planner import Table
from protocols.simulator import Simulator, Unit

UNITS = 10
REGISTERS = 400


async def serve(port: int, changes: Path) -> None:
    """Serve until killed.

    Args:
        port: On loopback.
        changes: Where this folder is, the moment of each change is kept in a file named after
            the first register's new value. Changes come every 1.03 s, so that they drift
            through the polls' second.
    """
    noted = await asyncio.to_thread(changes.is_dir)
    units = {number: Unit() for number in range(1, UNITS + 1)}
    async with Simulator(units, port=port):
        step = 0
        while True:
            for number, unit in units.items():
                unit.set(
                    Table.HOLDING,
                    0,
                    [(step * 7 + number * 401 + i) % 60_000 for i in range(REGISTERS)],
                )
            if noted:
                note(changes / str(units[1].tables[Table.HOLDING][0]))
            step += 1
            await asyncio.sleep(1.03 if noted else 1)


def note(path: Path) -> None:
    """Keep this moment; a few microseconds on a file system in memory or cache."""
    path.write_text(str(time.time()))


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
