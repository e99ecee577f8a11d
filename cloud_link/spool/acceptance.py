"""Records on their way into the spool, in a transaction of the caller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cloud_link.spool.database import Database
from cloud_link.spool.gaps import GapReason, Loss
from cloud_link.spool.model import Entry
from cloud_link.spool.records import Epoch
from cloud_link.wire import Lane

EVENT_SHARE: Final = 2
"""Events may use half of the room: an outage of months must not leave room for nothing else."""


def insert(
    database: Database, epoch: Epoch, boot: bytes, batch: Sequence[Entry]
) -> tuple[int, ...]:
    """Store entries under new numbers of ``epoch``; returns these, in the order of the entries.

    Those that are refused take numbers as well, and are announced as lost.
    """
    numbers: dict[int, int] = {}
    for lane, refused in sorted({(entry.lane, entry.refused) for entry in batch}):
        places = [
            place
            for place, entry in enumerate(batch)
            if entry.lane is lane and entry.refused is refused
        ]
        chosen = [batch[place] for place in places]
        if refused:
            first = _announce(database, epoch, lane, boot, chosen)
        else:
            first = database.records.insert(epoch.ordinal, lane, boot, chosen)
        numbers.update((place, first + index) for index, place in enumerate(places))
    return tuple(numbers[place] for place in range(len(batch)))


def _announce(
    database: Database, epoch: Epoch, lane: Lane, boot: bytes, refused: Sequence[Entry]
) -> int:
    """Count refused records of one lane as lost; returns the first of their numbers."""
    _, first = database.records.allocate_numbers(epoch.ordinal, lane, len(refused))
    times = [entry.at for entry in refused]
    database.losses.add(
        Loss(
            ordinal=epoch.ordinal,
            lane=lane,
            reason=GapReason.INVALID,
            run=(first, first + len(refused) - 1),
            records=len(refused),
            readings=sum(entry.readings for entry in refused),
            first=(boot, min(times)),
            last=(boot, max(times)),
        )
    )
    return first


def make_room(database: Database, held: frozenset[int]) -> bool:
    """Delete what the byte cap takes: retained records first; returns whether a drop begins."""
    if database.excess() <= 0:
        return False
    database.retention.shrink(database.excess)
    if database.excess() <= 0:
        return False
    known = database.losses.open_lanes()
    database.losses.shrink(database.excess, database.room_bytes() // EVENT_SHARE, held)
    return database.losses.open_lanes() > known
