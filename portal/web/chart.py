"""A series as the line of a chart: gaps stay gaps, and thinning loses no peak. Pure.

A sample stands from its own time until the next one, but for at most ``hold`` (1.5 heartbeats):
a gateway sends an unchanged value once a heartbeat, so a longer silence means that nothing is
known. A sample without a value ends the line at once::

    samples   x  x       x                x
    line      |--|-------|-----· hold     |---
    void                        ^^^^^^^^^^

Where there are more samples than points the screen can show, each slice of time keeps its first,
last, lowest and highest value and its first void, in their order.

Source: design section 4 ("report by exception").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LIMIT: Final = 1500
"""The most points that reach the browser (a few more at the edges)."""
_PER_SLICE: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The stretch of time that a chart covers.

    Attributes:
        start: Unix milliseconds of the left edge.
        end: Unix milliseconds of the right edge, which is usually now.
        hold: Milliseconds for which a sample stands, at most.
    """

    start: int
    end: int
    hold: int


@dataclass(frozen=True, slots=True)
class Point:
    """A step of the line: ``value`` from ``at`` (Unix ms) on; ``None`` where none is known."""

    at: int
    value: int | None


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time from ``start`` to ``end``, Unix milliseconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A series in a window.

    Attributes:
        points: At most about `LIMIT`, ascending.
        voids: Where nothing is known, from what the samples say; at full precision.
        lowest, highest: The samples with the extreme values, before any thinning.
        last: The newest sample with a value.
    """

    points: Sequence[Point]
    voids: Sequence[Span]
    lowest: Point | None
    highest: Point | None
    last: Point | None


def line(samples: Iterable[tuple[int, int | None]], window: Window, limit: int = LIMIT) -> Line:
    """The line of ``samples`` in ``window``.

    Args:
        samples: Time (Unix ms) and value, ascending, beginning one hold before the window.
        window: What the chart covers.
        limit: The most points, about.
    """
    steps = _steps(samples, window)
    known = [step for step in steps if step.value is not None]
    return Line(
        points=thin(steps, window, limit),
        voids=_voids(steps, window),
        lowest=min(known, key=_value, default=None),
        highest=max(known, key=_value, default=None),
        last=known[-1] if known else None,
    )


def _value(point: Point) -> int:
    assert point.value is not None
    return point.value


def _steps(samples: Iterable[tuple[int, int | None]], window: Window) -> list[Point]:
    """The samples as a step function within the window, closed at its right edge."""
    steps: list[Point] = []
    for at, value in samples:
        if at > window.end:
            break
        _expire(steps, min(at, window.end), window)
        steps.append(Point(at, value))
    _expire(steps, window.end, window)
    if not steps:
        return []
    inside = [step for step in steps if step.at >= window.start]
    before = [step for step in steps if step.at < window.start]
    if before and before[-1].value is not None and (not inside or inside[0].at > window.start):
        inside.insert(0, Point(window.start, before[-1].value))
    if inside and inside[-1].value is not None and inside[-1].at < window.end:
        inside.append(Point(window.end, inside[-1].value))
    return inside


def _expire(steps: list[Point], until: int, window: Window) -> None:
    """End the last step where it has stood for its hold before ``until``."""
    if steps and steps[-1].value is not None and until - steps[-1].at > window.hold:
        steps.append(Point(steps[-1].at + window.hold, None))


def _voids(steps: Sequence[Point], window: Window) -> list[Span]:
    voids: list[Span] = []
    begun: int | None = window.start
    for step in steps:
        if step.value is None:
            begun = step.at if begun is None else begun
        elif begun is not None:
            if step.at > begun:
                voids.append(Span(begun, step.at))
            begun = None
    if begun is not None and begun < window.end:
        voids.append(Span(begun, window.end))
    return voids


def thin(steps: Sequence[Point], window: Window, limit: int = LIMIT) -> Sequence[Point]:
    """At most about ``limit`` of the steps: every slice keeps its extremes and its first void."""
    if len(steps) <= limit:
        return steps
    slices = max(limit // _PER_SLICE, 1)
    width = max((window.end - window.start) / slices, 1)
    kept: list[Point] = []
    first = 0
    while first < len(steps):
        edge = window.start + (int((steps[first].at - window.start) / width) + 1) * width
        last = first
        while last + 1 < len(steps) and steps[last + 1].at < edge:
            last += 1
        kept.extend(steps[index] for index in _worth_keeping(steps, first, last))
        first = last + 1
    return kept


def _worth_keeping(steps: Sequence[Point], first: int, last: int) -> list[int]:
    keep = {first, last}
    known = [index for index in range(first, last + 1) if steps[index].value is not None]
    if known:
        keep.add(min(known, key=lambda index: _value(steps[index])))
        keep.add(max(known, key=lambda index: _value(steps[index])))
    if len(known) <= last - first:
        keep.add(next(i for i in range(first, last + 1) if steps[i].value is None))
    return sorted(keep)


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """The same time as ``spans`` in spans that neither touch nor overlap, ascending."""
    result: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if result and span.start <= result[-1].end:
            result[-1] = Span(result[-1].start, max(result[-1].end, span.end))
        else:
            result.append(span)
    return result
