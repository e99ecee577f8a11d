"""Operations on the spool's tables inside a transaction. No commit, no file, no clock.

Every method expects an open transaction of its caller, who also decides what happens when one
fails. Nothing is cached between transactions, so that a rollback leaves nothing to undo here.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cloud_link.limits import EPOCH_SIZE, ORDINAL_LIMIT, RENEWAL_LIMIT
from cloud_link.records import Table, decode_table
from cloud_link.spool.model import Entry, SpoolDamagedError, SpoolRecord
from cloud_link.spool.schema import LANE_SHIFT, checksum
from cloud_link.spool.settled import SettledRuns
from cloud_link.spool.table_cache import TableCache
from cloud_link.wire import Lane
from console.templates import spool

EPOCHS_KEPT: Final = 256
"""Newest epochs that are remembered although nothing of them is left: a portal that is restored
from an old backup is told that their records are gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """A run of sequence numbers; ``ordinal`` orders epochs, ``name`` is random."""

    name: bytes
    ordinal: int


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table ``record``."""

    id: int
    ordinal: int
    seq: int
    boot: bytes
    at: int
    readings: int
    table: bytes | None
    checksum: int
    body: bytes

    @property
    def checksum_ok(self) -> bool:
        """Whether the row is what was once accepted, by its checksum."""
        number = (self.id, self.ordinal, self.seq)
        try:
            computed = checksum(
                number, (self.boot, self.at), self.readings, self.table or b"", self.body
            )
        except Exception:  # noqa: BLE001 - a damaged row may hold any type in any column
            return False
        return computed == self.checksum

    @property
    def lane(self) -> Lane:
        """The lane, which is part of the id."""
        return Lane(self.id >> LANE_SHIFT)

    def to_record(self, epoch: bytes) -> SpoolRecord:
        """The record in this row; ``epoch`` is the name of its epoch."""
        return SpoolRecord(
            id=self.id,
            epoch=epoch,
            ordinal=self.ordinal,
            lane=self.lane,
            seq=self.seq,
            boot=self.boot,
            body=self.body,
            table=self.table,
        )


class RecordStore:
    """The rows of one spool file.

    Attributes:
        settled: Which ids are not pending.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._tables = TableCache()
        self.settled = SettledRuns(db)

    # Epochs and numbers

    def begin_epoch(self, above: int = 0) -> Epoch:
        """A new epoch whose ordinal exceeds every known one and ``above``; old ones are tidied.

        Where there is none left, it begins again below `RENEWAL_LIMIT`: a portal then no longer
        believes the ordinals above that (`portal.ingest.healing`).
        """
        ordinal = max(self._greatest_ordinal(ORDINAL_LIMIT), above) + 1
        if ordinal >= ORDINAL_LIMIT:
            ordinal = self._greatest_ordinal(RENEWAL_LIMIT) + 1
        self._forget_epochs()
        epoch = Epoch(name=secrets.token_bytes(EPOCH_SIZE), ordinal=ordinal)
        self._db.execute("INSERT INTO epoch VALUES (?, ?)", (epoch.ordinal, epoch.name))
        return epoch

    def _greatest_ordinal(self, below: int) -> int:
        query = "SELECT coalesce(max(ordinal), 0) FROM epoch WHERE ordinal < ?"
        return int(self._db.execute(query, (below,)).fetchone()[0])

    def epoch_of(self, name: bytes) -> Epoch | None:
        """The epoch called ``name``, while anything of it is left."""
        row = self._db.execute("SELECT ordinal FROM epoch WHERE name = ?", (name,)).fetchone()
        return Epoch(name=name, ordinal=row[0]) if row else None

    def epoch_names(self) -> dict[int, bytes]:
        """Every epoch's name by ordinal; raises `SpoolDamagedError` for what is none."""
        names = dict(self._db.execute("SELECT ordinal, name FROM epoch"))
        if not all(isinstance(name, bytes) and len(name) == EPOCH_SIZE for name in names.values()):
            raise SpoolDamagedError(
                spool.DAMAGED(), why=spool.UNREADABLE_ROW(), next_step=spool.CHECK_DISK()
            )
        return names

    def counter(self, ordinal: int, lane: Lane) -> tuple[int, int]:
        """(base, next) of ``lane`` in this epoch: base is what a seq is added to for its id."""
        row = self._db.execute(
            "SELECT base, next FROM counter WHERE ordinal = ? AND lane = ?", (ordinal, lane)
        ).fetchone()
        if row:
            return row[0], row[1]
        return self.newest_id(lane) + 1, 0

    def newest_id(self, lane: Lane) -> int:
        """The id given out last in ``lane``."""
        query = "SELECT newest FROM lane WHERE lane = ?"
        return int(self._db.execute(query, (lane,)).fetchone()[0])

    def pending_count(self, lane: Lane) -> int:
        """How many records of ``lane`` are pending."""
        query = "SELECT records FROM lane WHERE lane = ?"
        return int(self._db.execute(query, (lane,)).fetchone()[0])

    def allocate_numbers(self, ordinal: int, lane: Lane, count: int) -> tuple[int, int]:
        """Allocate ``count`` numbers; returns (base, first number)."""
        base, first = self.counter(ordinal, lane)
        self._db.execute(
            "INSERT INTO counter VALUES (?, ?, ?, ?) "
            "ON CONFLICT (ordinal, lane) DO UPDATE SET next = excluded.next",
            (ordinal, lane, base, first + count),
        )
        self._db.execute(
            "UPDATE lane SET newest = ? WHERE lane = ?", (base + first + count - 1, lane)
        )
        return base, first

    def _forget_epochs(self) -> None:
        """Delete old epochs that no record and no open gap refers to."""
        gaps = {ordinal for (ordinal,) in self._db.execute("SELECT DISTINCT ordinal FROM gap")}
        query = f"SELECT ordinal FROM epoch ORDER BY ordinal DESC LIMIT -1 OFFSET {EPOCHS_KEPT}"  # noqa: S608 - built from a constant
        for (ordinal,) in self._db.execute(query).fetchall():
            lanes = self._db.execute(
                "SELECT base, base + next - 1 FROM counter WHERE ordinal = ?", (ordinal,)
            ).fetchall()
            if ordinal not in gaps and not any(self._any(first, last) for first, last in lanes):
                self._db.execute("DELETE FROM counter WHERE ordinal = ?", (ordinal,))
                self._db.execute("DELETE FROM epoch WHERE ordinal = ?", (ordinal,))

    def _any(self, first: int, last: int) -> bool:
        query = "SELECT 1 FROM record WHERE id BETWEEN ? AND ? LIMIT 1"
        return self._db.execute(query, (first, last)).fetchone() is not None

    # Records

    def insert(self, ordinal: int, lane: Lane, boot: bytes, entries: Sequence[Entry]) -> int:
        """Store ``entries`` of one lane under new numbers; returns the first number."""
        base, first = self.allocate_numbers(ordinal, lane, len(entries))
        rows = []
        size = 0
        used: Counter[tuple[bytes, bytes]] = Counter()
        for seq, entry in enumerate(entries, first):
            table = None
            if entry.table is not None:
                known = self._tables.encoded(entry.table)
                used[known] += 1
                table = known[0]
            number = (base + seq, ordinal, seq)
            size += len(entry.body)
            mark = checksum(number, (boot, entry.at), entry.readings, table or b"", entry.body)
            rows.append((*number, boot, entry.at, entry.readings, table, mark, entry.body))
        self._store(lane, rows, size)
        for (name, encoded), count in used.items():
            self.keep_table(name, encoded, count)
        return first

    def adopt(self, ordinal: int, lane: Lane, rows: Sequence[Row]) -> int:
        """Store ``rows``, whose tables are here already, under new numbers, in their order."""
        base, first = self.allocate_numbers(ordinal, lane, len(rows))
        moved = []
        for seq, row in enumerate(rows, first):
            number = (base + seq, ordinal, seq)
            mark = checksum(number, (row.boot, row.at), row.readings, row.table or b"", row.body)
            moved.append((*number, row.boot, row.at, row.readings, row.table, mark, row.body))
        self._store(lane, moved, sum(len(row.body) for row in rows))
        self._refer(Counter(row.table for row in rows if row.table is not None))
        return first

    def restore(self, lane: Lane, rows: Sequence[Row], tables: dict[bytes, bytes]) -> None:
        """Store ``rows`` as they are, with the encoded ``tables`` they refer to.

        Those whose ids are settled count as retained.
        """
        plain = [
            (r.id, r.ordinal, r.seq, r.boot, r.at, r.readings, r.table, r.checksum, r.body)
            for r in rows
        ]
        self._store(lane, plain, sum(len(row.body) for row in rows))
        kept = [len(row.body) for row in rows if self.settled.holds(row.id)]
        self._count_settled(lane, len(kept), sum(kept))
        used = Counter(row.table for row in rows if row.table is not None)
        for name, count in used.items():
            self.keep_table(name, tables[name], count)

    def _store(self, lane: Lane, rows: Sequence[tuple[object, ...]], size: int) -> None:
        self._db.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._db.execute(
            "UPDATE lane SET records = records + ?, bytes = bytes + ? WHERE lane = ?",
            (len(rows), size, lane),
        )

    def rewrite(self, row: Row, body: bytes) -> None:
        """Give a record that was never handed out another body, under its number."""
        number = (row.id, row.ordinal, row.seq)
        mark = checksum(number, (row.boot, row.at), row.readings, row.table or b"", body)
        self._db.execute(
            "UPDATE record SET body = ?, checksum = ? WHERE id = ?", (body, mark, row.id)
        )
        self._db.execute(
            "UPDATE lane SET bytes = bytes + ? WHERE lane = ?",
            (len(body) - len(row.body), row.lane),
        )

    def rows(self, first: int, last: int) -> Iterator[Row]:
        """The rows with ids from ``first`` to ``last``, ascending, whatever their checksums."""
        query = "SELECT * FROM record WHERE id BETWEEN ? AND ? ORDER BY id"
        for row in self._db.execute(query, (first, last)):
            yield Row(*row)

    def rows_within(self, first: int, last: int, limit_bytes: int) -> list[Row]:
        """The first pending rows with these ids: one, or ``limit_bytes`` of bodies at most."""
        rows: list[Row] = []
        room = limit_bytes
        for span in self.settled.pending_spans(first, last):
            for row in self.rows(*span):
                room -= len(row.body) if isinstance(row.body, bytes) else 0
                if room < 0 and rows:
                    return rows
                rows.append(row)
        return rows

    def settle(self, lane: Lane, first: int, last: int) -> int:
        """Settle the pending records of ``lane`` with these ids; returns how many those were.

        They stay where they are and count as retained: no row is written.
        """
        query = (
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM record WHERE id BETWEEN ? AND ?"
        )
        spans = [
            self._db.execute(query, span).fetchone()
            for span in self.settled.pending_spans(first, last)
        ]
        records, size = (sum(counts) for counts in zip(*spans, strict=True)) if spans else (0, 0)
        if records:
            self.settled.add(lane, first, last)
            self._count_settled(lane, records, size)
        return records

    def unsettle(self, lane: Lane, first: int, last: int) -> int:
        """Make the retained records of ``lane`` with these ids pending again; returns how many."""
        query = (
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM record WHERE id BETWEEN ? AND ?"
        )
        records = size = 0
        for span in self.settled.within(first, last):
            counted, length = self._db.execute(query, span).fetchone()
            if counted:
                self.settled.cut(*span)
                records, size = records + counted, size + length
        if records:
            self._count_settled(lane, -records, -size)
        return records

    def _count_settled(self, lane: Lane, records: int, size: int) -> None:
        self._db.execute(
            "UPDATE lane SET records = records - ?1, bytes = bytes - ?2, "
            "kept_records = kept_records + ?1, kept_bytes = kept_bytes + ?2 WHERE lane = ?3",
            (records, size, lane),
        )

    def first_pending(self, first: int, last: int) -> int | None:
        """The least id from ``first`` to ``last`` of a pending record; ``None`` without one."""
        query = "SELECT id FROM record WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1"
        for span in self.settled.pending_spans(first, last):
            found = self._db.execute(query, span).fetchone()
            if found:
                return int(found[0])
        return None

    def remove(self, lane: Lane, first: int, last: int) -> int:
        """Delete the records of ``lane`` with these ids, none of them settled.

        The tables that only they used go with them. Returns how many records were deleted.
        """
        removed, size = self._delete(first, last)
        self._db.execute(
            "UPDATE lane SET records = records - ?, bytes = bytes - ? WHERE lane = ?",
            (removed, size, lane),
        )
        return removed

    def forget(self, lane: Lane, first: int, last: int) -> int:
        """Delete the retained records of ``lane`` with these ids, which are all settled.

        The tables that only they used go with them. Returns how many records were deleted.
        """
        removed, size = self._delete(first, last)
        self._db.execute(
            "UPDATE lane SET kept_records = kept_records - ?, kept_bytes = kept_bytes - ? "
            "WHERE lane = ?",
            (removed, size, lane),
        )
        return removed

    def _delete(self, first: int, last: int) -> tuple[int, int]:
        """Delete rows; returns how many, and the bytes of their bodies."""
        removed = size = 0
        used: Counter[bytes] = Counter()
        for table, count, length in self._db.execute(
            "SELECT table_id, count(*), sum(length(body)) FROM record "
            "WHERE id BETWEEN ? AND ? GROUP BY table_id",
            (first, last),
        ):
            removed += count
            size += length
            if table is not None:
                used[table] += count
        if removed:
            self._db.execute("DELETE FROM record WHERE id BETWEEN ? AND ?", (first, last))
            self._release(used)
        return removed, size

    def number_of(self, lane: Lane, record: int) -> tuple[int, int] | None:
        """(ordinal, seq) of the record with this id, from the counters rather than its row."""
        row = self._db.execute(
            "SELECT ordinal, base, next FROM counter WHERE lane = ? AND base <= ? "
            "ORDER BY base DESC LIMIT 1",
            (lane, record),
        ).fetchone()
        return (row[0], record - row[1]) if row and record < row[1] + row[2] else None

    # Tables

    def keep_table(self, name: bytes, encoded: bytes, refs: int) -> None:
        """Store the table, if it is not here yet, and count ``refs`` more references to it."""
        self._db.execute(
            "INSERT INTO wire_table VALUES (?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET refs = refs + excluded.refs",
            (name, refs, encoded),
        )

    def tables(self, names: Iterable[bytes]) -> list[Table]:
        """The tables called ``names`` that are here."""
        query = "SELECT body FROM wire_table WHERE id = ?"
        found = (self._db.execute(query, (name,)).fetchone() for name in names)
        return [decode_table(row[0]) for row in found if row]

    def _refer(self, used: Counter[bytes]) -> None:
        self._db.executemany(
            "UPDATE wire_table SET refs = refs + ? WHERE id = ?",
            [(count, name) for name, count in used.items()],
        )

    def _release(self, used: Counter[bytes]) -> None:
        gone = [(count, name) for name, count in used.items()]
        self._db.executemany("UPDATE wire_table SET refs = refs - ? WHERE id = ?", gone)
        self._db.executemany(
            "DELETE FROM wire_table WHERE id = ? AND refs <= 0", [(name,) for _, name in gone]
        )
