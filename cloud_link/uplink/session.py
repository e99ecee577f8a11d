"""One session of the uplink: carries out the window's decisions over one connection.

::

    spool --read--> window --next--> publish --------------> portal
      ^                ^                                        |
      '---- settle ----'--- gather ------- down/ack <-----------'

Acknowledgements are gathered for a moment, because each settling is a commit. Those still gathered
when the connection ends are settled then; after a kill -9 their records are sent again, and the
portal recognizes them.

All decisions are made in `cloud_link.uplink.window`; this module holds the spool, the connection
and the clock.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from cloud_link.mqtt.broker import MqttError, PublishRefusedError
from cloud_link.mqtt.session import Message, Session
from cloud_link.records import Table, WireError, decode_table, encode_table, table_id
from cloud_link.spool.model import SettleResult, SpoolError, SpoolFullError
from cloud_link.topics import Up, up
from cloud_link.uplink.gathering import is_plain, joined
from cloud_link.uplink.portal_log import PortalLog
from cloud_link.uplink.repeat import OnlineRepeat
from cloud_link.uplink.sealing import GapSealing
from cloud_link.uplink.start import SessionStart
from cloud_link.uplink.window import Window
from cloud_link.wire import VERSION, Ack, Lane, Tables, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cloud_link.spool.model import SpoolRecord
    from cloud_link.spool.spool import Spool
    from cloud_link.spool.writer import SpoolWriter
    from cloud_link.uplink.flow import LaneCursor
    from cloud_link.uplink.model import BoxInfo, UplinkLimits
    from cloud_link.uplink.window import InFlightBatch
    from console.text import MessageError

log = structlog.get_logger(__name__)

LANE_CHANNELS: Final = {
    Lane.GAP: Up.EVENT,
    Lane.EVENT: Up.EVENT,
    Lane.BOUNDARY: Up.DATA,
    Lane.DATA: Up.DATA,
}
CLOSE_S: Final = 2.0
ACKS_LIMIT: Final = 16
"""The most acknowledgements gathered: the broker sends at most our Receive Maximum at once."""
HELD_LIMIT: Final = 5_000
"""The most records of earlier sessions that are held."""


@dataclass(slots=True, kw_only=True)
class UplinkProgress:
    """Counts and times over all sessions of an uplink; times in milliseconds since boot."""

    session: int = 0
    connected_since: int | None = None
    last_ack_at: int | None = None
    delivered: int = 0
    rejected: int = 0
    error: MessageError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkContext:
    """The part of an uplink that outlives its sessions.

    Attributes:
        box: The box id.
        info: What the uplink says about the box.
        limits: Sizes and times.
        progress: Updated by every session.
        sealing: When open gaps are sealed.
        portal_log: The log of what the portal sends.
    """

    box: str
    info: BoxInfo
    limits: UplinkLimits
    progress: UplinkProgress = field(default_factory=UplinkProgress)
    sealing: GapSealing = field(default_factory=GapSealing)
    portal_log: PortalLog = field(default_factory=PortalLog)


class UplinkSession:
    """One session, from CONNACK to the connection's end.

    Args:
        mqtt: The MQTT session, subscribed to the box's acknowledgements.
        writer: The spool.
        context: The uplink's context.
        start: The state of the spool at the session's start.
        window: A new send window.
    """

    def __init__(
        self,
        mqtt: Session,
        writer: SpoolWriter,
        context: UplinkContext,
        start: SessionStart,
        window: Window,
    ) -> None:
        self.window = window
        self._mqtt, self._writer, self._box = mqtt, writer, context.box
        self._info, self._progress, self._limits = context.info, context.progress, context.limits
        self._start, self._portal_log = start, context.portal_log
        self._tables: dict[bytes, bytes] = {}
        self._wake = asyncio.Event()
        self._sealing = context.sealing
        self._sealing.begin_session()
        self._held: frozenset[int] | None = None
        self._repeat = OnlineRepeat(context.limits, context.info.now())
        self._acks: list[tuple[Ack, Message]] = []
        self._ack_arrived, self._settle_now = asyncio.Event(), asyncio.Event()
        self._tasks = asyncio.TaskGroup()

    async def run(self) -> None:
        """Send the spool's records until the connection ends.

        Cancelled, it leaves publishes that may or may not have arrived; nothing is deleted.

        Raises:
            MqttError: The connection ended.
            SpoolError: The spool cannot be read or settled.
        """
        try:
            async with self._tasks:
                self._tasks.create_task(self._receive_loop())
                self._tasks.create_task(self._settle_loop())
                await self._send_loop()
        except BaseExceptionGroup as group:
            ended, bugs = group.split((MqttError, SpoolError))
            if ended is None or bugs is not None:
                raise
            # Cancelled at the moment the connection ended: the caller must not be kept waiting.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError from None
            raise ended.exceptions[0] from None  # all of them are the end of the same connection
        finally:
            with suppress(SpoolError):
                await self._settle()

    @property
    def gathered_acks(self) -> int:
        """The number of acknowledgements that are not settled yet."""
        return len(self._acks)

    def appended(self, lanes: Iterable[Lane]) -> None:
        """Read these lanes of the spool at once: records were appended."""
        self.window.appended(lanes)
        self._wake.set()

    async def close(self) -> None:
        """Publish the end of the session and disconnect; takes at most twice `CLOSE_S` seconds."""
        try:
            async with asyncio.timeout(CLOSE_S):
                body = self._start.online(self._info, alive=False)
                await self._mqtt.publish(up(self._box, Up.ONLINE), body)
        except (MqttError, TimeoutError):
            pass  # not received, or not answered: the portal finds out by the box's silence
        await self._mqtt.close()

    # --- sending ----------------------------------------------------------------------------

    async def _send_loop(self) -> None:
        window, now = self.window, self._info.now
        while True:
            self._wake.clear()
            await self._read()
            window.expire(now())
            window.needs_online |= self._repeat.due(now())
            if window.needs_online and window.may_send(now()):
                await self._publish_online()
            while not window.needs_online and (batch := window.next(now())) is not None:
                if batch.tables:
                    self._send_tables(batch.tables)
                self._tasks.create_task(self._publish_batch(batch))
            wake_at = window.wake_at(now())
            wait = (
                self._limits.poll_ms
                if wake_at is None
                else min(self._limits.poll_ms, max(wake_at - now(), 1))
            )
            try:
                async with asyncio.timeout(wait / 1000):
                    await self._wake.wait()
            except TimeoutError:
                window.appended()

    async def _read(self) -> None:
        """Read records for the cursors, and the tables they name, in one call of the spool."""
        cursors = self.window.cursors_to_read()
        now = self._info.now()
        seal = self._sealing.due(now)
        if not cursors and not seal:
            return
        positions = [(cursor, cursor.after) for cursor in cursors]
        known, limit = frozenset(self._tables), self._limits.read_bytes
        ids = frozenset(self.window.known_ids)

        def visit(
            spool: Spool,
        ) -> tuple[list[tuple[LaneCursor, list[SpoolRecord], int]], list[Table], bool]:
            if self._held is None:  # what earlier sessions sent may have arrived
                self._held = frozenset(sorted(spool.held)[:HELD_LIMIT])
            spool.hold(self._held | ids)
            sealed = (
                seal
                and self._sealing.allows(now, announced=spool.announces())
                and spool.seal_gaps() > 0
            )
            read = [
                (
                    cursor,
                    spool.pending(cursor.lane, after=after, limit_bytes=limit),
                    spool.newest_id(cursor.lane),
                )
                for cursor, after in positions
            ]
            named = {record.table for _, records, _ in read for record in records}
            wanted = sorted(t for t in named if t is not None and t not in known)
            return read, spool.tables(wanted), sealed

        read, tables, sealed = await self._writer.call(visit)
        if sealed:
            # A portal believes a gap as far as it knows that its numbers were given out.
            self.window.needs_online = True
        self._keep_tables(tables)
        for cursor, records, newest in read:
            self.window.feed(cursor, records, newest)

    def _keep_tables(self, tables: Sequence[Table]) -> None:
        self._tables.update((table_id(table), encode_table(table)) for table in tables)

    async def _publish_online(self) -> None:
        session = self._start.session
        self._start = await self._writer.call(lambda spool: SessionStart.of(spool, session))
        body = self._start.online(self._info, alive=True)
        try:
            await self._mqtt.publish(up(self._box, Up.ONLINE), body)
        except PublishRefusedError as error:
            self._on_refused(error, None)
        else:
            self.window.needs_online = False
            self._repeat.on_sent(self._start.acknowledged, self._info.now())

    async def _publish_batch(self, batch: InFlightBatch) -> None:
        body = encode(batch.to_wire(VERSION))
        try:
            await self._mqtt.publish(up(self._box, LANE_CHANNELS[batch.lane]), body)
        except PublishRefusedError as error:
            self._on_refused(error, batch)

    def _send_tables(self, ids: Sequence[bytes]) -> None:
        """Send tables in as few messages as they fit, before anything that is sent later."""
        tables = tuple(decode_table(self._tables[each]) for each in ids if each in self._tables)
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
            self._tasks.create_task(self._publish_tables(body, ids))

    async def _publish_tables(self, body: bytes, ids: Sequence[bytes]) -> None:
        try:
            await self._mqtt.publish(up(self._box, Up.TABLE), body)
        except PublishRefusedError as error:
            self.window.on_tables_refused(ids, self._info.now())
            self._on_refused(error, None)

    def _on_refused(self, error: PublishRefusedError, batch: InFlightBatch | None) -> None:
        earlier = self._progress.error
        if earlier is None or earlier.args != error.args:  # once, not with every attempt
            log.warning("publish_refused", error=str(error), code=error.code)
            self._progress.error = error
        self.window.on_refused(batch, self._info.now())
        self._wake.set()

    # --- receiving --------------------------------------------------------------------------

    async def _receive_loop(self) -> None:
        async for message in self._mqtt.messages():
            try:
                ack = decode(Ack, message.payload)
            except WireError as error:
                self._log("warning", "acknowledgement_unreadable", error=str(error))
                message.ack()
                continue
            self._acks.append((ack, message))
            self._ack_arrived.set()
            if not is_plain(ack) or self.window.waits_for_room or len(self._acks) >= ACKS_LIMIT:
                self._settle_now.set()

    async def _settle_loop(self) -> None:
        # Well below the timeout, so that no gathered acknowledgement seems to be missing.
        gather = min(self._limits.gather_ms, self._limits.ack_timeout_ms // 8) / 1000
        while True:
            await self._ack_arrived.wait()
            try:
                async with asyncio.timeout(gather):
                    await self._settle_now.wait()
            except TimeoutError:
                pass  # nothing called for an earlier settling
            await self._settle()

    async def _settle(self) -> None:
        gathered, self._acks = self._acks, []
        self._ack_arrived.clear()
        self._settle_now.clear()
        if not gathered:
            return
        acks = joined(ack for ack, _ in gathered)
        try:
            results = await self._writer.call(lambda spool: spool.settle_all(acks))
        except SpoolFullError as error:
            # Nothing changed: the records are sent again, and acknowledged again.
            self._log("warning", "acknowledgement_postponed", error=str(error))
        else:
            for ack, result in zip(acks, results, strict=True):
                self._on_settled(ack, result)
        for _, message in gathered:
            message.ack()

    def _on_settled(self, ack: Ack, result: SettleResult) -> None:
        now, progress = self._info.now(), self._progress
        progress.last_ack_at = now
        progress.delivered += result.ok
        progress.rejected += result.rejected
        if result.ok or result.rejected:
            progress.error = None
        self._keep_tables(result.tables)
        if ack.wait_ms > 0 and self.window.requested.until is None:
            self._log("info", "pause_requested", wait_ms=ack.wait_ms)
        urgent = self.window.on_ack(ack, [table_id(t) for t in result.tables], now)
        if urgent:
            self._send_tables(urgent)
        if result.new_epoch:
            conflicts, renew = result.renumbered, ack.renew
            self._log("warning", "epoch_changed", conflicts=conflicts, renew=renew)
            self.window.needs_online = True
        if result.renumbered:
            self.window.appended()
        if ack.resend:
            self._on_resend(ack, result)
        self._wake.set()

    def _on_resend(self, ack: Ack, result: SettleResult) -> None:
        if result.resent or result.gone:
            resent, gone = result.resent, result.gone
            self._log("warning", "portal_lost_records", resent=resent, gone=gone)
            self._repeat.on_asked(ack, self._info.now())
        elif result.exhausted:
            self._log("error", "portal_asks_without_end", lane=ack.lane.name.lower())
        for lane in {ack.lane, Lane.GAP} if result.resent else ():
            self.window.reread(lane)

    def _log(self, level: str, event: str, **fields: object) -> None:
        self._portal_log.write(level, event, self._info.now(), **fields)
