"""The reads that a poll takes, made from a device's profile and from what it was seen to lack.

::

    Profile + Installation --Plans.for_groups(due)--> PlanItem*
        |- ReadStep             one request
        |   |- read             the registers or bits
        |   |- columns          what becomes readings
        |   `- status_points    identity, state, conditions
        `- Bisection            a request that was refused, and its pieces

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

from drivers.modbus.bisect import Bisection, PlanItem, ReadStep
from drivers.modbus.bus_load import rules_of
from drivers.modbus.decode import Columns
from drivers.modbus.profile import IDENTITY_GROUP
from drivers.modbus.status import StatusPoint
from protocols.modbus.planner import Cut, Span, Table, plan, split

if TYPE_CHECKING:
    from drivers.installation import Installation
    from drivers.modbus.profile import Point, Profile
    from protocols.modbus.planner import Cost, Read

_TABLES: Final = tuple(Table)
_OFF: Final = 0.25
"""By how much the break-even must be off before the plans are made anew."""


class Plans:
    """The reads of one device, by the poll groups that are due.

    Args:
        profile: The device's register map.
        installation: How the device is installed.
        cost: The time that a read takes.
    """

    def __init__(self, profile: Profile, installation: Installation, cost: Cost) -> None:
        self._profile = profile
        self._installation = installation
        self._rules = replace(rules_of(profile), cost=cost)
        self._served: set[Span] = set()  # whole reads: four spans, not four hundred
        self._made: dict[frozenset[str], list[PlanItem]] = {}

    def for_groups(self, due: frozenset[str]) -> list[PlanItem]:
        """The reads for the poll groups in ``due``; the caller updates the list with the answers.

        The device's identity comes first: what follows may turn out to be another device's.
        """
        made = self._made.get(due)
        if made is None:
            points = [point for point in self._profile.points if point.poll_group in due]
            first = [point for point in points if point.poll_group == IDENTITY_GROUP]
            rest = [point for point in points if point.poll_group != IDENTITY_GROUP]
            made = self._made[due] = [*self._steps(first), *self._steps(rest)]
        return made

    def reads(self, group: str) -> tuple[Read, ...]:
        """The reads that one group alone takes, as far as the device is known."""
        points = [point for point in self._profile.points if point.poll_group == group]
        return tuple(step.read for step in self._steps(points) if not step.refused)

    # --- learning -------------------------------------------------------------------------------

    def replan(self, cost: Cost) -> None:
        """Discard the plans where ``cost`` changes which gaps are worth reading across."""
        known = self._rules.cost
        if cost is known or abs(cost.break_even - known.break_even) <= _OFF * known.break_even:
            return
        self._rules = replace(self._rules, cost=cost)
        self._made.clear()

    def answered(self, step: ReadStep) -> ReadStep:
        """Note that ``step`` was answered; returns it as answered before."""
        self._served.add(Span(step.read.table, step.read.address, step.read.count))
        return replace(step, served=True)

    def was_served(self, step: ReadStep) -> bool:
        """Whether any point of ``step`` was ever answered."""
        return any(self.served(span) for span in step.spans)

    def served(self, span: Span) -> bool:
        """Whether ``span`` was ever answered, alone or with others."""
        return any(known.holds(span) for known in self._served)

    def bisect(self, step: ReadStep, *, divisible: bool) -> Bisection:
        """The bisection of a refused read; one that is not ``divisible`` is lacking as it is."""
        return Bisection(whole=step, halves=self.halves(step) if divisible else ())

    def halves(self, step: ReadStep) -> tuple[ReadStep, ...]:
        """The two halves of ``step``; empty where it serves one point only."""
        halves = split(step.read, [point.span for point in step.points])
        return tuple(self._step(half, step.points) for half in halves)

    def commit(self, bisection: Bisection) -> None:
        """Plan by what a bisection found from now on: without the points that are lacking."""
        found = bisection.lacking - self._rules.holes
        if found:
            # Cuts that holes explain would cost a request each for as long as they are kept.
            self._rules = replace(self._rules, holes=self._rules.holes | found, cuts=frozenset())
        else:
            cuts = {_cut_before(item) for item in bisection.found[1:]}
            self._rules = replace(self._rules, cuts=self._rules.cuts | cuts)
        self._made.clear()

    def restore(self, spans: Iterable[Span]) -> None:
        """Plan with ``spans`` again: the device has these points after all."""
        self._rules = replace(self._rules, holes=self._rules.holes - set(spans), cuts=frozenset())
        self._made.clear()

    # --- compiling ------------------------------------------------------------------------------

    def _steps(self, points: Sequence[Point]) -> list[ReadStep]:
        holes = self._rules.holes
        known = [point for point in points if point.span not in holes]
        steps = [self._step(read, known) for read in plan([p.span for p in known], self._rules)]
        alone = replace(self._rules, limits=None, readable=(), holes=frozenset())
        for point in points:
            if point.span in holes:
                (read,) = plan([point.span], alone)
                steps.append(replace(self._step(read, [point]), refused=True))
        return sorted(steps, key=lambda step: (_TABLES.index(step.read.table), step.read.address))

    def _step(self, read: Read, points: Sequence[Point]) -> ReadStep:
        words = self._profile.modbus.words
        served = [points[i] for i in read.spans]
        measured = [point for point in served if point.quantity is not None]
        return ReadStep(
            read=read,
            points=points,
            columns=Columns.of(measured, read, words, self._installation),
            status_points=tuple(
                StatusPoint(point, read, words) for point in served if point.quantity is None
            ),
        )


def _cut_before(item: PlanItem) -> Cut:
    read = (item.whole if isinstance(item, Bisection) else item).read
    return Cut(read.table, read.address)
