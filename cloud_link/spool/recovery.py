"""What can be saved of a damaged database that was set aside, and what must be announced.

Every record carries a checksum over its number, time and body, so each row that can still be read
either proves itself or is not believed. Those that do are carried over under their old numbers;
the numbers that remain become gaps of reason "damaged". The work is done in several transactions,
since a spool may be large; the fact `PENDING` names the file until all is announced, so that a
power cut in between only means doing it again.

What is announced may name more numbers than were lost (those the portal already has can no longer
be told apart); ``records`` is the true number where the old counters were readable, else 0.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from cloud_link.ranges import Range, complement
from cloud_link.spool.database import Database
from cloud_link.spool.folder import Note
from cloud_link.spool.gaps import MOST_RANGES, OpenGap, Reason
from cloud_link.spool.model import SpoolFull
from cloud_link.spool.records import Row
from cloud_link.wire import BOOT_SIZE, EPOCH_SIZE, Lane, Table, table_id

PENDING: Final = "salvaging"
_AT_ONCE: Final = 500
_NOBODY: Final = (bytes(BOOT_SIZE), 0)
_LOSABLE: Final = (Lane.EVENT, Lane.BOUNDARY, Lane.DATA)

_decode_table: msgspec.msgpack.Decoder[Table] = msgspec.msgpack.Decoder(Table)
Number = tuple[int, int]


class Wreck:
    """A damaged database, read as far as it can be. Nothing here raises for damage."""

    def __init__(self, path: Path) -> None:
        self._db: sqlite3.Connection | None = None
        with contextlib.suppress(sqlite3.Error):
            if path.exists():
                self._db = sqlite3.connect(path, isolation_level=None, timeout=1.0)
        self.epochs: dict[int, bytes] = {
            ordinal: name
            for ordinal, name in self._all("SELECT ordinal, name FROM epoch", (int, bytes))
            if ordinal > 0 and len(name) == EPOCH_SIZE
        }
        self.counters: dict[Number, Range] = {
            (ordinal, lane): (base, following)
            for ordinal, lane, base, following in self._all(
                "SELECT ordinal, lane, base, next FROM counter", (int, int, int, int)
            )
            if ordinal in self.epochs and lane in set(Lane) and 0 <= following < 2**48
        }
        self.pending: dict[int, int] = dict(self._all("SELECT lane, records FROM lane", (int, int)))
        self.newest: dict[int, int] = dict(self._all("SELECT lane, newest FROM lane", (int, int)))

    def close(self) -> None:
        """Let go of the file."""
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()

    def facts(self) -> list[tuple[str, bytes]]:
        """The small facts."""
        return list(self._all("SELECT key, value FROM fact", (str, bytes)))

    def open_gaps(self) -> list[tuple[Any, ...]]:
        """The rows of gaps that were open, of epochs that are known."""
        kinds = (int, int, int, str, bytes, int, int, bytes, int, bytes, int)
        return [row for row in self._all("SELECT * FROM gap", kinds) if row[1] in self.epochs]

    def rows(self, number: Number) -> Iterator[Row]:
        """The sound records of this (ordinal, lane), from both ends towards the damage."""
        base, following = self.counters[number]
        bounds = (base, base + following - 1)
        seen = base - 1
        query = "SELECT * FROM record WHERE id BETWEEN ? AND ? ORDER BY id"
        for way in ("ASC", "DESC"):
            for raw in self._read(f"{query} {way}", bounds):
                row = Row(*raw)
                if way == "DESC" and row.id <= seen:
                    return
                if self._believable(row, number, base):
                    seen = max(seen, row.id) if way == "ASC" else seen
                    yield row

    def table(self, name: bytes) -> bytes | None:
        """The encoded table called ``name``, if it is what its name says."""
        for (body,) in self._read("SELECT body FROM wire_table WHERE id = ?", (name,)):
            with contextlib.suppress(msgspec.MsgspecError, TypeError):
                if table_id(_decode_table.decode(body)) == name:
                    return bytes(body)
        return None

    @staticmethod
    def _believable(row: Row, number: Number, base: int) -> bool:
        return row.sound and row.ordinal == number[0] and row.id == base + row.seq

    def _all(self, query: str, kinds: tuple[type, ...]) -> Iterator[tuple[Any, ...]]:
        for row in self._read(query, ()):
            if all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True)):
                yield row

    def _read(self, query: str, terms: tuple[object, ...]) -> Iterator[tuple[Any, ...]]:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                yield from self._db.execute(query, terms)


class Salvage:
    """Carries what is sound from ``aside`` into ``database`` and announces the rest.

    `prepare` belongs in the transaction that begins the new epoch, after it has begun; `finish`
    makes transactions of its own.
    """

    def __init__(self, database: Database, aside: Path) -> None:
        self._database = database
        self._aside = aside
        self._wreck = Wreck(aside)
        self._carried: dict[Number, list[Range]] = defaultdict(list)
        self._count: dict[int, int] = defaultdict(int)

    @property
    def greatest_ordinal(self) -> int:
        """The greatest ordinal the damaged spool is known to have used."""
        return max(self._wreck.epochs, default=0)

    def prepare(self, note: Note | None) -> None:
        """Take over epochs, numbers and facts; inside a transaction."""
        db = self._database.db
        epochs = dict(self._wreck.epochs)
        if note is not None:
            epochs.setdefault(note.ordinal, note.epoch)
        db.executemany("INSERT OR IGNORE INTO epoch VALUES (?, ?)", epochs.items())
        for (ordinal, lane), (base, following) in self._wreck.counters.items():
            db.execute(
                "INSERT OR IGNORE INTO counter VALUES (?, ?, ?, ?)",
                (ordinal, lane, base, following),
            )
            db.execute(
                "UPDATE lane SET newest = max(newest, ?) WHERE lane = ?",
                (base + following - 1, lane),
            )
        db.executemany("INSERT OR IGNORE INTO fact VALUES (?, ?)", self._wreck.facts())
        db.executemany(
            "INSERT OR IGNORE INTO gap VALUES (?,?,?,?,?,?,?,?,?,?,?)", self._wreck.open_gaps()
        )
        self._database.set_fact(PENDING, self._aside.name.encode())

    def finish(self, note: Note | None) -> int:
        """Carry the records over and announce what is missing; returns how many were carried."""
        commit = self._database.commit
        commit(self._forget_halves)
        with contextlib.suppress(SpoolFull):
            for number in self._wreck.counters:
                rows = self._wreck.rows(number)
                while chunk := list(islice(rows, _AT_ONCE)):
                    commit(partial(self._carry, number, chunk))
        commit(lambda: self._announce(note))
        self._wreck.close()
        return sum(self._count.values())

    def _forget_halves(self) -> None:
        """Remove what an earlier attempt carried before the power went."""
        for (_, lane), (base, following) in self._wreck.counters.items():
            self._database.ledger.remove(Lane(lane), base, base + following - 1)

    def _carry(self, number: Number, rows: list[Row]) -> None:
        tables = {row.table: self._wreck.table(row.table) for row in rows if row.table is not None}
        whole = [row for row in rows if row.table is None or tables[row.table] is not None]
        self._database.ledger.restore(
            Lane(number[1]), whole, {name: body for name, body in tables.items() if body}
        )
        self._carried[number].extend((row.seq, row.seq) for row in whole)
        self._count[number[1]] += len(whole)

    def _announce(self, note: Note | None) -> None:
        numbers = [one for one in sorted(self._wreck.counters) if one[1] in _LOSABLE]
        for number in numbers:
            self._announce_lane(number)
        if not numbers and note is not None:
            for lane in _LOSABLE:
                self._announce_gap(note.ordinal, lane, (), 0)
        self._database.db.execute("DELETE FROM fact WHERE key = ?", (PENDING,))

    def _announce_lane(self, number: Number) -> None:
        ordinal, lane = number
        known = self._wreck.pending.get(lane)
        lost = None if known is None else max(0, known - self._count[lane])
        ranges = complement(sorted(self._carried[number]), self._wreck.counters[number][1])
        if lost == 0 or not ranges:
            return
        records = min(lost or 0, sum(last - first + 1 for first, last in ranges))
        self._count[lane] += records
        for start in range(0, len(ranges), MOST_RANGES):
            some = tuple(ranges[start : start + MOST_RANGES])
            self._announce_gap(ordinal, Lane(lane), some, records if start == 0 else 0)

    def _announce_gap(
        self, ordinal: int, lane: Lane, ranges: tuple[Range, ...], records: int
    ) -> None:
        gap = OpenGap(
            ordinal=ordinal,
            lane=lane,
            reason=Reason.DAMAGED,
            ranges=ranges,
            records=records,
            readings=0,
            first=_NOBODY,
            last=_NOBODY,
        )
        self._database.losses.announce(gap)
        self._database.losses.count(lane, records)


def unfinished(database: Database, folder: Path, note: Note | None) -> Path | None:
    """The set aside database that was not yet wholly salvaged, or that vanished unseen.

    Args:
        database: The one in use.
        folder: Where the others are.
        note: What was noted beside them.
    """
    name = database.read(lambda: database.fact(PENDING))
    if name:
        return folder / name.decode()
    fresh = not database.read(database.ledger.epoch_names)
    return folder / "vanished.db" if fresh and note else None
