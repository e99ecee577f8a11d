"""What the simulated devices do at any moment: pure functions of the time, so that all agree.

Power is a straight line between the marks of a quarter of an hour, and energy is its integral. The
meter that is read now, the thirteen months before it and a second run an hour later therefore tell
one story: counters go on where they stood, and power and energy agree.

Times are Unix seconds. Days, weeks and seasons are those of the plant: Japan has no summer time.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Final

STEP_S: Final = 900
JAPAN_S: Final = 9 * 3600
DAY_S: Final = 86_400
_JOULES: Final = 3.6e6


def hour_of(at: float) -> float:
    """The hour of day."""
    return (at + JAPAN_S) % DAY_S / 3600


def day_of(at: float) -> int:
    """Days since the first of 1970."""
    return math.floor((at + JAPAN_S) / DAY_S)


def rests(at: float) -> bool:
    """Whether it is a Saturday or a Sunday; the first of 1970 was a Thursday."""
    return (day_of(at) + 3) % 7 >= 5


def winter(at: float) -> float:
    """1 in the middle of winter, -1 in the middle of summer."""
    return math.cos(math.tau * (day_of(at) % 365.25 - 20) / 365.25)


def chance(*numbers: int) -> float:
    """Something between 0 and 1 that looks like chance and is always the same."""
    mixed = 0x9E3779B9
    for number in numbers:
        mixed = (mixed ^ (number & 0xFFFFFFFF)) * 0x85EBCA6B & 0xFFFFFFFF
        mixed ^= mixed >> 13
    return (mixed * 0xC2B2AE35 & 0xFFFFFFFF) / 0x100000000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How much something draws, in watts.

    Attributes:
        base_w: At night.
        peak_w: On top, at its busiest hour; negative for what generates.
        busiest: That hour of day.
        width: How many hours it lasts.
        weekend: What is left of the peak on a Saturday or Sunday.
        heating, cooling: How much more of everything in winter, and in summer.
        solar: Whether the sun drives it.
    """

    base_w: float
    peak_w: float
    busiest: float = 12.0
    width: float = 4.0
    weekend: float = 1.0
    heating: float = 0.0
    cooling: float = 0.0
    solar: bool = False

    def power_w(self, at: float, seed: int) -> float:
        """Active power at a mark."""
        jitter = 0.94 + 0.12 * chance(seed, int(at))
        if self.solar:
            return self.base_w + self.peak_w * _sun(at) * jitter
        away = abs(hour_of(at) - self.busiest)
        share = math.exp(-((min(away, 24 - away) / self.width) ** 2))
        if rests(at):
            share *= self.weekend
        cold = winter(at)
        season = 1 + max(cold, 0) * self.heating + max(-cold, 0) * self.cooling
        return (self.base_w + self.peak_w * share) * season * jitter


def _sun(at: float) -> float:
    half = 6.1 - 1.2 * winter(at)
    angle = (hour_of(at) - 11.7) / half
    if abs(angle) >= 1:
        return 0.0
    cloud = chance(77, day_of(at))
    clear = 1.0 if cloud < 0.55 else 0.72 if cloud < 0.8 else 0.3
    return math.pow(math.cos(angle * math.pi / 2), 1.3) * clear * (0.88 - 0.12 * winter(at))


@dataclass(slots=True)
class Load:
    """Power and energy of one meter from ``since`` on, as far ahead as ``until``."""

    shape: Shape
    seed: int
    since: int
    until: int
    _in: list[float] = field(default_factory=list)
    _out: list[float] = field(default_factory=list)
    _taken: list[float] = field(default_factory=list)
    _given: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        marks = range(self.since, self.until + STEP_S, STEP_S)
        powers = [self.shape.power_w(at, self.seed) for at in marks]
        self._in = [max(power, 0.0) for power in powers]
        self._out = [max(-power, 0.0) for power in powers]
        self._taken, self._given = _integral(self._in), _integral(self._out)

    def power_w(self, at: float) -> float:
        """Active power; below zero it gives."""
        place, share = self._place(at)
        return _between(self._in, place, share) - _between(self._out, place, share)

    def energy_kwh(self, at: float) -> tuple[float, float]:
        """Taken and given since ``since``."""
        place, share = self._place(at)
        taken = self._taken[place] + _partly(self._in, place, share)
        given = self._given[place] + _partly(self._out, place, share)
        return taken / _JOULES, given / _JOULES

    def _place(self, at: float) -> tuple[int, float]:
        place = min(max(at - self.since, 0.0) / STEP_S, len(self._in) - 1.0)
        whole = min(int(place), len(self._in) - 2)
        return whole, place - whole


def _integral(powers: Sequence[float]) -> list[float]:
    steps = ((a + b) / 2 * STEP_S for a, b in pairwise(powers))
    return list(accumulate(steps, initial=0.0))


def _between(powers: Sequence[float], place: int, share: float) -> float:
    return powers[place] + (powers[place + 1] - powers[place]) * share


def _partly(powers: Sequence[float], place: int, share: float) -> float:
    return (powers[place] + _between(powers, place, share)) / 2 * share * STEP_S


@dataclass(slots=True)
class Pages:
    """What a copier has printed since ``since``; in colour is a share of it."""

    since: int
    until: int
    busiest_hour: float = 42.0
    colour: float = 0.34
    _sums: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        marks = range(self.since, self.until + STEP_S, STEP_S)
        self._sums = list(accumulate((self._rate(at) for at in marks), initial=0.0))

    def _rate(self, at: int) -> float:
        """Pages in the quarter of an hour from ``at``."""
        hour = hour_of(at)
        if rests(at) or not 8 <= hour < 19:
            return 0.0
        noon = 0.35 if 12 <= hour < 13 else 1.0
        month_end = 1.5 if day_of(at) % 30 > 26 else 1.0
        return self.busiest_hour / 4 * noon * month_end * (0.3 + 1.4 * chance(5, at))

    def printed(self, at: float) -> int:
        """Impressions."""
        place = min(max(at - self.since, 0.0) / STEP_S, len(self._sums) - 2.0)
        whole = int(place)
        before, after = self._sums[whole], self._sums[whole + 1]
        return math.floor(before + (after - before) * (place - whole))


def last_before(moments: Sequence[int], at: float) -> int | None:
    """The last of some ascending moments that is not after ``at``."""
    place = bisect_right(moments, at)
    return moments[place - 1] if place else None
