"""Reading records to send them, from a file that may be damaged where SQLite does not notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud_link.spool.model import SpoolDamagedError
from cloud_link.spool.schema import LANE_SHIFT, first_id
from cloud_link.wire import Lane
from console.templates import spool

if TYPE_CHECKING:
    from cloud_link.ranges import Range
    from cloud_link.spool.records import RecordStore, Row


def rows_to_send(records: RecordStore, span: Range, limit_bytes: int) -> list[Row]:
    """The first pending rows with ids of ``span``, of ``limit_bytes`` or at least one.

    Raises:
        SpoolDamagedError: A row whose checksum does not fit is not under the id that belongs to its
            number: it cannot be told which of the two is damaged, and so which record is lost. Or
            there are pending records and none is found: an id is damaged that others follow.
    """
    rows = records.rows_within(*span, limit_bytes)
    lane = Lane(span[0] >> LANE_SHIFT)
    hidden = not rows and span[0] == first_id(lane) and records.pending_count(lane) > 0
    if hidden or any(_is_misplaced(records, row) for row in rows):
        raise SpoolDamagedError(
            spool.DAMAGED(), why=spool.UNREADABLE_ROW(), next_step=spool.CHECK_DISK()
        )
    return rows


def _is_misplaced(records: RecordStore, row: Row) -> bool:
    return not row.checksum_ok and records.number_of(row.lane, row.id) != (row.ordinal, row.seq)
