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
until the driver is opened anew. A device that refuses every number is not the profile's: then the
refusal is raised.

Source: design sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from drivers.columns import Columns
from drivers.profile_model import IDENTITY_GROUP
from drivers.report import Observation, Reading
from drivers.signs import Memory, Sign
from protocols.errors import Refused
from protocols.planner import Read, Rules, Table, plan, split

if TYPE_CHECKING:
    from drivers.installation import Installation
    from drivers.profile_model import Point, Profile
    from protocols.modbus import Block

SPLITTABLE: Final = frozenset({2, 3})
"""Exception codes that a shorter read may not meet: illegal address, illegal value (length)."""


class ReadsBlocks(Protocol):
    """What the driver needs of `protocols.modbus.ModbusUnit`."""

    def now(self) -> int:
        """The clock that dates the blocks."""

    async def read(self, read: Read) -> Block:
        """Read one run of registers or bits; raises `protocols.errors.ProtocolError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One request and what its answer becomes; ``refused``: the device does not know it."""

    read: Read
    points: Sequence[Point]
    columns: Columns
    signs: tuple[Sign, ...]
    refused: bool = False


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
        limit = profile.modbus.max_registers
        self._rules = Rules(
            readable=(
                *(gap.span for gap in profile.readable),
                *(point.span for point in profile.points),
            ),
            limits={Table.INPUT: limit, Table.HOLDING: limit},
        )
        self._plans: dict[frozenset[str], list[_Step]] = {}
        self._memory = Memory(profile)
        self._answered = False

    async def read(self, due: frozenset[str]) -> Observation:
        """See `drivers.driver.Driver`."""
        steps = self._plans.get(due)
        if steps is None:
            steps = self._plans[due] = self._compile(due)
        readings: list[Reading] = []
        self._memory.begin()
        refusal: Refused | None = None
        position = 0
        while position < len(steps):
            step = steps[position]
            try:
                await self._take(step, readings)
            except Refused as error:
                if error.code not in SPLITTABLE:
                    raise
                steps[position : position + 1] = self._smaller(step)
                refusal = error
            else:
                position += 1
        if refusal is not None and not self._answered and any(s.columns.layers for s in steps):
            del self._plans[due]
            raise refusal
        memory = self._memory
        return Observation(
            readings=tuple(readings),
            state=memory.state,
            identity=memory.identity,
            conditions=memory.conditions,
        )

    async def _take(self, step: _Step, readings: list[Reading]) -> None:
        if step.refused:
            step.columns.refused(self._unit.now(), readings)
            self._memory.refused(step.signs)
            return
        block = await self._unit.read(step.read)
        if step.columns.layers:
            self._answered = True
            step.columns.decode(block.data, block.at, readings)
        if step.signs:
            self._memory.see(step.signs, block.data)

    # --- compiling --------------------------------------------------------------------------

    def _compile(self, due: frozenset[str]) -> list[_Step]:
        """Who it is first: what follows may turn out to be another device's."""
        points = [point for point in self._profile.points if point.poll_group in due]
        first = [point for point in points if point.poll_group == IDENTITY_GROUP]
        rest = [point for point in points if point.poll_group != IDENTITY_GROUP]
        return [step for part in (first, rest) for step in self._steps(part)]

    def _steps(self, points: Sequence[Point]) -> list[_Step]:
        reads = plan([point.span for point in points], self._rules)
        return [self._step(read, points) for read in reads]

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

    def _smaller(self, step: _Step) -> list[_Step]:
        """What to ask instead of a refused read."""
        halves = split(step.read, [point.span for point in step.points])
        if not halves:
            return [replace(step, refused=True)]
        return [self._step(half, step.points) for half in halves]
