"""Ranges of sequence numbers: ``(first, last)``, both included. Pure.

Acknowledgements and gap records name many records by few ranges. A list of ranges is *normal* when
it ascends and no two of its ranges overlap or touch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Range: TypeAlias = tuple[int, int]


def clamp(ranges: Iterable[Range], limit: int) -> list[Range]:
    """The parts of ``ranges`` inside 0..limit - 1, normal.

    The result and the work are bounded by the number of ranges, never by their width: ranges
    come from the network, and (0, 2**63) is one of them.
    """
    inside = sorted(
        (max(0, first), min(last, limit - 1))
        for first, last in ranges
        if first <= last and first < limit and last >= 0
    )
    joined: list[Range] = []
    for first, last in inside:
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def runs_of(numbers: Iterable[int]) -> list[Range]:
    """Ascending ``numbers`` as normal ranges: [3, 4, 5, 9] is [(3, 5), (9, 9)]."""
    runs: list[Range] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def complement(ranges: Iterable[Range], limit: int) -> list[Range]:
    """The numbers of 0..limit - 1 that the ascending ``ranges`` leave out, as normal ranges."""
    runs: list[Range] = []
    expected = 0
    for first, last in ranges:
        if first > expected:
            runs.append((expected, first - 1))
        expected = max(expected, last + 1)
    if expected < limit:
        runs.append((expected, limit - 1))
    return runs


def subtract(ranges: Iterable[Range], runs: Iterable[Range]) -> list[Range]:
    """The numbers of the normal ``ranges`` that the normal ``runs`` leave out, as normal ranges."""
    left: list[Range] = []
    taken = list(runs)
    place = 0
    for first, last in ranges:
        begin = first
        while place < len(taken) and taken[place][1] < begin:
            place += 1
        ahead = place
        while ahead < len(taken) and taken[ahead][0] <= last:
            if taken[ahead][0] > begin:
                left.append((begin, taken[ahead][0] - 1))
            begin = taken[ahead][1] + 1
            ahead += 1
        if begin <= last:
            left.append((begin, last))
    return left


def common(ranges: Sequence[Range], others: Iterable[Range]) -> list[Range]:
    """The numbers that both normal lists hold, as normal ranges."""
    return subtract(ranges, subtract(ranges, others))


def size(ranges: Iterable[Range]) -> int:
    """How many numbers the normal ``ranges`` hold."""
    return sum(last - first + 1 for first, last in ranges)
