from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.polling.schedule import DeviceSchedule, spread

FAST = frozenset({"fast"})


def test_windows_do_not_drift() -> None:
    schedule = DeviceSchedule({"fast": 1_000}, start=500, shift=0.0)
    for n in range(1_000):
        assert schedule.next_at == 500 + n * 1_000
        assert not schedule.mark_polled(FAST, schedule.next_at + 7, schedule.next_at + 90).missed


def test_groups_fall_together() -> None:
    schedule = DeviceSchedule({"fast": 1_000, "slow": 5_000}, start=0, shift=0.5)
    assert schedule.due(500) == {"fast", "slow"}
    schedule.mark_polled(frozenset({"fast", "slow"}), 500, 510)
    assert schedule.due(1_500) == FAST
    for at in (1_500, 2_500, 3_500, 4_500):
        schedule.mark_polled(FAST, at, at + 1)
    assert schedule.due(5_500) == {"fast", "slow"}


def test_what_takes_too_long_is_counted_and_never_piles_up() -> None:
    schedule = DeviceSchedule({"fast": 1_000}, start=0, shift=0.0)
    served = schedule.mark_polled(FAST, 0, 1_200)
    assert served.overran
    assert not served.missed
    assert schedule.next_at == 1_000  # the window is open: at once
    assert schedule.mark_polled(FAST, 1_200, 4_500).missed == 0
    assert schedule.mark_polled(FAST, 4_500, 4_600).missed == 2
    assert schedule.next_at == 5_000


def test_a_silence_is_not_counted_as_missed() -> None:
    schedule = DeviceSchedule({"fast": 1_000}, start=0, shift=0.25)
    schedule.mark_polled(FAST, 250, 260)
    schedule.skip_to(60_000)
    assert schedule.next_at == 60_250
    assert schedule.mark_polled(FAST, 60_250, 60_260).missed == 0
    schedule.skip_to(99_000)
    schedule.all_due(99_100)
    assert schedule.due(99_100) == FAST
    assert schedule.mark_polled(FAST, 99_100, 99_110).missed == 0
    assert schedule.next_at == 99_250


@given(st.integers(2, 200))
def test_any_number_of_devices_is_spread_over_the_period(count: int) -> None:
    shifts = sorted(spread(index) for index in range(count))
    gaps = [b - a for a, b in zip(shifts, [*shifts[1:], 1 + shifts[0]], strict=True)]
    assert max(gaps) < 2.7 / count


@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=60), st.integers(100, 2_000))
def test_polls_and_misses_account_for_every_window(durations: list[int], period: int) -> None:
    schedule = DeviceSchedule({"fast": period}, start=0, shift=0.0)
    now = polls = missed = 0
    for duration in durations:
        now = max(now, schedule.next_at)
        missed += schedule.mark_polled(FAST, now, now + duration).missed
        last, polls, now = now, polls + 1, now + duration
    assert polls + missed == last // period + 1
