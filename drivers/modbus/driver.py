"""The driver that executes any Modbus profile.

What to ask is `drivers.modbus.read_plan`' matter; here it is asked. What a device refuses (illegal
address or value) is searched for the points that it lacks (`drivers.modbus.bisect`), a few more
requests each poll, so that its neighbours on the line keep their time. A point that it lacks is
reported as not supported, and asked for again: after an hour, or sooner where it was answered
before.

A device that refuses every number is not the profile's: then the refusal is raised. So is the first
refusal of what was answered before, and every one while nothing is answered: a meter that restarts,
or its gateway, refuses everything for a while, and must not be taken at its word; nothing that was
found out in such a poll counts. Each poll that fails so looks further than the one before.

Source: design sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Final, Protocol

from drivers.modbus.bisect import Item, Search, Step
from drivers.modbus.bus_load import request_times
from drivers.modbus.read_plan import Plans
from drivers.modbus.status import Memory
from drivers.report import Observation, Reading
from protocols.errors import ErrorResponse, ProtocolError
from protocols.modbus.planner import Read

if TYPE_CHECKING:
    from drivers.bus_load import RequestTime
    from drivers.installation import Installation
    from drivers.modbus.profile import Profile
    from protocols.modbus.planner import Cost, Span
    from protocols.modbus.rtu_timing import RtuTiming
    from protocols.modbus.unit import Block

ILLEGAL_FUNCTION: Final = 1
LACKING: Final = frozenset({ILLEGAL_FUNCTION, 2, 3})
"""Exception codes that say that something is not there: function, address, value (length)."""
ASK_AGAIN_MS: Final = 3_600_000
"""After this long, what is lacking is asked for again."""
ASK_SOON_MS: Final = 60_000
"""The same for what was there before; then after twice that, and so on."""
EXTRA_READS: Final = 2
"""How many requests beyond its plan a poll may always make to find out what a device lacks."""
MOST_EXTRA_READS: Final = 16
"""The same after polls that failed: twice as many each time, up to this."""


class BlockReader(Protocol):
    """What the driver needs of `protocols.modbus.unit.ModbusUnit`."""

    @property
    def cost(self) -> Cost:
        """What a read takes, as far as it is known; changes while the unit becomes known."""

    @property
    def timing(self) -> RtuTiming | None:
        """What requests take on its line; ``None`` where a network carries it."""

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
    refusal: ErrorResponse | None = None
    lost: bool = False
    searches: list[Search] = field(default_factory=list)


@dataclass(slots=True)
class _Again:
    """When something that is lacking is asked for again, and how long after that the next time."""

    at: int
    after_ms: int


class _Budget:
    """How much a poll may still do beyond its plan.

    Args:
        unit: Whose clock counts.
        reads: How many requests it may make in any case.
        spare_ms: How long it may go on making more; ``None`` for as long as it needs.
    """

    def __init__(self, unit: BlockReader, reads: int, spare_ms: int | None) -> None:
        self._now, self._spare_ms, self._reads = unit.now, spare_ms, reads
        self._began = unit.now()
        self._over = False

    def take(self) -> bool:
        """Whether one more read may be made; counts it."""
        self._reads -= 1
        if self._over:
            return False
        if self._spare_ms is None or self._reads >= 0:
            return True
        return self._now() - self._began < self._spare_ms

    def end(self) -> None:
        """Let there be no more: the device does not answer just now."""
        self._over = True


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
        unit: BlockReader,
        installation: Installation,
        spare_ms: int | None = None,
    ) -> None:
        self._unit = unit
        self._groups = tuple(profile.periods)
        self._plans = Plans(profile, installation, unit.cost)
        self._spare_ms = spare_ms
        self._again: dict[Span, _Again] = {}
        self._failed = 0
        self._doubted = False
        self._memory = Memory(profile)
        self._answered = False

    async def read(self, due: frozenset[str]) -> Observation:
        """See `drivers.driver.Driver`."""
        self._plans.suit(self._unit.cost)
        self._memory.begin()
        poll = _Poll()
        await self._ask(self._plans.of(due), poll)
        extra = min(EXTRA_READS << self._failed, MOST_EXTRA_READS)
        budget = _Budget(self._unit, extra, self._spare_ms)
        for search in poll.searches:
            await self._explore(search, poll, budget)
        if not poll.searches:
            await self._ask_again(budget)
        self._conclude(poll)
        memory = self._memory
        return Observation(
            readings=tuple(poll.readings),
            state=memory.state,
            identity=memory.identity,
            conditions=memory.conditions,
        )

    def planned(self) -> Mapping[str, tuple[RequestTime, ...]]:
        """See `drivers.driver.ReadPlanner`."""
        timing = self._unit.timing
        return {
            group: request_times(timing, reads)
            for group, reads in self.planned_reads().items()
            if timing is not None
        }

    def planned_reads(self) -> Mapping[str, tuple[Read, ...]]:
        """By poll group, the reads that it alone takes, as far as the device is known."""
        return {group: self._plans.reads(group) for group in self._groups}

    # --- asking ---------------------------------------------------------------------------------

    async def _ask(self, items: list[Item], poll: _Poll) -> None:
        """Ask for all of ``items``, and note in it what was answered or refused."""
        for index, item in enumerate(items):
            if isinstance(item, Search) and item.answered:
                await self._ask(item.found, poll)
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
        while not search.over and budget.take():
            step = search.next()
            try:
                error = await self._try(step, poll)
            except ProtocolError:
                budget.end()
                if not poll.answered:
                    raise
                if search.has_failed():
                    self._miss(step, poll)
                return  # what the poll has read stays read
            if error is None:
                search.was_answered(self._plans.answered(step))
                continue
            divisible = error.code != ILLEGAL_FUNCTION
            if search.was_refused(self._plans.halves(step) if divisible else ()):
                self._miss(step, poll)

    async def _try(self, step: Step, poll: _Poll) -> ErrorResponse | None:
        """Ask for one step; returns the refusal of what the device may lack, raises others."""
        poll.wanted = poll.wanted or bool(step.columns.layers)
        if step.refused:
            self._miss(step, poll)
            return None
        try:
            block = await self._unit.read(step.read)
        except ErrorResponse as error:
            if error.code not in LACKING:
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
            ErrorResponse: The poll failed.
        """
        failed = poll.wanted and not poll.answered and (poll.lost or not self._answered)
        self._failed = self._failed + 1 if failed else 0
        if poll.answered:
            self._doubted = False
        for search in poll.searches:
            if failed:
                search.restart()
            elif search.over:
                self._settle(search)
        if failed and poll.refusal is not None:
            raise poll.refusal

    def _settle(self, search: Search) -> None:
        now = self._unit.now()
        for span in sorted(search.lacking):
            after_ms = ASK_SOON_MS if self._plans.served(span) else ASK_AGAIN_MS
            self._again.setdefault(span, _Again(now + after_ms, after_ms))
        self._plans.settle(search)

    async def _ask_again(self, budget: _Budget) -> None:
        """Ask once in a while for what is lacking: it may just have been starting, or be new."""
        there: list[Span] = []
        now = self._unit.now()
        for span, again in sorted(self._again.items(), key=itemgetter(0)):
            if again.at > now or not budget.take():
                continue
            again.after_ms = min(2 * again.after_ms, ASK_AGAIN_MS)
            again.at = now + again.after_ms
            try:
                await self._unit.read(Read(span.table, span.address, span.count))
            except ErrorResponse as error:
                if error.code not in LACKING:
                    again.at = now + ASK_SOON_MS
            except ProtocolError:
                again.at = now + ASK_SOON_MS
                budget.end()
            else:
                there.append(span)
        if there:
            for span in there:
                del self._again[span]
            self._plans.fill(there)
