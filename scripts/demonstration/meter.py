"""The plant's meters as a Modbus server serves them: registers written from the simulated load.

Register addresses are the maker's (Eastron SDM630, input registers, 32-bit floats), written down
here independently of the profile that reads them. Loads follow the time of day, so that a chart
looks like a working day; see `scripts.demonstration.loads`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from protocols.modbus.planner import Table
from protocols.modbus.simulator import Unit
from scripts.demonstration.sites import Register

_LAST_REGISTER: Final = 400
_SERIAL_REGISTER: Final = 0xFC00
_SQRT3: Final = math.sqrt(3)
_SHARES: Final = (0.35, 0.33, 0.32)
"""The share of each phase in the total."""
_DEMAND_S: Final = 1800
"""The maker's demand is a mean over half an hour."""


Values = Iterator[tuple[int, float]]
"""Registers by their address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The quantities and counters of a meter at one moment.

    Attributes:
        power_w: Active power; negative where it is exported.
        volts: Of each phase, to neutral.
        demand_w: The maker's demand; ``highest_w`` is the highest so far.
    """

    power_w: float
    volts: Sequence[float]
    hertz: float
    demand_w: float
    highest_w: float
    taken_kwh: float
    given_kwh: float

    @property
    def factor(self) -> float:
        """The power factor, of each phase and of all."""
        return 0.96 if self.power_w >= 0 else -0.99

    @property
    def angle(self) -> float:
        """The phase angle, in degrees."""
        return math.degrees(math.acos(abs(self.factor)))

    @property
    def apparent_va(self) -> float:
        """Apparent power."""
        return abs(self.power_w / self.factor)

    @property
    def reactive_var(self) -> float:
        """Reactive power."""
        return math.sqrt(max(self.apparent_va**2 - self.power_w**2, 0.0))

    @property
    def reactive_kvarh(self) -> tuple[float, float]:
        """Reactive energy: imported and exported."""
        return self.taken_kwh * 0.29, self.given_kwh * 0.14


def phases(moment: Moment) -> Values:
    """The registers of each phase."""
    for phase, (share, volt) in enumerate(zip(_SHARES, moment.volts, strict=True)):
        at = 2 * phase
        yield at, volt
        yield 6 + at, moment.apparent_va * share / volt
        yield 12 + at, moment.power_w * share
        yield 18 + at, moment.apparent_va * share
        yield 24 + at, moment.reactive_var * share
        yield 30 + at, moment.factor
        yield 36 + at, moment.angle
        yield 200 + at, volt * _SQRT3


def totals(moment: Moment) -> Values:
    """The registers of all phases together."""
    mean = sum(moment.volts) / 3
    yield 42, mean
    yield 46, moment.apparent_va / sum(moment.volts)
    yield 52, moment.power_w
    yield 56, moment.apparent_va
    yield 60, moment.reactive_var
    yield 62, moment.factor
    yield 66, moment.angle
    yield 70, moment.hertz
    yield 206, mean * _SQRT3


def counters(moment: Moment) -> Values:
    """The registers of energy, of all phases and of each."""
    taken, given, both = moment.taken_kwh, moment.given_kwh, moment.taken_kwh + moment.given_kwh
    reactive_taken, reactive_given = moment.reactive_kvarh
    reactive = reactive_taken + reactive_given
    yield 72, taken
    yield 74, given
    yield 76, reactive_taken
    yield 78, reactive_given
    yield 80, both / 0.96
    yield 82, both * 1000 / sum(moment.volts)
    yield 342, both
    yield 344, reactive
    for first, counted in (
        (346, taken),
        (352, given),
        (358, both),
        (364, reactive_taken),
        (370, reactive_given),
        (376, reactive),
    ):
        for phase, share in enumerate(_SHARES):
            yield first + 2 * phase, counted * share


def demands(moment: Moment) -> Values:
    """The registers of the means over half an hour, and of the highest of them."""
    yield 84, moment.demand_w
    yield 86, moment.highest_w
    yield 100, moment.demand_w / 0.96
    yield 102, moment.highest_w / 0.96
    for phase, (share, volt) in enumerate(zip(_SHARES, moment.volts, strict=True)):
        yield 258 + 2 * phase, moment.demand_w * share / volt
        yield 264 + 2 * phase, moment.highest_w * share / volt


def distortions(wobble: random.Random) -> Values:
    """The registers of harmonic distortion of voltages and currents, in percent."""
    for phase in range(len(_SHARES)):
        yield 234 + 2 * phase, 1.6 + wobble.uniform(-0.1, 0.1)
        yield 240 + 2 * phase, 4.2 + wobble.uniform(-0.3, 0.3)
        yield 334 + 2 * phase, 1.4 + wobble.uniform(-0.1, 0.1)
    yield 248, 1.6
    yield 250, 4.2


@dataclass(kw_only=True)
class MeterUnit:
    """A meter's place, and the registers that show it."""

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
        """Set every register to its value at a moment (Unix seconds)."""
        self.registers.set_uint32(Table.HOLDING, _SERIAL_REGISTER, self.place.serial(at))
        taken, given = self.place.counters_kwh(at)
        before = sum(self.place.load.energy_kwh(at - _DEMAND_S))
        demand = (sum(self.place.load.energy_kwh(at)) - before) * 3.6e6 / _DEMAND_S
        self.highest_w = max(self.highest_w, demand)
        moment = Moment(
            power_w=self.place.power_w(at),
            volts=[202 + self.wobble.uniform(-0.6, 0.6) for _ in _SHARES],
            hertz=50 + self.wobble.uniform(-0.02, 0.02),
            demand_w=demand,
            highest_w=self.highest_w,
            taken_kwh=taken,
            given_kwh=given,
        )
        shown = (phases(moment), totals(moment), counters(moment), demands(moment))
        for address, value in chain(*shown, distortions(self.wobble)):
            self.registers.set_float(Table.INPUT, address, value)
