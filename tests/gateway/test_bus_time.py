"""Bus time against the formulas, and what it promises against the poller, in virtual time."""

from __future__ import annotations

import math
import random

import pytest
from structlog.testing import capture_logs

from drivers.demand import Demand
from drivers.report import Observation
from gateway.bus_time import SCHEDULING_S, DeviceTime, LineTime, device_time
from gateway.fakes import ScriptedDriver, VirtualLoop, run_virtually
from gateway.schedule import spread
from protocols.errors import Timeout
from protocols.planner import Read, Table
from protocols.serial_format import SerialFormat
from tests.gateway.poller_bench import Bench, polled

FORM = SerialFormat(baud=9600, parity="E", stop=1)
TEN = Read(Table.HOLDING, 0, 10)


def line(*devices: DeviceTime) -> LineTime:
    return LineTime(line="serial:/dev/x", form=FORM, devices=devices)


def takes(longest: float, period: float = 1.0, excess: float = 0.1) -> DeviceTime:
    busy = longest / period
    return DeviceTime(name="d", period=period, longest=longest, busy=busy, excess=excess)


def test_one_read_takes_what_the_formula_says() -> None:
    """T(N) = (13 + 2N) c + 2 t35 + t_dev, c of eleven bits (design section 4)."""
    c = 11 / 9600
    demand = Demand(form=FORM, pace=FORM.pace, reads={"live": (TEN,)}, timeout_s=0.5)
    time = device_time("d", demand, {"live": 10.0}, delay_s=0.02)
    wanted = (13 + 2 * 10) * c + 2 * 3.5 * c + 0.02
    assert time.longest == pytest.approx(wanted + SCHEDULING_S)
    assert time.busy == pytest.approx((wanted + SCHEDULING_S) / 10)
    drain = 3.5 * c + 0.02 + (5 + 20) * c  # silence, jitter, and the answer that may still come
    assert time.excess == pytest.approx(0.5 + FORM.wire_s(TEN) + drain - wanted)


def test_groups_of_one_device_are_due_at_once_at_the_worst() -> None:
    demand = Demand(
        form=FORM, pace=FORM.pace, reads={"live": (TEN,), "slow": (TEN, TEN)}, timeout_s=1
    )
    time = device_time("d", demand, {"live": 1.0, "slow": 60.0})
    one = FORM.transaction_s(TEN, 0.02)
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


# --- what is accepted holds ---------------------------------------------------------------------


def _accepted(rng: random.Random) -> LineTime | None:
    """A random line's schedule, if it is accepted."""
    count = rng.randint(2, 10)
    period = rng.choice([1.0, 2.0, 5.0])
    devices = []
    for _ in range(count):
        own = period * rng.choice([1, 1, 1, 2, 4])
        longest = period * rng.uniform(0.02, 1.2 / count)
        devices.append(takes(longest, own, excess=period * rng.uniform(0.02, 0.5)))
    made = line(*devices)
    return made if made.isolates else None


def _lost(time: LineTime, rng: random.Random, dying: int) -> dict[int, int]:
    """How many samples each healthy device loses when so many die at once."""
    dead = set(rng.sample(range(len(time.devices)), dying))
    first = min(device.period for device in time.devices)
    dies_at, end = rng.uniform(2, 5) * first, 30 * first
    drivers = [ScriptedDriver(lambda _: Observation(), each.longest) for each in time.devices]

    def silent(_: frozenset[str]) -> Observation:
        raise Timeout("no answer", where="d")

    async def main(loop: VirtualLoop) -> None:
        bench = Bench(loop)
        bench.poller.apply(
            polled(f"d{n}", driver, periods={"fast": round(1000 * time.devices[n].period)})
            for n, driver in enumerate(drivers)
        )

        def die() -> None:
            for n in dead:
                drivers[n].script = silent
                drivers[n].seconds += time.devices[n].excess

        loop.call_later(dies_at, die)
        await bench.run(end)

    with capture_logs():
        run_virtually(main)
    lost = {}
    for n in set(range(len(drivers))) - dead:
        period = time.devices[n].period
        shift = int(1000 * period * spread(n)) / 1000
        # A millisecond of grace: the poller counts in whole ones.
        seen = {math.floor((at - shift + 0.002) / period) for at, _ in drivers[n].reads}
        lost[n] = len(set(range(int((end - shift) / period) - 1)) - seen)
    return lost


@pytest.mark.parametrize("hundred", range(20))
def test_with_as_many_dead_as_promised_each_healthy_device_loses_at_most_one_sample(
    hundred: int,
) -> None:
    """The isolation contract (design section 4), over thousands of accepted schedules."""
    proven = 0
    for seed in range(hundred * 1000, hundred * 1000 + 1000):
        rng = random.Random(seed)
        time = _accepted(rng)
        if time is None:
            continue
        lost = _lost(time, rng, time.holds_with)
        assert all(count <= 1 for count in lost.values()), (seed, lost)
        proven += 1
        if proven == 100:
            break
    assert proven == 100


def test_with_more_dead_than_promised_somebody_loses_more() -> None:
    """The control: the measure above can tell."""
    time = line(*(takes(0.05, excess=1.5) for _ in range(4)))
    assert not time.isolates
    worst = [max(_lost(time, random.Random(seed), 2).values()) for seed in range(20)]
    assert max(worst) > 1
