"""Runs of settled ids: which records of the spool are not pending. In a transaction of the caller.

::

    ids       1 2 3 4 5 6 7 8 9 10 11 12
    rows            x x x   x x  x     x
    settled   [-----------]   [------]          retained: 3, 4, 5 and 9, 10
                                                pending: 8 and 12; gone or never here: the others

A record is *pending* when its row is here and no run holds its id, *retained* when one does. So
settling is one small write, whatever it settles, and whatever no run holds is sent: a run that is
lost costs a repetition, never a record. Ids that have no row may stand inside a run or outside;
runs join over them, so that there are never more runs than spans of pending records and one.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable, Iterator

from cloud_link.ranges import Range
from cloud_link.spool.schema import first_id, last_id, run_checksum
from cloud_link.wire import Lane


class SettledRuns:
    """The rows of the table ``settled``: they ascend and do not overlap."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def pending_spans(self, first: int, last: int) -> Iterator[Range]:
        """The spans of ids from ``first`` to ``last`` that no run holds, ascending."""
        position = first
        for begin, end in self._runs(first, last):
            if position < begin:
                yield position, begin - 1
            position = end + 1
        if position <= last:
            yield position, last

    def within(self, first: int, last: int) -> list[Range]:
        """The parts of runs from ``first`` to ``last``, ascending."""
        return [(max(first, begin), min(last, end)) for begin, end in self._runs(first, last)]

    def add(self, lane: Lane, first: int, last: int) -> None:
        """Add a run, joined with its neighbours where nothing pending lies between."""
        first = self._lower(lane, first)
        last = self._upper(lane, last)
        self._db.execute("DELETE FROM settled WHERE first BETWEEN ? AND ?", (first, last))
        self.insert([(first, last)])

    def cut(self, first: int, last: int) -> None:
        """Take the ids from ``first`` to ``last`` out of the runs."""
        for begin, end in list(self._runs(first, last)):
            self._db.execute("DELETE FROM settled WHERE first = ?", (begin,))
            rest = [(begin, first - 1), (last + 1, end)]
            self.insert([run for run in rest if run[0] <= run[1]])

    def insert(self, runs: Iterable[Range]) -> None:
        """Add runs as they are, which must not overlap any other."""
        self._db.executemany(
            "INSERT OR REPLACE INTO settled VALUES (?, ?, ?)",
            [(*run, run_checksum(*run)) for run in runs],
        )

    def holds(self, record: int) -> bool:
        """Whether a run holds this id."""
        run = self._at(record)
        return run is not None and run[1] >= record

    def _runs(self, first: int, last: int) -> Iterator[Range]:
        """The runs that hold any id from ``first`` to ``last``; each is a query of its own."""
        run = self._at(first)
        if run is not None and run[1] >= first:
            yield run
        query = (
            "SELECT first, last FROM settled WHERE first > ? AND first <= ? ORDER BY first LIMIT 1"
        )
        position = first
        while following := self._db.execute(query, (position, last)).fetchone():
            yield following
            position = following[1]

    def _at(self, position: int) -> Range | None:
        """The last run that begins at ``position`` or before."""
        query = "SELECT first, last FROM settled WHERE first <= ? ORDER BY first DESC LIMIT 1"
        found: Range | None = self._db.execute(query, (position,)).fetchone()
        return found

    def _lower(self, lane: Lane, first: int) -> int:
        """Where a run from ``first`` begins, once joined."""
        before = self._at(first)
        if before is None or before[0] < first_id(lane):
            return first if self._any(first_id(lane), first - 1) else first_id(lane)
        return first if self._any(before[1] + 1, first - 1) else before[0]

    def _upper(self, lane: Lane, last: int) -> int:
        """Where a run to ``last`` ends, once joined."""
        inside = self._at(last)
        last = max(last, inside[1]) if inside and inside[0] >= first_id(lane) else last
        query = (
            "SELECT first, last FROM settled WHERE first > ? AND first <= ? ORDER BY first LIMIT 1"
        )
        after = self._db.execute(query, (last, last_id(lane))).fetchone()
        return last if after is None or self._any(last + 1, after[0] - 1) else int(after[1])

    def _any(self, first: int, last: int) -> bool:
        if first > last:
            return False
        query = "SELECT 1 FROM record WHERE id BETWEEN ? AND ? LIMIT 1"
        return self._db.execute(query, (first, last)).fetchone() is not None


def undamaged_runs(db: sqlite3.Connection) -> list[Range] | None:
    """Every run of a database that may be damaged; ``None`` where one cannot be relied on."""
    try:
        rows = db.execute("SELECT first, last, checksum FROM settled ORDER BY first").fetchall()
        if all(mark == run_checksum(first, last) for first, last, mark in rows):
            return [(first, last) for first, last, _ in rows]
    except (sqlite3.Error, struct.error):
        pass
    return None
