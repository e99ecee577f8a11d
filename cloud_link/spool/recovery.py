"""Recovery of records from a quarantined database, and gaps for those that are lost.

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
from cloud_link.records import Table, table_id
from cloud_link.spool.database import Database
from cloud_link.spool.folder import EpochMarker
from cloud_link.spool.gaps import MOST_RANGES, GapReason, OpenGap
from cloud_link.spool.model import SpoolFullError
from cloud_link.spool.records import Row
from cloud_link.wire import BOOT_SIZE, EPOCH_SIZE, Lane

PENDING: Final = "recovering"
_CHUNK: Final = 500
_UNKNOWN_TIME: Final = (bytes(BOOT_SIZE), 0)
_LOSSY_LANES: Final = (Lane.EVENT, Lane.BOUNDARY, Lane.DATA)

_decode_table: msgspec.msgpack.Decoder[Table] = msgspec.msgpack.Decoder(Table)
Number = tuple[int, int]


class DamagedDatabase:
    """Reads a damaged database as far as possible; nothing here raises for damage."""

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
        """Close the database's file."""
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()

    def facts(self) -> list[tuple[str, bytes]]:
        """The rows of the table ``fact``."""
        return list(self._all("SELECT key, value FROM fact", (str, bytes)))

    def open_gaps(self) -> list[tuple[Any, ...]]:
        """The rows of the table ``gap`` whose epochs are known."""
        kinds = (int, int, int, str, bytes, int, int, bytes, int, bytes, int)
        return [row for row in self._all("SELECT * FROM gap", kinds) if row[1] in self.epochs]

    def rows(self, number: Number) -> Iterator[Row]:
        """The undamaged records of this (ordinal, lane), read from both ends towards the damage."""
        base, following = self.counters[number]
        bounds = (base, base + following - 1)
        seen = base - 1
        query = "SELECT * FROM record WHERE id BETWEEN ? AND ? ORDER BY id"
        for way in ("ASC", "DESC"):
            for raw in self._read(f"{query} {way}", bounds):
                row = Row(*raw)
                if way == "DESC" and row.id <= seen:
                    return
                if self._is_valid(row, number, base):
                    seen = max(seen, row.id) if way == "ASC" else seen
                    yield row

    def table(self, name: bytes) -> bytes | None:
        """The encoded table called ``name``, if its hash fits; else ``None``."""
        for (body,) in self._read("SELECT body FROM wire_table WHERE id = ?", (name,)):
            with contextlib.suppress(msgspec.MsgspecError, TypeError):
                if table_id(_decode_table.decode(body)) == name:
                    return bytes(body)
        return None

    @staticmethod
    def _is_valid(row: Row, number: Number, base: int) -> bool:
        return row.checksum_ok and row.ordinal == number[0] and row.id == base + row.seq

    def _all(self, query: str, kinds: tuple[type, ...]) -> Iterator[tuple[Any, ...]]:
        for row in self._read(query, ()):
            if all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True)):
                yield row

    def _read(self, query: str, terms: tuple[object, ...]) -> Iterator[tuple[Any, ...]]:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                yield from self._db.execute(query, terms)


class Recovery:
    """Carries the undamaged records of ``quarantined`` into ``database`` and announces the rest.

    `prepare` belongs in the transaction that begins the new epoch, after it has begun; `finish`
    makes transactions of its own.
    """

    def __init__(self, database: Database, quarantined: Path) -> None:
        self._database = database
        self._quarantined = quarantined
        self._damaged = DamagedDatabase(quarantined)
        self._carried: dict[Number, list[Range]] = defaultdict(list)
        self._count: dict[int, int] = defaultdict(int)

    @property
    def greatest_ordinal(self) -> int:
        """The greatest ordinal the damaged spool is known to have used."""
        return max(self._damaged.epochs, default=0)

    def prepare(self, marker: EpochMarker | None) -> None:
        """Take over epochs, counters and facts; inside a transaction."""
        db = self._database.db
        epochs = dict(self._damaged.epochs)
        if marker is not None:
            epochs.setdefault(marker.ordinal, marker.epoch)
        db.executemany("INSERT OR IGNORE INTO epoch VALUES (?, ?)", epochs.items())
        for (ordinal, lane), (base, following) in self._damaged.counters.items():
            db.execute(
                "INSERT OR IGNORE INTO counter VALUES (?, ?, ?, ?)",
                (ordinal, lane, base, following),
            )
            db.execute(
                "UPDATE lane SET newest = max(newest, ?) WHERE lane = ?",
                (base + following - 1, lane),
            )
        db.executemany("INSERT OR IGNORE INTO fact VALUES (?, ?)", self._damaged.facts())
        db.executemany(
            "INSERT OR IGNORE INTO gap VALUES (?,?,?,?,?,?,?,?,?,?,?)", self._damaged.open_gaps()
        )
        self._database.set_fact(PENDING, self._quarantined.name.encode())

    def finish(self, marker: EpochMarker | None) -> int:
        """Carry the records over and announce the missing ones; returns how many were carried."""
        commit = self._database.commit
        commit(self._remove_partial)
        with contextlib.suppress(SpoolFullError):
            for number in self._damaged.counters:
                rows = self._damaged.rows(number)
                while chunk := list(islice(rows, _CHUNK)):
                    commit(partial(self._carry, number, chunk))
        commit(lambda: self._announce(marker))
        self._damaged.close()
        return sum(self._count.values())

    def _remove_partial(self) -> None:
        """Remove what an earlier attempt carried before the power went."""
        for (_, lane), (base, following) in self._damaged.counters.items():
            self._database.records.remove(Lane(lane), base, base + following - 1)

    def _carry(self, number: Number, rows: list[Row]) -> None:
        tables = {
            row.table: self._damaged.table(row.table) for row in rows if row.table is not None
        }
        whole = [row for row in rows if row.table is None or tables[row.table] is not None]
        self._database.records.restore(
            Lane(number[1]), whole, {name: body for name, body in tables.items() if body}
        )
        self._carried[number].extend((row.seq, row.seq) for row in whole)
        self._count[number[1]] += len(whole)

    def _announce(self, marker: EpochMarker | None) -> None:
        numbers = [one for one in sorted(self._damaged.counters) if one[1] in _LOSSY_LANES]
        for number in numbers:
            self._announce_lane(number)
        if not numbers and marker is not None:
            for lane in _LOSSY_LANES:
                self._announce_gap(marker.ordinal, lane, (), 0)
        self._database.db.execute("DELETE FROM fact WHERE key = ?", (PENDING,))

    def _announce_lane(self, number: Number) -> None:
        ordinal, lane = number
        known = self._damaged.pending.get(lane)
        lost = None if known is None else max(0, known - self._count[lane])
        ranges = complement(sorted(self._carried[number]), self._damaged.counters[number][1])
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
            reason=GapReason.DAMAGED,
            ranges=ranges,
            records=records,
            readings=0,
            first=_UNKNOWN_TIME,
            last=_UNKNOWN_TIME,
        )
        self._database.losses.add_gap(gap)
        self._database.losses.count(lane, records)


def unfinished_recovery(
    database: Database, folder: Path, marker: EpochMarker | None
) -> Path | None:
    """The quarantined database whose recovery did not finish; ``None`` where there is none.

    A database that vanished counts as one from which nothing can be read.

    Args:
        database: The database in use.
        folder: The spool's folder.
        marker: The folder's epoch marker.
    """
    name = database.read(lambda: database.fact(PENDING))
    if name:
        return folder / name.decode()
    fresh = not database.read(database.records.epoch_names)
    return folder / "vanished.db" if fresh and marker else None
