"""A process that serves ten Modbus units of 400 registers, all of which change every second."""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from protocols.modbus.planner import Table
from protocols.modbus.simulator import Simulator, Unit

UNITS = 10
REGISTERS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the plant does.

    Attributes:
        port: On loopback.
        changes: Where this folder is, the moment of each change is kept in a file named after
            the first register's new value. Changes come every 1.03 s, so that they drift
            through the polls' second.
        every_s: Seconds between changes where there is no such folder.
        silent: Where this file is, units whose numbers it holds answer nothing.
    """

    port: int
    changes: Path
    every_s: float
    silent: Path


async def serve(plan: Plan) -> None:
    """Serve until killed."""
    noted = await asyncio.to_thread(plan.changes.is_dir)
    units = {number: Unit() for number in range(1, UNITS + 1)}
    async with Simulator(units, port=plan.port):
        step = 0
        while True:
            dead = silent_units(plan.silent)
            for number, unit in units.items():
                unit.silent = number in dead
                unit.set(
                    Table.HOLDING,
                    0,
                    [(step * 7 + number * 401 + i) % 60_000 for i in range(REGISTERS)],
                )
            if noted:
                note(plan.changes / str(units[1].tables[Table.HOLDING][0]))
            step += 1
            await asyncio.sleep(1.03 if noted else plan.every_s)


def note(path: Path) -> None:
    """Keep this moment; a few microseconds on a file system in memory or cache."""
    path.write_text(str(time.time()))


def silent_units(path: Path) -> set[int]:
    """The numbers in ``path``, none where it is absent; as quick to read as `note` to write."""
    return set(map(int, path.read_text().split())) if path.exists() else set()


def _plan() -> Plan:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("changes", type=Path)
    parser.add_argument("--every", type=float, default=1.0, dest="every_s")
    parser.add_argument("--silent", type=Path, default=Path("no-unit-is-silent"))
    return Plan(**vars(parser.parse_args()))


if __name__ == "__main__":
    asyncio.run(serve(_plan()))
