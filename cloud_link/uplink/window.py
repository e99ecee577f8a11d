"""The uplink's state machine: what to send next, and what an acknowledgement means. Pure, no I/O.

A record in the window, between two reads of the spool::

    read --> queued --next()--> in flight --ok, rejected--> forgotten (the spool deleted it)
               ^                   |
               |                   |--conflict------------> forgotten (it comes under a new number)
               |                   |--need_table----------> retry, after its table
               `------ retry <-----|--timeout of a record-> retry, with twice the timeout
                                   `--refused, or silence-> retry, after a pause of everything

Nothing here deletes a record: the spool does, on the portal's acknowledgement. A window lives as
long as one session; the next one reads the spool from its beginning.

Lanes go in the order of `cloud_link.wire.Lane`, each with its own bytes in flight. Within a lane
fresh records go before old ones, which keep a share of turns and leave a share of the room.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloud_link.limits import SEQ_LIMIT
from cloud_link.ranges import clamp
from cloud_link.uplink.flow import CircuitBreaker, LaneCursor, RequestedPause, Retry
from cloud_link.wire import Batch, Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cloud_link.spool.model import SpoolRecord
    from cloud_link.uplink.model import UplinkLimits
    from cloud_link.wire import Ack

ITEM_OVERHEAD: Final = 16
"""Bytes of one item of a batch beside its body, at most: array, sequence number, length."""

RecordKey = tuple[bytes, Lane, int]
"""Epoch, lane and sequence number, which name a record towards the portal."""


@dataclass(slots=True, kw_only=True, eq=False)
class InFlightBatch:
    """One message in flight, until all of its records are acknowledged.

    Attributes:
        number: Grows with every message of the session.
        records: The records that are not acknowledged yet.
        size: Bytes of all its records.
        tables: Ids of tables to send before it, for the first time in this session.
        sent: The time of sending, and ``due``: the time by which it must be acknowledged.
    """

    number: int
    lane: Lane
    records: dict[RecordKey, SpoolRecord]
    size: int
    tables: tuple[bytes, ...]
    sent: int
    due: int

    def to_wire(self, version: int) -> Batch:
        """The message's body, before encoding; all its records are of one epoch and boot."""
        first = next(iter(self.records.values()))
        items = tuple((record.seq, record.body) for record in self.records.values())
        return Batch(version, first.epoch, first.ordinal, self.lane, first.boot, items)


class Window:
    """The send window of one session; times are milliseconds of one steady clock.

    Attributes:
        breaker: Pauses all sending after a refusal, and ``requested`` where the portal asks for it.
        known_ids: The ids of the records that were read from the spool and are not forgotten.
        needs_online: Whether the ``online`` message must be sent before anything else: at first,
            and whenever the portal may have been replaced by one that has not received it.

    Args:
        limits: Sizes and times.
        newest: The newest id of each lane when the session began; greater ids are fresh.
        jitter: Returns random numbers from 0 to 1.
    """

    def __init__(
        self,
        limits: UplinkLimits,
        newest: Mapping[Lane, int],
        jitter: Callable[[], float] | None = None,
    ) -> None:
        self.breaker = CircuitBreaker(limits, jitter) if jitter else CircuitBreaker(limits)
        self.requested = RequestedPause(limits, jitter) if jitter else RequestedPause(limits)
        self._limits = limits
        self._fresh = {lane: LaneCursor(lane, after=newest[lane], until=None) for lane in Lane}
        self._old = {lane: LaneCursor(lane, after=0, until=newest[lane]) for lane in Lane}
        self._retries: dict[Lane, deque[Retry]] = {lane: deque() for lane in Lane}
        self._fresh_run: Counter[Lane] = Counter()
        self.known_ids: set[int] = set()
        self._tries: Counter[int] = Counter()
        self._in_flight: dict[RecordKey, InFlightBatch] = {}
        self._batches: dict[int, InFlightBatch] = {}
        self._lane_bytes: Counter[Lane] = Counter()
        self._number = 0
        self._tables: dict[bytes, int] = {}
        self._table_requests: Counter[bytes] = Counter()
        self._last_ack_at = -1
        self.needs_online = True

    # --- reading the spool ------------------------------------------------------------------

    def cursors_to_read(self) -> list[LaneCursor]:
        """The cursors that need records: `Spool.pending` of their lane and ``after``."""
        every = [*self._fresh.values(), *self._old.values()]
        return [cursor for cursor in every if cursor.needs_read]

    def feed(self, cursor: LaneCursor, records: list[SpoolRecord], newest: int) -> None:
        """Take in records that were read; ``newest`` is the newest id of the lane at that time."""
        if cursor.until is None and newest - cursor.after > self._limits.lag_records:
            self._split(cursor.lane, newest)
        else:
            cursor.feed(records, self.known_ids)

    def appended(self, lanes: Iterable[Lane] = tuple(Lane)) -> None:
        """Note that records may have been appended to these lanes of the spool."""
        for lane in lanes:
            self._fresh[lane].exhausted = False

    def reread(self, lane: Lane) -> None:
        """Read the lane's old records again: some that were acknowledged are pending again."""
        old, fresh = self._old[lane], self._fresh[lane]
        until = fresh.after if old.until is None else max(old.until, fresh.after)
        old.jump(after=0, until=until, known_ids=self.known_ids)

    def _split(self, lane: Lane, newest: int) -> None:
        """Call everything up to ``newest`` old, so that new records do not queue behind it."""
        self._fresh[lane].jump(after=newest, until=None, known_ids=self.known_ids)
        old = self._old[lane]
        old.until, old.exhausted = newest, False

    # --- sending ----------------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        """The number of records sent and not yet acknowledged."""
        return len(self._in_flight)

    @property
    def waits_for_room(self) -> bool:
        """Whether the next message waits for acknowledgements: a lane's window is half full."""
        return any(size * 2 >= self._limits.window_bytes for size in self._lane_bytes.values())

    @property
    def in_flight_bytes(self) -> int:
        """Bytes of the messages in flight, acknowledged records included."""
        return self._lane_bytes.total()

    @property
    def pausing(self) -> bool:
        """Whether a pause of either kind has begun and has not proved to be over."""
        return self.breaker.until is not None or self.requested.until is not None

    def may_send(self, now: int) -> bool:
        """Whether neither pause is on."""
        return self.requested.until is None and self.breaker.allows(now, len(self._batches))

    def next(self, now: int) -> InFlightBatch | None:
        """The next message to publish, now in flight; ``None`` when there is none at this time."""
        if not self.may_send(now):
            return None
        for lane in Lane:
            source = self._source(lane, now)
            if source is not None:
                return self._take_batch(lane, source, now)
        return None

    def _source(self, lane: Lane, now: int) -> deque[SpoolRecord] | deque[Retry] | None:
        """The queue of ``lane`` whose turn it is, if there is room for it."""
        in_flight, retries = self._lane_bytes[lane], self._retries[lane]
        old: deque[SpoolRecord] | deque[Retry] | None = None
        if retries and retries[0].due <= now:
            old = retries
        elif self._old[lane].queue:
            old = self._old[lane].queue
        fresh = self._fresh[lane].queue
        # Old records leave room for one fresh batch: a full window of them delays nothing new.
        old_room = in_flight < self._limits.window_bytes - self._limits.batch_bytes
        # A portal that acknowledges few of many must not let the retries grow without bound.
        crowded = len(retries) > self._limits.lag_records
        turn_over = self._fresh_run[lane] >= self._limits.fresh_run_bytes
        if old is not None and (not fresh or crowded or turn_over):
            return old if old_room or not in_flight else None
        return fresh if fresh and in_flight < self._limits.window_bytes else None

    def _take_batch(
        self, lane: Lane, source: deque[SpoolRecord] | deque[Retry], now: int
    ) -> InFlightBatch:
        records: dict[RecordKey, SpoolRecord] = {}
        size = 0
        first: SpoolRecord | None = None
        while source:
            head = source[0]
            record = head.record if isinstance(head, Retry) else head
            first = first or record
            size_after = size + len(record.body) + ITEM_OVERHEAD
            other = (record.epoch, record.boot) != (first.epoch, first.boot)
            late = isinstance(head, Retry) and head.due > now
            if records and (other or late or size_after > self._limits.batch_bytes):
                break
            source.popleft()
            records[record.epoch, record.lane, record.seq] = record
            self._tries[record.id] += 1
            size = size_after
        if source is self._fresh[lane].queue:
            self._fresh_run[lane] += size
        else:
            self._fresh_run[lane] = 0
        return self._register(lane, records, size, now)

    def _register(
        self, lane: Lane, records: dict[RecordKey, SpoolRecord], size: int, now: int
    ) -> InFlightBatch:
        self._number += 1
        named = {record.table for record in records.values() if record.table is not None}
        tables = tuple(sorted(named - self._tables.keys()))
        self._tables.update(dict.fromkeys(tables, self._number))
        tries = max(self._tries[record.id] for record in records.values())
        batch = InFlightBatch(
            number=self._number,
            lane=lane,
            records=records,
            size=size,
            tables=tables,
            sent=now,
            due=now + self._limits.ack_timeout(tries),
        )
        self._batches[batch.number] = batch
        self._lane_bytes[lane] += size
        self._in_flight.update(dict.fromkeys(records, batch))
        return batch

    # --- acknowledgements -------------------------------------------------------------------

    def on_ack(self, ack: Ack, tables: Iterable[bytes], now: int) -> list[bytes]:
        """Take in an acknowledgement that the spool has settled.

        Args:
            ack: The portal's acknowledgement.
            tables: Ids of the tables that the spool found for it.
            now: The time.

        Returns:
            Ids of the tables to send at once.
        """
        self._last_ack_at = now
        self.requested.ask(ack.wait_ms, now)
        done = clamp([*ack.ok, *((seq, seq) for seq, _ in ack.rejected)], SEQ_LIMIT)
        gone = clamp([(seq, seq) for seq in ack.conflict], SEQ_LIMIT)
        if done:
            self.breaker.close()
        self._forget_ranges(ack, done, settled=True)
        self._forget_ranges(ack, gone, settled=False)
        if gone:
            # Each costs the spool a new epoch: a portal that sees conflicts everywhere must not
            # keep the box writing without end.
            self.breaker.trip(now)
        return self._send_tables_first(ack, set(tables), now)

    def on_refused(self, batch: InFlightBatch | None, now: int) -> None:
        """The broker refused ``batch`` (``None``: an ``online`` or table message): pause all."""
        if batch is not None:
            # A table that went before it may have been refused as well.
            for table in batch.tables:
                self._tables.pop(table, None)
            self._take_back(batch, now, count_try=False)
        self.needs_online = True
        self.breaker.trip(now)

    def on_tables_refused(self, tables: Iterable[bytes], now: int) -> None:
        """The broker refused these tables: they go again before the next record that needs one."""
        for table in tables:
            self._tables.pop(table, None)
        self.on_refused(None, now)

    def expire(self, now: int) -> None:
        """Retry every overdue message; all messages, after a pause, if none was acknowledged."""
        if self.requested.is_over(now):
            self.needs_online = True  # the announcement may have been over the budget as well
            for each in list(self._batches.values()):
                if each.sent <= self.requested.asked_at:
                    self._take_back(each, now, count_try=False)
        if self.requested.until is not None:
            return
        late = [batch for batch in self._batches.values() if batch.due <= now]
        for batch in late:
            if batch.sent > self._last_ack_at:
                # A silent portal may have been replaced by one that knows no box and no table.
                self._tables.clear()
                self.needs_online = True
                for each in list(self._batches.values()):
                    self._take_back(each, now, count_try=False)
                self.breaker.trip(now)
                return
            self._take_back(batch, now, count_try=True)

    def wake_at(self, now: int) -> int | None:
        """When `next` or `expire` may have something to do that they have not now."""
        times = [batch.due for batch in self._batches.values()]
        queues = self._retries.values()
        times += [retries[0].due for retries in queues if retries and retries[0].due > now]
        pauses = (self.breaker.until, self.requested.until)
        times += [until for until in pauses if until is not None and until > now]
        return min(times, default=None)

    def _forget_ranges(self, ack: Ack, ranges: Sequence[tuple[int, int]], *, settled: bool) -> None:
        """Drop the records in ``ranges``, wherever they are."""
        if not ranges:
            return
        firsts = [first for first, _ in ranges]

        def named(record: SpoolRecord) -> bool:
            if record.epoch != ack.epoch or record.lane is not ack.lane:
                return False
            place = bisect_right(firsts, record.seq) - 1
            return place >= 0 and record.seq <= ranges[place][1]

        for name, batch in list(self._in_flight.items()):
            record = batch.records[name]
            if named(record):
                self._remove_record(name, batch)
                self._forget_record(record, settled=settled)
        for cursor in (self._fresh[ack.lane], self._old[ack.lane]):
            if any(named(record) for record in cursor.queue):
                for record in (each for each in cursor.queue if named(each)):
                    self._forget_record(record, settled=settled)
                cursor.queue = deque(each for each in cursor.queue if not named(each))
        retries = self._retries[ack.lane]
        if any(named(each.record) for each in retries):
            for each in (each for each in retries if named(each.record)):
                self._forget_record(each.record, settled=settled)
            self._retries[ack.lane] = deque(each for each in retries if not named(each.record))

    def _send_tables_first(self, ack: Ack, found: set[bytes], now: int) -> list[bytes]:
        urgent: set[bytes] = set()
        counted: set[bytes] = set()
        for seq, _ in ack.need_table:
            name = (ack.epoch, ack.lane, seq)
            batch = self._in_flight.get(name)
            if batch is None:
                continue
            record = batch.records[name]
            self._remove_record(name, batch)
            if record.table is None or record.table not in found:
                self._forget_record(record, settled=True)  # the spool dropped it: a gap follows
                continue
            if batch.number >= self._tables.get(record.table, 0) and record.table not in counted:
                # It was sent after its table, and the table is requested all the same.
                counted.add(record.table)
                self._table_requests[record.table] += 1
                self._tables[record.table] = self._number + 1
                urgent.add(record.table)
            requests = self._table_requests[record.table]
            due = now if requests <= 1 else now + self._limits.pause(requests - 1)
            self._push(Retry(due, record))
        if any(self._table_requests[table] > 1 for table in counted):
            self.breaker.trip(now)  # a portal that keeps no table is not sent the whole spool
        return sorted(urgent)

    def _remove_record(self, name: RecordKey, batch: InFlightBatch) -> None:
        """Take a record out of its message; with the last one, the message's bytes are free."""
        del batch.records[name]
        del self._in_flight[name]
        if not batch.records:
            del self._batches[batch.number]
            self._lane_bytes[batch.lane] -= batch.size

    def _take_back(self, batch: InFlightBatch, now: int, *, count_try: bool) -> None:
        """Retry a message's open records; with ``count_try`` their next timeout is longer."""
        for name, record in list(batch.records.items()):
            self._remove_record(name, batch)
            if not count_try:
                self._tries[record.id] -= 1
            self._push(Retry(now, record))

    def _push(self, retry: Retry) -> None:
        """Insert into the queue by due time; almost always that is its end."""
        queue = self._retries[retry.record.lane]
        index = len(queue)
        while index and queue[index - 1].due > retry.due:
            index -= 1
        queue.insert(index, retry)

    def _forget_record(self, record: SpoolRecord, *, settled: bool) -> None:
        self.known_ids.discard(record.id)
        del self._tries[record.id]
        if settled and record.table is not None:
            self._table_requests.pop(record.table, None)
