from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_link.limits import BOOT_SIZE, LATEST_MS
from cloud_link.records import ClockRecord
from gateway.clock import (
    RELEASE_MS,
    STEP_MS,
    ClockSample,
    OffsetWatch,
    SystemClock,
    boot_bytes,
)

DAY = 86_400_000
NOW = RELEASE_MS + 10 * DAY


def sample(boot: int, offset: int, *, synchronised: bool = False) -> ClockSample:
    return ClockSample(boot=boot, wall=boot + offset, synchronised=synchronised)


def test_an_unset_clock_says_nothing() -> None:
    watch = OffsetWatch()
    assert watch.update(ClockSample(boot=5, wall=5, synchronised=True)) is None
    assert watch.offset is None


def test_the_first_plausible_time_holds_from_boot() -> None:
    watch = OffsetWatch()
    assert watch.update(sample(5_000, NOW)) == ClockRecord(0, NOW, False)
    assert watch.update(sample(6_000, NOW + 3)) is None
    assert watch.offset == NOW


def test_a_source_that_vouches_for_the_first_time_dates_everything_anew() -> None:
    watch = OffsetWatch()
    watch.update(sample(5_000, NOW))
    assert watch.update(sample(9_000, NOW + 60_000, synchronised=True)) == ClockRecord(
        0, NOW + 60_000, True
    )
    assert watch.update(sample(9_500, NOW + 60_000)) is None
    assert watch.synchronised


def test_a_step_holds_from_when_it_was_seen() -> None:
    watch = OffsetWatch()
    watch.update(sample(5_000, NOW, synchronised=True))
    assert watch.update(sample(7_000, NOW + STEP_MS)) is None
    assert watch.update(sample(8_000, NOW + 3_600_000, synchronised=True)) == ClockRecord(
        8_000, NOW + 3_600_000, True
    )


def test_an_unconfirmed_step_is_not_synchronised() -> None:
    watch = OffsetWatch()
    watch.update(sample(10_000, NOW, synchronised=True))
    step = watch.update(sample(3_600_000, NOW + DAY))
    assert step == ClockRecord(3_600_000, NOW + DAY, False)
    assert not watch.synchronised
    # A second one is a record of its own, too; neither touches what was vouched for.
    further = watch.update(sample(5_400_000, NOW - 2 * DAY))
    assert further == ClockRecord(5_400_000, NOW - 2 * DAY, False)
    # The source that vouches again dates the stretch that was assumed, and nothing before it.
    assert watch.update(sample(7_200_000, NOW, synchronised=True)) == ClockRecord(
        3_600_000, NOW, True
    )
    assert watch.synchronised


def test_a_source_that_vouches_for_a_step_afterwards_needs_no_other_time() -> None:
    watch = OffsetWatch()
    watch.update(sample(10_000, NOW, synchronised=True))
    watch.update(sample(20_000, NOW + 1_000))
    assert watch.update(sample(30_000, NOW + 1_000, synchronised=True)) == ClockRecord(
        20_000, NOW + 1_000, True
    )


def test_a_source_that_falls_silent_takes_nothing_back() -> None:
    watch = OffsetWatch()
    watch.update(sample(10_000, NOW, synchronised=True))
    assert watch.update(sample(20_000, NOW)) is None
    assert watch.synchronised


@pytest.mark.parametrize("wall", [0, 946_684_800_000, RELEASE_MS - 1, LATEST_MS, 2**62])
def test_a_clock_that_loses_its_time_leaves_what_was_known(wall: int) -> None:
    watch = OffsetWatch()
    watch.update(sample(5_000, NOW, synchronised=True))
    assert watch.update(ClockSample(boot=9_000, wall=wall, synchronised=True)) is None
    assert watch.offset == NOW


@given(
    st.lists(
        st.tuples(st.integers(1, 100_000), st.integers(-3, 3), st.booleans()),
        min_size=1,
        max_size=30,
    )
)
def test_the_records_tell_the_truth_wherever_a_source_vouched(
    looks: list[tuple[int, int, bool]],
) -> None:
    """The newest record that holds at a moment is what counts there, as at the portal."""
    watch, boot = OffsetWatch(), 0
    records: list[ClockRecord] = []
    vouched: list[tuple[int, int]] = []
    for pause, wrong, synchronised in looks:
        boot += pause
        # A source that vouches is right; the wall clock of the others is wrong by hours.
        offset = NOW if synchronised else NOW + wrong * 3_600_000
        record = watch.update(sample(boot, offset, synchronised=synchronised))
        assert record is None or record.synchronised is synchronised
        records += [record] if record else []
        if synchronised:
            vouched.append((boot, offset))
        holding = [one for one in records if one.since <= boot]
        assert holding[-1].offset == watch.offset
    for moment, offset in vouched:
        holding = [one for one in records if one.since <= moment]
        assert holding[-1].offset == offset


def test_the_kernels_clocks() -> None:
    clock = SystemClock()
    assert re.fullmatch(r"[0-9a-f]{32}", clock.boot_id)
    assert len(boot_bytes(clock.boot_id)) == BOOT_SIZE
    seen = clock.sample()
    assert abs(seen.wall - time.time() * 1000) < 1_000
    assert 0 <= clock.now() - seen.boot < 1_000
