"""The driver that executes any Modbus profile.

`drivers.modbus.read_plan` decides which reads a poll takes; they are made here. A read that the
device refuses (illegal address or value) is bisected for the points that the device lacks
(`drivers.modbus.bisect`), with a few more requests in each poll, so that its neighbours on the line
keep their time. A point that it lacks is reported as not supported, and read again: after an hour,
or sooner where it was answered before.

A device that refuses every number is not of this profile: its error is raised. So is the first
error of a read that was answered before, and every error while nothing is answered, because a meter
that restarts, or its gateway, refuses everything for a while: what such a poll found out does not
count. Each poll that fails so looks further than the one before.

Source: design sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Final, Protocol

from drivers.modbus.bisect import Bisection, PlanItem, ReadStep
from drivers.modbus.bus_load import request_times
from drivers.modbus.read_plan import Plans
from drivers.modbus.status import DeviceStatus
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
"""Milliseconds after which a point that the device lacks is read again."""
ASK_SOON_MS: Final = 60_000
"""The same for a point that was answered before; then after twice that, and so on."""
EXTRA_READS: Final = 2
"""How many requests beyond its plan a poll may always make to find out what a device lacks."""
MOST_EXTRA_READS: Final = 16
"""The same after polls that failed: twice as many each time, up to this."""


class BlockReader(Protocol):
    """The part of `protocols.modbus.unit.ModbusUnit` that the driver needs."""

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
    """The results of one poll so far.

    Attributes:
        readings: The readings that it made.
        wanted: Whether it had numbers to read.
        answered: Whether any of them was answered.
        error: The last error response that the profile may be to blame for.
        lost: Whether a read was refused that had been answered before.
        bisections: Refused reads whose pieces are still to be read.
    """

    readings: list[Reading] = field(default_factory=list)
    wanted: bool = False
    answered: bool = False
    error: ErrorResponse | None = None
    lost: bool = False
    bisections: list[Bisection] = field(default_factory=list)


@dataclass(slots=True)
class _Retry:
    """When a point that the device lacks is read again, in milliseconds.

    Attributes:
        at: The next time, by the unit's clock.
        after_ms: The time from then to the one after it.
    """

    at: int
    after_ms: int


class _Budget:
    """The requests that a poll may still make beyond its plan.

    Args:
        unit: The unit whose clock counts.
        reads: The number of requests that it may make in any case.
        spare_ms: Milliseconds that it may go on making more; ``None`` for as long as it needs.
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
        """Allow no more requests: the device does not answer just now."""
        self._over = True


class ProfiledDriver:
    """The `drivers.driver.Driver` of one device, read as its profile says.

    Args:
        profile: The device's register map.
        unit: The unit that is read.
        installation: How the device is installed.
        spare_ms: Milliseconds that a poll may go on beyond `EXTRA_READS` to find out what the
            device lacks; ``None`` for as long as that takes.
        name: The profile's name, for the evidence of conditions.
    """

    def __init__(
        self,
        profile: Profile,
        unit: BlockReader,
        installation: Installation,
        spare_ms: int | None = None,
        name: str = "",
    ) -> None:
        self._unit = unit
        self._groups = tuple(profile.periods)
        self._plans = Plans(profile, installation, unit.cost)
        self._spare_ms = spare_ms
        self._retries: dict[Span, _Retry] = {}
        self._failed = 0
        self._doubted = False
        self._status = DeviceStatus(profile, name)
        self._answered = False

    async def read(self, due: frozenset[str]) -> Observation:
        """See `drivers.driver.Driver`."""
        self._plans.replan(self._unit.cost)
        self._status.begin()
        poll = _Poll()
        await self._ask(self._plans.for_groups(due), poll)
        extra = min(EXTRA_READS << self._failed, MOST_EXTRA_READS)
        budget = _Budget(self._unit, extra, self._spare_ms)
        for bisection in poll.bisections:
            await self._explore(bisection, poll, budget)
        if not poll.bisections:
            await self._retry_lacking(budget)
        self._conclude(poll)
        status = self._status
        return Observation(
            readings=tuple(poll.readings),
            state=status.state,
            identity=status.identity,
            conditions=status.conditions,
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

    async def _ask(self, items: list[PlanItem], poll: _Poll) -> None:
        """Read all of ``items``, and update the list with what was answered or refused."""
        for index, item in enumerate(items):
            if isinstance(item, Bisection) and item.answered:
                await self._ask(item.found, poll)
                poll.bisections.append(item)
                continue
            step = item.whole if isinstance(item, Bisection) else item
            error = await self._try(step, poll)
            if error is None:
                items[index] = step if step.refused or step.served else self._plans.answered(step)
                continue
            if not isinstance(item, Bisection):
                divisible = error.code != ILLEGAL_FUNCTION
                item = items[index] = self._plans.bisect(step, divisible=divisible)
            if not item.halves:
                self._miss(step, poll)
            poll.bisections.append(item)

    async def _explore(self, bisection: Bisection, poll: _Poll, budget: _Budget) -> None:
        """Read pieces of a refused read, as many as the budget allows."""
        while not bisection.over and budget.take():
            step = bisection.next()
            try:
                error = await self._try(step, poll)
            except ProtocolError:
                budget.end()
                if not poll.answered:
                    raise
                if bisection.has_failed():
                    self._miss(step, poll)
                return  # what the poll has read stays read
            if error is None:
                bisection.was_answered(self._plans.answered(step))
                continue
            divisible = error.code != ILLEGAL_FUNCTION
            if bisection.was_refused(self._plans.halves(step) if divisible else ()):
                self._miss(step, poll)

    async def _try(self, step: ReadStep, poll: _Poll) -> ErrorResponse | None:
        """Make one read; returns the error of what the device may lack, and raises others."""
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
            poll.error = error
            poll.lost = poll.lost or self._plans.was_served(step)
            return error
        if step.columns.layers:
            poll.answered = self._answered = True
            step.columns.decode(block.data, block.at, poll.readings)
        if step.status_points:
            self._status.update(step.status_points, block.data)
        return None

    def _miss(self, step: ReadStep, poll: _Poll) -> None:
        step.columns.mark_missing(self._unit.now(), poll.readings)
        self._status.mark_missing(step.status_points)

    # --- what it lacks --------------------------------------------------------------------------

    def _conclude(self, poll: _Poll) -> None:
        """Commit what the bisections found, unless the poll failed.

        A device that never answered is not of this profile; one that did, and answers nothing now,
        is restarting, or its gateway is. Only points that were never answered may be a group that
        this model lacks.

        Raises:
            ErrorResponse: The poll failed.
        """
        failed = poll.wanted and not poll.answered and (poll.lost or not self._answered)
        self._failed = self._failed + 1 if failed else 0
        if poll.answered:
            self._doubted = False
        for bisection in poll.bisections:
            if failed:
                bisection.restart()
            elif bisection.over:
                self._commit(bisection)
        if failed and poll.error is not None:
            raise poll.error

    def _commit(self, bisection: Bisection) -> None:
        now = self._unit.now()
        for span in sorted(bisection.lacking):
            after_ms = ASK_SOON_MS if self._plans.served(span) else ASK_AGAIN_MS
            self._retries.setdefault(span, _Retry(now + after_ms, after_ms))
        self._plans.commit(bisection)

    async def _retry_lacking(self, budget: _Budget) -> None:
        """Read again what the device lacks, once in a while: it may have been starting.

        The times are kept from poll to poll: the line belongs to other devices in between.
        """
        there: list[Span] = []
        now = self._unit.now()
        for span, retry in sorted(self._retries.items(), key=itemgetter(0)):
            if retry.at > now or not budget.take():
                continue
            retry.after_ms = min(2 * retry.after_ms, ASK_AGAIN_MS)
            retry.at = now + retry.after_ms
            try:
                await self._unit.read(Read(span.table, span.address, span.count))
            except ErrorResponse as error:
                if error.code not in LACKING:
                    retry.at = now + ASK_SOON_MS
            except ProtocolError:
                retry.at = now + ASK_SOON_MS
                budget.end()
            else:
                there.append(span)
        if there:
            for span in there:
                del self._retries[span]
            self._plans.restore(there)
