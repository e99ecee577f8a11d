r"""What each box may cost the ingest, so that none is held up by another. Pure: the time is given.

Each box has a bucket for each resource. A bucket fills evenly up to its burst; what a box sends is
taken from it before the work where it can be counted, and afterwards where only the work shows it
(seconds of transaction, rows that a clock record redated)::

    burst  |¯¯¯\\                          an idle box may send this at once
           |    \\        /\\    /\
    0      |-----\\----/-----\\/----\\---    below: over budget, and nothing is taken until
                  over       over         the pause is over that the box is asked for

A message over budget is acknowledged to the broker and left unanswered, so that the box keeps its
records and sends them again. One that costs more than a whole burst is taken once the bucket is
full, so that everything is stored in the end. Each worker counts for itself.

Source: ADR 0024.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final


class Resource(Enum):
    """What is counted for each box."""

    BYTES = "bytes"
    """Bytes of message bodies, inflated."""
    ROWS = "rows"
    """Rows written, by the weights of `portal.ingest.cost`."""
    DEVICES = "devices"
    """Devices named for the first time."""
    TABLES = "tables"
    """Tables sent, and epochs named, for the first time."""
    CLOCKS = "clocks"
    """Clock records: each may redate what was stored before."""
    SECONDS = "seconds"
    """Seconds of transactions that a box has to itself."""
    LONG_TURNS = "long_turns"
    """Seconds of work that could not be taken apart into short turns, while others wait."""


Cost = Mapping[Resource, float]
"""An amount of some resources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much of a resource one box has: ``per_minute``, and ``burst`` after it was idle."""

    per_minute: float
    burst: float


ALLOWANCES: Final[Mapping[Resource, Allowance]] = MappingProxyType(
    {
        # A large box (10 units of 400 registers each second) writes 240,000 rows a minute in
        # 1.3 MB: it has five times that, so that a backlog is sent beside what is new.
        Resource.ROWS: Allowance(per_minute=1_200_000, burst=1_200_000),
        Resource.BYTES: Allowance(per_minute=16_000_000, burst=32_000_000),
        # A fleet of 50 printers names 50 devices, with a few tables each, when it is added; a spool
        # remembers 256 epochs and more only where something of them is left.
        Resource.DEVICES: Allowance(per_minute=100, burst=1_000),
        Resource.TABLES: Allowance(per_minute=200, burst=2_000),
        # One a boot and one a step of the clock: two months away with a boot a day have 60, which
        # takes seven minutes. Each may date again what was stored before, which takes long.
        Resource.CLOCKS: Allowance(per_minute=6, burst=20),
        # A third of a worker, which writes such a box's rows in a tenth of that.
        Resource.SECONDS: Allowance(per_minute=20, burst=6),
        # So little that of a hundred messages of another box not one meets such a turn.
        Resource.LONG_TURNS: Allowance(per_minute=0.3, burst=0.15),
    }
)
"""Of one box at one worker, before the factor in ``KANMON_INGEST_BUDGET``."""

SHORTEST_S: Final = 2.0
"""The shortest pause, so that a box is asked for one every two seconds at most."""
LONGEST_S: Final = 60.0
BOXES_KEPT: Final = 10_000
NAMES_KEPT: Final = 4_000
"""Names of devices and tables remembered of a box, so that naming them again costs nothing."""


@dataclass(slots=True)
class _Account:
    """The buckets of one box.

    Attributes:
        levels: What is left of each resource, since ``at``.
        at: When the levels were brought up to date.
        blocked_until: The end of the pause, and ``lacking``: what it is for.
        names: Hashes of what the box has named.
    """

    levels: dict[Resource, float]
    at: float
    blocked_until: float = 0.0
    lacking: Resource | None = None
    names: set[int] = field(default_factory=set)


class Budgets:
    """The buckets of all boxes; times are seconds of one steady clock.

    Args:
        factor: Multiplies every allowance.
    """

    def __init__(self, factor: float = 1.0) -> None:
        self._burst = {one: kind.burst * factor for one, kind in ALLOWANCES.items()}
        self._rate = {one: kind.per_minute * factor / 60 for one, kind in ALLOWANCES.items()}
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def lacking(self, box: str, now: float) -> Resource | None:
        """What a box lacks that is within its pause; ``None`` outside of one."""
        found = self._accounts.get(box)
        return found.lacking if found is not None and now < found.blocked_until else None

    def take(self, box: str, cost: Cost, now: float) -> Resource | None:
        """Take ``cost``, or begin the box's pause and return the resource that it lacks most."""
        account = self._account(box, now)
        waits = {
            one: (min(amount, self._burst[one]) - account.levels[one]) / self._rate[one]
            for one, amount in cost.items()
        }
        lacking = max(waits, key=waits.__getitem__, default=None)
        if lacking is None or waits[lacking] <= 0:
            self._subtract(account, cost)
            return None
        account.blocked_until = now + min(max(waits[lacking], SHORTEST_S), LONGEST_S)
        account.lacking = lacking
        return lacking

    def charge(self, box: str, cost: Cost, now: float) -> None:
        """Take ``cost`` of work that is done already; the box may be over budget afterwards."""
        self._subtract(self._account(box, now), cost)

    def pause_left(self, box: str, now: float) -> float:
        """The seconds until the box's pause ends; 0 without one."""
        found = self._accounts.get(box)
        return 0.0 if found is None else max(0.0, found.blocked_until - now)

    def unknown(self, box: str, names: frozenset[int], now: float) -> int:
        """How many of these names (hashes) the box has not named before."""
        return len(names - self._account(box, now).names)

    def remember(self, box: str, names: frozenset[int], now: float) -> None:
        """Keep the names of what was taken."""
        known = self._account(box, now).names
        if len(known) + len(names) > NAMES_KEPT:
            known.clear()
        known |= names

    @staticmethod
    def _subtract(account: _Account, cost: Cost) -> None:
        for one, amount in cost.items():
            account.levels[one] -= amount

    def _account(self, box: str, now: float) -> _Account:
        found = self._accounts.get(box)
        if found is None:
            found = self._accounts[box] = _Account(dict(self._burst), now)
            if len(self._accounts) > BOXES_KEPT:  # the one that was heard least recently
                self._accounts.popitem(last=False)
            return found
        self._accounts.move_to_end(box)
        passed = max(0.0, now - found.at)
        found.at = max(found.at, now)
        for one, level in found.levels.items():
            found.levels[one] = min(self._burst[one], level + passed * self._rate[one])
        return found
