r"""Messages that wait for the database, by box; boxes take turns. Pure: the time is given.

::

    broker --put--> b-1  |part part part|...|  --\
                    b-2  |part|                ---+--take--> one transaction --> PUBACK
                    b-3  |part part|...|       --/
                           one turn a box

A turn is *light* where its rows will take a few milliseconds, as far as this box's rows have shown.
Light turns of many boxes share a transaction, a heavy turn has one of its own, and the two kinds
alternate: so a box waits for one transaction at most, whatever another sends. What is over a box's
budget leaves the inbox at once: it is acknowledged to the broker and left unanswered.

Within a box, what is stored is stored in the order in which it came.

Source: ADR 0024.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cloud_link.limits import EPOCH_SIZE
from cloud_link.wire import VERSION, Ack, Lane
from portal.ingest.answers import Answer
from portal.ingest.budget import Budgets, Resource
from portal.ingest.cost import PART_ROWS, Part, opened
from portal.ingest.messages import IncomingMessage, box_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloud_link.mqtt.session import Message

AT_ONCE: Final = 200
"""How many parts one transaction stores at most."""
BOX_MESSAGES: Final = 64
"""Messages of one box that wait here; a gateway has fewer in flight, in full messages."""
FIXED_S: Final = 0.005
"""Seconds of a transaction that are nobody's (begin, locks, commit), before any was measured."""
TURN_COMMITS: Final = 4
"""What a heavy turn should take, and all light turns of a transaction together, in `FIXED_S`."""
LIGHT: Final = 0.25
"""The part of a heavy turn's time that a light turn takes at most."""
ROW_S: Final = TURN_COMMITS * FIXED_S / PART_ROWS
"""Seconds that a row is taken to cost before anything is known of its box."""
_FIXED_RANGE_S: Final = (FIXED_S, 0.1)
_FIXED_GROWTH: Final = 1.05
_ROW_RANGE_S: Final = (ROW_S / 100, 1.0)
_PACES: Final = 10_000
"""How many boxes' paces are remembered."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiting:
    """A message that waits; ``parts``: what is left of it, ``None`` while it is not opened."""

    message: Message
    parts: deque[Part] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled:
    """A box whose pause begins now.

    Attributes:
        resource: What it lacks.
        wait_ms: How long it is asked to pause.
    """

    box: str
    resource: Resource
    wait_ms: int


@dataclass(slots=True, kw_only=True)
class Turn:
    """What is to be stored next, and what is to be told beside it.

    Attributes:
        throttled: Boxes whose pause begins.
        finished: Messages that are to be acknowledged to the broker afterwards.
        dropped: How many messages were over budget, by the resource that their box lacked.
    """

    parts: list[Part] = field(default_factory=list)
    throttled: list[Throttled] = field(default_factory=list)
    finished: list[Message] = field(default_factory=list)
    dropped: Counter[Resource] = field(default_factory=Counter)


def pause_requests(turn: Turn) -> list[Answer]:
    """The acknowledgements that ask boxes for their pause; they acknowledge nothing."""
    return [
        Answer(box=one.box, ack=Ack(VERSION, bytes(EPOCH_SIZE), Lane.DATA, wait_ms=one.wait_ms))
        for one in turn.throttled
        if one.box
    ]


class Inbox:
    """Messages that wait, in turns of boxes.

    Args:
        budgets: Of the boxes; it outlives the inbox of a session.
        limit: Messages that wait at most; once there are so many, `put` waits.
        now: Returns seconds of a steady clock.
    """

    def __init__(
        self, budgets: Budgets, limit: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._budgets, self._limit, self._now = budgets, limit, now
        self._queues: dict[str, deque[_Waiting]] = {}
        self._rotation: deque[str] = deque()
        self._paces: dict[str, float] = {}
        self._dropped: Counter[Resource] = Counter()
        self._fixed = FIXED_S
        self._heavy_next = False
        self._size = 0
        self._room, self._filled = asyncio.Event(), asyncio.Event()

    def __len__(self) -> int:
        return self._size

    async def put(self, message: Message) -> None:
        """Add a message, once there is room; one of a box in its pause is dropped."""
        while self._size >= self._limit:
            self._room.clear()
            await self._room.wait()
        box = box_of(message.topic)
        lacking = self._budgets.lacking(box, self._now())
        queue = self._queues.get(box)
        if lacking is None and queue is not None and len(queue) >= BOX_MESSAGES:
            lacking = Resource.SECONDS
        if lacking is not None:
            self._dropped[lacking] += 1
            message.ack()
            return
        if queue is None:
            queue = self._queues[box] = deque()
            self._rotation.append(box)
        queue.append(_Waiting(message=message))
        self._size += 1
        self._filled.set()

    async def filled(self) -> None:
        """Wait until a message waits."""
        while not self._size:
            self._filled.clear()
            await self._filled.wait()

    def take(self) -> Turn:
        """What is to be stored next: light turns of many boxes, or the heavy turn of one."""
        turn = Turn(dropped=self._dropped)
        self._dropped = Counter()
        costs = {box: self._head_seconds(box, turn) for box in list(self._rotation)}
        limit = self._turn_seconds * LIGHT
        heavy = [box for box in self._rotation if costs[box] > limit]
        light = [box for box in self._rotation if 0 < costs[box] <= limit]
        if heavy and (self._heavy_next or not light):
            self._take_of(heavy[0], turn, self._turn_seconds)
            self._heavy_next = False
        else:
            self._take_light(light, turn)
            self._heavy_next = True
        for box in [box for box in self._rotation if not self._queues[box]]:
            self._rotation.remove(box)
            del self._queues[box]
        if self._size < self._limit:
            self._room.set()
        return turn

    def _take_light(self, boxes: Sequence[str], turn: Turn) -> None:
        left = self._turn_seconds
        for box in boxes:
            if left <= 0 or len(turn.parts) >= AT_ONCE:
                return
            left -= self._take_of(box, turn, self._turn_seconds * LIGHT)

    def _head_seconds(self, box: str, turn: Turn) -> float:
        """Seconds that the next part of a box will take; 0 where it is over its budget."""
        waiting = self._queues[box][0]
        if waiting.parts is None:
            lacking = self._open(box, waiting)
            if lacking is not None:
                self._drop_all(box, lacking, turn)
                return 0.0
        assert waiting.parts
        seconds = waiting.parts[0].rows * self._pace(box)
        if seconds > 2 * self._turn_seconds:  # its rows turned out slower than when it was opened
            smaller = opened(waiting.parts[0].message, self._turn_seconds / self._pace(box)).parts
            if len(smaller) > 1:
                waiting.parts.popleft()
                waiting.parts.extendleft(reversed(smaller))
                seconds = smaller[0].rows * self._pace(box)
        return seconds

    def _take_of(self, box: str, turn: Turn, seconds: float) -> float:
        """Take a turn of a box, one part at least; returns the seconds it will take."""
        queue, used = self._queues[box], 0.0
        self._rotation.remove(box)
        self._rotation.append(box)
        while queue and len(turn.parts) < AT_ONCE:
            expected = self._head_seconds(box, turn)
            if not queue or (used and used + expected > seconds):
                break
            waiting = queue[0]
            assert waiting.parts
            lacking = self._pay(box, waiting.parts[0])
            if lacking is not None:
                self._drop_all(box, lacking, turn)
                break
            turn.parts.append(waiting.parts.popleft())
            used += expected
            if not waiting.parts:
                self._finish(queue, turn)
        return used

    def _open(self, box: str, waiting: _Waiting) -> Resource | None:
        """Open a message; returns what the box lacks for it."""
        now, body = self._now(), waiting.message.payload
        lacking = self._budgets.take(box, {Resource.BYTES: len(body)}, now)
        if lacking is not None:
            return lacking
        message = IncomingMessage(topic=waiting.message.topic, body=body)
        found = opened(message, min(PART_ROWS, self._turn_seconds / self._pace(box)))
        spent = {Resource.BYTES: found.size - len(body), Resource.SECONDS: self._now() - now}
        self._budgets.charge(box, spent, now)
        waiting.parts = deque(found.parts)
        return None

    def _pay(self, box: str, part: Part) -> Resource | None:
        """Take what a part costs; returns what the box lacks for it."""
        now = self._now()
        cost = {
            Resource.BYTES: part.documents,
            Resource.ROWS: part.rows,
            Resource.DEVICES: self._budgets.unknown(box, part.devices, now),
            Resource.TABLES: self._budgets.unknown(box, part.tables, now),
            Resource.CLOCKS: part.clocks,
            Resource.SECONDS: 0.0,
        }
        lacking = self._budgets.take(box, cost, now)
        if lacking is None:
            self._budgets.remember(box, part.devices | part.tables, now)
        return lacking

    def _finish(self, queue: deque[_Waiting], turn: Turn) -> None:
        turn.finished.append(queue.popleft().message)
        self._size -= 1

    def _drop_all(self, box: str, lacking: Resource, turn: Turn) -> None:
        """Begin a box's pause: nothing that waits of it is stored, so that its order stays."""
        queue = self._queues[box]
        wait_ms = round(self._budgets.pause_left(box, self._now()) * 1000)
        turn.throttled.append(Throttled(box=box, resource=lacking, wait_ms=wait_ms))
        turn.dropped[lacking] += len(queue)
        while queue:
            self._finish(queue, turn)

    def charge(self, parts: Sequence[Part], seconds: float) -> None:
        """Charge the seconds of a transaction to its boxes, and learn what their rows cost."""
        least, most = _FIXED_RANGE_S
        self._fixed = min(max(min(seconds, self._fixed * _FIXED_GROWTH), least), most)
        rows: Counter[str] = Counter()
        for part in parts:
            rows[part.box] += part.rows
        expected = {box: count * self._pace(box) for box, count in rows.items()}
        whole = sum(expected.values())
        for box, count in rows.items():
            own = max(0.0, seconds - self._fixed) * expected[box] / whole
            self._budgets.charge(box, {Resource.SECONDS: own}, self._now())
            # What is slower than expected counts at once, what is quicker little by little.
            self._learn(box, max(own / count, (self._pace(box) + own / count) / 2))

    def _learn(self, box: str, pace: float) -> None:
        if len(self._paces) >= _PACES and box not in self._paces:
            self._paces.clear()
        least, most = _ROW_RANGE_S
        self._paces[box] = min(max(pace, least), most)

    @property
    def _turn_seconds(self) -> float:
        """Seconds that a turn should take: longer where the machine's commits take longer."""
        return TURN_COMMITS * self._fixed

    def _pace(self, box: str) -> float:
        """Seconds that a row of this box takes."""
        return self._paces.get(box, ROW_S)
