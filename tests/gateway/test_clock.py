from __future__ import annotations

import re
import time

from cloud_link.limits import BOOT_SIZE
from cloud_link.records import ClockRecord
from gateway.clock import (
    RELEASE_MS,
    STEP_MS,
    ClockSample,
    OffsetWatch,
    SystemClock,
    boot_bytes,
)

NOW = RELEASE_MS + 86_400_000


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


def test_the_kernels_clocks() -> None:
    clock = SystemClock()
    assert re.fullmatch(r"[0-9a-f]{32}", clock.boot_id)
    assert len(boot_bytes(clock.boot_id)) == BOOT_SIZE
    seen = clock.sample()
    assert abs(seen.wall - time.time() * 1000) < 1_000
    assert 0 <= clock.now() - seen.boot < 1_000
