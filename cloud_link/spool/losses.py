"""Losses as rows of open gaps, and gap records made of them; in a transaction of the caller."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from cloud_link.limits import COLUMNS_LIMIT
from cloud_link.ranges import Range
from cloud_link.records import GapRecord, WireError, decode_record, encode_record
from cloud_link.spool.gaps import (
    UNKNOWN_TIME,
    GapReason,
    Loss,
    OpenGap,
    pack_ranges,
    unpack_ranges,
    within,
)
from cloud_link.spool.model import Entry
from cloud_link.spool.neighbours import bounds_of
from cloud_link.spool.records import Epoch, RecordStore, Row
from cloud_link.spool.schema import first_id, last_id
from cloud_link.wire import Lane

_DROP_AT_ONCE: Final = 256
_CAP_ORDER: Final = (Lane.DATA, Lane.EVENT, Lane.BOUNDARY)

_NOT_DROPPED: Final = frozenset({GapReason.PORTAL, GapReason.INVALID, GapReason.MOVED})
"""Losses that are not the spool's: it was delivered once, could never be sent, or goes again."""
_HIDES_NO_CHANGE: Final = frozenset({GapReason.INVALID, GapReason.MOVED})
_COLUMNS = (
    "key, ordinal, lane, reason, ranges, records, readings, "
    "first_boot, first_at, last_boot, last_at"
)


class Losses:
    """The open gaps of a database: losses that must be announced."""

    def __init__(self, db: sqlite3.Connection, records: RecordStore) -> None:
        self._db = db
        self._records = records

    def add(self, loss: Loss) -> None:
        """Count ``loss`` into the open gap of its epoch, lane and reason, or begin one."""
        key, gap = next(self._rows(loss), (None, None))
        grown = gap.joined(OpenGap.of(loss)) if gap else None
        self._put(key if grown else None, grown or OpenGap.of(loss))
        if loss.reason not in _NOT_DROPPED:
            self.count(loss.lane, loss.records)

    def seal(self, epoch: Epoch, boot: bytes, handed_out: int) -> int:
        """Turn every open gap into a record of `Lane.GAP`; returns how many gaps.

        One goes into a record of its kind that is there already, if that has an id above
        ``handed_out``: what was never handed out cannot have been sent, and may still change.
        """
        names = self._records.epoch_names()
        entries = []
        gaps = [gap for _, gap in self._rows()]
        for gap in gaps:
            if self._seal_into_pending(gap, names[gap.ordinal], handed_out):
                continue
            body = encode_record(gap.record(names[gap.ordinal]))
            at = gap.last[1] if gap.last[0] == boot else 0
            entries.append(Entry(lane=Lane.GAP, body=body, at=at, readings=0))
        if gaps:
            self._db.execute("DELETE FROM gap")
        if entries:
            self._records.insert(epoch.ordinal, Lane.GAP, boot, entries)
        return len(gaps)

    def _seal_into_pending(self, gap: OpenGap, epoch: bytes, handed_out: int) -> bool:
        first = max(handed_out + 1, first_id(Lane.GAP))
        for row in list(self._records.rows(first, last_id(Lane.GAP))):
            sealed = _sealed_gap(row)
            if sealed is None or gap.kind != sealed.kind:
                continue
            joined = sealed.joined(gap)
            if joined is not None:
                self._records.rewrite(row, encode_record(joined.record(epoch)))
                return True
        return False

    def withdraw(self, ordinal: int, lane: Lane, runs: list[Range]) -> None:
        """Take numbers that the portal has after all out of the open gaps.

        Those whose records go again under others stay: the portal has these twice.
        """
        if not runs or (int(lane), ordinal) not in self._open_numbers():
            return
        for key, gap in list(self._rows()):
            if (gap.ordinal, gap.lane) != (ordinal, lane) or gap.reason == GapReason.MOVED:
                continue
            left = gap.without(runs)
            if left is None:
                self._db.execute("DELETE FROM gap WHERE key = ?", (key,))
            elif left != gap:
                self._put(key, left)

    def _open_numbers(self) -> frozenset[tuple[int, int]]:
        return frozenset(self._db.execute("SELECT DISTINCT lane, ordinal FROM gap").fetchall())

    def add_gap(self, gap: OpenGap) -> None:
        """Add an open gap as it is, without coalescing it with another."""
        self._put(None, gap)

    def count(self, lane: Lane, records: int) -> None:
        """Count ``records`` of ``lane`` as dropped since the spool began."""
        self._db.execute("UPDATE lane SET dropped = dropped + ? WHERE lane = ?", (records, lane))

    def all_open(self) -> list[OpenGap]:
        """Every open gap."""
        return [gap for _, gap in self._rows()]

    def open_lanes(self) -> frozenset[tuple[int, str]]:
        """(lane, reason) of every open gap."""
        return frozenset(self._db.execute("SELECT DISTINCT lane, reason FROM gap").fetchall())

    def asks_for_repetition(self) -> bool:
        """Whether an open gap may hide a change, so that unchanged values are sent again."""
        return any(reason not in _HIDES_NO_CHANGE for _, reason in self.open_lanes())

    def open_gaps(self) -> int:
        """The number of open gaps."""
        return int(self._db.execute("SELECT count(*) FROM gap").fetchone()[0])

    def drop(self, row: Row, reason: str) -> None:
        """Delete one record and count it as lost; of a damaged row, only the id is relied on."""
        self._records.remove(row.lane, row.id, row.id)
        number = self._records.number_of(row.lane, row.id)
        if number is None:
            return
        if row.checksum_ok:
            first = last = (row.boot, row.at)
        else:
            before, after = bounds_of(self._db, row.lane, row.id, row.id)
            first, last = before or UNKNOWN_TIME, after or UNKNOWN_TIME
        self.add(
            Loss(
                ordinal=number[0],
                lane=row.lane,
                reason=reason,
                run=(number[1], number[1]),
                records=1,
                readings=within(row.readings, COLUMNS_LIMIT + 1)
                if isinstance(row.readings, int)
                else 0,
                first=first,
                last=last,
            )
        )

    def shrink(self, excess: Callable[[], int], event_bytes: int, held: frozenset[int]) -> int:
        """Drop oldest records, cheapest lane first, while ``excess()`` bytes are too many.

        Events beyond ``event_bytes`` go before data: each carries a device's whole state, so that
        the newest are worth most. Records whose ids are ``held`` may have arrived at the portal:
        they go when there is nothing else. Drops that free no page of the database are rolled back,
        as they would gain nothing. Returns how many records were dropped.
        """

        def beyond() -> int:
            return min(excess(), self._bytes(Lane.EVENT) - event_bytes)

        first = self._shrink_lane(Lane.EVENT, beyond, held) if beyond() > 0 else 0
        return first + sum(
            self._shrink_lane(lane, excess, kept)
            for kept in ((held, frozenset()) if held else (held,))
            for lane in _CAP_ORDER
            if excess() > 0
        )

    def _bytes(self, lane: Lane) -> int:
        query = "SELECT bytes FROM lane WHERE lane = ?"
        return int(self._db.execute(query, (lane,)).fetchone()[0])

    def _shrink_lane(self, lane: Lane, excess: Callable[[], int], held: frozenset[int]) -> int:
        dropped = tried = 0
        before = excess()
        self._db.execute("SAVEPOINT shrink")
        while (left := excess()) > 0 and (count := self._drop_oldest(lane, left, held)):
            tried += count
            if excess() < before:
                dropped, before = dropped + tried, excess()
                tried = 0
                self._db.execute("RELEASE shrink")
                self._db.execute("SAVEPOINT shrink")
        if tried:
            self._db.execute("ROLLBACK TO shrink")
        self._db.execute("RELEASE shrink")
        return dropped

    def _drop_oldest(self, lane: Lane, excess: int, held: frozenset[int]) -> int:
        """Drop oldest records whose numbers follow each other, about ``excess`` bytes of them.

        None that is ``held`` is among them.
        """
        query = (
            "SELECT id, ordinal, seq, boot, at, readings, table_id, checksum, x'', length(body) "
            "FROM record WHERE id BETWEEN ? AND ? ORDER BY id"
        )
        victims: list[Row] = []
        for row in self._db.execute(query, (first_id(lane), last_id(lane))):
            victim, length = Row(*row[:9]), row[9]
            if victim.id in held and not victims:
                continue
            full = excess <= 0 or len(victims) == _DROP_AT_ONCE or victim.id in held
            last = victims[-1] if victims else victim
            if full or victim.ordinal != last.ordinal or victim.id > last.id + 1:
                break
            victims.append(victim)
            excess -= length
        if victims:
            self._records.remove(lane, victims[0].id, victims[-1].id)
            self.add(loss_of(victims, lane, GapReason.CAP))
        return len(victims)

    def _rows(self, loss: Loss | None = None) -> Iterator[tuple[int, OpenGap]]:
        """Open gaps with their keys: all, or those ``loss`` may go into, the newest first."""
        query = f"SELECT {_COLUMNS} FROM gap"  # noqa: S608 - built from a constant
        terms: tuple[object, ...] = ()
        if loss:
            query += " WHERE ordinal = ? AND lane = ? AND reason = ? ORDER BY key DESC LIMIT 1"
            terms = (loss.ordinal, loss.lane, loss.reason)
        for key, ordinal, lane, reason, ranges, *rest in self._db.execute(query, terms).fetchall():
            records, readings, first_boot, first_at, last_boot, last_at = rest
            yield (
                key,
                OpenGap(
                    ordinal=ordinal,
                    lane=Lane(lane),
                    reason=reason,
                    ranges=unpack_ranges(ranges),
                    records=records,
                    readings=readings,
                    first=(first_boot, first_at),
                    last=(last_boot, last_at),
                ),
            )

    def _put(self, key: int | None, gap: OpenGap) -> None:
        self._db.execute(
            f"INSERT OR REPLACE INTO gap ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608 - built from a constant
            (
                key,
                gap.ordinal,
                gap.lane,
                gap.reason,
                pack_ranges(gap.ranges),
                gap.records,
                gap.readings,
                *gap.first,
                *gap.last,
            ),
        )


def _sealed_gap(row: Row) -> OpenGap | None:
    """The gap in a record of lane GAP; ``None`` where the row is damaged."""
    if not row.checksum_ok:
        return None
    try:
        record = decode_record(row.body)
    except WireError:
        return None
    if not isinstance(record, GapRecord):
        return None
    return OpenGap(
        ordinal=record.ordinal,
        lane=Lane(record.lane),
        reason=record.reason,
        ranges=record.ranges,
        records=record.records,
        readings=record.readings,
        first=record.first,
        last=record.last,
    )


class _RefusedEntries(NamedTuple):
    """Count of refused records and readings of a lane, and their milliseconds since boot."""

    records: int
    readings: int
    first: int
    last: int


class Refusals:
    """Counts of records that the disk refused, until these counts can be written to it."""

    def __init__(self) -> None:
        self._refused: dict[Lane, _RefusedEntries] = {}

    def __bool__(self) -> bool:
        return bool(self._refused)

    def add(self, entries: Iterable[Entry]) -> None:
        """Count ``entries`` as refused: a summary of constant size."""
        for entry in entries:
            known = self._refused.get(entry.lane, _RefusedEntries(0, 0, entry.at, entry.at))
            self._refused[entry.lane] = _RefusedEntries(
                known.records + 1,
                known.readings + entry.readings,
                min(known.first, entry.at),
                max(known.last, entry.at),
            )

    def write(self, records: RecordStore, losses: Losses, ordinal: int, boot: bytes) -> None:
        """Allocate numbers of epoch ``ordinal`` for the refused records and add them as losses."""
        for lane, refused in self._refused.items():
            _, first = records.allocate_numbers(ordinal, lane, refused.records)
            losses.add(
                Loss(
                    ordinal=ordinal,
                    lane=lane,
                    reason=GapReason.DISK,
                    run=(first, first + refused.records - 1),
                    records=refused.records,
                    readings=refused.readings,
                    first=(boot, refused.first),
                    last=(boot, refused.last),
                )
            )

    def clear(self) -> None:
        """Forget the counts once they are written to the disk."""
        self._refused.clear()


def loss_of(rows: list[Row], lane: Lane, reason: str) -> Loss:
    """The loss of ``rows`` of one epoch and lane, whose numbers follow each other."""
    times = [(row.boot, row.at) for row in rows]
    return Loss(
        ordinal=rows[0].ordinal,
        lane=lane,
        reason=reason,
        run=(rows[0].seq, rows[-1].seq),
        records=len(rows),
        readings=sum(row.readings for row in rows),
        first=min(when for when in times if when[0] == times[0][0]),
        last=max(when for when in times if when[0] == times[-1][0]),
    )
