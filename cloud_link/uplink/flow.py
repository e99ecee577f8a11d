"""The parts of the uplink's window: its cursors, and pauses of all sending. Pure.

A `LaneCursor` reads through one lane of the spool. Each lane has two::

    ids:   1 ......... after ------------ until | after -------------------> newest
           settled     old: the backlog         | fresh: appended in this session

so that new records never wait for old ones.

A `CircuitBreaker` spares a portal that accepts nothing::

    closed --refused, or silent--> open --pause over--> half open --acknowledged--> closed
                                    ^                      |
                                    `--refused, or silent--'   (the pause doubles)
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud_link.spool.model import SpoolRecord
    from cloud_link.uplink.model import UplinkLimits
    from cloud_link.wire import Lane


class LaneCursor:
    """A cursor through the ids ``(after, until]`` of one lane; ``until`` ``None``: to the newest.

    Attributes:
        queue: Records read and not yet sent.
        exhausted: Whether the spool had no more records when it was last read.
    """

    def __init__(self, lane: Lane, *, after: int, until: int | None) -> None:
        self.lane, self.after, self.until = lane, after, until
        self.queue: deque[SpoolRecord] = deque()
        self.exhausted = until is not None and after >= until

    @property
    def needs_read(self) -> bool:
        """Whether the spool should be read for this cursor."""
        return not self.queue and not self.exhausted

    def feed(self, records: list[SpoolRecord], known_ids: set[int]) -> None:
        """Take in the records that the spool returned for ``after``.

        Those with an id in ``known_ids`` are queued or in flight already and left out; the ids of
        the others are added.
        """
        for record in records:
            if self.until is not None and record.id > self.until:
                self.after, self.exhausted = self.until, True
                return
            self.after = record.id
            if record.id not in known_ids:
                known_ids.add(record.id)
                self.queue.append(record)
        self.exhausted = not records or (self.until is not None and self.after >= self.until)

    def jump(self, *, after: int, until: int | None, known_ids: set[int]) -> None:
        """Forget the queued records and go on at ``after``."""
        known_ids.difference_update(record.id for record in self.queue)
        self.queue.clear()
        self.after, self.until = after, until
        self.exhausted = False


class CircuitBreaker:
    """Pauses all sending while the portal accepts nothing; see the module's drawing.

    Attributes:
        failures: The number of pauses since a record was last accepted.
        until: ``None`` while closed; else the end of the pause, after which one batch may go.
    """

    def __init__(self, limits: UplinkLimits, jitter: Callable[[], float] = random.random) -> None:
        self._limits, self._jitter = limits, jitter
        self.failures = 0
        self.until: int | None = None

    def trip(self, now: int) -> None:
        """Begin a pause, unless one is on: many refusals at the same time count as one."""
        if self.until is not None and now < self.until:
            return
        self.failures += 1
        wait = self._limits.pause(self.failures)
        # A quarter of jitter, so that a thousand boxes do not come back in the same moment.
        self.until = now + wait - int(wait * self._jitter() / 4)

    def close(self) -> None:
        """Send freely again, after a record was accepted."""
        self.failures, self.until = 0, None

    def allows(self, now: int, in_flight: int) -> bool:
        """Whether another batch may go while ``in_flight`` messages are not acknowledged."""
        return self.until is None or (now >= self.until and in_flight == 0)


class RequestedPause:
    """The pause that a portal asks for with `cloud_link.wire.Ack.wait_ms`; `UplinkLimits` bound it.

    What was sent before and is not acknowledged when it ends was over the box's budget: the portal
    has dropped it, and it is sent again.

    Attributes:
        asked_at: When the portal asked.
        until: The end of the pause; ``None`` while there is none.
    """

    def __init__(self, limits: UplinkLimits, jitter: Callable[[], float] = random.random) -> None:
        self._limits, self._jitter = limits, jitter
        self.asked_at = 0
        self.until: int | None = None

    def ask(self, wait_ms: int, now: int) -> None:
        """Pause for ``wait_ms`` from now on; what is not above zero asks for nothing."""
        if wait_ms <= 0:
            return
        wait = min(wait_ms, self._limits.max_wait_ms)
        # A quarter of jitter, so that boxes that were asked together do not come back together.
        self.asked_at, self.until = now, now + wait + int(wait * self._jitter() / 4)

    def is_over(self, now: int) -> bool:
        """Whether a pause that was asked for ends now; afterwards there is none."""
        if self.until is None or now < self.until:
            return False
        self.until = None
        return True


@dataclass(slots=True)
class Retry:
    """A record to be sent once more, not before ``due``."""

    due: int
    record: SpoolRecord
