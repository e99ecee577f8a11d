"""The driver that executes any Modbus profile.

What to ask is `drivers.plans`' matter; here it is asked. A device that refuses a read of several
points (illegal address or value) is asked for its two halves instead, and so on, a few more
requests each poll, so that its neighbours on the line keep their time. A point refused alone is
reported as not supported, and asked for again after an hour.

A device that refuses every number is not the profile's: then the refusal is raised. So is the first
refusal of what was answered before, and every one while nothing is answered: a meter that restarts,
or its gateway, refuses everything for a while, and must not be taken at its word.

Source: design sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from drivers.plans import Item, Plans, Search, Step
from drivers.report import Observation, Reading
from drivers.signs import Memory
from protocols.errors import Refused
from protocols.planner import Read

if TYPE_CHECKING:
    from drivers.installation import Installation
    from drivers.profile_model import Profile
    from protocols.modbus import Block
    from protocols.planner import Cost, Span

ILLEGAL_FUNCTION: Final = 1
SPLITTABLE: Final = frozenset({2, 3})
"""Exception codes that a shorter read may not meet: illegal address, illegal value (length)."""
ASK_AGAIN_MS: Final = 3_600_000
"""After this long, what was refused is asked for again."""
EXTRA_READS: Final = 2
"""How many requests beyond its plan a poll may always make to find out what a device lacks."""


class ReadsBlocks(Protocol):
    """What the driver needs of `protocols.modbus.ModbusUnit`."""

    @property
    def cost(self) -> Cost:
        """What a read takes, as far as it is known; changes while the unit becomes known."""

    def now(self) -> int:
        """The clock that dates the blocks."""

    async def read(self, read: Read) -> Block:
        """Read one run of registers or bits; raises `protocols.errors.ProtocolError`."""


@dataclass(slots=True)
class _Poll:
    """What one poll has come to so far.

    Attributes:
        readings: What was read.
        wanted: Whether there were numbers to read.
        answered: Whether any of them was.
        refusal: The last refusal of what a profile may be wrong about.
        lost: Whether anything was refused that was served before.
        searches: Reads whose pieces are to be found out about, with what they are part of.
    """

    readings: list[Reading] = field(default_factory=list)
    wanted: bool = False
    answered: bool = False
    refusal: Refused | None = None
    lost: bool = False
    searches: list[Search] = field(default_factory=list)


class _Budget:
    """How much a poll may still do beyond its plan.

    Args:
        unit: Whose clock counts.
        spare_ms: How long it may take; ``None`` for as long as it needs.
    """

    def __init__(self, unit: ReadsBlocks, spare_ms: int | None) -> None:
        self._now, self._spare_ms, self._reads = unit.now, spare_ms, 0
        self._began = unit.now()

    def take(self) -> bool:
        """Whether one more read may be made; counts it."""
        self._reads += 1
        if self._spare_ms is None or self._reads <= EXTRA_READS:
            return True
        return self._now() - self._began < self._spare_ms


class ProfiledDriver:
    """One device, read as its profile says.

    Args:
        profile: Its register map.
        unit: Where to read.
        installation: How it is installed.
        spare_ms: How long a poll may go on beyond `EXTRA_READS` to find out what the device
            lacks; ``None`` for as long as that takes.
    """

    def __init__(
        self,
        profile: Profile,
        unit: ReadsBlocks,
        installation: Installation,
        spare_ms: int | None = None,
    ) -> None:
        self._unit = unit
        self._groups = tuple(profile.periods)
        self._plans = Plans(profile, installation, unit.cost)
        self._spare_ms = spare_ms
        self._ask_again_at = 0
        self._to_ask_again: list[Span] = []
        self._doubted = False
        self._memory = Memory(profile)
        self._answered = False

    async def read(self, due: frozenset[str]) -> Observation:
        """See `drivers.driver.Driver`."""
        self._plans.suit(self._unit.cost)
        self._memory.begin()
        poll = _Poll()
        await self._ask(self._plans.of(due), poll)
        budget = _Budget(self._unit, self._spare_ms)
        for search in poll.searches:
            await self._explore(search, poll, budget)
        await self._ask_again(budget)
        self._conclude(poll)
        memory = self._memory
        return Observation(
            readings=tuple(poll.readings),
            state=memory.state,
            identity=memory.identity,
            conditions=memory.conditions,
        )

    def planned(self) -> Mapping[str, tuple[Read, ...]]:
        """See `drivers.driver.PlansReads`."""
        return {group: self._plans.reads(group) for group in self._groups}

    # --- asking ---------------------------------------------------------------------------------

    async def _ask(self, items: list[Item], poll: _Poll) -> None:
        """Ask for all of ``items``, and note in it what was answered or refused."""
        for index, item in enumerate(items):
            if isinstance(item, Search) and item.answered:
                await self._ask(item.found, poll)
                if item.untried:
                    poll.searches.append(item)
                continue
            step = item.whole if isinstance(item, Search) else item
            error = await self._try(step, poll)
            if error is None:
                items[index] = step if step.refused or step.served else self._plans.answered(step)
                continue
            if not isinstance(item, Search):
                divisible = error.code != ILLEGAL_FUNCTION
                item = items[index] = self._plans.search(step, divisible=divisible)
            if not item.halves:
                self._miss(step, poll)
            poll.searches.append(item)

    async def _explore(self, search: Search, poll: _Poll, budget: _Budget) -> None:
        """Ask for pieces of a refused read, as many as the budget allows."""
        while search.untried:
            if not budget.take():
                return
            step = search.untried.pop()
            error = await self._try(step, poll)
            if error is None:
                search.found.append(self._plans.answered(step))
                continue
            halves = self._plans.halves(step) if error.code != ILLEGAL_FUNCTION else ()
            if halves:
                search.untried += reversed(halves)
            else:
                search.found.append(replace(step, refused=True))
                self._miss(step, poll)

    async def _try(self, step: Step, poll: _Poll) -> Refused | None:
        """Ask for one step; returns the refusal of what the device may lack, raises others."""
        poll.wanted = poll.wanted or bool(step.columns.layers)
        if step.refused:
            self._miss(step, poll)
            return None
        try:
            block = await self._unit.read(step.read)
        except Refused as error:
            if error.code not in SPLITTABLE and error.code != ILLEGAL_FUNCTION:
                raise
            if step.served and not self._doubted:
                self._doubted = True  # it was there: give a device that restarts its time
                raise
            poll.refusal = error
            poll.lost = poll.lost or self._plans.was_served(step)
            return error
        if step.columns.layers:
            poll.answered = self._answered = True
            step.columns.decode(block.data, block.at, poll.readings)
        if step.signs:
            self._memory.see(step.signs, block.data)
        return None

    def _miss(self, step: Step, poll: _Poll) -> None:
        step.columns.refused(self._unit.now(), poll.readings)
        self._memory.refused(step.signs)

    # --- what it lacks --------------------------------------------------------------------------

    def _conclude(self, poll: _Poll) -> None:
        """Take what was found out for the truth, where it can be.

        A device that never answered is not the profile's; one that did, and answers nothing now,
        is restarting, or its gateway is. Only what was never served may be a group that this model
        lacks.

        Raises:
            Refused: The poll failed.
        """
        if poll.answered:
            self._doubted = False
        failed = poll.wanted and not poll.answered and (poll.lost or not self._answered)
        for search in poll.searches:
            if search.untried:
                continue
            if failed:
                search.restart()
            else:
                self._plans.settle(search)
                self._ask_again_at = self._unit.now() + ASK_AGAIN_MS
        if failed and poll.refusal is not None:
            raise poll.refusal

    async def _ask_again(self, budget: _Budget) -> None:
        """Ask once an hour for what was refused: a meter with new firmware may have it now."""
        if self._plans.holes and self._unit.now() >= self._ask_again_at:
            self._ask_again_at = self._unit.now() + ASK_AGAIN_MS
            self._to_ask_again = sorted(self._plans.holes, reverse=True)
        there = []
        while self._to_ask_again and budget.take():
            span = self._to_ask_again.pop()
            try:
                await self._unit.read(Read(span.table, span.address, span.count))
            except Refused:
                continue
            there.append(span)
        if there:
            self._plans.fill(there)
