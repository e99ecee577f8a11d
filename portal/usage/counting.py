"""From what a counter showed to what was used in each bucket of time. Pure; integers only.

Between two readings that follow each other, what the counter did is known, or it is not::

    readings    a      b          the stretch from a to b
    ---------   --------------    ----------------------------------------------------------------
    bridged     at most a hold    known at every moment: linear between them, rounded down
    flat        equal values      known at both ends' buckets: the counter did not move. Buckets
                                  without any reading between stay unknown (C-20)
    enclosed    in one bucket     its energy is that bucket's, whenever in it that was
    torn        cut by an edge    its energy is known, the moment is not: a `Gap`
    fallen      b below a         a register began anew (reset, exchanged meter): what it counted
                                  in between is unknown, not even how much: a `Gap` without value

A bucket is complete when every moment of it lies in a known stretch. It holds ``None``, never 0,
when no moment does. Nothing is invented and nothing is lost::

    sum of the buckets + sum of the gaps within the window == last - first

whatever the edges, for each era of the register; a property test holds it.

A *hold* is how long a reading stands: 1.5 heartbeats, as everywhere in the portal.

Source: design sections 4 ("report by exception") and 8 ("counters"); requirement C-20.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Reading:
    """What a counter showed: ``value`` at ``at`` (Unix milliseconds)."""

    at: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What was used from ``start`` to ``end`` (Unix milliseconds).

    Attributes:
        value: As far as known; ``None`` where nothing is.
        complete: Whether ``value`` is all of it.
    """

    start: int
    end: int
    value: int | None
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch in which ``value`` was used, in an unknown bucket.

    Attributes:
        value: ``None`` where the register began anew in between: not even the amount is known.
    """

    start: int
    end: int
    value: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """A window, cut into buckets, as one counter (or a sum of some) counted it.

    Attributes:
        counts: One for each bucket, in order.
        gaps: What could not be put into one bucket; those that reach over the window's edges too.
        total: All that is known to have been used within the window: the buckets and the gaps
            inside it. ``None`` where nothing is known.
        whole: Whether ``total`` is all that was used in the window.
        whole_so_far: Whether it is all that was used from the window's start to ``last_at``.
        last_at: The newest reading at or before the window's end; ``None`` without one.
    """

    counts: Sequence[Count]
    gaps: Sequence[Gap] = ()
    total: int | None = None
    whole: bool = False
    whole_so_far: bool = False
    last_at: int | None = None

    @property
    def start(self) -> int:
        """The window's start, Unix milliseconds."""
        return self.counts[0].start

    @property
    def end(self) -> int:
        """The window's end, Unix milliseconds."""
        return self.counts[-1].end

    def encloses(self, gap: Gap) -> bool:
        """Whether a gap lies within the window, so that ``total`` holds its value."""
        return self.start <= gap.start and gap.end <= self.end


class _Tally:
    """The buckets while stretches between readings are put into them."""

    def __init__(self, edges: Sequence[int]) -> None:
        self.edges = edges
        self.values = [0] * (len(edges) - 1)
        self.covered = [0] * (len(edges) - 1)
        self.gaps: list[Gap] = []

    def touched(self, start: int, end: int) -> range:
        """The buckets that share more than a moment with the stretch."""
        first = max(bisect_right(self.edges, start) - 1, 0)
        return range(first, min(bisect_left(self.edges, end), len(self.values)))

    def add(self, bucket: int, start: int, end: int, value: int) -> None:
        self.values[bucket] += value
        self.covered[bucket] += end - start

    def bridge(self, a: Reading, b: Reading) -> None:
        for bucket in self.touched(a.at, b.at):
            start = max(a.at, self.edges[bucket])
            end = min(b.at, self.edges[bucket + 1])
            self.add(bucket, start, end, between(a, b, end) - between(a, b, start))

    def flat(self, a: Reading, b: Reading) -> None:
        silent = []
        for bucket in self.touched(a.at, b.at):
            start, end = self.edges[bucket], self.edges[bucket + 1]
            if a.at <= start and end <= b.at:
                silent.append(bucket)
            else:
                self.add(bucket, max(a.at, start), min(b.at, end), 0)
        if silent:
            start, end = self.edges[silent[0]], self.edges[silent[-1] + 1]
            self.gaps.append(Gap(start=start, end=end, value=0))

    def stretch(self, a: Reading, b: Reading, hold: int) -> None:
        """Put what lies between two readings where it belongs; the table above, top to bottom."""
        if b.at <= self.edges[0] or a.at >= self.edges[-1]:
            return
        touched = self.touched(a.at, b.at)
        if b.value < a.value:
            self.gaps.append(Gap(start=a.at, end=b.at, value=None))
        elif b.at - a.at <= hold:
            self.bridge(a, b)
        elif self.edges[touched[0]] <= a.at and b.at <= self.edges[touched[0] + 1]:
            self.add(touched[0], a.at, b.at, b.value - a.value)
        elif a.value == b.value:
            self.flat(a, b)
        else:
            self.gaps.append(Gap(start=a.at, end=b.at, value=b.value - a.value))


def between(a: Reading, b: Reading, at: int) -> int:
    """What the counter showed at ``at``, on the straight line from ``a`` to ``b``, rounded down.

    Exact at both ends, and never above what was read later, so that buckets add up.
    """
    return a.value + (b.value - a.value) * (at - a.at) // (b.at - a.at)


def count(readings: Sequence[Reading], edges: Sequence[int], hold: int) -> Counting:
    """What a counter says was used in each bucket.

    Args:
        readings: Ascending in time, no two at one moment; with the last one before the window
            and the first one after it, where there are such.
        edges: Where buckets begin and end, ascending, in Unix milliseconds; at least two.
        hold: Milliseconds that a reading stands.
    """
    tally = _Tally(edges)
    for a, b in pairwise(readings):
        tally.stretch(a, b, hold)
    counts = [
        Count(
            start=start, end=end, value=value if covered else None, complete=covered == end - start
        )
        for (start, end), value, covered in zip(
            pairwise(edges), tally.values, tally.covered, strict=True
        )
    ]
    inside = [
        gap
        for gap in tally.gaps
        if gap.value is not None and edges[0] <= gap.start and gap.end <= edges[-1]
    ]
    known = sum(tally.covered) + sum(gap.end - gap.start for gap in inside)
    last_at = max((r.at for r in readings if r.at <= edges[-1]), default=None)
    return Counting(
        counts=counts,
        gaps=tally.gaps,
        total=sum(tally.values) + sum(gap.value or 0 for gap in inside) if known else None,
        whole=known == edges[-1] - edges[0],
        whole_so_far=last_at is not None and 0 < known >= last_at - edges[0],
        last_at=last_at,
    )


def join_resolutions(
    parts: Iterable[tuple[int, Iterable[tuple[int, int | None]]]], finest: int
) -> list[Reading]:
    """The readings of one counter that was read at several resolutions, in units of the finest.

    A coarser reading hides digits that a finer one showed before: such a step down, by less than
    one unit of the coarser, is no reset, and the counter stands where it stood.

    Args:
        parts: For each resolution (the decimal exponent of a unit) its samples: (Unix ms, value),
            ascending; a sample without a value is no reading.
        finest: The least of the resolutions, or less.
    """
    marks: dict[int, tuple[int, int]] = {}
    for resolution, samples in sorted(parts, key=lambda part: -part[0]):
        unit = 10 ** (resolution - finest)
        marks.update((at, (value * unit, unit)) for at, value in samples if value is not None)
    readings: list[Reading] = []
    stood, stood_unit = 0, 0
    for at in sorted(marks):
        value, unit = marks[at]
        if not readings or not 0 < stood - value < max(unit, stood_unit):
            stood, stood_unit = value, unit
        readings.append(Reading(at, stood))
    return readings


def rescale(counting: Counting, factor: int) -> Counting:
    """The counting in units ``factor`` times finer."""
    if factor == 1:
        return counting

    def times(value: int | None) -> int | None:
        return None if value is None else value * factor

    return replace(
        counting,
        counts=[replace(each, value=times(each.value)) for each in counting.counts],
        gaps=[replace(gap, value=times(gap.value)) for gap in counting.gaps],
        total=times(counting.total),
    )


def sum_counters(countings: Sequence[Counting]) -> Counting:
    """The sum of several counters: what is known of each, complete where all are.

    A bucket of which not all are known says so by being incomplete; it is a sum of those that are.
    The window and its buckets are the same for all, and there is at least one.
    """
    return _sum(countings, [_at_least(counts) for counts in _columns(countings)], [])


def sum_parts(countings: Sequence[Counting]) -> Counting:
    """The whole of a device's parts (tariffs, phases): known only where every part is.

    A bucket of which one part is unknown is ``None``; what the others counted in it becomes a
    gap over that bucket, so that it is not lost.
    """
    if len(countings) == 1:
        return countings[0]
    counts, gaps = [], []
    for column in _columns(countings):
        each = _at_least(column)
        lacking = [one for one in column if one.value is None]
        if lacking and len(lacking) < len(column):
            gaps.append(Gap(start=each.start, end=each.end, value=each.value))
            each = replace(each, value=None, complete=False)
        counts.append(each)
    return _sum(countings, counts, gaps)


def _columns(countings: Sequence[Counting]) -> list[tuple[Count, ...]]:
    return list(zip(*(counting.counts for counting in countings), strict=True))


def _at_least(counts: Sequence[Count]) -> Count:
    known = [each.value for each in counts if each.value is not None]
    return Count(
        start=counts[0].start,
        end=counts[0].end,
        value=sum(known) if known else None,
        complete=all(each.complete for each in counts),
    )


def _sum(countings: Sequence[Counting], counts: list[Count], gaps: list[Gap]) -> Counting:
    totals = [counting.total for counting in countings if counting.total is not None]
    lasts = [counting.last_at for counting in countings]
    known = [at for at in lasts if at is not None]
    return Counting(
        counts=counts,
        gaps=sorted(
            [*gaps, *(gap for counting in countings for gap in counting.gaps)],
            key=lambda gap: (gap.start, gap.end),
        ),
        total=sum(totals) if totals else None,
        whole=all(counting.whole for counting in countings),
        whole_so_far=all(counting.whole_so_far for counting in countings),
        last_at=min(known) if len(known) == len(lasts) else None,
    )
