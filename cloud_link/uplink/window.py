"""What to send next, and what an answer means: the uplink's state machine, without I/O. Pure.

A record in the window, between two looks at the spool::

    read --> queued --next()--> in flight --ok, rejected--> forgotten (the spool deleted it)
               ^                   |
               |                   |--conflict------------> forgotten (it comes under a new name)
               |                   |--need_table----------> again, after its table
               `------ again <-----|--silence, by record--> again, waiting twice as long
                                   `--refused, or silence-> again, after a pause of everything

Nothing here deletes a record: that is the spool's, on the portal's word. A window lives as long
as one session; the next one reads the spool anew.

Lanes go in the order of `cloud_link.wire.Lane`, each with its own bytes in flight. Within a lane
fresh records go before old ones, which keep a share of turns and leave a share of the room.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloud_link.ranges import clamp
from cloud_link.uplink.flow import Breaker, Stream
from cloud_link.wire import Batch, Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cloud_link.spool.model import SpoolRecord
    from cloud_link.uplink.model import Pace
    from cloud_link.wire import Ack

ITEM_OVERHEAD: Final = 16
"""Bytes of one item of a batch beside its body, at most: array, sequence number, length."""
_SEQ_LIMIT: Final = 2**63

Name = tuple[bytes, Lane, int]
"""Epoch, lane and sequence number: what the portal calls a record."""


@dataclass(slots=True, kw_only=True, eq=False)
class Sending:
    """One message under way: its records until each is answered.

    Attributes:
        number: Grows with every message of the session.
        records: Those not yet answered.
        size: Bytes of all its records.
        tables: Tables to send before it, for the first time in this session.
        sent: When, and ``due``: by when it must be answered.
    """

    number: int
    lane: Lane
    records: dict[Name, SpoolRecord]
    size: int
    tables: tuple[bytes, ...]
    sent: int
    due: int

    def batch(self, version: int) -> Batch:
        """Its body, before encoding; all its records are of one epoch and boot."""
        first = next(iter(self.records.values()))
        items = tuple((record.seq, record.body) for record in self.records.values())
        return Batch(version, first.epoch, first.ordinal, self.lane, first.boot, items)


@dataclass(slots=True)
class _Again:
    """A record to be sent once more, not before ``due``."""

    due: int
    record: SpoolRecord


class Window:
    """The state of one session; see the module. Times are milliseconds of one steady clock.

    Attributes:
        breaker: Whether all sending pauses.
        greeting: Whether the portal should be told who is here before anything else: at first,
            and whenever it may have been replaced by one that has not heard it.

    Args:
        pace: How much and how long.
        newest: The newest id of each lane when the session began: what is above is fresh.
        spread: Where jitter comes from: 0 to 1.
    """

    def __init__(
        self,
        pace: Pace,
        newest: Mapping[Lane, int],
        spread: Callable[[], float] | None = None,
    ) -> None:
        self.breaker = Breaker(pace, spread) if spread else Breaker(pace)
        self._pace = pace
        self._fresh = {lane: Stream(lane, after=newest[lane], until=None) for lane in Lane}
        self._old = {lane: Stream(lane, after=0, until=newest[lane]) for lane in Lane}
        self._again: dict[Lane, deque[_Again]] = {lane: deque() for lane in Lane}
        self._run: Counter[Lane] = Counter()
        self._known: set[int] = set()
        self._tries: Counter[int] = Counter()
        self._flying: dict[Name, Sending] = {}
        self._sent: dict[int, Sending] = {}
        self._bytes: Counter[Lane] = Counter()
        self._number = 0
        self._tables: dict[bytes, int] = {}
        self._asked: Counter[bytes] = Counter()
        self._heard = -1
        self.greeting = True

    # --- reading the spool ------------------------------------------------------------------

    def hungry(self) -> list[Stream]:
        """The streams to read: `Spool.pending` of their lane and ``after``."""
        every = [*self._fresh.values(), *self._old.values()]
        return [stream for stream in every if stream.hungry]

    def feed(self, stream: Stream, records: list[SpoolRecord], newest: int) -> None:
        """Take in what was read; ``newest`` is the newest id of its lane at that time."""
        if stream.until is None and newest - stream.after > self._pace.lag:
            self._split(stream.lane, newest)
        else:
            stream.feed(records, self._known)

    def appended(self, lanes: Iterable[Lane] = tuple(Lane)) -> None:
        """Something may have come into these lanes of the spool."""
        for lane in lanes:
            self._fresh[lane].dry = False

    def _split(self, lane: Lane, newest: int) -> None:
        """Call everything up to ``newest`` old, so that what comes now does not queue behind it."""
        self._fresh[lane].jump(after=newest, until=None, known=self._known)
        old = self._old[lane]
        old.until, old.dry = newest, False

    # --- sending ----------------------------------------------------------------------------

    @property
    def flying(self) -> int:
        """Records sent and not yet answered."""
        return len(self._flying)

    @property
    def waits_for_room(self) -> bool:
        """Whether answers are what the next message waits for: a lane is half full, or more."""
        return any(size * 2 >= self._pace.flight for size in self._bytes.values())

    @property
    def flying_bytes(self) -> int:
        """Their bytes, with those of their messages' answered records."""
        return self._bytes.total()

    def may_send(self, now: int) -> bool:
        """Whether the breaker lets anything pass."""
        return self.breaker.allows(now, len(self._sent))

    def next(self, now: int) -> Sending | None:
        """The next message to publish, now in flight; ``None``: nothing, or not yet."""
        if not self.may_send(now):
            return None
        for lane in Lane:
            source = self._source(lane, now)
            if source is not None:
                return self._take(lane, source, now)
        return None

    def _source(self, lane: Lane, now: int) -> deque[SpoolRecord] | deque[_Again] | None:
        """The queue of ``lane`` whose turn it is, if there is room for it."""
        flying, again = self._bytes[lane], self._again[lane]
        old: deque[SpoolRecord] | deque[_Again] | None = None
        if again and again[0].due <= now:
            old = again
        elif self._old[lane].queue:
            old = self._old[lane].queue
        fresh = self._fresh[lane].queue
        # Old records leave room for one fresh batch: a full window of them delays nothing new.
        old_room = flying < self._pace.flight - self._pace.batch
        crowded = len(again) > self._pace.lag  # a portal that answers few: memory stays bounded
        if old is not None and (not fresh or crowded or self._run[lane] >= self._pace.fresh_run):
            return old if old_room or not flying else None
        return fresh if fresh and flying < self._pace.flight else None

    def _take(self, lane: Lane, source: deque[SpoolRecord] | deque[_Again], now: int) -> Sending:
        records: dict[Name, SpoolRecord] = {}
        size = 0
        first: SpoolRecord | None = None
        while source:
            head = source[0]
            record = head.record if isinstance(head, _Again) else head
            first = first or record
            size_after = size + len(record.body) + ITEM_OVERHEAD
            other = (record.epoch, record.boot) != (first.epoch, first.boot)
            late = isinstance(head, _Again) and head.due > now
            if records and (other or late or size_after > self._pace.batch):
                break
            source.popleft()
            records[record.epoch, record.lane, record.seq] = record
            self._tries[record.id] += 1
            size = size_after
        if source is self._fresh[lane].queue:
            self._run[lane] += size
        else:
            self._run[lane] = 0
        return self._fly(lane, records, size, now)

    def _fly(self, lane: Lane, records: dict[Name, SpoolRecord], size: int, now: int) -> Sending:
        self._number += 1
        named = {record.table for record in records.values() if record.table is not None}
        tables = tuple(sorted(named - self._tables.keys()))
        self._tables.update(dict.fromkeys(tables, self._number))
        tries = max(self._tries[record.id] for record in records.values())
        sending = Sending(
            number=self._number,
            lane=lane,
            records=records,
            size=size,
            tables=tables,
            sent=now,
            due=now + self._pace.ack_wait(tries),
        )
        self._sent[sending.number] = sending
        self._bytes[lane] += size
        self._flying.update(dict.fromkeys(records, sending))
        return sending

    # --- answers ----------------------------------------------------------------------------

    def acknowledged(self, ack: Ack, tables: Iterable[bytes], now: int) -> list[bytes]:
        """Take in an acknowledgement that the spool has settled.

        Args:
            ack: What the portal said.
            tables: The ids of the tables that the spool found for it.
            now: The time.

        Returns:
            The tables to send at once.
        """
        self._heard = now
        done = clamp([*ack.ok, *((seq, seq) for seq, _ in ack.rejected)], _SEQ_LIMIT)
        gone = clamp([(seq, seq) for seq in ack.conflict], _SEQ_LIMIT)
        if done:
            self.breaker.close()
        self._forget(ack, done, settled=True)
        self._forget(ack, gone, settled=False)
        if gone:
            # Each costs the spool a new epoch: a portal that sees conflicts everywhere must not
            # make us write for ever.
            self.breaker.trip(now)
        return self._send_tables_first(ack, set(tables), now)

    def refused(self, sending: Sending | None, now: int) -> None:
        """The broker did not take it (or a greeting or table: ``None``); everything pauses."""
        if sending is not None:
            # A table that went before it may have been refused as well.
            for table in sending.tables:
                self._tables.pop(table, None)
            self._land(sending, now, blame=False)
        self.greeting = True
        self.breaker.trip(now)

    def table_refused(self, tables: Iterable[bytes], now: int) -> None:
        """These tables were not taken: they go out again before the next record that needs one."""
        for table in tables:
            self._tables.pop(table, None)
        self.refused(None, now)

    def expire(self, now: int) -> None:
        """Send again what was not answered in time; all of it, after a pause, if nothing was."""
        late = [sending for sending in self._sent.values() if sending.due <= now]
        for sending in late:
            if sending.sent > self._heard:
                # Whoever is silent may be replaced by one who knows neither us nor our tables.
                self._tables.clear()
                self.greeting = True
                for each in list(self._sent.values()):
                    self._land(each, now, blame=False)
                self.breaker.trip(now)
                return
            self._land(sending, now, blame=True)

    def wake_at(self, now: int) -> int | None:
        """When `next` or `expire` may have something to do that they have not now."""
        times = [sending.due for sending in self._sent.values()]
        times += [again[0].due for again in self._again.values() if again and again[0].due > now]
        if self.breaker.until is not None and self.breaker.until > now:
            times.append(self.breaker.until)
        return min(times, default=None)

    def _forget(self, ack: Ack, ranges: Sequence[tuple[int, int]], *, settled: bool) -> None:
        """Drop the records in ``ranges``, wherever they are."""
        if not ranges:
            return
        firsts = [first for first, _ in ranges]

        def named(record: SpoolRecord) -> bool:
            if record.epoch != ack.epoch or record.lane is not ack.lane:
                return False
            place = bisect_right(firsts, record.seq) - 1
            return place >= 0 and record.seq <= ranges[place][1]

        for name, sending in list(self._flying.items()):
            record = sending.records[name]
            if named(record):
                self._answer(name, sending)
                self._drop(record, settled=settled)
        for stream in (self._fresh[ack.lane], self._old[ack.lane]):
            if any(named(record) for record in stream.queue):
                for record in (each for each in stream.queue if named(each)):
                    self._drop(record, settled=settled)
                stream.queue = deque(each for each in stream.queue if not named(each))
        again = self._again[ack.lane]
        if any(named(each.record) for each in again):
            for each in (each for each in again if named(each.record)):
                self._drop(each.record, settled=settled)
            self._again[ack.lane] = deque(each for each in again if not named(each.record))

    def _send_tables_first(self, ack: Ack, found: set[bytes], now: int) -> list[bytes]:
        urgent: set[bytes] = set()
        counted: set[bytes] = set()
        for seq, _ in ack.need_table:
            name = (ack.epoch, ack.lane, seq)
            sending = self._flying.get(name)
            if sending is None:
                continue
            record = sending.records[name]
            self._answer(name, sending)
            if record.table is None or record.table not in found:
                self._drop(record, settled=True)  # the spool gave it up: a gap will tell
                continue
            if sending.number >= self._tables.get(record.table, 0) and record.table not in counted:
                # It was sent after its table and the table is asked for all the same.
                counted.add(record.table)
                self._asked[record.table] += 1
                self._tables[record.table] = self._number + 1
                urgent.add(record.table)
            asked = self._asked[record.table]
            due = now if asked <= 1 else now + self._pace.pause_wait(asked - 1)
            self._push(_Again(due, record))
        if any(self._asked[table] > 1 for table in counted):
            self.breaker.trip(now)  # it never keeps what we send: do not pour the spool into it
        return sorted(urgent)

    def _answer(self, name: Name, sending: Sending) -> None:
        """One record of a message is answered; with the last, its bytes are free."""
        del sending.records[name]
        del self._flying[name]
        if not sending.records:
            del self._sent[sending.number]
            self._bytes[sending.lane] -= sending.size

    def _land(self, sending: Sending, now: int, *, blame: bool) -> None:
        """Take a message's unanswered records back; with ``blame`` their next wait is longer."""
        for name, record in list(sending.records.items()):
            self._answer(name, sending)
            if not blame:
                self._tries[record.id] -= 1
            self._push(_Again(now, record))

    def _push(self, again: _Again) -> None:
        """Keep the queue by due time; almost always that is its end."""
        queue = self._again[again.record.lane]
        place = len(queue)
        while place and queue[place - 1].due > again.due:
            place -= 1
        queue.insert(place, again)

    def _drop(self, record: SpoolRecord, *, settled: bool) -> None:
        self._known.discard(record.id)
        del self._tries[record.id]
        if settled and record.table is not None:
            self._asked.pop(record.table, None)
