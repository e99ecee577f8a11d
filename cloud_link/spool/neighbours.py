"""When records were made that are not here (any more), by those around them in their lane.

Records of a lane are accepted in the order of their ids: those that are gone are not older than the
one before them and not newer than the one after them. A record that got a new number
(`cloud_link.wire.Ack.conflict`) is older than its place; bounds beside one are too late by that.
"""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

from cloud_link.limits import BOOT_SIZE
from cloud_link.spool.records import Row
from cloud_link.spool.schema import first_id, last_id
from cloud_link.wire import Lane

Moment = tuple[bytes, int]
"""Boot, and milliseconds since it began."""
_LOOKED_AT: Final = 8
"""Neighbours that are looked at on each side for one that is not damaged."""


class Bounds(NamedTuple):
    """The moments that records lie between; ``None`` where no record says."""

    before: Moment | None
    after: Moment | None


def bounds_of(db: sqlite3.Connection, lane: Lane, first: int, last: int) -> Bounds:
    """The bounds of the records of a lane with ids from ``first`` to ``last``."""
    return Bounds(
        _moment(db, "id >= ? AND id < ? ORDER BY id DESC", first_id(lane), first),
        _moment(db, "id > ? AND id <= ? ORDER BY id", last, last_id(lane)),
    )


def _moment(db: sqlite3.Connection, which: str, low: int, high: int) -> Moment | None:
    """The moment of the first undamaged record that the clause names."""
    query = f"SELECT * FROM record WHERE {which} LIMIT {_LOOKED_AT}"  # noqa: S608 - a clause of ours
    for raw in db.execute(query, (low, high)):
        row = Row(*raw)
        if row.checksum_ok and len(row.boot) == BOOT_SIZE:
            return row.boot, max(0, row.at)
    return None
