"""Records on their way into the spool, in a transaction of the caller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cloud_link.spool.database import Database
from cloud_link.spool.model import Entry
from cloud_link.spool.records import Epoch, RecordStore

EVENT_SHARE: Final = 2
"""Events may use half of the room: an outage of months must not leave room for nothing else."""


def insert(
    records: RecordStore, epoch: Epoch, boot: bytes, batch: Sequence[Entry]
) -> tuple[int, ...]:
    """Store entries under new numbers of ``epoch``; returns these, in the order of the entries."""
    numbers: dict[int, int] = {}
    for lane in sorted({entry.lane for entry in batch}):
        places = [place for place, entry in enumerate(batch) if entry.lane is lane]
        chosen = [batch[place] for place in places]
        first = records.insert(epoch.ordinal, lane, boot, chosen)
        numbers.update((place, first + index) for index, place in enumerate(places))
    return tuple(numbers[place] for place in range(len(batch)))


def make_room(database: Database, held: frozenset[int]) -> bool:
    """Delete what the byte cap takes: retained records first; returns whether a drop begins."""
    database.retention.shrink(database.excess)
    if database.excess() <= 0:
        return False
    known = database.losses.open_lanes()
    database.losses.shrink(database.excess, database.room_bytes() // EVENT_SHARE, held)
    return database.losses.open_lanes() > known
