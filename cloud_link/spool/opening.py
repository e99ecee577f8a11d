"""What every opening of a database begins with: a new epoch, and the recovery of a damaged one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from cloud_link.spool.recovery import Recovery, unfinished_recovery
from cloud_link.wire import Lane

if TYPE_CHECKING:
    from pathlib import Path

    from cloud_link.spool.database import Database
    from cloud_link.spool.folder import SpoolFolder
    from cloud_link.spool.records import Epoch

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """The result of `open_database`.

    Attributes:
        epoch: The epoch that new records get their numbers in.
        handed_out: The newest gap record that an earlier process may have sent, by its id.
    """

    epoch: Epoch
    handed_out: int


def open_database(
    database: Database, folder: SpoolFolder, boot: bytes, quarantined: Path | None
) -> Opening:
    """Begin an epoch; recover or announce the records of a quarantined or lost database.

    Args:
        database: The database in use; closed if this fails, because no other could be opened.
        folder: Its folder.
        boot: This boot.
        quarantined: The damaged database that ``database`` replaces, if it does.
    """
    marker = folder.read_marker()
    names = marker.names if marker else {}
    try:
        quarantined = quarantined or unfinished_recovery(database, folder.path, marker)
        recovery = Recovery(database, quarantined, names) if quarantined else None

        def begin() -> Epoch:
            known = marker.ordinal if marker else 0
            above = max(known, recovery.greatest_ordinal if recovery else 0)
            epoch = database.records.begin_epoch(above)
            if recovery:
                recovery.prepare(marker)
            return epoch

        epoch = database.commit(begin)
        handed_out = database.read(lambda: database.records.newest_id(Lane.GAP))
        if recovery:
            log.warning("spool_recovered", records=recovery.finish(marker))
            # At once: who is reading lane GAP when the damage is found goes on with these.
            database.commit(lambda: database.losses.seal(epoch, boot, handed_out))
    except BaseException:
        database.close()
        raise
    return Opening(epoch=epoch, handed_out=handed_out)
