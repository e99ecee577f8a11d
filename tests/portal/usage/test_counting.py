from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.usage.counting import (
    Count,
    Counting,
    Gap,
    Reading,
    between,
    count,
    join_resolutions,
    rescale,
    sum_counters,
    sum_parts,
)

HOLD = 450
EDGES = [0, 1000, 2000, 3000, 4000]


def _readings(*pairs: tuple[int, int]) -> list[Reading]:
    return [Reading(at, value) for at, value in pairs]


def _values(counting: Counting) -> list[tuple[int | None, bool]]:
    return [(each.value, each.complete) for each in counting.counts]


# --- examples, one for each row of the table --------------------------------------------------


def test_between_readings_within_a_hold_the_counter_is_linear() -> None:
    found = count(
        _readings((800, 100), (1200, 110), (1500, 110), (1900, 120), (2100, 124)), EDGES, HOLD
    )
    assert _values(found)[1] == (17, True)  # from 105 at 1000 to 122 at 2000
    assert not found.gaps


def test_a_gap_over_an_edge_is_torn_and_its_energy_is_not_allotted() -> None:
    found = count(_readings((0, 10), (400, 14), (2600, 60), (3000, 64)), EDGES, HOLD)
    assert _values(found) == [(4, False), (None, False), (4, False), (None, False)]
    assert found.gaps == [Gap(start=400, end=2600, value=46)]
    assert found.total == 54


def test_a_gap_within_a_bucket_leaves_it_complete() -> None:
    found = count(_readings((0, 10), (100, 20), (900, 50), (1000, 60)), EDGES[:2], HOLD)
    assert _values(found) == [(50, True)]
    assert found.whole


@pytest.mark.req("C-20")
def test_a_counter_that_stood_still_over_a_gap_is_exact_only_where_it_was_read() -> None:
    found = count(_readings((0, 10), (400, 14), (3600, 14), (4000, 20)), EDGES, HOLD)
    assert _values(found) == [(4, True), (None, False), (None, False), (6, True)]
    assert found.gaps == [Gap(start=1000, end=3000, value=0)]
    assert found.total == 10
    assert found.whole


def test_a_counter_that_fell_begins_a_new_era_and_loses_neither() -> None:
    found = count(_readings((0, 100), (400, 110), (600, 3), (1000, 8), (1400, 9)), EDGES[:3], HOLD)
    assert _values(found) == [(15, False), (1, False)]
    assert found.gaps == [Gap(start=400, end=600, value=None)]
    assert found.total == 16
    assert not found.whole


@pytest.mark.req("C-20")
def test_nothing_known_is_none_and_not_0() -> None:
    for readings in ([], _readings((500, 7)), _readings((-2000, 1), (9000, 5))):
        found = count(readings, EDGES, HOLD)
        assert all(each.value is None and not each.complete for each in found.counts)
        assert found.total is None
        assert not found.whole


def test_a_reading_that_stands_over_a_whole_bucket_knows_it() -> None:
    found = count(_readings((900, 5), (2100, 17)), EDGES, 1500)
    assert _values(found)[1] == (10, True)


def test_so_far_is_whole_where_only_the_future_is_missing() -> None:
    found = count(_readings((-100, 5), (300, 9), (700, 9)), EDGES, HOLD)
    assert found.whole_so_far
    assert not found.whole
    assert not count(_readings((100, 5), (300, 9)), EDGES, HOLD).whole_so_far


# --- what holds for every history --------------------------------------------------------------

TIMES = st.lists(st.integers(-3000, 9000), unique=True, max_size=40).map(sorted)
CUTS = st.lists(st.integers(-1000, 7000), min_size=2, max_size=12, unique=True).map(sorted)


@st.composite
def histories(draw: st.DrawFn, falls: float = 0.1) -> list[Reading]:
    """A counter that grows, stands still and now and then begins anew."""
    value, readings = draw(st.integers(0, 10**12)), []
    for at in draw(TIMES):
        if falls and draw(st.floats(0, 1)) < falls:
            value = draw(st.integers(0, value))
        else:
            value += draw(st.sampled_from([0, 0, 1, 7, 12_345]))
        readings.append(Reading(at, value))
    return readings


def _eras(readings: list[Reading]) -> list[list[Reading]]:
    eras: list[list[Reading]] = [[]]
    for reading in readings:
        if eras[-1] and reading.value < eras[-1][-1].value:
            eras.append([])
        eras[-1].append(reading)
    return [era for era in eras if era]


def _allotted(counting: Counting) -> int:
    return sum(each.value or 0 for each in counting.counts)


def _unallotted(counting: Counting) -> int:
    return sum(gap.value or 0 for gap in counting.gaps if counting.encloses(gap))


@given(histories(), CUTS, st.integers(0, 3000))
def test_buckets_and_gaps_are_the_counter_exactly_in_every_era(
    readings: list[Reading], cuts: list[int], hold: int
) -> None:
    edges = sorted({-4000, *cuts, 10_000})
    found = count(readings, edges, hold)
    grown = sum(era[-1].value - era[0].value for era in _eras(readings))
    assert _allotted(found) + _unallotted(found) == grown == (found.total or 0)


@given(histories(falls=0), CUTS, st.integers(0, 3000))
def test_a_complete_bucket_is_the_difference_of_the_counter_at_its_edges(
    readings: list[Reading], cuts: list[int], hold: int
) -> None:
    def at(edge: int) -> int:
        for a, b in pairwise(readings):
            if a.at <= edge <= b.at:
                return between(a, b, edge)
        raise AssertionError("complete, yet no readings on both sides")

    for each in count(readings, cuts, hold).counts:
        assert each.value is None or each.value >= 0
        if each.complete:
            assert each.value == at(each.end) - at(each.start)


@given(histories(), CUTS, st.integers(0, 3000))
def test_what_is_whole_adds_up_and_nothing_falls_or_is_negative(
    readings: list[Reading], cuts: list[int], hold: int
) -> None:
    found = count(readings, cuts, hold)
    assert _allotted(found) + _unallotted(found) == (found.total or 0)
    assert all(each.value is None or each.value >= 0 for each in found.counts)
    assert all(gap.value is None or gap.value >= 0 for gap in found.gaps)
    if all(each.complete for each in found.counts):
        assert found.whole
    if found.whole:
        assert found.whole_so_far or found.last_at is None or found.last_at < found.end
        assert all(gap.value is not None for gap in found.gaps)
    if any(gap.value is None for gap in found.gaps):
        assert not found.whole


@given(histories(), CUTS, st.integers(0, 3000))
def test_finer_buckets_never_disagree_with_coarser_ones(
    readings: list[Reading], cuts: list[int], hold: int
) -> None:
    coarse = count(readings, [cuts[0], cuts[-1]], hold)
    fine = count(readings, cuts, hold)
    if fine.whole:
        assert coarse.whole
        assert coarse.total == fine.total
    assert (coarse.total or 0) >= _allotted(fine)


@given(histories(falls=0), CUTS, st.integers(0, 3000))
def test_first_and_last_of_each_bucket_say_as_much_as_all(
    readings: list[Reading], cuts: list[int], hold: int
) -> None:
    edges = [-3001, *[cut for cut in cuts if -3001 < cut < 9001], 9001]
    kept: list[Reading] = []
    for start, end in pairwise(edges):
        cell = [r for r in readings if start <= r.at < end]
        kept += [cell[0], cell[-1]] if len(cell) > 1 else cell
    some, every = count(kept, edges, hold), count(readings, edges, hold)
    assert some == every


# --- several resolutions, several counters -----------------------------------------------------


def test_a_change_of_resolution_is_the_same_counter() -> None:
    fine = [(0, 12_345_678), (100, 12_345_978), (400, 12_347_100)]
    coarse = [(200, 12_345), (250, None), (300, 12_346)]
    found = join_resolutions([(0, fine), (3, coarse)], 0)
    assert [(r.at, r.value) for r in found] == [
        (0, 12_345_678), (100, 12_345_978), (200, 12_345_978), (300, 12_346_000), (400, 12_347_100)
    ]  # fmt: skip
    later = join_resolutions([(3, coarse), (0, [(350, 12_345_990), (360, 9)])], 0)
    assert [(r.at, r.value) for r in later] == [
        (200, 12_345_000), (300, 12_346_000), (350, 12_346_000), (360, 9)
    ]  # fmt: skip


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=30).map(sorted), st.data())
def test_hidden_digits_are_never_taken_for_a_reset(values: list[int], data: st.DataObject) -> None:
    parts: dict[int, list[tuple[int, int | None]]] = {0: [], 1: [], 2: []}
    for at, value in enumerate(values):
        resolution = data.draw(st.sampled_from([0, 1, 2]))
        parts[resolution].append((at, value // 10**resolution))
    found = join_resolutions(parts.items(), 0)
    assert [r.at for r in found] == list(range(len(values)))
    assert all(a.value <= b.value for a, b in pairwise(found))
    assert all(abs(r.value - value) < 100 for r, value in zip(found, values, strict=True))


@given(histories(), CUTS)
def test_a_single_resolution_stays_as_it_was_read(readings: list[Reading], cuts: list[int]) -> None:
    assert join_resolutions([(-2, [(r.at, r.value) for r in readings])], -2) == readings
    found = count(readings, cuts, HOLD)
    ten = [Reading(r.at, r.value * 10) for r in readings]
    assert rescale(found, 1) is found
    assert rescale(found, 10).whole == count(ten, cuts, HOLD).whole
    assert (rescale(found, 10).total or 0) == 10 * (found.total or 0)


@given(histories(), histories(), CUTS, st.sampled_from([sum_counters, sum_parts]))
def test_sums_lose_nothing(
    a: list[Reading], b: list[Reading], cuts: list[int], how: object
) -> None:
    both = [count(readings, cuts, HOLD) for readings in (a, b)]
    found = how(both)  # type: ignore[operator] # one of two functions
    assert (found.total or 0) == sum(each.total or 0 for each in both)
    assert _allotted(found) + _unallotted(found) == (found.total or 0)
    for each, *of in zip(found.counts, *(one.counts for one in both), strict=True):
        assert each.complete == all(one.complete for one in of)


def test_a_part_that_is_unknown_leaves_the_whole_unknown_but_a_device_only_incomplete() -> None:
    known = count(_readings((0, 0), (400, 5), (800, 7), (1000, 9)), [0, 1000], HOLD)
    unknown = count([], [0, 1000], HOLD)
    assert sum_counters([known, unknown]).counts == [
        Count(start=0, end=1000, value=9, complete=False)
    ]
    whole = sum_parts([known, unknown])
    assert whole.counts == [Count(start=0, end=1000, value=None, complete=False)]
    assert whole.gaps == [Gap(start=0, end=1000, value=9)]
