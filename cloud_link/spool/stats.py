"""The spool's state in figures, from counters that are kept with every change."""

from __future__ import annotations

from typing import Final

from cloud_link.spool.database import Database
from cloud_link.spool.folder import SpoolFolder
from cloud_link.spool.model import SpoolStats
from cloud_link.spool.records import Epoch
from cloud_link.spool.schema import first_id, last_id
from cloud_link.wire import Lane

_REJECTED: Final = "rejected"


def spool_stats(database: Database, folder: SpoolFolder, epoch: Epoch) -> SpoolStats:
    """The state of the spool in ``folder``, whose current epoch is ``epoch``; no scan."""
    query = "SELECT lane, records, dropped, newest FROM lane"
    lanes = database.db.execute(query).fetchall()
    firsts = [database.records.first_pending(first_id(lane), last_id(lane)) for lane in Lane]
    oldest = database.db.execute(
        "SELECT boot, at FROM record WHERE id IN (?, ?, ?, ?) ORDER BY ordinal, at LIMIT 1", firsts
    ).fetchone()
    retained = database.retention.counts()
    retained_bytes = sum(size for _, size in retained.values())
    used = database.used_bytes() + folder.log_bytes()
    return SpoolStats(
        records={Lane(lane): records for lane, records, _, _ in lanes},
        bytes=max(0, used - retained_bytes),
        oldest=oldest,
        dropped={Lane(lane): dropped for lane, _, dropped, _ in lanes},
        rejected=int(database.fact(_REJECTED) or 0),
        disk_free=folder.free_bytes(),
        full=not database.reserve_file.allocated,
        open_gaps=database.losses.open_gaps(),
        accepted={Lane(lane): newest + 1 - first_id(lane) for lane, _, _, newest in lanes},
        epoch=epoch.name,
        next={lane: database.records.counter(epoch.ordinal, lane)[1] for lane in Lane},
        retained={lane: records for lane, (records, _) in retained.items()},
        retained_bytes=retained_bytes,
    )


def count_rejected(database: Database, records: int) -> None:
    """Count ``records`` more as put into quarantine by the portal; inside a transaction."""
    if records:
        total = int(database.fact(_REJECTED) or 0) + records
        database.set_fact(_REJECTED, b"%d" % total)
