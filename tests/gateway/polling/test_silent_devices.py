"""Silent devices cost their neighbours on the line next to nothing."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from gateway.fakes import ScriptedDriver, VirtualLoop, run_virtually
from gateway.polling.polled_device import PolledDevice
from gateway.polling.schedule import spread
from tests.gateway.polling.poller_harness import PollerHarness
from tests.gateway.polling.scripted import TIMEOUT_S, device, ok, raises, timeout

if TYPE_CHECKING:
    from drivers.report import Observation


@pytest.mark.parametrize("seed", range(300))
def test_each_healthy_device_loses_at_most_one_sample_to_the_dead(seed: int) -> None:
    """The isolation contract, where the sum over the dead of (timeout - read) fits the slack."""
    rng = random.Random(seed)
    count = rng.randint(2, 12)
    cost = rng.uniform(0.01, 0.03)
    slack = 1.0 - count * cost - 0.05
    dead_count = min(count - 1, int(slack / TIMEOUT_S))
    dead = set(rng.sample(range(count), dead_count))
    dies_at = rng.uniform(3, 8)
    drivers = [ScriptedDriver(ok, cost) for _ in range(count)]

    async def main(loop: VirtualLoop) -> None:
        harness = PollerHarness(loop)
        harness.poller.apply(device(f"d{n}", driver) for n, driver in enumerate(drivers))

        def die() -> None:
            for n in dead:
                drivers[n].script = raises(timeout)
                drivers[n].seconds = TIMEOUT_S

        loop.call_later(dies_at, die)
        await harness.run(120)

    with capture_logs():
        run_virtually(main)
    for n in set(range(count)) - dead:
        # A millisecond of grace: the poller counts in whole ones.
        windows = {int(at - spread(n) + 0.002) for at, _ in drivers[n].reads}
        lost = set(range(119)) - windows
        assert len(lost) <= 1, (n, lost)


def test_probes_take_at_most_a_twentieth_of_the_line() -> None:
    dead = [ScriptedDriver(raises(timeout), TIMEOUT_S) for _ in range(30)]

    async def main(loop: VirtualLoop) -> None:
        harness = PollerHarness(loop)
        harness.poller.apply(device(f"d{n}", driver) for n, driver in enumerate(dead))
        await harness.run(2_000)

    with capture_logs():
        run_virtually(main)
    late = [at for driver in dead for at, _ in driver.reads if at > 60]
    assert len(late) * TIMEOUT_S / (2_000 - 60) <= 0.06


def test_the_drain_behind_a_silence_counts_as_the_probes() -> None:
    dead = ScriptedDriver(raises(timeout), TIMEOUT_S)
    drain_ms = 1_500

    async def main(loop: VirtualLoop) -> None:
        harness = PollerHarness(loop)
        one = PolledDevice(
            name="d", line="a", periods={"fast": 1_000}, open=lambda: dead, drain_ms=drain_ms
        )
        harness.poller.apply([one])
        await harness.run(2_000)

    with capture_logs():
        run_virtually(main)
    late = [at for at, _ in dead.reads if at > 60]
    assert len(late) * (TIMEOUT_S + drain_ms / 1000) / (2_000 - 60) <= 0.05
    assert len(late) >= 3


def test_after_a_sleep_in_the_middle_of_a_probe_the_silent_are_probed_as_before() -> None:
    async def main(loop: VirtualLoop) -> list[ScriptedDriver]:
        harness = PollerHarness(loop)

        def sleeps_in_its_second_read(_: frozenset[str]) -> Observation:
            if len(sleeper.reads) == 2:
                harness.slept_ms = 8 * 3_600_000
            raise timeout()

        sleeper = ScriptedDriver(sleeps_in_its_second_read, TIMEOUT_S)
        dead = [sleeper, ScriptedDriver(raises(timeout), TIMEOUT_S)]
        harness.poller.apply(device(f"d{n}", driver) for n, driver in enumerate(dead))
        await harness.run(600)
        return dead

    with capture_logs():
        dead = run_virtually(main)
    assert min(len(driver.reads) for driver in dead) >= 4


def test_no_silent_device_is_forgotten_behind_others() -> None:
    """More are dead than the twentieth has time for between two probes of one of them."""
    dead = [ScriptedDriver(raises(timeout), TIMEOUT_S) for _ in range(60)]

    async def main(loop: VirtualLoop) -> None:
        harness = PollerHarness(loop)
        harness.poller.apply(device(f"d{n}", driver) for n, driver in enumerate(dead))
        await harness.run(4_000)

    with capture_logs():
        run_virtually(main)
    last = [driver.reads[-1][0] for driver in dead]
    assert min(last) > 4_000 - 60 * 21 * TIMEOUT_S - 60, last
