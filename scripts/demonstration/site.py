"""The plant's meters as a Modbus server serves them: registers written from what hangs there.

Register addresses are the maker's (Eastron SDM630, input registers, 32-bit floats), written down
here independently of the profile that reads them. Loads follow the time of day, so that a chart
looks like a working day; see `scripts.demonstration.loads`.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Final

from protocols.planner import Table
from protocols.simulator import Unit
from scripts.demonstration.story import Register

_LAST_REGISTER: Final = 400
_SERIAL_REGISTER: Final = 0xFC00
_SQRT3: Final = math.sqrt(3)
_DEMAND_S: Final = 1800
"""The maker's demand is a mean over half an hour."""


@dataclass(kw_only=True)
class MeterUnit:
    """A meter's place and the registers it is read by."""

    place: Register
    registers: Unit = field(default_factory=Unit)
    highest_w: float = 0.0
    wobble: random.Random = field(default_factory=lambda: random.Random(1))

    def __post_init__(self) -> None:
        self.wobble = random.Random(self.place.meter.unit)
        # A real meter answers zero in every register of its map that it does not measure.
        for address in range(0, _LAST_REGISTER, 2):
            self.registers.set_float(Table.INPUT, address, 0.0)

    def show(self, at: float) -> None:
        """Write every register as it is at a moment (Unix seconds)."""
        self.registers.set_uint32(Table.HOLDING, _SERIAL_REGISTER, self.place.serial(at))
        taken, given = self.place.counters_kwh(at)
        before = sum(self.place.load.energy_kwh(at - _DEMAND_S))
        demand = (sum(self.place.load.energy_kwh(at)) - before) * 3.6e6 / _DEMAND_S
        self.highest_w = max(self.highest_w, demand)
        self._write(self.place.power_w(at), demand, taken, given)

    def _write(self, power: float, demand: float, taken: float, given: float) -> None:
        factor = 0.96 if power >= 0 else -0.99
        shares = (0.35, 0.33, 0.32)
        volts = [101.0 * 2 + self.wobble.uniform(-0.6, 0.6) for _ in shares]
        put = self._put
        angle = math.degrees(math.acos(abs(factor)))
        for phase, (share, volt) in enumerate(zip(shares, volts, strict=True)):
            put(36 + 2 * phase, angle)
            put(234 + 2 * phase, 1.6 + self.wobble.uniform(-0.1, 0.1))
            put(240 + 2 * phase, 4.2 + self.wobble.uniform(-0.3, 0.3))
            put(258 + 2 * phase, demand * share / volt)
            put(264 + 2 * phase, self.highest_w * share / volt)
            put(334 + 2 * phase, 1.4 + self.wobble.uniform(-0.1, 0.1))
            put(346 + 2 * phase, taken * share)
            put(352 + 2 * phase, given * share)
            put(358 + 2 * phase, (taken + given) * share)
            put(364 + 2 * phase, taken * share * 0.29)
            put(370 + 2 * phase, given * share * 0.14)
            put(376 + 2 * phase, (taken * 0.29 + given * 0.14) * share)
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
        put(72, taken)
        put(74, given)
        put(76, taken * 0.29)
        put(78, given * 0.14)
        total = taken + given
        put(66, angle)
        put(80, total / 0.96)
        put(82, total * 1000 / sum(volts))
        put(84, demand)
        put(86, self.highest_w)
        put(100, demand / 0.96)
        put(102, self.highest_w / 0.96)
        put(206, sum(volts) / 3 * _SQRT3)
        put(248, 1.6)
        put(250, 4.2)
        put(342, total)
        put(344, taken * 0.29 + given * 0.14)

    def _put(self, address: int, value: float) -> None:
        self.registers.set_float(Table.INPUT, address, value)
