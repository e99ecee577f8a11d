"""What it costs a line to choose the device that it polls next, by how many devices it has."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Final

from gateway.polling.device_state import DeviceView
from gateway.polling.poll_queue import PollQueue
from gateway.polling.polled_device import PolledDevice, PollEntry
from gateway.polling.schedule import DeviceSchedule, spread
from scripts.benchmarks.figures import Figure

if TYPE_CHECKING:
    from gateway.polling.polled_device import Reader

_COUNTS: Final = (1, 100, 10_000)
_PER_POLL_MS: Final = 10
_ROUNDS: Final = 7
_AIM: Final = 4.0


def _no_driver() -> Reader:
    raise AssertionError("nobody is read here")


def _queue(count: int) -> PollQueue:
    """Devices that keep their line busy, spread over their period as a line does it."""
    periods = {"all": count * _PER_POLL_MS}
    queue = PollQueue()
    for number in range(count):
        name = str(number)
        device = PolledDevice(name=name, line="a", periods=periods, open=_no_driver)
        schedule = DeviceSchedule(periods, 0, spread(number))
        queue.put(PollEntry(device, number, schedule, DeviceView(name)))
    return queue


def _choice_s(queue: PollQueue, polls: int) -> float:
    """CPU seconds a poll, of choosing its device and of letting it wait again."""
    spent, now = 0.0, 0
    for _ in range(polls):
        began = time.perf_counter()
        entry = queue.take(now)
        if entry is None:
            now = queue.next_at() or now
            entry = queue.take(now)
        spent += time.perf_counter() - began
        assert entry is not None, "a line with devices has one that is due"
        entry.schedule.mark_polled(entry.schedule.due(now), now, now + 1)
        began = time.perf_counter()
        queue.put(entry)
        spent += time.perf_counter() - began
    return spent / polls


def measure(scale: float = 1.0) -> list[Figure]:
    """Lines of all sizes in turn, round by round."""
    polls = max(200, int(20_000 * scale))
    queues = {count: _queue(count) for count in _COUNTS}
    rounds = [
        {count: _choice_s(queue, polls) for count, queue in queues.items()} for _ in range(_ROUNDS)
    ]
    figures = [
        Figure(
            name=f"choosing who is polled next, {count:,} devices on the line",
            value=f"{statistics.median(each[count] for each in rounds) * 1e6:.1f} us",
        )
        for count in _COUNTS
    ]
    many, some = _COUNTS[-1], _COUNTS[-2]
    ratio = statistics.median(each[many] / each[some] for each in rounds)
    figures.append(
        Figure(
            name=f"{many:,} devices against {some}",
            value=f"{ratio:.2f} times",
            aim=f"at most {_AIM:.0f} times",
            met=ratio <= _AIM,
        )
    )
    return figures
