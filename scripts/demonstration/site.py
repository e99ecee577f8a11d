"""The simulated plant: three-phase meters behind one Modbus TCP gateway, as a process.

Register addresses are the maker's (Eastron SDM630, input registers, 32-bit floats), written down
here independently of the profile that reads them. Loads follow the time of day, so that a chart
looks like a working day; energy is the integral of power, as in a real meter.
"""

from __future__ import annotations

import asyncio
import math
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from protocols.planner import Table
from protocols.simulator import Simulator, Unit

ZONE: Final = ZoneInfo("Asia/Tokyo")
_STEP_S: Final = 0.5
_LAST_REGISTER: Final = 400
_SERIAL_REGISTER: Final = 0xFC00
_SQRT3: Final = math.sqrt(3)


@dataclass(kw_only=True)
class Meter:
    """One meter and what hangs on it.

    Attributes:
        unit: Its unit id.
        name: As in the gateway's configuration.
        label: As people call it.
        base_w: What it draws at night.
        peak_w: What it draws on top at the busiest hour; negative for a generator.
        busiest: The hour of day around which it is busy.
        width: How many hours that lasts.
    """

    unit: int
    name: str
    label: str
    base_w: float
    peak_w: float
    busiest: float
    width: float
    imported_kwh: float = 0.0
    exported_kwh: float = 0.0
    demand_w: float = 0.0
    highest_w: float = 0.0
    registers: Unit = field(default_factory=Unit)
    wobble: random.Random = field(default_factory=lambda: random.Random(1))

    def power_w(self, hour: float) -> float:
        """Active power at an hour of the day."""
        distance = min(abs(hour - self.busiest), 24 - abs(hour - self.busiest))
        shape = math.exp(-((distance / self.width) ** 2))
        noise = 1 + self.wobble.uniform(-0.015, 0.015)
        return (self.base_w + self.peak_w * shape) * noise

    def advance(self, seconds: float, moment: datetime) -> None:
        """Let time pass and write every register."""
        power = self.power_w(moment.hour + moment.minute / 60 + moment.second / 3600)
        energy = power * seconds / 3.6e6
        if energy >= 0:
            self.imported_kwh += energy
        else:
            self.exported_kwh -= energy
        # The maker's demand is a sliding mean over half an hour; one pole comes close.
        self.demand_w += (abs(power) - self.demand_w) * min(seconds / 900, 1.0)
        self.highest_w = max(self.highest_w, self.demand_w)
        self._write(power)

    def _write(self, power: float) -> None:
        factor = 0.96 if power >= 0 else -0.99
        shares = (0.35, 0.33, 0.32)
        volts = [101.0 * 2 + self.wobble.uniform(-0.6, 0.6) for _ in shares]
        put = self._put
        angle = math.degrees(math.acos(abs(factor)))
        for phase, (share, volt) in enumerate(zip(shares, volts, strict=True)):
            put(36 + 2 * phase, angle)
            put(234 + 2 * phase, 1.6 + self.wobble.uniform(-0.1, 0.1))
            put(240 + 2 * phase, 4.2 + self.wobble.uniform(-0.3, 0.3))
            put(258 + 2 * phase, self.demand_w * share / volt)
            put(264 + 2 * phase, self.highest_w * share / volt)
            put(334 + 2 * phase, 1.4 + self.wobble.uniform(-0.1, 0.1))
            put(346 + 2 * phase, self.imported_kwh * share)
            put(352 + 2 * phase, self.exported_kwh * share)
            put(358 + 2 * phase, (self.imported_kwh + self.exported_kwh) * share)
            put(364 + 2 * phase, self.imported_kwh * share * 0.29)
            put(370 + 2 * phase, self.exported_kwh * share * 0.14)
            put(376 + 2 * phase, (self.imported_kwh * 0.29 + self.exported_kwh * 0.14) * share)
            active = power * share
            apparent = abs(active / factor)
            put(2 * phase, volt)
            put(6 + 2 * phase, apparent / volt)
            put(12 + 2 * phase, active)
            put(18 + 2 * phase, apparent)
            put(24 + 2 * phase, math.sqrt(max(apparent**2 - active**2, 0.0)))
            put(30 + 2 * phase, factor)
            put(200 + 2 * phase, volt * _SQRT3)
        apparent = abs(power / factor)
        put(42, sum(volts) / 3)
        put(46, apparent / sum(volts))
        put(52, power)
        put(56, apparent)
        put(60, math.sqrt(max(apparent**2 - power**2, 0.0)))
        put(62, factor)
        put(70, 50 + self.wobble.uniform(-0.02, 0.02))
        put(72, self.imported_kwh)
        put(74, self.exported_kwh)
        put(76, self.imported_kwh * 0.29)
        put(78, self.exported_kwh * 0.14)
        total = self.imported_kwh + self.exported_kwh
        put(66, angle)
        put(80, total / 0.96)
        put(82, total * 1000 / sum(volts))
        put(84, self.demand_w)
        put(86, self.highest_w)
        put(100, self.demand_w / 0.96)
        put(102, self.highest_w / 0.96)
        put(206, sum(volts) / 3 * _SQRT3)
        put(248, 1.6)
        put(250, 4.2)
        put(342, total)
        put(344, self.imported_kwh * 0.29 + self.exported_kwh * 0.14)

    def _put(self, address: int, value: float) -> None:
        self.registers.set_float(Table.INPUT, address, value)


def plant() -> list[Meter]:
    """The meters of the site, as they stand when the demonstration begins."""
    meters = [
        Meter(
            unit=1, name="main-incomer", label="Main incomer", base_w=6_200, peak_w=31_000,
            busiest=14, width=4.5, imported_kwh=184_213.4, exported_kwh=412.7,
        ),
        Meter(
            unit=2, name="workshop", label="Workshop, hall 2", base_w=900, peak_w=14_500,
            busiest=10.5, width=3.2, imported_kwh=61_340.9,
        ),
        Meter(
            unit=3, name="cold-room", label="Cold room", base_w=2_100, peak_w=900,
            busiest=15.5, width=6, imported_kwh=48_872.2,
        ),
        Meter(
            unit=4, name="roof-pv", label="Roof PV 9.9 kW", base_w=-1, peak_w=-8_900,
            busiest=12, width=2.8, imported_kwh=31.5, exported_kwh=23_904.6,
        ),
    ]  # fmt: skip
    for meter in meters:
        meter.wobble = random.Random(meter.unit)
        # A real meter answers zero in every register of its map that it does not measure.
        for address in range(0, _LAST_REGISTER, 2):
            meter.registers.set_float(Table.INPUT, address, 0.0)
        meter.registers.set_uint32(Table.HOLDING, _SERIAL_REGISTER, 23_103_400 + meter.unit)
        meter.demand_w = abs(meter.base_w + meter.peak_w * 0.6)
        meter.highest_w = abs(meter.base_w + meter.peak_w)
        meter.advance(0, datetime.now(ZONE))
    return meters


async def run(port: int) -> None:
    """Serve the plant on a loopback port until SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    meters = plant()
    async with Simulator({meter.unit: meter.registers for meter in meters}, port=port):
        last = time.monotonic()
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), _STEP_S)
            except TimeoutError:
                now = time.monotonic()
                for meter in meters:
                    meter.advance(now - last, datetime.now(ZONE))
                last = now


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1])))
