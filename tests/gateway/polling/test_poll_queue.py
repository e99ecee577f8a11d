"""The heaps of a line against the plain choice: look at every device, every time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from itertools import cycle

from hypothesis import event, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from console.text import verbatim
from drivers.report import Observation, Report
from gateway.fakes import VirtualLoop, run_virtually
from gateway.polling.device_state import DeviceView
from gateway.polling.line_poller import LinePoller, PollClock
from gateway.polling.poll_queue import PollQueue
from gateway.polling.polled_device import PolledDevice, PollEntry
from gateway.polling.schedule import DeviceSchedule
from protocols.errors import Timeout
from tests.gateway.polling.poller_harness import CLOCK


@dataclass(frozen=True)
class Choice:
    """The device to poll now; without one, when the next one is due."""

    entry: PollEntry | None
    next_at: int | None


def plain_choice(entries: Collection[PollEntry], probe_from: int, now: int) -> Choice:
    """The reference: the rules, one after the other, over all devices in the order they came."""

    def due_at(entry: PollEntry) -> int:
        at = entry.schedule.next_at
        return max(at, probe_from) if entry.silent else at

    due = [entry for entry in entries if due_at(entry) <= now]
    candidates = [entry for entry in due if not entry.silent] or due
    if candidates:
        return Choice(min(candidates, key=lambda entry: entry.schedule.next_at), None)
    return Choice(None, min((due_at(entry) for entry in entries), default=None))


class ComparedQueue(PollQueue):
    """Compares every choice with the plain one over all devices of the line."""

    line: LinePoller

    def __init__(self) -> None:
        super().__init__()
        self.healthy = self.silent = 0

    def take(self, now: int) -> PollEntry | None:
        plain = plain_choice(self.line.entries.values(), self.probe_from, now)
        entry = super().take(now)
        assert entry is plain.entry
        if entry is None:
            assert self.next_at() == plain.next_at
        else:
            self.silent += entry.silent
            self.healthy += not entry.silent
        return entry


@dataclass(frozen=True)
class Outcome:
    """How a read ends: ``None`` as it should."""

    error: type[Exception] | None
    milliseconds: int


@dataclass(frozen=True)
class Change:
    """A new configuration, ``after`` milliseconds: the devices by name, with their settings."""

    after: int
    devices: dict[int, int]


class OutcomesDriver:
    """Answers as the outcomes say, which all devices of a line use up together."""

    def __init__(self, outcomes: cycle[Outcome]) -> None:
        self._outcomes = outcomes

    async def read(self, due: frozenset[str]) -> Observation:
        outcome = next(self._outcomes)
        await asyncio.sleep(outcome.milliseconds / 1000)
        if outcome.error is Timeout:
            raise Timeout(verbatim("no answer"), where="here")
        if outcome.error is not None:
            raise outcome.error
        return Observation()


PERIODS = (
    {"all": 1_000},
    {"all": 1_000, "slow": 10_000},
    {"all": 3_000},
    {"all": 60_000},
    {"all": 700_000},
)
outcomes = st.builds(
    Outcome,
    error=st.sampled_from([None, None, None, Timeout, Timeout, ZeroDivisionError]),
    milliseconds=st.sampled_from([0, 1, 20, 200, 700, 1_000, 2_500, 16_000]),
)
changes = st.builds(
    Change,
    after=st.integers(0, 400_000),
    devices=st.dictionaries(st.integers(0, 9), st.integers(0, 2), max_size=10),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(PERIODS), min_size=10, max_size=10),
    st.lists(outcomes, min_size=1, max_size=40),
    st.lists(changes, min_size=1, max_size=6),
)
def test_the_heaps_choose_as_the_plain_choice_does(
    periods: list[dict[str, int]], ends: list[Outcome], plan: list[Change]
) -> None:
    driver = OutcomesDriver(cycle(ends))

    def device(number: int, setting: int) -> PolledDevice:
        return PolledDevice(
            name=f"d{number}",
            line="a",
            periods=periods[number],
            open=lambda: driver,
            drain_ms=10 * number,
            settings=setting,
        )

    async def main(loop: VirtualLoop) -> ComparedQueue:
        async def deliver(report: Report) -> None:
            await asyncio.sleep(0.05 if report.conditions else 0)

        queue = ComparedQueue()
        line = queue.line = LinePoller(PollClock(now=loop.now, clock=lambda: CLOCK), deliver, queue)
        running = asyncio.create_task(line.run())
        for change in plan:
            await asyncio.sleep(change.after / 1000)
            line.apply({f"d{n}": device(n, setting) for n, setting in change.devices.items()})
        await asyncio.wait([running], timeout=400)
        if running.done():
            running.result()  # raises what was compared
        running.cancel()
        return queue

    with capture_logs():
        queue = run_virtually(main)
    event(f"healthy devices polled: {queue.healthy > 0}, silent ones: {queue.silent > 0}")


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=30), st.integers(0, 60))
def test_devices_that_are_discarded_are_never_taken(
    devices: list[tuple[int, bool]], kept_from: int
) -> None:
    entries = [
        PollEntry(
            PolledDevice(name=str(number), line="a", periods={"all": 100}, open=no_driver),
            number,
            DeviceSchedule({"all": 100}, start, shift=0.0),
            DeviceView(str(number)),
        )
        for number, (start, _) in enumerate(devices)
    ]
    queue = PollQueue()
    for entry, (_, silent) in zip(entries, devices, strict=True):
        entry.backoff.failures = int(silent)
        queue.put(entry)
    gone = {entry for entry in entries if entry.schedule.next_at < kept_from}
    queue.discard(gone)
    left = [entry for entry in entries if entry not in gone]
    taken = []
    while (first := queue.take(100)) is not None:
        taken.append(first)
    assert taken == sorted(left, key=lambda one: (one.silent, one.schedule.next_at))


def no_driver() -> OutcomesDriver:
    raise AssertionError("nobody is polled here")
