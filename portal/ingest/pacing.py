r"""How long the turns of boxes take, and which boxes are apart. Pure.

A turn should be short beside a transaction of a few light messages (*fixed*), so that boxes that
wait for it hardly notice. What a box's rows take is measured, by topic, and its messages are taken
apart accordingly. A box of which a record failed stores one record in a turn. What cannot be taken
apart further, such as that record, makes a long turn. A box whose records failed, or whose turns
are mostly long, then rests for so long that another box rarely meets such a turn; a busy machine
makes some turns of any box long::

    box a, alone      |turn             |turn             |turn             |
    box a, with b     |turn|b|turn|b|turn|b|
    long turns of a   |.....turn.....|b|      b      |  (a rests)  b  |   ...   |.....turn.....|b

A box whose turns were long is *apart*: its messages share no transaction with those of others.
After a long transaction of several boxes it is not known which caused it: each is alone once.

Source: ADR 0024.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from portal.ingest.budget import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portal.ingest.budget import Cost
    from portal.ingest.cost import Part

FIXED_S: Final = 0.005
"""Seconds of a transaction that no box causes (begin, locks, commit), before any was measured."""
BASE_S: Final = 0.003
"""Seconds of them without the locks and the commit, before any was measured."""
TURN: Final = 0.2
"""What a turn should take beyond `FIXED_S`, in such, where other boxes were heard lately."""
TURN_ALONE: Final = 4.0
"""The same where none was."""
OTHERS_S: Final = 60.0
"""For how long a box that was heard counts as one of the others."""
LIGHT: Final = 0.25
"""The part of a turn's time that the messages of a box take at most which share a transaction."""
LONG: Final = 2.0
"""A long turn took more than this many times what it should have, beside the fixed seconds."""
APART_S: Final = 600.0
"""For how long a box is apart of which a record failed, and `HEAVY_S`: one with much to store."""
HEAVY_S: Final = 1.0
LAST_TURNS: Final = 8
"""Turns of a box that are looked at: it is at fault once `MOSTLY` of them were long."""
MOSTLY: Final = 6
ROW_S: Final = 5e-6
"""Seconds that a row is taken to cost before anything is known of its topic."""
FEW_ROWS: Final = 40
"""Rows up to which a message is light, however long such rows have taken of late: on a busy machine
all take long. A box whose turns stay long is found out by these (`Paces.learn`)."""
_PRIOR_ROWS: Final = 500
"""Rows that are taken to have cost `ROW_S` before."""
_MEMORY: Final = 0.7
"""What is left of earlier turns in the average, after a further one of many rows."""
_MEMORY_ROWS: Final = 2_000
"""Rows that the average is of, where each turn has few: more than those before any was measured."""
_FIXED_RANGE_S: Final = (0.002, 2.0)
_FOLLOW: Final = 0.1
"""How much each light transaction counts in the average of them, and `_JUMP`: its most, in such."""
_JUMP: Final = 3.0
_KEPT: Final = 10_000
"""Boxes, and topics, that are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a transaction took, in seconds.

    Attributes:
        whole: From its beginning to the end of its commit.
        work: What its messages are to blame for: without locks that others held, and commits.
    """

    whole: float
    work: float


@dataclass(slots=True)
class _Box:
    """What is known of one box; times are of one steady clock."""

    heard: float = 0.0
    last_turn: float = 0.0
    apart_until: float = 0.0
    suspect_until: float = 0.0
    on_trial: bool = False
    were_long: deque[bool] = field(default_factory=lambda: deque(maxlen=LAST_TURNS))


@dataclass(slots=True)
class _Rows:
    """What the rows of one topic took recently; few rows tell little."""

    count: float = 0.0
    seconds: float = 0.0

    @property
    def pace(self) -> float:
        """Seconds a row."""
        return (self.seconds + ROW_S * _PRIOR_ROWS) / (self.count + _PRIOR_ROWS)

    def add(self, count: int, seconds: float) -> None:
        """Learn what so many rows took."""
        kept = max(_MEMORY, 1 - count / _MEMORY_ROWS)
        self.count = self.count * kept + count
        self.seconds = self.seconds * kept + seconds


@dataclass(slots=True)
class Paces:
    """What the rows of each topic take, and which boxes are apart.

    Attributes:
        fixed: Seconds that a transaction of a few light messages takes.
    """

    fixed: float = FIXED_S
    _base: float = BASE_S
    _rows: OrderedDict[str, _Rows] = field(default_factory=OrderedDict)
    _boxes: OrderedDict[str, _Box] = field(default_factory=OrderedDict)

    def heard(self, box: str, now: float) -> None:
        """Note that a message of a box came."""
        self._box(box).heard = now
        self._boxes.move_to_end(box)

    def take_turn(self, box: str, now: float) -> None:
        """Note that a box has a turn."""
        self._box(box).last_turn = now

    def last_turn(self, box: str) -> float:
        """When a box had its last turn; 0 where none is known of."""
        found = self._boxes.get(box)
        return 0.0 if found is None else found.last_turn

    def has_others(self, box: str, now: float) -> bool:
        """Whether other boxes than this one were heard lately."""
        for other in reversed(self._boxes):
            if other != box:
                return now - self._boxes[other].heard < OTHERS_S
        return False

    def turn_seconds(self, box: str, now: float) -> float:
        """Seconds that a turn of this box should take beyond the fixed ones."""
        return self.fixed * (TURN if self.has_others(box, now) else TURN_ALONE)

    @property
    def light_seconds(self) -> float:
        """Seconds that a box's part of a shared transaction takes at most."""
        return self.fixed * TURN * LIGHT

    def row_seconds(self, topic: str) -> float:
        """Seconds that a row of this topic takes."""
        found = self._rows.get(topic)
        return ROW_S if found is None else found.pace

    def seconds(self, part: Part) -> float:
        """Seconds that a part will take."""
        return part.rows * self.row_seconds(part.message.topic)

    def set_apart(self, box: str, until: float) -> None:
        """Let a box share no transaction until then."""
        found = self._box(box)
        found.apart_until = max(found.apart_until, until)

    def suspect(self, box: str, until: float) -> None:
        """Let a box of which a record failed store one record in a turn until then."""
        self._box(box).suspect_until = until
        self.set_apart(box, until)

    def is_suspect(self, box: str, now: float) -> bool:
        """Whether a record of a box failed lately: each that fails takes many attempts."""
        found = self._boxes.get(box)
        return found is not None and now < found.suspect_until

    def is_apart(self, box: str, now: float) -> bool:
        """Whether a box has transactions of its own."""
        found = self._boxes.get(box)
        return found is not None and (found.on_trial or now < found.apart_until)

    def learn(
        self, parts: Iterable[Part], spent: Spent, now: float, *, failed: bool = False
    ) -> Mapping[str, Cost]:
        """Learn from a transaction; returns what it cost its box, if it had one to itself.

        ``failed``: whether a record of it failed, so that its length is its box's fault.
        """
        rows = Counter[str]()
        boxes = set[str]()
        for part in parts:
            rows[part.message.topic] += part.rows
            boxes.add(part.box)
        expected = {topic: count * self.row_seconds(topic) for topic, count in rows.items()}
        whole, least = sum(expected.values()), TURN * self.fixed
        own = max(0.0, spent.work - self._base)
        few = sum(rows.values()) <= FEW_ROWS * len(boxes)
        if whole <= least or (few and not any(self.is_suspect(box, now) for box in boxes)):
            self._follow(spent)  # however long: a slow machine makes no row heavy
        if len(boxes) == 1:
            self._rate(rows, expected, own)
            usual = sum(count * self.row_seconds(topic) for topic, count in rows.items())
            if not failed and usual <= LONG * least:
                own = 0.0  # a turn that was disturbed once is not held against its box
            return {box: self._cost(box, spent.work, own, now, failed=failed) for box in boxes}
        if own <= LONG * max(whole, least * len(boxes)):
            self._rate(rows, expected, own)
        else:  # one of them caused it, and it is not known which
            for box in boxes:
                self._box(box).on_trial = True
        return {}

    def _cost(self, box: str, work: float, own: float, now: float, *, failed: bool) -> Cost:
        found = self._box(box)
        apart, found.on_trial = self.is_apart(box, now), False
        cost = {Resource.SECONDS: work} if apart else {}
        is_long = own > LONG * max(TURN * self.fixed, self._base)
        found.were_long.append(is_long)
        at_fault = failed or found.were_long.count(True) >= MOSTLY
        if is_long and at_fault and self.has_others(box, now):
            found.apart_until = max(found.apart_until, now + HEAVY_S)
            cost[Resource.LONG_TURNS] = own
        return cost

    def _rate(self, rows: Mapping[str, int], expected: Mapping[str, float], own: float) -> None:
        """Learn what a row takes, of each topic by its expected part."""
        factor = own / sum(expected.values())
        for topic, count in rows.items():
            found = self._rows.setdefault(topic, _Rows())
            found.add(count, expected[topic] * factor)
            self._rows.move_to_end(topic)
        while len(self._rows) > _KEPT:
            self._rows.popitem(last=False)

    def _follow(self, spent: Spent) -> None:
        """Follow what light transactions take on average."""
        part = _FOLLOW if spent.whole < self.fixed else _FOLLOW / 5  # `fixed`: on a quiet disk
        self.fixed = _followed(self.fixed, spent.whole, part)
        self._base = _followed(self._base, spent.work, _FOLLOW)

    def _box(self, box: str) -> _Box:
        found = self._boxes.get(box)
        if found is None:
            found = self._boxes[box] = _Box()
            if len(self._boxes) > _KEPT:  # the one that was heard least recently
                self._boxes.popitem(last=False)
        return found


def _followed(before: float, seen: float, part: float) -> float:
    least, most = _FIXED_RANGE_S
    after = before + (min(seen, before * _JUMP) - before) * part
    return min(max(after, least), most)
