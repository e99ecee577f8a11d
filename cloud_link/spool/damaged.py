"""Reads a damaged database as far as possible; nothing here raises for damage.

What one table can no longer say is taken from another, so that a single bad page costs the records
on it and not the knowledge of which those were::

    page 1        the tables' places           a new spool's, whose tables are at the same places
    epoch         names                        its index, the marker beside the database
    counter       base and next                the records: base = id - seq, and the ids of a lane
                                               follow each other from epoch to epoch up to newest;
                                               what that leaves open is announced as not known
    gap           open gaps                    nothing: all that is not here is announced again
    settled       what is not pending          nothing: all that is here is sent again

Sources: https://sqlite.org/fileformat2.html
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from cloud_link.limits import EPOCH_SIZE, ORDINAL_LIMIT, SEQ_LIMIT
from cloud_link.ranges import Range, subtract
from cloud_link.records import Table, table_id
from cloud_link.spool.folder import FIRST_PAGE
from cloud_link.spool.gaps import unpack_ranges
from cloud_link.spool.records import Row
from cloud_link.spool.schema import PAGE, create_tables, first_id, last_id
from cloud_link.spool.settled import undamaged_runs
from cloud_link.wire import Lane

Number = tuple[int, int]
"""(ordinal of the epoch, lane)."""
_SIZE_AT: Final = 28
"""Where page 1 holds the number of pages; the free list's place and length follow it."""

_decode_table: msgspec.msgpack.Decoder[Table] = msgspec.msgpack.Decoder(Table)


class DamagedDatabase:
    """Reads a damaged database as far as possible; nothing here raises for damage.

    Attributes:
        unbounded: The (ordinal, lane) of which it is not known which numbers were given out.
        counters_whole: Whether every counter could be read.

    Args:
        path: The database's file, which need not be there.
        names: Names of epochs that are known from elsewhere, by ordinal.
    """

    def __init__(self, path: Path, names: Mapping[int, bytes]) -> None:
        self._db: sqlite3.Connection | None = None
        self._failed: set[str] = set()
        with contextlib.suppress(sqlite3.Error, OSError, UnicodeDecodeError):
            if path.exists():
                self._db = _connect(path)
        self.epochs: dict[int, bytes] = dict(names) | {
            ordinal: name
            for query in (
                "SELECT ordinal, name FROM epoch NOT INDEXED",
                "SELECT ordinal, name FROM epoch INDEXED BY sqlite_autoindex_epoch_1 ORDER BY name",
            )
            for ordinal, name in self._all(query, (int, bytes))
            if 0 < ordinal < ORDINAL_LIMIT and len(name) == EPOCH_SIZE
        }
        self.pending: dict[int, int] = dict(self._all("SELECT lane, records FROM lane", (int, int)))
        self.newest: dict[int, int] = dict(self._all("SELECT lane, newest FROM lane", (int, int)))
        self.counters: dict[Number, Range] = {
            (ordinal, lane): (base, following)
            for ordinal, lane, base, following in self._all(
                "SELECT ordinal, lane, base, next FROM counter", (int, int, int, int)
            )
            if ordinal in self.epochs and lane in set(Lane) and 0 <= following <= SEQ_LIMIT
        }
        runs = undamaged_runs(self._db) if self._db is not None else []
        self.settled = runs or []
        if runs is None:
            self.pending = {}  # what was retained is carried as pending: the counts do not compare
        self.unbounded: set[Number] = set()
        self.counters_whole = self._counters_fit()
        if not self.counters_whole:
            self.counters = self._counters_of_records() | self.counters
        self.gaps = self._open_gaps()

    @property
    def gaps_whole(self) -> bool:
        """Whether every open gap could be read."""
        return "gap" not in self._failed

    def _counters_fit(self) -> bool:
        """Whether each lane's ids follow each other from epoch to epoch, up to the newest."""
        for lane in Lane:
            runs = sorted(run for (_, each), run in self.counters.items() if each == lane)
            ends = [base + following for base, following in runs]
            starts = [base for base, _ in runs[1:]]
            if any(start < end for start, end in zip(starts, ends, strict=False)):
                return False
            newest = self.newest.get(lane)
            if newest is not None and ends and newest != ends[-1] - 1:
                return False
        return "counter" not in self._failed

    def _counters_of_records(self) -> dict[Number, Range]:
        """The counters as the numbers of the records tell them; notes those that are not whole.

        The ids of a lane follow each other from epoch to epoch, so that what lies between the
        records of two epochs is known, unless other epochs had numbers there::

            ids       1 2 3 4 5 6 7 8 9
            records     1 1     3 3         4 and 5 are of the end of epoch 1 or of epoch 2,
            newest                  8       of which nothing is left; 8 is of the end of epoch 3
        """
        found: dict[Number, Range] = {}
        for lane in Lane:
            known = self._runs_of_records(lane)
            position = first_id(lane)
            owner: int | None = None
            for base, last, ordinal in [*known, (self._end(lane), 0, ORDINAL_LIMIT)]:
                between = [each for each in self.epochs if (owner or 0) < each < ordinal]
                stretch = (position, base - 1) if base else None
                if stretch is None or self._undelivered(*stretch):
                    if owner is not None and not between and stretch is not None:
                        start = found[owner, lane][0]
                        found[owner, lane] = (start, base - start)
                    else:
                        self.unbounded.update((each, lane) for each in between)
                        if owner is not None:
                            self.unbounded.add((owner, lane))
                if ordinal < ORDINAL_LIMIT:
                    found[ordinal, lane] = (base, last + 1)
                    owner, position = ordinal, base + last + 1
        return found

    def _end(self, lane: Lane) -> int:
        """The id after the newest of a lane; 0 where that is not known."""
        newest = self.newest.get(lane)
        return 0 if newest is None else newest + 1

    def _undelivered(self, first: int, last: int) -> bool:
        """Whether any of these ids is not settled."""
        inside = [run for run in self.settled if run[1] >= first and run[0] <= last]
        return first <= last and bool(subtract([(first, last)], inside))

    def _runs_of_records(self, lane: Lane) -> list[tuple[int, int, int]]:
        """(base, last number, ordinal) of the epochs that have records in a lane, ascending."""
        counts: dict[int, dict[int, tuple[int, int]]] = {}
        for row in self._scan(first_id(lane), last_id(lane)):
            if row.ordinal in self.epochs and row.seq < SEQ_LIMIT:
                bases = counts.setdefault(row.ordinal, {})
                count, last = bases.get(row.id - row.seq, (0, 0))
                bases[row.id - row.seq] = (count + 1, max(last, row.seq))
        found = []
        for ordinal, bases in counts.items():
            base = max(bases, key=lambda each: bases[each][0])
            found.append((base, bases[base][1], ordinal))
        return sorted(found)

    def close(self) -> None:
        """Close the database's file."""
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()

    def facts(self) -> list[tuple[str, bytes]]:
        """The rows of the table ``fact``."""
        return list(self._all("SELECT key, value FROM fact", (str, bytes)))

    def _open_gaps(self) -> list[tuple[Any, ...]]:
        """The rows of the table ``gap`` that are what was written."""
        kinds = (int, int, int, str, bytes, int, int, bytes, int, bytes, int)
        rows = []
        for row in self._read("SELECT * FROM gap", ()):
            sound = len(row) == len(kinds) and all(map(isinstance, row, kinds))
            if sound and row[1] in self.epochs and row[2] in set(Lane) and _are_ranges(row[4]):
                rows.append(row)
            else:
                self._failed.add("gap")
        return rows

    def rows(self, number: Number) -> Iterator[Row]:
        """The undamaged records of this (ordinal, lane), ascending."""
        base, following = self.counters[number]
        return (
            row
            for row in self._scan(base, base + following - 1)
            if row.ordinal == number[0] and row.id == base + row.seq
        )

    def _scan(self, first: int, last: int) -> Iterator[Row]:
        """The undamaged records with these ids, ascending; goes on behind what is unreadable."""
        query = "SELECT * FROM record WHERE id BETWEEN ? AND ? ORDER BY id"
        position: int | None = first
        while self._db is not None and position is not None and position <= last:
            try:
                for raw in self._db.execute(query, (position, last)):
                    row = Row(*raw)
                    if row.checksum_ok and position <= row.id:
                        position = row.id + 1
                        yield row
            except (sqlite3.Error, UnicodeDecodeError):
                self._failed.add("record")
                position = self._readable_from(position, last)
            else:
                return

    def _readable_from(self, first: int, last: int) -> int | None:
        """An id above ``first`` from which records can be read again, ``None`` without one.

        Tried at distances that double, from both ends: ids that were dropped cost no time.
        """
        distances = [1 << power for power in range((last - first).bit_length())]
        tried = {first + each for each in distances} | {last - each for each in distances} | {last}
        low = first
        for high in sorted(each for each in tried if first < each <= last):
            if self._is_readable(high, last):
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (low, middle) if self._is_readable(middle, last) else (middle, high)
                return high
            low = high
        return None

    def _is_readable(self, first: int, last: int) -> bool:
        query = "SELECT id FROM record WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1"
        try:
            if first <= last and self._db is not None:
                self._db.execute(query, (first, last)).fetchall()
                return True
        except (sqlite3.Error, UnicodeDecodeError):
            pass
        return False

    def table(self, name: bytes) -> bytes | None:
        """The encoded table called ``name``, if its hash fits; else ``None``."""
        for (body,) in self._read("SELECT body FROM wire_table WHERE id = ?", (name,)):
            with contextlib.suppress(msgspec.MsgspecError, TypeError):
                if table_id(_decode_table.decode(body)) == name:
                    return bytes(body)
        return None

    def _all(self, query: str, kinds: tuple[type, ...]) -> Iterator[tuple[Any, ...]]:
        for row in self._read(query, ()):
            if all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True)):
                yield row

    def _read(self, query: str, terms: tuple[object, ...]) -> Iterator[tuple[Any, ...]]:
        try:
            if self._db is not None:
                yield from self._db.execute(query, terms)
        except (sqlite3.Error, UnicodeDecodeError):
            self._failed.add(query.partition(" FROM ")[2].split()[0])


def _are_ranges(packed: bytes) -> bool:
    try:
        ranges = unpack_ranges(packed)
    except msgspec.MsgspecError:
        return False
    edges = [edge for run in ranges for edge in run]
    return edges == sorted(edges) and all(0 <= edge < SEQ_LIMIT for edge in edges)


def _connect(path: Path) -> sqlite3.Connection:
    """Open the database at ``path``; with a new first page, if its own cannot be read."""
    db = sqlite3.connect(path, isolation_level=None, timeout=1.0)
    try:
        db.execute("SELECT count(*) FROM record WHERE id = 0").fetchall()
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        db.close()
        _replace_first_page(path)
        return sqlite3.connect(path, isolation_level=None, timeout=1.0)
    return db


def _replace_first_page(path: Path) -> None:
    """Give a spool's file the first page of a new one; its own is kept beside it."""
    pages = path.stat().st_size // PAGE
    if pages < 1:
        return
    draft = path.with_name(f"{path.name}-draft")
    draft.unlink(missing_ok=True)
    fresh = sqlite3.connect(draft, isolation_level=None)
    try:
        create_tables(fresh)
    finally:
        fresh.close()
    page = bytearray(draft.read_bytes()[:PAGE])
    draft.unlink()
    struct.pack_into(">III", page, _SIZE_AT, pages, 0, 0)
    page[18:20] = b"\2\2"  # the log, if there is one, is read too
    with path.open("r+b") as file:
        kept = path.with_name(f"{path.name}{FIRST_PAGE}")
        if not kept.exists():
            kept.write_bytes(file.read(PAGE))
            kept.chmod(0o600)
        file.seek(0)
        file.write(page)
        file.flush()
        os.fsync(file.fileno())
