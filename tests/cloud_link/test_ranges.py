"""`cloud_link.ranges`: ranges of sequence numbers."""

from __future__ import annotations

from cloud_link.ranges import clamp, complement, merge, runs_of


def test_ranges_merge_over_what_is_settled_and_not_over_what_is_pending() -> None:
    assert merge(((0, 3),), (6, 7), lambda _a, _b: False) == ((0, 7),)
    assert merge(((0, 3),), (6, 7), lambda _a, _b: True) == ((0, 3), (6, 7))
    assert merge(((0, 3), (9, 9)), (4, 8), lambda _a, _b: True) == ((0, 9),)
    assert merge(((5, 6),), (1, 2), lambda _a, _b: True) == ((1, 2), (5, 6))


def test_runs_and_their_complement() -> None:
    assert runs_of([3, 4, 5, 9]) == [(3, 5), (9, 9)]
    assert complement([(3, 5), (9, 9)], 12) == [(0, 2), (6, 8), (10, 11)]
    assert complement([], 0) == []
    assert clamp([(5, 2**70), (-3, 1), (1, 2), (7, 6)], 10) == [(0, 2), (5, 9)]
