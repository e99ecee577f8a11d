"""What can still be said, or even saved, of a damaged database."""

from __future__ import annotations

from pathlib import Path

from cloud_link.spool_database import Database
from cloud_link.spool_folder import Note
from cloud_link.spool_gaps import OpenGap, Reason
from cloud_link.wire import BOOT_SIZE, Lane


def announce_damage(database: Database, note: Note | None, aside: Path | None) -> None:
    """Announce that records are lost, and what is known of them."""
    if note is None:
        return
    database.db.execute("INSERT INTO epoch VALUES (?, ?)", (note.ordinal, note.epoch))
    nobody = (bytes(BOOT_SIZE), 0)
    for lane in (Lane.EVENT, Lane.BOUNDARY, Lane.DATA):
        database.losses.announce(
            OpenGap(
                ordinal=note.ordinal,
                lane=lane,
                reason=Reason.DAMAGED,
                ranges=(),
                records=0,
                readings=0,
                first=nobody,
                last=nobody,
            )
        )
