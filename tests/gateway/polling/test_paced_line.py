"""The isolation contract once on a line as slow as a real one: a pseudo-terminal at 9600 8E1."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from structlog.testing import capture_logs

from drivers.bus_load import BusLoad
from drivers.modbus.bus_load import request_times
from drivers.report import Observation, Reachability, Report
from gateway.polling.line_budget import LineTime, device_time
from gateway.polling.line_poller import PollClock
from gateway.polling.polled_device import PolledDevice
from gateway.polling.poller import Poller
from gateway.polling.schedule import spread
from protocols.line import Line
from protocols.modbus.planner import Read, Table
from protocols.modbus.rtu import RtuTransaction
from protocols.modbus.rtu_timing import RtuTiming
from protocols.modbus.unit import ModbusUnit
from protocols.serial_format import SerialFormat
from protocols.serial_line import SerialWire
from scripts.benchmarks.bus_efficiency import efficiency
from tests.gateway.polling.poller_harness import CLOCK

ROOT = Path(__file__).parents[3]
TIMES = SerialFormat(baud=9600, parity="E", stop=1)
RTU = RtuTiming(TIMES)
THIRTY = Read(Table.HOLDING, 0, 30)
DELAY_S = 0.02
TIMEOUT_S = 0.25
PERIOD_S = 1.0
HEALTHY, DEAD = 4, 1
SECONDS = 10


class Reading:
    """A driver that reads thirty registers of one unit."""

    def __init__(self, line: Line, unit: int) -> None:
        self._unit = ModbusUnit(
            line, unit, now=lambda: 0, timeout_s=TIMEOUT_S, framing=RtuTransaction
        )
        self.began: list[float] = []

    async def read(self, due: frozenset[str]) -> Observation:
        began = time.monotonic()
        await self._unit.read(THIRTY)
        self.began.append(began)
        return Observation()


@contextmanager
def paced(journal: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "scripts.benchmarks.paced_bus", str(TIMES.baud)]
    arguments = [str(HEALTHY), str(DELAY_S), str(journal)]
    with subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as bus:
        assert bus.stdout is not None
        try:
            yield bus.stdout.readline().strip()
        finally:
            bus.terminate()
            bus.wait(10)


def test_on_a_paced_line_a_dead_unit_costs_each_healthy_one_at_most_a_sample(
    tmp_path: Path,
) -> None:
    load = BusLoad(
        form=TIMES,
        drain_s=RTU.line.drain_s,
        timeout_s=TIMEOUT_S,
        groups={"live": request_times(RTU, [THIRTY])},
    )
    each = [device_time(str(n), load, {"live": PERIOD_S}) for n in range(HEALTHY + DEAD)]
    promised = LineTime(line="pty", form=TIMES, devices=each)
    assert promised.holds_with >= DEAD
    reports: list[Report] = []

    async def keep(report: Report) -> None:
        reports.append(report)

    async def main(path: str) -> tuple[float, list[Reading]]:
        # A pseudo-terminal knows no parity: the port is opened without, the times are with it.
        form = SerialFormat(baud=9600, parity="N", stop=1)
        line = Line(SerialWire(path, form, TIMES.character_s), RTU.line, TIMES)
        made = [Reading(line, n + 1) for n in range(HEALTHY + DEAD)]
        start = time.monotonic()
        clock = PollClock(now=lambda: round((time.monotonic() - start) * 1000), clock=lambda: CLOCK)
        poller = Poller(clock, keep)
        periods = {"live": round(PERIOD_S * 1000)}
        poller.apply(
            PolledDevice(name=str(n), line="pty", periods=periods, open=lambda one=one: one)  # type: ignore[misc] # bound now
            for n, one in enumerate(made)
        )
        try:
            async with asyncio.timeout(SECONDS):
                await poller.run()
        except TimeoutError:
            pass
        await line.aclose()
        return start, made

    with paced(tmp_path / "journal") as path, capture_logs():
        start, made = asyncio.run(main(path))
    for n, one in enumerate(made[:HEALTHY]):
        shift = int(1000 * PERIOD_S * spread(n)) / 1000
        seen = {int((at - start - shift + 0.005) / PERIOD_S) for at in one.began}
        lost = set(range(SECONDS - 2)) - seen
        assert len(lost) <= 1, (n, lost)
    silent = [report for report in reports if report.device == str(HEALTHY)]
    assert silent
    assert all(report.reachability is Reachability.NEVER for report in silent)
    told = [json.loads(line) for line in (tmp_path / "journal").read_text().splitlines()]
    answered = [(one, following) for one, following in pairwise(told) if one[1]]
    assert len(answered) > HEALTHY * (SECONDS - 3)
    gaps = [following[0] - one[1] for one, following in answered]
    assert min(gaps) >= RTU.silence_s, "the silence between frames is kept"


def test_efficiency_is_theory_over_practice() -> None:
    wanted = RTU.transaction_s(THIRTY, DELAY_S)
    told = [(n * 2 * wanted, n * 2 * wanted + 0.1, 1, 30) for n in range(5)]
    got = efficiency(told)
    assert round(got.median, 6) == round(got.total, 6) == 0.5
