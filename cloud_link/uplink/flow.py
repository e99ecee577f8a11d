"""The parts of the uplink's window: its pace, its cursors, and the pause after a refusal. Pure.

A `Stream` is a cursor through one lane of the spool. Each lane has two::

    ids:   1 ......... after ------------ until | after -------------------> newest
           settled     old: the backlog         | fresh: appended in this session

so that what is new never waits for what is old.

A `Breaker` is what keeps a portal that does not take anything from being hammered::

    closed --refused, or silent--> open --pause over--> half open --acknowledged--> closed
                                    ^                      |
                                    `--refused, or silent--'   (the pause doubles)
"""

from __future__ import annotations

import random
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud_link.spool.model import SpoolRecord
    from cloud_link.uplink.model import Pace
    from cloud_link.wire import Lane


class Stream:
    """A cursor through the ids ``(after, until]`` of one lane; ``until`` ``None``: to the newest.

    Attributes:
        queue: Read, not yet sent.
        dry: The spool had nothing more when it was last read.
    """

    def __init__(self, lane: Lane, *, after: int, until: int | None) -> None:
        self.lane, self.after, self.until = lane, after, until
        self.queue: deque[SpoolRecord] = deque()
        self.dry = until is not None and after >= until

    @property
    def hungry(self) -> bool:
        """Whether the spool should be read for it."""
        return not self.queue and not self.dry

    def feed(self, records: list[SpoolRecord], known: set[int]) -> None:
        """Take in what the spool returned for ``after``; ``known`` ids are under way already."""
        for record in records:
            if self.until is not None and record.id > self.until:
                self.after, self.dry = self.until, True
                return
            self.after = record.id
            if record.id not in known:
                known.add(record.id)
                self.queue.append(record)
        self.dry = not records or (self.until is not None and self.after >= self.until)

    def jump(self, *, after: int, until: int | None, known: set[int]) -> None:
        """Forget what is queued and go on elsewhere."""
        known.difference_update(record.id for record in self.queue)
        self.queue.clear()
        self.after, self.until = after, until
        self.dry = False


class Breaker:
    """Pauses all sending while the portal takes nothing; see the module's drawing.

    Attributes:
        strikes: Pauses since something was last taken.
        until: Closed while ``None``; else the end of the pause, after which one batch may try.
    """

    def __init__(self, pace: Pace, spread: Callable[[], float] = random.random) -> None:
        self._pace, self._spread = pace, spread
        self.strikes = 0
        self.until: int | None = None

    def trip(self, now: int) -> None:
        """Begin a pause, unless one is on: many refusals at once are one."""
        if self.until is not None and now < self.until:
            return
        self.strikes += 1
        wait = self._pace.pause_wait(self.strikes)
        # A quarter of jitter, so that a thousand boxes do not come back in the same moment.
        self.until = now + wait - int(wait * self._spread() / 4)

    def close(self) -> None:
        """Something was taken: send freely again."""
        self.strikes, self.until = 0, None

    def allows(self, now: int, flying: int) -> bool:
        """Whether another batch may go while ``flying`` are unanswered."""
        return self.until is None or (now >= self.until and flying == 0)
