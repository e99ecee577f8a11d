r"""Messages that wait for the database, by box; boxes take turns. Pure: the time is given.

::

    broker --put--> b-1  |part part part|...|  --\
                    b-2  |part|                ---+--take--> one transaction --> PUBACK
                    b-3  |part part|...|       --/
                           one turn a box

A box is *apart* where it has more to store than takes a fraction of a transaction, or where its
turns were long (`portal.ingest.pacing`). Messages of the others share a transaction, a box that is
apart has its own, which gives way to them (`portal.ingest.preemption`), and the two kinds
alternate: so a box waits for one short transaction at most, whatever another sends. Opening a large
message is a turn of its own. What is over a box's budget leaves the inbox at once: it is
acknowledged to the broker and left unanswered.

MQTT acknowledges in the order of arrival: a message of a box that is apart is acknowledged to the
broker when it is put here, so that it holds up none of the others'. Its box hears no answer if this
process ends, and sends it again.

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
from portal.ingest.cost import PART_ROWS, OpenedMessage, Part
from portal.ingest.messages import IncomingMessage, box_of
from portal.ingest.pacing import APART_S, FEW_ROWS, HEAVY_S, Paces, Spent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from cloud_link.mqtt.session import Message

AT_ONCE: Final = 200
"""How many parts one transaction stores at most."""
BOX_MESSAGES: Final = 64
"""Messages of one box that wait here; a gateway has fewer in flight, in full messages."""
SHARED_COMMITS: Final = 4
"""What all messages of a shared transaction should take together, in transactions of one."""
OPENING_S: Final = 0.004
"""Seconds after which no further message is opened within one turn."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiting:
    """A message that waits; ``parts``: what is left of it, ``None`` while it is not opened."""

    message: Message
    parts: OpenedMessage | None = None


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
        apart: The box that has it to itself; empty where boxes share it.
    """

    parts: list[Part] = field(default_factory=list)
    throttled: list[Throttled] = field(default_factory=list)
    finished: list[Message] = field(default_factory=list)
    dropped: Counter[Resource] = field(default_factory=Counter)
    apart: str = ""

    def halves(self) -> list[Turn]:
        """This turn in two, each with all that some of its boxes have to be stored."""
        boxes = sorted({one.box for one in self.parts})
        first = set(boxes[: len(boxes) // 2])
        turns = [Turn(), Turn()]
        for part in self.parts:
            turns[part.box not in first].parts.append(part)
        for message in self.finished:
            turns[box_of(message.topic) not in first].finished.append(message)
        return turns


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
        paces: What is known of the boxes' turns; it outlives the inbox of a session, too.
    """

    def __init__(
        self,
        budgets: Budgets,
        limit: int,
        now: Callable[[], float] = time.monotonic,
        paces: Paces | None = None,
    ) -> None:
        self._budgets, self._limit, self._now = budgets, limit, now
        self._paces = paces or Paces()
        self._queues: dict[str, deque[_Waiting]] = {}
        self._rotation: deque[str] = deque()
        self._dropped: Counter[Resource] = Counter()
        self._apart_next = False
        self._small_came = self._small_left = False
        self._size = 0
        self._room, self._filled = asyncio.Event(), asyncio.Event()

    def __len__(self) -> int:
        return self._size

    async def put(self, message: Message) -> None:
        """Add a message, once there is room; one of a box in its pause is dropped."""
        while self._size >= self._limit:
            self._room.clear()
            await self._room.wait()
        box, now = box_of(message.topic), self._now()
        self._paces.heard(box, now)
        lacking = self._budgets.lacking(box, now)
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
        if self._paces.is_apart(box, now):
            message.ack()
        else:
            self._small_came = True
        self._size += 1
        self._filled.set()

    async def filled(self) -> None:
        """Wait until a message waits."""
        while not self._size:
            self._filled.clear()
            await self._filled.wait()

    def small_waits(self) -> bool:
        """Whether one waits of a box that is not apart, however long.

        May be asked from any thread.
        """
        return self._small_came or self._small_left

    def small_came(self) -> bool:
        """Whether a message came since the last turn was taken, of a box that is not apart.

        May be asked from any thread.
        """
        return self._small_came

    def take(self, beside: Collection[str] = ()) -> Turn:
        """What is to be stored next: messages of many boxes, or those of one that is apart.

        Nothing where a large message was opened.

        Args:
            beside: Boxes whose turns gave way and are not over: only messages of others are taken
                that share a transaction.
        """
        turn, now = Turn(dropped=self._dropped), self._now()
        self._dropped, self._small_came = Counter(), False
        light = self._light(turn, beside)
        apart = [
            box
            for box in self._rotation
            if not beside and self._queues[box] and self._paces.is_apart(box, now)
        ]
        if apart and (self._apart_next or not light):
            self._apart_next = False
            # Not by the rotation, at whose end a box joins that has not waited yet.
            turn.apart = min(apart, key=self._paces.last_turn)
            self._take_apart(turn.apart, turn)
        else:
            self._apart_next = True
            self._take_light(light, turn)
        for box in [box for box in self._rotation if not self._queues[box]]:
            self._rotation.remove(box)
            del self._queues[box]
        begun = {turn.apart, *beside, *(part.box for part in turn.parts)}
        self._small_left = any(
            box not in begun and not self._paces.is_apart(box, now) for box in self._rotation
        )
        if self._size < self._limit:
            self._room.set()
        return turn

    def _light(self, turn: Turn, without: Collection[str]) -> list[str]:
        """The boxes that may share a transaction; opens what they sent, and sets others apart."""
        light, began = [], self._now()
        for box in list(self._rotation):
            now = self._now()
            if box in without or self._paces.is_apart(box, now) or not self._queues[box]:
                continue
            if self._queues[box][0].parts is None and now - began > OPENING_S:
                continue
            seconds = self._head_seconds(box, turn)
            if seconds > self._paces.light_seconds and self._head_rows(box) > FEW_ROWS:
                self._set_apart(box, now + HEAVY_S)
            elif seconds:
                light.append(box)
        return light

    def set_apart(self, box: str) -> None:
        """Set a box apart for a while; its messages are acknowledged to the broker at once."""
        self._set_apart(box, self._now() + HEAVY_S)

    def _set_apart(self, box: str, until: float) -> None:
        self._paces.set_apart(box, until)
        for waiting in self._queues.get(box, ()):
            waiting.message.ack()

    def _take_apart(self, box: str, turn: Turn) -> None:
        now = self._now()
        unopened = self._queues[box][0].parts is None
        self._head_seconds(box, turn)
        if not unopened or self._now() - now <= OPENING_S:
            self._take_of(box, turn, self._paces.turn_seconds(box, now))

    def _take_light(self, boxes: Sequence[str], turn: Turn) -> None:
        left = SHARED_COMMITS * self._paces.fixed
        for box in boxes:
            if left <= 0 or len(turn.parts) >= AT_ONCE:
                return
            left -= self._take_of(box, turn, self._paces.light_seconds)

    def _head_seconds(self, box: str, turn: Turn) -> float:
        """Seconds that the next part of a box will take; 0 where it is over its budget."""
        waiting = self._queues[box][0]
        if waiting.parts is None:
            lacking = self._open(box, waiting)
            if lacking is not None:
                self._drop_all(box, lacking, turn)
                return 0.0
        assert waiting.parts
        rows = self._rows_of_turn(box, waiting.message.topic)
        return self._paces.seconds(waiting.parts.head(rows))

    def _head_rows(self, box: str) -> int:
        parts = self._queues[box][0].parts
        return parts.head().rows if parts else 0

    def _rows_of_turn(self, box: str, topic: str) -> float:
        now = self._now()
        if self._paces.is_suspect(box, now):
            return 1.0
        return min(PART_ROWS, self._paces.turn_seconds(box, now) / self._paces.row_seconds(topic))

    def _take_of(self, box: str, turn: Turn, seconds: float) -> float:
        """Take a turn of a box, one part at least; returns the seconds it will take."""
        queue, used = self._queues[box], 0.0
        self._rotation.remove(box)
        self._rotation.append(box)
        self._paces.take_turn(box, self._now())
        while queue and len(turn.parts) < AT_ONCE:
            if used and queue[0].parts is None and self._paces.is_apart(box, self._now()):
                break
            expected = self._head_seconds(box, turn)
            if not queue or (used and used + expected > seconds):
                break
            waiting = queue[0]
            assert waiting.parts
            lacking = self._pay(box, waiting.parts.head())
            if lacking is not None:
                self._drop_all(box, lacking, turn)
                break
            turn.parts.append(waiting.parts.take())
            used += expected
            if not waiting.parts:
                self._finish(queue, turn)
            if self._paces.is_suspect(box, self._now()):
                break
        return used

    def _open(self, box: str, waiting: _Waiting) -> Resource | None:
        """Open a message; returns what the box lacks for it."""
        now, body, topic = self._now(), waiting.message.payload, waiting.message.topic
        lacking = self._budgets.take(box, {Resource.BYTES: len(body)}, now)
        if lacking is not None:
            return lacking
        found = OpenedMessage(IncomingMessage(topic=topic, body=body))
        spent = {Resource.BYTES: found.size - len(body), Resource.SECONDS: self._now() - now}
        self._budgets.charge(box, spent, now)
        waiting.parts = found
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
            Resource.LONG_TURNS: 0.0,
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

    def charge(self, parts: Sequence[Part], spent: Spent, suspects: Iterable[str] = ()) -> None:
        """Charge a transaction to its boxes, and learn what their rows take.

        ``suspects``: boxes of which a record failed.
        """
        now, failed = self._now(), False
        for box in suspects:
            self._paces.suspect(box, now + APART_S)
            self._set_apart(box, now + APART_S)
            failed = True
        for box, cost in self._paces.learn(parts, spent, now, failed=failed).items():
            self._budgets.charge(box, cost, now)
            if self._paces.is_apart(box, now):
                self._set_apart(box, now)
