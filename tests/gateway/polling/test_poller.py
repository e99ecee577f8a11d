from __future__ import annotations

from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from drivers.report import Code, Observation, Reachability
from gateway.fakes import ScriptedDriver, VirtualLoop, run_virtually
from gateway.polling.backoff import BACKOFF_LIMIT_MS
from gateway.polling.polled_device import PolledDevice
from protocols.errors import LineClosed
from tests.gateway.polling.poller_harness import PollerHarness
from tests.gateway.polling.scripted import (
    TIMEOUT_S,
    device,
    garbled,
    in_turn,
    ok,
    raises,
    refused,
    timeout,
    unreachable,
)


def test_polls_are_on_time_and_spread() -> None:
    drivers = [ScriptedDriver(ok) for _ in range(8)]

    async def main(loop: VirtualLoop) -> PollerHarness:
        harness = PollerHarness(loop)
        harness.poller.apply(device(f"d{n}", driver) for n, driver in enumerate(drivers))
        await harness.run(59.95)
        return harness

    harness = run_virtually(main)
    for driver in drivers:
        starts = [at for at, _ in driver.reads]
        assert len(starts) == 60
        assert max(at - starts[0] - n for n, at in enumerate(starts)) < 0.05
    first = sorted(driver.reads[0][0] for driver in drivers)
    assert min(b - a for a, b in pairwise(first)) >= 0.01
    assert harness.poller.counts["a"].missed == 0


def test_a_dead_device_is_probed_ever_more_rarely_and_comes_back_whole() -> None:
    dead = True

    def script(_: frozenset[str]) -> Observation:
        if dead:
            raise timeout()
        return Observation()

    driver = ScriptedDriver(script, TIMEOUT_S)

    async def main(loop: VirtualLoop) -> PollerHarness:
        nonlocal dead
        harness = PollerHarness(loop)
        both = PolledDevice(
            name="d", line="a", periods={"fast": 1_000, "slow": 60_000}, open=lambda: driver
        )
        harness.poller.apply([both])
        loop.call_later(3_600, lambda: exec_set())
        await harness.run(4_200)
        return harness

    def exec_set() -> None:
        nonlocal dead
        dead = False
        driver.seconds = 0.01

    with capture_logs() as logs:
        harness = run_virtually(main)
    probes = [at for at, _ in driver.reads if at < 3_600]
    gaps = [b - a for a, b in pairwise(probes)]
    assert len(probes) < 25
    assert max(gaps) <= BACKOFF_LIMIT_MS / 1000 + 2
    assert all(groups == {"fast"} for at, groups in driver.reads[1:] if at < 3_600)
    back = next(i for i, (at, _) in enumerate(driver.reads) if at >= 3_600)
    assert driver.reads[back + 1][1] == {"fast", "slow"}
    states = [report.reachability for report in harness.reports]
    assert states[0] is Reachability.NEVER
    assert states[-1] is Reachability.ONLINE
    assert [entry["event"] for entry in logs] == ["device_unreachable", "device_recovered"]


@pytest.mark.req("C-17", "C-40")
def test_errors_become_conditions_and_freeze_the_others() -> None:
    script = in_turn(None, unreachable(), timeout(), garbled(), refused(), None)

    async def main(loop: VirtualLoop) -> PollerHarness:
        harness = PollerHarness(loop)
        harness.poller.apply([device("d", ScriptedDriver(script))])
        await harness.run(60)
        return harness

    reports = run_virtually(main).reports[:6]
    codes = [[c.code for c in report.conditions] for report in reports]
    assert codes == [
        [],
        [Code.COMM_UNREACHABLE],
        [Code.COMM_TIMEOUT],
        [Code.COMM_GARBLED],
        [Code.COMM_REFUSED],
        [],
    ]
    assert [r.reachability.value for r in reports] == [
        "online",
        "unreachable",
        "unreachable",
        "unreachable",
        "unreachable",
        "online",
    ]


def test_a_driver_that_breaks_costs_only_its_device() -> None:
    opened = 0
    broken = ScriptedDriver(raises(lambda: ZeroDivisionError("division by zero")))
    neighbour = ScriptedDriver(ok)

    def open_broken() -> ScriptedDriver:
        nonlocal opened
        opened += 1
        return broken

    async def main(loop: VirtualLoop) -> PollerHarness:
        harness = PollerHarness(loop)
        bad = PolledDevice(name="bad", line="a", periods={"fast": 1_000}, open=open_broken)
        harness.poller.apply([bad, device("good", neighbour)])
        await harness.run(600)
        return harness

    with capture_logs() as logs:
        harness = run_virtually(main)
    assert len(neighbour.reads) in {599, 600}
    assert len(broken.reads) == opened < 12
    assert [entry["event"] for entry in logs] == ["driver_failed"]
    (condition,) = harness.of("bad")[-1].conditions
    assert condition.code is Code.DRIVER_FAULT
    assert "ZeroDivisionError" in condition.source
    assert condition.since == harness.of("bad")[0].at


def test_a_read_that_never_ends_is_a_fault_of_its_device() -> None:
    stuck = ScriptedDriver(ok, seconds=1e9)

    async def main(loop: VirtualLoop) -> PollerHarness:
        harness = PollerHarness(loop)
        harness.poller.apply([device("stuck", stuck), device("good", ScriptedDriver(ok))])
        await harness.run(1_000)
        return harness

    with capture_logs():
        harness = run_virtually(main)
    assert harness.of("stuck")[0].conditions[0].code is Code.DRIVER_FAULT
    assert len(harness.of("good")) > 300


def test_a_device_whose_line_was_closed_is_opened_anew_at_once() -> None:
    def closed_at_the_third(_: frozenset[str]) -> Observation:
        if len(first.reads) == 3:
            raise LineClosed(where="d")
        return Observation()

    first, second = ScriptedDriver(closed_at_the_third), ScriptedDriver(ok)
    unopened = [first, second]

    async def main(loop: VirtualLoop) -> PollerHarness:
        harness = PollerHarness(loop)
        periods = {"fast": 1_000}
        opens = PolledDevice(name="d", line="a", periods=periods, open=lambda: unopened.pop(0))
        harness.poller.apply([opens])
        await harness.run(4.5)
        return harness

    harness = run_virtually(main)
    assert [at for at, _ in first.reads] == pytest.approx([0, 1, 2])
    assert [at for at, _ in second.reads] == pytest.approx([2.01, 3, 4])
    assert {report.reachability for report in harness.reports} == {Reachability.ONLINE}


def test_a_device_that_is_gone_is_not_opened_anew() -> None:
    async def main(loop: VirtualLoop) -> None:
        harness = PollerHarness(loop)

        def gone(_: frozenset[str]) -> Observation:
            if len(driver.reads) == 2:
                harness.poller.apply([device("stays", stays)])
                raise LineClosed(where="d")
            return Observation()

        driver, stays = ScriptedDriver(gone), ScriptedDriver(ok)
        opened = [driver]
        goes = PolledDevice(name="goes", line="a", periods={"fast": 500}, open=lambda: opened.pop())
        harness.poller.apply([goes, device("stays", stays)])
        await harness.run(4.5)
        assert len(driver.reads) == 2
        assert set(harness.poller.views) == {"stays"}

    run_virtually(main)


def test_late_polls_are_reported_and_cleared() -> None:
    slow = ScriptedDriver(ok, seconds=2.5)

    async def main(loop: VirtualLoop) -> PollerHarness:
        harness = PollerHarness(loop)
        harness.poller.apply([device("d", slow)])
        loop.call_later(30, lambda: setattr(slow, "seconds", 0.01))
        await harness.run(200)
        return harness

    with capture_logs() as logs:
        harness = run_virtually(main)
    late = [r for r in harness.reports if any(c.code is Code.POLL_LATE for c in r.conditions)]
    assert late
    assert not harness.reports[-1].conditions
    assert harness.poller.counts["a"].missed > 10
    assert [entry["event"] for entry in logs] == ["polls_late"]


def test_unchanged_devices_go_on_through_a_new_configuration() -> None:
    stays, goes, comes = ScriptedDriver(ok), ScriptedDriver(ok), ScriptedDriver(ok)

    async def main(loop: VirtualLoop) -> tuple[PollerHarness, frozenset[str]]:
        harness = PollerHarness(loop)
        harness.poller.apply([device("stays", stays), device("goes", goes, line="b")])
        changed: set[str] = set()
        loop.call_later(
            10.5,
            lambda: changed.update(
                harness.poller.apply([device("stays", stays), device("comes", comes, line="c")])
            ),
        )
        await harness.run(20)
        return harness, frozenset(changed)

    harness, changed = run_virtually(main)
    assert changed == {"goes"}
    starts = [at for at, _ in stays.reads]
    assert starts == pytest.approx(list(range(20)))
    assert max(at for at, _ in goes.reads) <= 10.5 <= min(at for at, _ in comes.reads)
    assert set(harness.poller.views) == {"stays", "comes"}


def test_what_became_due_while_the_box_slept_is_polled_soon() -> None:
    rare = ScriptedDriver(ok)

    async def main(loop: VirtualLoop) -> None:
        harness = PollerHarness(loop)

        def sleep() -> None:
            harness.slept_ms = 8 * 3_600_000

        loop.call_later(100, sleep)
        harness.poller.apply([device("rare", rare, 4 * 3_600_000)])
        await harness.run(200)

    run_virtually(main)
    assert [at for at, _ in rare.reads] == [0, pytest.approx(100, abs=60)]


def test_no_two_polls_of_a_device_have_one_time() -> None:
    """A probe that is answered at once, and the whole poll that follows it, are two moments."""
    script = in_turn(None, timeout(), None)

    async def main(loop: VirtualLoop) -> PollerHarness:
        harness = PollerHarness(loop)
        harness.poller.apply([device("d", ScriptedDriver(script, 0.0))])
        await harness.run(30)
        return harness

    times = [report.at for report in run_virtually(main).reports]
    assert len(times) > 20
    assert all(earlier < later for earlier, later in pairwise(times))
