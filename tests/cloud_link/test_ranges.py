"""`cloud_link.ranges`: ranges of sequence numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud_link.ranges import Range, clamp, common, complement, runs_of, size, subtract

numbers = st.sets(st.integers(min_value=0, max_value=40))


def _numbers(ranges: list[Range]) -> set[int]:
    return {n for first, last in ranges for n in range(first, last + 1)}


def test_runs_and_their_complement() -> None:
    assert runs_of([3, 4, 5, 9]) == [(3, 5), (9, 9)]
    assert complement([(3, 5), (9, 9)], 12) == [(0, 2), (6, 8), (10, 11)]
    assert complement([], 0) == []
    assert clamp([(5, 2**70), (-3, 1), (1, 2), (7, 6)], 10) == [(0, 2), (5, 9)]


@given(numbers, numbers)
def test_ranges_are_sets_of_numbers(some: set[int], others: set[int]) -> None:
    left, right = runs_of(sorted(some)), runs_of(sorted(others))
    assert size(left) == len(some)
    for result, expected in (
        (subtract(left, right), some - others),
        (common(left, right), some & others),
    ):
        assert _numbers(result) == expected
        assert result == runs_of(sorted(expected)), "normal"
