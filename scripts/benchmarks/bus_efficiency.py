"""How much of a serial line's time is used: theory over practice, on a paced line.

Theory is design section 4's ``T(N) = (13 + 2N) c + 2 t35 + t_dev``; practice the time from one
request to the next. The median of the transactions is what the code can be held to; the total also
holds whatever else the machine did meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from protocols.errors import InvalidResponse, Timeout
from protocols.line import Line
from protocols.modbus.planner import Read, Table
from protocols.modbus.rtu import RtuTransaction
from protocols.modbus.rtu_timing import RtuTiming
from protocols.modbus.unit import ModbusUnit
from protocols.serial_format import SerialFormat
from protocols.serial_line import SerialWire
from scripts.benchmarks.figures import Figure, NotMeasuredError

ROOT: Final = Path(__file__).resolve().parents[2]
TIMES: Final = SerialFormat(baud=9600, parity="E", stop=1)
DELAY_S: Final = 0.02
REGISTERS: Final = 30
TRANSACTIONS: Final = 96
UNITS: Final = (1, 10, 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """What one run came to.

    Attributes:
        median: Of the transactions: theory over practice.
        total: All theory over all practice.
        shortest_gap_s: The least silence before a request, counted before the emulator's write.
    """

    median: float
    total: float
    shortest_gap_s: float


def run(units: int, transactions: int) -> Efficiency:
    """Read ``units`` units in turn, one transaction after the other."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal"
        command = [sys.executable, "-m", "scripts.benchmarks.paced_bus"]
        arguments = [str(TIMES.baud), str(units), str(DELAY_S), str(journal)]
        with subprocess.Popen(
            [*command, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as bus:
            assert bus.stdout is not None
            path = bus.stdout.readline().strip()
            try:
                asyncio.run(_read(path, units, transactions))
            finally:
                bus.terminate()
                bus.wait(10)
        exchanges = [json.loads(line) for line in journal.read_text().splitlines()]
    return efficiency(exchanges)


def efficiency(exchanges: list[tuple[float, float, int, int]]) -> Efficiency:
    """What a journal of `scripts.benchmarks.paced_bus` says."""
    shares, theory, practice, gaps = [], 0.0, 0.0, []
    for (came, left, _, count), (following, _, _, _) in pairwise(exchanges):
        wanted = RtuTiming(TIMES).transaction_s(Read(Table.HOLDING, 0, count), DELAY_S)
        shares.append(wanted / (following - came))
        theory, practice = theory + wanted, practice + following - came
        gaps.append(following - left)
    return Efficiency(
        median=statistics.median(shares), total=theory / practice, shortest_gap_s=min(gaps)
    )


async def _read(path: str, units: int, transactions: int) -> None:
    # A pseudo-terminal knows no parity: the port is opened without, the times are those with it.
    wire = SerialWire(path, SerialFormat(baud=TIMES.baud, parity="N", stop=1), TIMES.character_s)
    line = Line(wire, RtuTiming(TIMES).line, TIMES)
    made = [
        ModbusUnit(line, n, now=lambda: 0, timeout_s=2, framing=RtuTransaction)
        for n in range(1, units + 1)
    ]
    lost = 0
    for n in range(transactions):
        try:
            await made[n % units].read(Read(Table.HOLDING, 0, REGISTERS))
        except (
            Timeout,
            InvalidResponse,
        ):  # the machine held the bus up; what that cost stays in the total
            lost += 1
    await line.aclose()
    if lost > transactions // 10:
        raise NotMeasuredError(f"{lost} of {transactions} answers came too late: a busy machine")


def measure(scale: float = 1.0) -> list[Figure]:
    """At 9600 8E1, for one, ten and thirty-two units."""
    figures = []
    for units in UNITS:
        got = run(units, max(50, int(TRANSACTIONS * scale)))
        figures += [
            Figure(
                name=f"theory over practice, median transaction, {units} units",
                value=f"{got.median:.3f}",
                aim="at least 0.95",
                met=got.median >= 0.95,
                gate=True,
            ),
            Figure(
                name=f"the same, in total, {units} units",
                value=f"{got.total:.3f}",
                aim="0.97",
                met=got.total >= 0.97,
            ),
        ]
    return figures
