"""The driver that executes any Modbus profile.

::

    Profile + Installation --compile--> for each set of due groups: _Step*
                                                    |- read       one request
                                                    |- columns    what becomes readings
                                                    `- signs      identity, state, conditions

Everything that can be decided from the profile is decided once; what is left for each reading is
to unpack, convert and construct.

A device that refuses a read of several points (illegal address or value) is asked for its two
halves instead, and so on; a point refused alone is reported as not supported. Both are remembered
for every plan, and asked for again after an hour. A device that refuses every number is not the
profile's: then the refusal is raised. So is the first refusal of what was answered before: a meter
that restarts, or its gateway, refuses everything for a while, and must not be taken at its word.

The plans are made anew once the device's own delay is known, where that changes what is worth
reading across.

Source: design sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from drivers.columns import Columns
from drivers.demand import rules_of
from drivers.profile_model import IDENTITY_GROUP
from drivers.report import Observation, Reading
from drivers.signs import Memory, Sign
from protocols.errors import Refused
from protocols.planner import Cut, Span, plan, split

if TYPE_CHECKING:
    from drivers.installation import Installation
    from drivers.profile_model import Point, Profile
    from protocols.modbus import Block
    from protocols.planner import Cost, Read

SPLITTABLE: Final = frozenset({2, 3})
"""Exception codes that a shorter read may not meet: illegal address, illegal value (length)."""


ASK_AGAIN_MS: Final = 3_600_000
"""After this long, what was refused is asked for again."""
_OFF: Final = 0.25
"""By how much the break-even must be off before the plans are made anew."""


class ReadsBlocks(Protocol):
    """What the driver needs of `protocols.modbus.ModbusUnit`."""

    @property
    def cost(self) -> Cost:
        """What a read takes, as far as it is known; changes while the unit becomes known."""

    def now(self) -> int:
        """The clock that dates the blocks."""

    async def read(self, read: Read) -> Block:
        """Read one run of registers or bits; raises `protocols.errors.ProtocolError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One request and what its answer becomes.

    Attributes:
        refused: The device does not know it.
        served: It was answered before.
    """

    read: Read
    points: Sequence[Point]
    columns: Columns
    signs: tuple[Sign, ...]
    refused: bool = False
    served: bool = False


@dataclass(slots=True)
class _Poll:
    """What one poll has come to so far.

    Attributes:
        readings: What was read.
        wanted: Whether there were numbers to read.
        answered: Whether any of them was.
        refusal: The last refusal of a read that could be made smaller.
        lost: Whether anything was refused that was served before.
    """

    readings: list[Reading] = field(default_factory=list)
    wanted: bool = False
    answered: bool = False
    refusal: Refused | None = None
    lost: bool = False


class ProfiledDriver:
    """One device, read as its profile says.

    Args:
        profile: Its register map.
        unit: Where to read.
        installation: How it is installed.
    """

    def __init__(self, profile: Profile, unit: ReadsBlocks, installation: Installation) -> None:
        self._profile = profile
        self._unit = unit
        self._installation = installation
        self._rules = replace(rules_of(profile), cost=unit.cost)
        self._unknown: set[Span] = set()
        self._served: set[Span] = set()  # whole reads: four spans, not four hundred
        self._ask_again = 0
        self._doubted = False
        self._plans: dict[frozenset[str], list[_Step]] = {}
        self._memory = Memory(profile)
        self._answered = False

    async def read(self, due: frozenset[str]) -> Observation:
        """See `drivers.driver.Driver`."""
        self._plan_anew()
        steps = self._plans.get(due)
        if steps is None:
            steps = self._plans[due] = self._compile(due)
        self._memory.begin()
        poll = _Poll()
        position = 0
        while position < len(steps):
            step = steps[position]
            try:
                await self._take(step, poll)
            except Refused as error:
                if error.code not in SPLITTABLE:
                    raise
                if step.served and not self._doubted:
                    self._doubted = True  # it was there: give a device that restarts its time
                    raise
                poll.refusal = error
                steps[position : position + 1] = self._smaller(step, poll)
            else:
                if not step.served:
                    steps[position] = self._known(step)
                position += 1
        if poll.answered:
            self._doubted = False
        elif poll.refusal is not None and poll.wanted:
            self._check_whole_refusal(poll.refusal, poll)
        memory = self._memory
        return Observation(
            readings=tuple(poll.readings),
            state=memory.state,
            identity=memory.identity,
            conditions=memory.conditions,
        )

    async def _take(self, step: _Step, poll: _Poll) -> None:
        poll.wanted = poll.wanted or bool(step.columns.layers)
        if step.refused:
            step.columns.refused(self._unit.now(), poll.readings)
            self._memory.refused(step.signs)
            return
        block = await self._unit.read(step.read)
        if step.columns.layers:
            poll.answered = self._answered = True
            step.columns.decode(block.data, block.at, poll.readings)
        if step.signs:
            self._memory.see(step.signs, block.data)

    def _known(self, step: _Step) -> _Step:
        """The step, once it was answered: these registers are there."""
        if not step.refused:
            self._served.add(Span(step.read.table, step.read.address, step.read.count))
        return replace(step, served=True)

    def _check_whole_refusal(self, refusal: Refused, poll: _Poll) -> None:
        """A poll of numbers was refused whole: learn nothing from it, where it says nothing.

        A device that never answered is not the profile's; one that did is restarting, or its
        gateway is. Only what was never served may be a group that this model lacks.

        Raises:
            Refused: The poll failed.
        """
        if poll.lost or not self._answered:
            self._forget()
            raise refusal

    def _forget(self) -> None:
        """Ask for everything again."""
        self._plans.clear()
        self._unknown.clear()
        self._rules = replace(self._rules, cuts=frozenset())

    def _plan_anew(self) -> None:
        """Forget plans that no longer suit: the device is slower than assumed, or may have learned.

        What was refused is asked for again once in a while: a meter that was just starting, or
        has new firmware, has it now.
        """
        if self._unknown and self._unit.now() >= self._ask_again:
            self._forget()
        cost = self._unit.cost
        if cost is self._rules.cost:
            return
        if abs(cost.break_even - self._rules.cost.break_even) > _OFF * self._rules.cost.break_even:
            self._rules = replace(self._rules, cost=cost)
            self._plans.clear()

    # --- compiling --------------------------------------------------------------------------

    def _compile(self, due: frozenset[str]) -> list[_Step]:
        """Who it is first: what follows may turn out to be another device's."""
        points = [point for point in self._profile.points if point.poll_group in due]
        first = [point for point in points if point.poll_group == IDENTITY_GROUP]
        rest = [point for point in points if point.poll_group != IDENTITY_GROUP]
        return [step for part in (first, rest) for step in self._steps(part)]

    def _steps(self, points: Sequence[Point]) -> list[_Step]:
        known = [point for point in points if point.span not in self._unknown]
        steps = [self._step(read, known) for read in plan([p.span for p in known], self._rules)]
        unknown = [point for point in points if point.span in self._unknown]
        alone = replace(self._rules, limits=None, readable=())
        for point in unknown:
            (read,) = plan([point.span], alone)
            steps.append(replace(self._step(read, [point]), refused=True))
        return steps

    def _step(self, read: Read, points: Sequence[Point]) -> _Step:
        words = self._profile.modbus.words
        served = [points[i] for i in read.spans]
        measured = [point for point in served if point.quantity is not None]
        return _Step(
            read=read,
            points=points,
            columns=Columns.of(measured, read, words, self._installation),
            signs=tuple(Sign(point, read, words) for point in served if point.quantity is None),
        )

    def _smaller(self, step: _Step, poll: _Poll) -> list[_Step]:
        """What to ask instead of a refused read."""
        halves = split(step.read, [point.span for point in step.points])
        if not halves:
            spans = {step.points[i].span for i in step.read.spans}
            poll.lost = poll.lost or any(
                known.holds(span) for span in spans for known in self._served
            )
            self._unknown |= spans
            self._ask_again = self._unit.now() + ASK_AGAIN_MS
            return [replace(step, refused=True)]
        cut = Cut(step.read.table, halves[1].address)
        self._rules = replace(self._rules, cuts=self._rules.cuts | {cut})
        return [self._step(half, step.points) for half in halves]
