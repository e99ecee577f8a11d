"""What to ask a device for, made from its profile and from what it was seen to lack.

::

    Profile + Installation --Plans.of(due)--> Item*
                                                |- Step     one request
                                                |   |- read       what is asked
                                                |   |- columns    what becomes readings
                                                |   `- signs      identity, state, conditions
                                                `- Search   a request that was refused, and pieces

Everything that can be decided from the profile is decided once; what is left for each reading is
to unpack, convert and construct.

A hole is a point that the device refuses: no plan reads it, or across it. A cut is where a read
was refused although both its parts were answered. What is worth reading across follows from the
device's delay, and is worked out again once that is known.

Source: design section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from drivers.modbus.bisect import Item, Search, Step
from drivers.modbus.bus_load import rules_of
from drivers.modbus.decode import Columns
from drivers.modbus.profile import IDENTITY_GROUP
from drivers.modbus.status import Sign
from protocols.modbus.planner import Cut, Span, Table, plan, split

if TYPE_CHECKING:
    from drivers.installation import Installation
    from drivers.modbus.profile import Point, Profile
    from protocols.modbus.planner import Cost, Read

_TABLES: Final = tuple(Table)
_OFF: Final = 0.25
"""By how much the break-even must be off before the plans are made anew."""


class Plans:
    """The plans of one device.

    Args:
        profile: Its register map.
        installation: How it is installed.
        cost: What a read takes.
    """

    def __init__(self, profile: Profile, installation: Installation, cost: Cost) -> None:
        self._profile = profile
        self._installation = installation
        self._rules = replace(rules_of(profile), cost=cost)
        self._served: set[Span] = set()  # whole reads: four spans, not four hundred
        self._made: dict[frozenset[str], list[Item]] = {}

    def of(self, due: frozenset[str]) -> list[Item]:
        """What to ask when these groups are due, to be changed in place as it is answered.

        Who it is comes first: what follows may turn out to be another device's.
        """
        made = self._made.get(due)
        if made is None:
            points = [point for point in self._profile.points if point.poll_group in due]
            first = [point for point in points if point.poll_group == IDENTITY_GROUP]
            rest = [point for point in points if point.poll_group != IDENTITY_GROUP]
            made = self._made[due] = [*self._steps(first), *self._steps(rest)]
        return made

    def reads(self, group: str) -> tuple[Read, ...]:
        """What reading one group alone takes, as far as the device is known."""
        points = [point for point in self._profile.points if point.poll_group == group]
        return tuple(step.read for step in self._steps(points) if not step.refused)

    # --- learning -------------------------------------------------------------------------------

    def suit(self, cost: Cost) -> None:
        """Make the plans anew where ``cost`` changes what is worth reading across."""
        known = self._rules.cost
        if cost is known or abs(cost.break_even - known.break_even) <= _OFF * known.break_even:
            return
        self._rules = replace(self._rules, cost=cost)
        self._made.clear()

    def answered(self, step: Step) -> Step:
        """The step, once it was answered: these registers are there."""
        self._served.add(Span(step.read.table, step.read.address, step.read.count))
        return replace(step, served=True)

    def was_served(self, step: Step) -> bool:
        """Whether any point of it was ever answered."""
        return any(self.served(span) for span in step.spans)

    def served(self, span: Span) -> bool:
        """Whether it was ever answered, alone or with others."""
        return any(known.holds(span) for known in self._served)

    def search(self, step: Step, *, divisible: bool) -> Search:
        """What to ask instead of a refused read; of what cannot be divided nothing is left."""
        return Search(whole=step, halves=self.halves(step) if divisible else ())

    def halves(self, step: Step) -> tuple[Step, ...]:
        """Its two halves; none where it serves one point only."""
        halves = split(step.read, [point.span for point in step.points])
        return tuple(self._step(half, step.points) for half in halves)

    def settle(self, search: Search) -> None:
        """Take what a search found for the truth, and make the plans anew by it."""
        found = search.lacking - self._rules.holes
        if found:
            # Cuts that holes explain would cost a request each for as long as they are kept.
            self._rules = replace(self._rules, holes=self._rules.holes | found, cuts=frozenset())
        else:
            cuts = {_cut_before(item) for item in search.found[1:]}
            self._rules = replace(self._rules, cuts=self._rules.cuts | cuts)
        self._made.clear()

    def fill(self, spans: Iterable[Span]) -> None:
        """The device has these after all."""
        self._rules = replace(self._rules, holes=self._rules.holes - set(spans), cuts=frozenset())
        self._made.clear()

    # --- compiling ------------------------------------------------------------------------------

    def _steps(self, points: Sequence[Point]) -> list[Step]:
        holes = self._rules.holes
        known = [point for point in points if point.span not in holes]
        steps = [self._step(read, known) for read in plan([p.span for p in known], self._rules)]
        alone = replace(self._rules, limits=None, readable=(), holes=frozenset())
        for point in points:
            if point.span in holes:
                (read,) = plan([point.span], alone)
                steps.append(replace(self._step(read, [point]), refused=True))
        return sorted(steps, key=lambda step: (_TABLES.index(step.read.table), step.read.address))

    def _step(self, read: Read, points: Sequence[Point]) -> Step:
        words = self._profile.modbus.words
        served = [points[i] for i in read.spans]
        measured = [point for point in served if point.quantity is not None]
        return Step(
            read=read,
            points=points,
            columns=Columns.of(measured, read, words, self._installation),
            signs=tuple(Sign(point, read, words) for point in served if point.quantity is None),
        )


def _cut_before(item: Item) -> Cut:
    read = (item.whole if isinstance(item, Search) else item).read
    return Cut(read.table, read.address)
