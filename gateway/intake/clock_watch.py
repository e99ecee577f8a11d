"""The box's clocks, sampled every few seconds: a change of what they mean becomes a record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import structlog

from cloud_link.records import ClockRecord
from cloud_link.spool.model import SpoolError
from cloud_link.spool.writer import RecordSink
from drivers.report import Clock
from gateway.clock import ClockSource, OffsetWatch, boot_bytes, clock_of
from gateway.intake.gateway_records import clock_entry

RECORDS_KEPT: Final = 64
"""Records that are told again after others were dropped: the first one, and the newest."""

log = structlog.get_logger("kanmon.clock")


class ClockWatch:
    """The box's clocks, and the offset to Unix time as of the last sample.

    Args:
        source: The clocks.
        spool: Where a record goes whenever their meaning changes.
        changed: Called with each such record before it is appended.

    Attributes:
        records: The records of this boot that count somewhere, each from its ``since`` until the
            next one's; empty while the time is not known.
    """

    def __init__(
        self,
        source: ClockSource,
        spool: RecordSink,
        changed: Callable[[ClockRecord], None] = lambda _record: None,
    ) -> None:
        self._source = source
        self._spool = spool
        self._changed = changed
        self._offset = OffsetWatch()
        self.records: Sequence[ClockRecord] = ()

    @property
    def boot(self) -> bytes:
        """The first bytes of this boot's id, as they travel."""
        return boot_bytes(self._source.boot_id)

    @property
    def synchronised(self) -> bool:
        """Whether a time source vouches for the clock."""
        return self._offset.synchronised

    def now(self) -> int:
        """Milliseconds since boot."""
        return self._source.now()

    def clock(self) -> Clock:
        """Return the boot and the offset of a report that is made now."""
        return clock_of(self._source, self._offset)

    async def update(self) -> None:
        """Take a sample; a record that the spool refuses is logged, and still holds."""
        sample = self._source.sample()
        record = self._offset.update(sample)
        if record is None:
            return
        self.records = _with(self.records, record)
        self._changed(record)
        log.info(
            "clock_known",
            since=record.since,
            offset=record.offset,
            synchronised=record.synchronised,
        )
        try:
            await self._spool.append([clock_entry(record, sample.boot)])
        except SpoolError as error:
            log.error("clock_record_failed", error=str(error))


def _with(records: Sequence[ClockRecord], newest: ClockRecord) -> tuple[ClockRecord, ...]:
    """The records that still count somewhere beside the newest, and that one."""
    kept = (*(record for record in records if record.since < newest.since), newest)
    return kept if len(kept) <= RECORDS_KEPT else (kept[0], *kept[1 - RECORDS_KEPT :])
