"""Bus time against the formulas, and what it promises against the poller, in virtual time."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import pytest
from structlog.testing import capture_logs

from console.text import verbatim
from drivers.bus_load import BusLoad
from drivers.modbus.bus_load import request_times
from drivers.report import Observation
from gateway.fakes import VirtualLoop, run_virtually
from gateway.polling.line_budget import SCHEDULING_S, DeviceTime, LineTime, device_time
from gateway.polling.schedule import spread
from protocols.delays import ASSUMED_S
from protocols.errors import Timeout
from protocols.modbus.planner import Read, Rules, Span, Table, plan
from protocols.modbus.rtu_timing import RtuTiming
from protocols.serial_format import SerialFormat
from tests.gateway.polling.poller_harness import PollerHarness, polled

FORM = SerialFormat(baud=9600, parity="E", stop=1)
RTU = RtuTiming(FORM)
TEN = Read(Table.HOLDING, 0, 10)


def load(timeout_s: float, together: Iterable[Read] = (), **groups: Iterable[Read]) -> BusLoad:
    return BusLoad(
        form=FORM,
        drain_s=RTU.line.drain_s,
        timeout_s=timeout_s,
        groups={group: request_times(RTU, reads) for group, reads in groups.items()},
        together=request_times(RTU, together),
    )


def line(*devices: DeviceTime) -> LineTime:
    return LineTime(line="serial:/dev/x", form=FORM, devices=devices)


def takes(longest: float, period: float = 1.0, excess: float = 0.1) -> DeviceTime:
    busy = longest / period
    return DeviceTime(name="d", period=period, longest=longest, busy=busy, excess=excess)


def test_one_read_takes_what_the_formula_says() -> None:
    """T(N) = (13 + 2N) c + 2 t35 + t_dev, c of eleven bits (design section 4)."""
    c = 11 / 9600
    time = device_time("d", load(0.5, live=[TEN]), {"live": 10.0}, delay_s=0.02)
    wanted = (13 + 2 * 10) * c + 2 * 3.5 * c + 0.02
    assert time.longest == pytest.approx(wanted + SCHEDULING_S)
    assert time.busy == pytest.approx((wanted + SCHEDULING_S) / 10)
    drain = 3.5 * c + 0.02 + (5 + 20) * c  # silence, jitter, and the answer that may still come
    assert time.excess == pytest.approx(0.5 + RTU.wire_s(TEN) + drain - wanted)


def test_groups_of_one_device_are_due_at_once_at_the_worst() -> None:
    time = device_time("d", load(1, live=[TEN], slow=[TEN, TEN]), {"live": 1.0, "slow": 60.0})
    one = RTU.transaction_s(TEN, 0.02)
    assert time.period == 1
    assert time.longest == pytest.approx(3 * one + 2 * SCHEDULING_S)
    assert time.busy == pytest.approx(one + SCHEDULING_S + (2 * one + SCHEDULING_S) / 60)


def test_a_line_holds_with_as_many_dead_as_its_slack_has_room_for() -> None:
    five = line(*(takes(0.1) for _ in range(5)))
    assert five.utilization == pytest.approx(0.5)
    assert five.slack_s == pytest.approx(0.5)
    assert five.holds_with == 4  # the fifth has nobody left to harm
    assert line(*(takes(0.1, excess=0.2) for _ in range(5))).holds_with == 2
    tight = line(*(takes(0.19) for _ in range(5)))
    assert tight.fits
    assert not tight.isolates
    full = line(*(takes(0.21) for _ in range(5)))
    assert not full.fits


def test_the_shortest_period_decides_and_slow_devices_count_in_it_once() -> None:
    mixed = line(takes(0.2, period=1), takes(0.9, period=60))
    assert mixed.utilization == pytest.approx(0.215)
    assert mixed.slack_s == pytest.approx(-0.1)
    assert not mixed.fits


def test_one_device_alone_has_nobody_to_harm() -> None:
    assert line(takes(0.9, excess=5)).isolates
    assert not line(takes(1.1)).isolates


def test_it_may_die_at_its_longest_read_whatever_else_is_due() -> None:
    """The identity, or groups read together, may take longer answers than the fastest group."""
    long = Read(Table.HOLDING, 0, 100)
    periods = {"live": 1.0, "slow": 60.0}
    apart = device_time("d", load(0.5, live=[TEN], slow=[TEN]), periods)
    together = device_time("d", load(0.5, [long], live=[TEN], slow=[TEN]), periods)
    longer = RTU.answer_s(long) - RTU.answer_s(TEN)
    assert together.excess - apart.excess == pytest.approx(longer)


# --- what is accepted holds ---------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class OnBus:
    """A device of a random line.

    Attributes:
        points: Where its points are, and in which groups.
        load: As a profile of these points would ask.
        periods: Seconds of its groups.
        delay_s: What it takes to answer, at most what is assumed of one that is not known.
    """

    points: tuple[tuple[str, Span], ...]
    load: BusLoad
    periods: dict[str, float]
    delay_s: float

    @classmethod
    def random(cls, rng: random.Random, period: float) -> OnBus:
        points: list[tuple[str, Span]] = []
        address = 0
        for _ in range(rng.randint(1, 12)):
            address += rng.choice([0, 0, 0, 2, 40])
            count = rng.choice([1, 2, 2, 4])
            group = rng.choice(["live", "live", "slow", "identity"])
            points.append((group if points else "live", Span(Table.HOLDING, address, count)))
            address += count
        groups_used = {group for group, _ in points}
        groups = {group: cls.reads_of(points, {group}) for group in groups_used}
        made = load(period * rng.uniform(0.02, 0.4), cls.reads_of(points, groups_used), **groups)
        own = period * rng.choice([1, 1, 1, 2, 4])
        every = {"live": own, "slow": own * rng.choice([3, 7]), "identity": own * 11}
        periods = {group: every[group] for group in groups_used}
        delay_s = rng.uniform(0, ASSUMED_S)
        return cls(points=tuple(points), load=made, periods=periods, delay_s=delay_s)

    @staticmethod
    def reads_of(points: Iterable[tuple[str, Span]], due: AbstractSet[str]) -> tuple[Read, ...]:
        spans = [span for group, span in points if group in due]
        return plan(spans, Rules(cost=RTU.cost(ASSUMED_S)))

    @property
    def time(self) -> DeviceTime:
        return device_time("d", self.load, self.periods)


class BusDriver:
    """Keeps the line for as long as `OnBus` says; dead from ``dies_at`` on, in loop seconds.

    Attributes:
        reads: When each poll began.
    """

    def __init__(self, device: OnBus, dies_at: float = math.inf) -> None:
        self.reads: list[float] = []
        self._device = device
        self._dies_at = dies_at
        self._plans: dict[frozenset[str], tuple[Read, ...]] = {}

    async def read(self, due: frozenset[str]) -> Observation:
        device, loop = self._device, asyncio.get_running_loop()
        self.reads.append(loop.time())
        reads = self._plans.get(due)
        if reads is None:
            reads = self._plans[due] = device.reads_of(device.points, due)
        taken = 0.0
        for read in reads:
            if loop.time() + taken >= self._dies_at:
                await asyncio.sleep(taken + self._silence_s(read))
                raise Timeout(verbatim("no answer"), where="d")
            taken += RTU.transaction_s(read, device.delay_s)
        await asyncio.sleep(taken)
        return Observation()

    def _silence_s(self, read: Read) -> float:
        asked = self._device.load
        wire = RTU.wire_s(read) + RTU.answer_s(read)
        return asked.timeout_s + wire + asked.drain_s


def _random(rng: random.Random) -> list[OnBus]:
    period = rng.choice([1.0, 2.0, 5.0])
    return [OnBus.random(rng, period) for _ in range(rng.randint(2, 10))]


def _lost(devices: list[OnBus], rng: random.Random, dying: int) -> dict[int, int]:
    """How many samples each healthy device loses when so many die at once."""
    dead = set(rng.sample(range(len(devices)), dying))
    first = min(device.time.period for device in devices)
    dies_at, end = rng.uniform(2, 14) * first, 30 * first
    drivers = [
        BusDriver(device, dies_at if n in dead else math.inf) for n, device in enumerate(devices)
    ]

    async def main(loop: VirtualLoop) -> None:
        harness = PollerHarness(loop)
        harness.poller.apply(
            polled(f"d{n}", driver, {g: round(1000 * p) for g, p in devices[n].periods.items()})
            for n, driver in enumerate(drivers)
        )
        await harness.run(end)

    with capture_logs():
        run_virtually(main)
    lost = {}
    for n in set(range(len(drivers))) - dead:
        period = devices[n].time.period
        shift = int(1000 * period * spread(n)) / 1000
        # A millisecond of grace: the poller counts in whole ones.
        seen = {math.floor((at - shift + 0.002) / period) for at in drivers[n].reads}
        lost[n] = len(set(range(int((end - shift) / period) - 1)) - seen)
    return lost


@pytest.mark.parametrize("hundred", range(20))
def test_with_as_many_dead_as_promised_each_healthy_device_loses_at_most_one_sample(
    hundred: int,
) -> None:
    """The isolation contract (design section 4), over thousands of accepted schedules."""
    proven = several = 0
    for seed in range(hundred * 10_000, hundred * 10_000 + 10_000):
        rng = random.Random(seed)
        devices = _random(rng)
        time = line(*(device.time for device in devices))
        if not time.isolates:
            continue
        lost = _lost(devices, rng, time.holds_with)
        assert all(count <= 1 for count in lost.values()), (seed, lost)
        proven += 1
        several += time.holds_with > 1
        if proven == 100:
            break
    assert proven == 100
    assert several > 10


def test_with_more_dead_than_promised_somebody_loses_more() -> None:
    """The control: the measure above can tell."""
    rng = random.Random(0)
    devices: list[OnBus] = []
    while len(devices) < 4:
        made = OnBus.random(rng, 1.0)
        if made.time.longest < 0.1 and made.periods["live"] == 1:
            devices.append(replace(made, load=replace(made.load, timeout_s=1.5)))
    assert not line(*(device.time for device in devices)).isolates
    worst = [max(_lost(devices, random.Random(seed), 2).values()) for seed in range(20)]
    assert max(worst) > 1
