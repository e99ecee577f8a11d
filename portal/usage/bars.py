"""A chart of bars or of a line, as numbers for a template: one SVG for pages, mail and PDF. Pure.

Across, everything is a share of the width (``12.5%``), so that a chart fills its place and its text
keeps its size at every width; upwards, everything is in pixels::

      tick  -----------------------------------------   HEAD
            |        ___                 peak
            |  ___  |   |  ////   ____  |    |
      0     ---------------------------------------     HEAD + HEIGHT
               0             6          12     18        labels

A line goes through the middles of the bars' tops, and is broken where nothing is known.

The numbers here are for drawing only; what people read is formatted from exact values.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_UP, Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD: Final = 22
HEIGHT: Final = 200
FOOT: Final = 26
_GAP: Final = 0.22
_TICKS: Final = 5
_STEPS: Final = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_LABELS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """The value of one bar.

    Attributes:
        amount: In the chart's unit; ``None`` where nothing is known.
        title: What it is, in words.
        label: Under it, where there is room.
        look: ``complete``, ``incomplete``, ``missing``, ``open``, ``ahead``.
    """

    amount: Decimal | None
    title: str
    label: str
    look: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle and the column it stands in; see the module for the units."""

    column_x: str
    column_width: str
    x: str
    width: str
    middle: str
    y: str
    height: str
    title: str
    label: str
    look: str
    is_peak: bool

    @property
    def is_known(self) -> bool:
        """Whether there is an amount to draw."""
        return self.look not in {"missing", "ahead"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A horizontal line of the grid, and its label."""

    y: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A chart of bars, ready for its template."""

    bars: Sequence[Bar]
    ticks: Sequence[Tick]
    total_height: int = HEAD + HEIGHT + FOOT
    head: int = HEAD
    height: int = HEIGHT
    base: int = HEAD + HEIGHT
    label_y: int = HEAD + HEIGHT + 18

    @property
    def points(self) -> list[Bar]:
        """The bars that a line goes through."""
        return [bar for bar in self.bars if bar.is_known]

    @property
    def strokes(self) -> list[tuple[Bar, Bar]]:
        """The straight parts of a line: neighbours of which both are known."""
        return [(a, b) for a, b in pairwise(self.bars) if a.is_known and b.is_known]


def bars(values: Sequence[Value], peak: int | None = None) -> Bars:
    """The chart of ``values``, from left to right; ``peak`` is the one to point out."""
    largest = max((v.amount for v in values if v.amount is not None), default=Decimal(0))
    step = tick_step(largest)
    ticks = max(int((largest / step).to_integral_value(ROUND_CEILING)), 1)
    top = step * ticks
    every = -(-len(values) // _LABELS)
    wide = Decimal(100) / max(len(values), 1)
    return Bars(
        bars=[
            _bar(value, index * wide, wide, top, is_peak=index == peak, labelled=index % every == 0)
            for index, value in enumerate(values)
        ],
        ticks=[
            Tick(y=_px(_y(step * count, top)), label=f"{_plain(step * count):,f}")
            for count in range(ticks + 1)
        ],
    )


def tick_step(largest: Decimal) -> Decimal:
    """The least of 1, 2, 2.5 and 5 times a power of ten of which five reach ``largest``."""
    if largest <= 0:
        return Decimal(1)
    least = largest / _TICKS
    power = Decimal(1).scaleb(least.adjusted())
    return next(power * step for step in _STEPS if power * step >= least)


def _bar(
    value: Value, x: Decimal, wide: Decimal, top: Decimal, *, is_peak: bool, labelled: bool
) -> Bar:
    y = _y(value.amount or Decimal(0), top)
    margin = wide * Decimal(_GAP) / 2
    return Bar(
        column_x=_share(x),
        column_width=_share(wide),
        x=_share(x + margin),
        width=_share(wide - 2 * margin),
        middle=_share(x + wide / 2),
        y=_px(y),
        height=_px(Decimal(HEAD + HEIGHT) - y),
        title=value.title,
        label=value.label if labelled else "",
        look=value.look,
        is_peak=is_peak,
    )


def _y(amount: Decimal, top: Decimal) -> Decimal:
    return Decimal(HEAD) + HEIGHT * (1 - amount / top)


def _plain(number: Decimal) -> Decimal:
    return number.normalize() if number else Decimal(0)


def _share(number: Decimal) -> str:
    return f"{number.quantize(Decimal('0.001'))}%"


def _px(number: Decimal) -> str:
    return str(number.quantize(Decimal("0.1"), ROUND_UP))
