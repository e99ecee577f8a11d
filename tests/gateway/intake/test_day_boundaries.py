"""Counters around the site's midnight travel in a lane of their own."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from cloud_link.wire import Lane
from drivers.report import Quantity, Report
from gateway.intake.change_filter import ChangeFilter
from gateway.intake.midnight import day_begins
from tests.gateway.intake.reports import HEARTBEAT, UTC, keep, reading, report, told

if TYPE_CHECKING:
    from collections.abc import Sequence


def energy(at: int, wh: int, offset: int | None = 0) -> Report:
    return report(
        at,
        reading(Quantity.POWER_ACTIVE, 100, at),
        reading(Quantity.ENERGY_IMPORT, wh, at),
        offset=offset,
    )


def test_counters_near_midnight_travel_in_their_own_lane_on_both_sides() -> None:
    zone = ZoneInfo("Asia/Tokyo")
    midnight = day_begins(date(2026, 11, 21), zone)
    change_filter = ChangeFilter(zone, HEARTBEAT)
    offset = midnight - 10_000_000  # the boot was some hours before
    lanes: list[tuple[int, str, int]] = []
    for at in range(10_000_000 - 400_000, 10_000_000 + 400_000, 10_000):
        entries = keep(change_filter, energy(at, 5, offset))
        lanes += [(at - 10_000_000, e.lane.name, e.readings) for e in entries]
        assert "energy.import" not in str(told(entries)) or abs(at - 10_000_000) > HEARTBEAT
    boundary = [(at, n) for at, lane, n in lanes if lane == "BOUNDARY"]
    assert boundary[0] == (-300_000, 1)
    assert (0, 1) in boundary
    assert all(abs(at) <= HEARTBEAT for at, _ in boundary)


DAY = 86_400_000
TOKYO = ZoneInfo("Asia/Tokyo")
MIDNIGHT = day_begins(date(2026, 11, 21), TOKYO)


def boundaries(change_filter: ChangeFilter, polls: Sequence[tuple[int, int | None]]) -> list[int]:
    """The boot times of polls whose counters went into the lane of the day's boundary."""
    found = []
    for at, offset in polls:
        entries = keep(change_filter, energy(at, 5, offset))
        counters = [e.lane for e in entries if "energy.import" in str(told([e]))]
        assert len(counters) <= 1, "a counter is sent in one lane only"
        found += [at for e in entries if e.lane is Lane.BOUNDARY]
    return found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(-3_600_000, 3_600_000, id="over midnight, from far to far"),
        pytest.param(3_600_000, -3_600_000, id="back over midnight"),
        pytest.param(-60_000, 3_600_000, id="from its edge"),
        pytest.param(43_200_000, 43_200_000 + DAY, id="a day ahead"),
        pytest.param(43_200_000, 43_200_000 - 2 * DAY, id="two days back"),
    ],
)
def test_a_clock_that_is_set_over_midnight_leaves_out_no_counter(before: int, after: int) -> None:
    change_filter = ChangeFilter(TOKYO, HEARTBEAT)
    was, becomes = MIDNIGHT + before - 1_000_000, MIDNIGHT + after - 1_020_000
    boundaries(change_filter, [(1_000_000, was), (1_010_000, was)])
    assert boundaries(change_filter, [(1_020_000, becomes), (1_030_000, becomes)]) == [1_020_000]


def test_a_midnight_that_the_clock_leaves_and_meets_again_is_told_both_times() -> None:
    change_filter = ChangeFilter(TOKYO, 1_000)
    early, late = MIDNIGHT - 1_030_000, MIDNIGHT - 1_060_000  # it is set back at 1,050 s
    polls = [(at * 10_000, early if at < 105 else late) for at in range(100, 110)]
    assert boundaries(change_filter, polls) == [1_030_000, 1_050_000, 1_060_000]


def test_the_first_poll_of_a_day_is_a_boundary_however_late() -> None:
    change_filter = ChangeFilter(TOKYO, HEARTBEAT)
    offset = MIDNIGHT - 20_000_000
    assert boundaries(change_filter, [(10_000_000, offset), (35_000_000, offset)]) == [35_000_000]


def test_a_time_that_becomes_known_may_be_of_another_day() -> None:
    change_filter = ChangeFilter(TOKYO, HEARTBEAT)
    offset = MIDNIGHT - 20_000_000
    polls = [(10_000_000, None), (10_010_000, offset), (10_020_000, offset)]
    assert boundaries(change_filter, polls) == [10_010_000]


def test_without_a_clock_there_is_no_midnight() -> None:
    change_filter = ChangeFilter(UTC, HEARTBEAT)
    entries = keep(change_filter, energy(0, 5, None))
    assert {entry.lane for entry in entries} == {Lane.EVENT, Lane.DATA}
