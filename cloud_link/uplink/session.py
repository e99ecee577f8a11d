"""One session of the uplink: the window's wishes carried out over one connection.

::

    spool --read--> window --next--> publish --------------> portal
      ^                ^                                        |
      '---- settle ----'--- gather ------- down/ack <-----------'

Answers gather for a moment, because each settling is a commit. Those still gathering when the
connection ends are settled then; after a kill -9 their records are sent again, and the portal
knows them.

Everything is decided in `cloud_link.uplink.window`; here are the spool, the connection and the
clock.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from cloud_link.mqtt.broker import MqttError, PublishRefusedError
from cloud_link.mqtt.session import Message, Session
from cloud_link.spool.model import SettleResult, SpoolError, SpoolFullError
from cloud_link.topics import Up, up
from cloud_link.uplink.window import Window
from cloud_link.wire import (
    VERSION,
    Ack,
    Lane,
    Online,
    Table,
    Tables,
    WireError,
    decode,
    encode,
    table_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cloud_link.spool.model import SpoolRecord
    from cloud_link.spool.spool import Spool
    from cloud_link.spool.writer import SpoolWriter
    from cloud_link.uplink.flow import Stream
    from cloud_link.uplink.model import Facts, Pace
    from cloud_link.uplink.window import Sending

log = structlog.get_logger(__name__)

CHANNELS: Final = {
    Lane.GAP: Up.EVENT,
    Lane.EVENT: Up.EVENT,
    Lane.BOUNDARY: Up.DATA,
    Lane.DATA: Up.DATA,
}
GOODBYE_S: Final = 2.0
ANSWERS_LIMIT: Final = 16
"""Answers that gather at most: the broker holds back more than its Receive Maximum."""
SEAL_MS: Final = 1_000
"""Gaps that open while connected are sealed at most this often, so that they stay coalesced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The spool's side of a new session.

    Attributes:
        session: Its number.
        newest: The newest id of each lane.
    """

    session: int
    newest: dict[Lane, int]
    epoch: bytes
    ordinal: int
    following: dict[int, int]

    @classmethod
    def take(cls, spool: Spool) -> Start:
        """Begin a session: seal what was dropped, take a session number; in the spool's thread."""
        spool.seal_gaps()
        return cls.look(spool, spool.next_session())

    @classmethod
    def look(cls, spool: Spool, session: int) -> Start:
        """The same facts for a session that has begun."""
        return cls(
            session=session,
            newest={lane: spool.newest_id(lane) for lane in Lane},
            epoch=spool.epoch,
            ordinal=spool.ordinal,
            following={int(lane): seq for lane, seq in spool.next_seqs().items()},
        )

    def online(self, facts: Facts, *, alive: bool) -> bytes:
        """The body of `cloud_link.topics.Up.ONLINE`."""
        return encode(
            Online(
                VERSION,
                self.session,
                alive,
                facts.boot,
                self.epoch,
                self.ordinal,
                self.following,
                facts.software,
                facts.offset(),
            )
        )


@dataclass(slots=True, kw_only=True)
class Tally:
    """What happened so far, over all sessions; times in milliseconds since boot."""

    session: int = 0
    connected_since: int | None = None
    last_ack_at: int | None = None
    delivered: int = 0
    rejected: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Whose uplink it is: what outlives its sessions.

    Attributes:
        box: The box id.
        facts: What is said about it.
        pace: How much at once.
        tally: Counted on by every session.
    """

    box: str
    facts: Facts
    pace: Pace
    tally: Tally = field(default_factory=Tally)


class Conversation:
    """One session, from CONNACK to its end.

    Args:
        session: Connected; subscribed to the box's acknowledgements.
        writer: The spool.
        station: Whose.
        start: The session as the spool began it.
        window: What to send; new.
    """

    def __init__(
        self, session: Session, writer: SpoolWriter, station: Station, start: Start, window: Window
    ) -> None:
        self.window = window
        self._session, self._writer, self._box = session, writer, station.box
        self._facts, self._tally, self._pace = station.facts, station.tally, station.pace
        self._start = start
        self._tables: dict[bytes, Table] = {}
        self._wake = asyncio.Event()
        self._sealed = station.facts.now()
        self._answers: list[tuple[Ack, Message]] = []
        self._answered, self._settle_now = asyncio.Event(), asyncio.Event()
        self._tasks = asyncio.TaskGroup()

    async def run(self) -> None:
        """Drain until the connection ends; raises `MqttError` or `SpoolError` then.

        Cancelled, it leaves publishes that may or may not have arrived; nothing is deleted.
        """
        try:
            async with self._tasks:
                self._tasks.create_task(self._hear())
                self._tasks.create_task(self._settle_gathered())
                await self._speak()
        except BaseExceptionGroup as group:
            ended, bugs = group.split((MqttError, SpoolError))
            if ended is None or bugs is not None:
                raise
            # Cancelled at the moment the link ended: whoever cancelled must not be kept waiting.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError from None
            raise ended.exceptions[0] from None  # all of them say how the same connection ended
        finally:
            with suppress(SpoolError):
                await self._settle()

    @property
    def heard(self) -> int:
        """Answers that gather to be settled."""
        return len(self._answers)

    def appended(self, lanes: Iterable[Lane]) -> None:
        """Something came into these lanes of the spool: look at once."""
        self.window.appended(lanes)
        self._wake.set()

    async def goodbye(self) -> None:
        """Say that the session ends; never raises, never longer than `GOODBYE_S`."""
        try:
            async with asyncio.timeout(GOODBYE_S):
                bye = self._start.online(self._facts, alive=False)
                await self._session.publish(up(self._box, Up.ONLINE), bye)
        except (MqttError, TimeoutError):
            pass  # nobody listens, or nobody answers: the portal finds out by silence
        await self._session.close()

    # --- speaking ---------------------------------------------------------------------------

    async def _speak(self) -> None:
        window, now = self.window, self._facts.now
        while True:
            self._wake.clear()
            await self._read()
            window.expire(now())
            if window.greeting and window.may_send(now()):
                await self._greet()
            while not window.greeting and (sending := window.next(now())) is not None:
                if sending.tables:
                    self._tell(sending.tables)
                self._tasks.create_task(self._send(sending))
            wake_at = window.wake_at(now())
            wait = (
                self._pace.look
                if wake_at is None
                else min(self._pace.look, max(wake_at - now(), 1))
            )
            try:
                async with asyncio.timeout(wait / 1000):
                    await self._wake.wait()
            except TimeoutError:
                window.appended()

    async def _read(self) -> None:
        """Fill what is hungry, in one visit to the spool's thread, with the tables it names."""
        streams = self.window.hungry()
        seal = self._facts.now() - self._sealed >= SEAL_MS
        if not streams and not seal:
            return
        wishes = [(stream, stream.after) for stream in streams]
        held, limit = frozenset(self._tables), self._pace.read

        def visit(spool: Spool) -> tuple[list[tuple[Stream, list[SpoolRecord], int]], list[Table]]:
            if seal:
                spool.seal_gaps()
            read = [
                (
                    stream,
                    spool.pending(stream.lane, after=after, limit_bytes=limit),
                    spool.newest_id(stream.lane),
                )
                for stream, after in wishes
            ]
            named = {record.table for _, records, _ in read for record in records}
            return read, spool.tables(sorted(t for t in named if t is not None and t not in held))

        read, tables = await self._writer.call(visit)
        if seal:
            self._sealed = self._facts.now()
        self._keep(tables)
        for stream, records, newest in read:
            self.window.feed(stream, records, newest)

    def _keep(self, tables: Sequence[Table]) -> None:
        self._tables.update((table_id(table), table) for table in tables)

    async def _greet(self) -> None:
        self._start = await self._writer.call(lambda spool: Start.look(spool, self._start.session))
        body = self._start.online(self._facts, alive=True)
        try:
            await self._session.publish(up(self._box, Up.ONLINE), body)
        except PublishRefusedError as error:
            self._refused(error, None)
        else:
            self.window.greeting = False

    async def _send(self, sending: Sending) -> None:
        body = encode(sending.batch(VERSION))
        try:
            await self._session.publish(up(self._box, CHANNELS[sending.lane]), body)
        except PublishRefusedError as error:
            self._refused(error, sending)

    def _tell(self, ids: Sequence[bytes]) -> None:
        """Send tables, as few messages as they fit; before whatever is sent from here on."""
        tables = tuple(self._tables[each] for each in ids if each in self._tables)
        bodies: list[bytes] = []
        stack = [tables] if tables else []
        while stack:
            part = stack.pop()
            try:
                bodies.append(encode(Tables(VERSION, part)))
            except WireError:
                if len(part) == 1:
                    log.error("table_too_large", device=part[0].device)
                    continue
                stack += [part[: len(part) // 2], part[len(part) // 2 :]]
        for body in bodies:
            self._tasks.create_task(self._send_tables(body, ids))

    async def _send_tables(self, body: bytes, ids: Sequence[bytes]) -> None:
        try:
            await self._session.publish(up(self._box, Up.TABLE), body)
        except PublishRefusedError as error:
            self.window.table_refused(ids, self._facts.now())
            self._refused(error, None)

    def _refused(self, error: PublishRefusedError, sending: Sending | None) -> None:
        words = str(error)
        if words != self._tally.error:  # once, not with every attempt
            log.warning("publish_refused", error=words, code=error.code)
            self._tally.error = words
        self.window.refused(sending, self._facts.now())
        self._wake.set()

    # --- hearing ----------------------------------------------------------------------------

    async def _hear(self) -> None:
        async for message in self._session.messages():
            try:
                ack = decode(Ack, message.payload)
            except WireError as error:
                log.warning("acknowledgement_unreadable", error=str(error))
                message.ack()
                continue
            self._answers.append((ack, message))
            self._answered.set()
            plain = not (ack.rejected or ack.need_table or ack.conflict or ack.renew is not None)
            if not plain or self.window.waits_for_room or len(self._answers) >= ANSWERS_LIMIT:
                self._settle_now.set()

    async def _settle_gathered(self) -> None:
        # Never so long that an answer which is here seems to be missing.
        gather = min(self._pace.gather, self._pace.ack // 8) / 1000
        while True:
            await self._answered.wait()
            try:
                async with asyncio.timeout(gather):
                    await self._settle_now.wait()
            except TimeoutError:
                pass  # no hurry came up
            await self._settle()

    async def _settle(self) -> None:
        answers, self._answers = self._answers, []
        self._answered.clear()
        self._settle_now.clear()
        if not answers:
            return
        acks = [ack for ack, _ in answers]
        try:
            outcomes = await self._writer.call(lambda spool: spool.settle_all(acks))
        except SpoolFullError as error:
            # Nothing changed: the records are sent again, and the portal says it again.
            log.warning("acknowledgement_postponed", error=str(error))
        else:
            for ack, settled in zip(acks, outcomes, strict=True):
                self._take_in(ack, settled)
        for _, message in answers:
            message.ack()

    def _take_in(self, ack: Ack, settled: SettleResult) -> None:
        now, tally = self._facts.now(), self._tally
        tally.last_ack_at = now
        tally.delivered += settled.ok
        tally.rejected += settled.rejected
        if settled.ok or settled.rejected:
            tally.error = ""
        self._keep(settled.tables)
        urgent = self.window.acknowledged(ack, [table_id(t) for t in settled.tables], now)
        if urgent:
            self._tell(urgent)
        if settled.new_epoch:
            log.warning("epoch_changed", conflicts=settled.renumbered, renew=ack.renew)
            self.window.greeting = True
        if settled.renumbered:
            self.window.appended()
        self._wake.set()
