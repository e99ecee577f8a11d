"""Retained records: acknowledged, and kept for a while for a portal that is restored from a backup.

They are deleted, oldest first, when they are older than `SpoolLimits.retained_ms`, when they are
more than `SpoolLimits.retained_bytes`, and before anything pending whenever space is needed. The
lane that keeps most loses first, so that readings go before events and the counters of billing.

The age of a record of this boot is exact. One of an earlier boot is at least as old as this boot:
it stays until this boot has lasted as long. A clock that is wrong deletes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Final

from cloud_link.spool.model import SpoolLimits
from cloud_link.spool.records import RecordStore
from cloud_link.spool.schema import first_id, last_id
from cloud_link.wire import Lane

ROW_BYTES: Final = 64
"""Bytes that a record's row takes beside its body, about."""
GAPS_KEPT: Final = 1_000
"""Gap records that are kept whatever their age: without them the portal asks for what they name."""
_AT_ONCE: Final = 256
_MOST_AT_ONCE: Final = 2_048
"""Records deleted in one commit for their age or number, so that none takes long."""


class Retention:
    """The retained records of a database.

    Args:
        db: The spool's database.
        records: Its rows.
        limits: How many are kept, and how long.
    """

    def __init__(self, db: sqlite3.Connection, records: RecordStore, limits: SpoolLimits) -> None:
        self._db = db
        self._records = records
        self._limits = limits

    def counts(self) -> dict[Lane, tuple[int, int]]:
        """Retained records of each lane, and bytes of their rows."""
        query = "SELECT lane, kept_records, kept_bytes FROM lane"
        return {
            Lane(lane): (records, size + records * ROW_BYTES)
            for lane, records, size in self._db.execute(query)
        }

    def size(self) -> int:
        """Bytes of all retained records."""
        return sum(size for _, size in self.counts().values())

    def prune(self, boot: bytes, now: int) -> None:
        """Delete what is too much or too old, a bounded number at once.

        Args:
            boot: This boot.
            now: The present, milliseconds since boot.
        """
        nothing = not self._limits.retained_bytes or not self._limits.retained_ms
        allowed = 0 if nothing else self._limits.retained_bytes
        left = _MOST_AT_ONCE
        while (nothing or left > 0) and self.size() > allowed:
            if not (count := self._forget_oldest()):
                break
            left -= count
        before = now - self._limits.retained_ms
        if before <= 0:  # nothing is that old
            return
        for lane, (records, _) in self.counts().items():
            if left > 0 and records > (GAPS_KEPT if lane is Lane.GAP else 0):
                left -= self._forget_expired(lane, boot, before)

    def shrink(self, excess: Callable[[], int]) -> None:
        """Delete the oldest while ``excess()`` bytes are too many."""
        while excess() > 0 and self._forget_oldest():
            pass

    def release(self) -> int:
        """Delete some of the oldest; returns how many, 0 when there are none."""
        return self._forget_oldest()

    def _forget_oldest(self) -> int:
        counts = self.counts()
        lane = max(Lane, key=lambda one: (counts[one][1], one))
        if not counts[lane][0]:
            return 0
        for first, last in self._spans(lane):
            ids = self._ids(first, last, _AT_ONCE)
            if ids:
                return self._records.forget(lane, ids[0][0], ids[-1][0])
        return 0

    def _forget_expired(self, lane: Lane, boot: bytes, before: int) -> int:
        """Delete some of the oldest that were made before this moment of this boot."""

        def is_expired(row: tuple[int, bytes, int]) -> bool:
            return (row[2] if row[1] == boot else 0) < before

        for span in self._spans(lane):
            oldest = self._ids(*span, 1)
            if oldest and not is_expired(oldest[0]):
                return 0
            if oldest:
                expired = list(takewhile(is_expired, self._ids(*span, _AT_ONCE)))
                return self._records.forget(lane, expired[0][0], expired[-1][0])
        return 0

    def _spans(self, lane: Lane) -> Iterator[tuple[int, int]]:
        return iter(self._records.settled.within(first_id(lane), last_id(lane)))

    def _ids(self, first: int, last: int, most: int) -> list[tuple[int, bytes, int]]:
        query = "SELECT id, boot, at FROM record WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?"
        return self._db.execute(query, (first, last, most)).fetchall()
