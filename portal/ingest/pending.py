"""Records that wait for the clock of their boot: kept as they came, and read again to be dated.

Source: design section 5; `portal.ingest.undated`, which says when a boot can be dated.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from cloud_link.records import DataRecord
from cloud_link.validation import read_record
from portal.ingest import kinds
from portal.ingest.known import item_of
from portal.ingest.models import PendingClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portal.fleet.models import Box
    from portal.ingest.known import Known
    from portal.ingest.messages import Item
    from portal.ingest.suspects import Suspects
    from portal.ingest.undated import UndatedBoots

PENDING_PER_TRANSACTION: Final = 5_000
"""Records that had waited and that one transaction dates; the rest follows in the next ones."""
READINGS_PER_TRANSACTION: Final = 5_000
"""Readings in these records at most, but for the last record: so many fit a turn of a box."""
SETTLED_PER_TRANSACTION: Final = 20
"""The same where no message of the box is charged for it. Each record may be of another device,
whose series have pages of their own: so many take about as long as a message of 50 readings."""
SETTLED_READINGS: Final = 150
"""Readings in these at most, but for the last record."""
_PENDING_AT_ONCE: Final = 500


class PendingRecords:
    """The records of locked boxes that wait for a clock, as one transaction keeps and takes them.

    Args:
        known: Gets the epochs, clocks and layouts of the records that are taken.
        undated: Counts the records that wait.
        suspects: Gets the records that cannot be read again.
        now_ms: The portal's time, Unix milliseconds.
    """

    def __init__(
        self, known: Known, undated: UndatedBoots, suspects: Suspects, now_ms: int
    ) -> None:
        self._known = known
        self._undated = undated
        self._suspects = suspects
        self._now_ms = now_ms
        self._taken: set[Item] = set()
        self._records_left = PENDING_PER_TRANSACTION
        self._readings_left = READINGS_PER_TRANSACTION

    def restrict(self) -> None:
        """Take no more than fits beside the messages of other boxes."""
        self._records_left = min(self._records_left, SETTLED_PER_TRANSACTION)
        self._readings_left = min(self._readings_left, SETTLED_READINGS)

    def __contains__(self, item: Item) -> bool:
        """Whether this transaction has taken the record out of those that wait."""
        return item in self._taken

    def keep(self, item: Item) -> None:
        """Let a record wait for a clock; its epoch is loaded."""
        epoch, number, record = self._known.epoch(item), item.number, item.record
        readings = len(record.values) if isinstance(record, DataRecord) else 0
        row = PendingClock.objects.create(
            epoch=epoch,
            lane=number.lane,
            seq=number.seq,
            boot=item.boot,
            device_id=self._known.device(item),
            readings=readings,
            received_ms=item.received(self._now_ms),
            raw=item.raw,
        )
        self._undated.count((self._known.box(item).pk, item.boot), [row])

    def take(self, box: Box, boot: bytes) -> Iterator[Sequence[Item]]:
        """Take the records that wait for a boot's clock, `_PENDING_AT_ONCE` at a time.

        The caller applies each part before it asks for the next one. What still lies before every
        known clock is kept again, under new and higher keys; what is beyond
        `PENDING_PER_TRANSACTION` or `READINGS_PER_TRANSACTION` waits for the next transaction, and
        so does what is beyond `restrict`.

        Yields:
            Records whose epochs, clocks and layouts are loaded. Those that cannot be read again
            are left out, and are among the suspects.
        """
        pending = PendingClock.objects.filter(epoch__box=box, boot=boot).order_by("pk")
        newest = pending.last()
        while newest is not None and self._records_left > 0 and self._readings_left > 0:
            most = min(_PENDING_AT_ONCE, self._records_left)
            part = pending.filter(pk__lte=newest.pk).select_related("epoch")[:most]
            before = accumulate((row.readings for row in part), initial=0)
            rows = [
                row for row, sum_ in zip(part, before, strict=False) if sum_ < self._readings_left
            ]
            if not rows:
                return
            PendingClock.objects.filter(pk__in=[row.pk for row in rows]).delete()
            self._records_left -= len(rows)
            self._readings_left -= sum(row.readings for row in rows)
            self._undated.count((box.pk, boot), rows, -1)
            items = [item for row in rows if (item := self._read(box, row)) is not None]
            self._known.load_epochs(items)
            self._known.clocks.load({(box.pk, boot)})
            self._known.load_layouts(items)
            yield items

    def _read(self, box: Box, row: PendingClock) -> Item | None:
        unread = item_of(box, row)
        self._taken.add(unread)
        item = read_again(unread, self._known, self._suspects)
        if item is not None:
            self._taken.add(item)
        return item


def read_again(unread: Item, known: Known, suspects: Suspects) -> Item | None:
    """The record of a row, decoded again.

    Args:
        unread: As `portal.ingest.known.item_of` makes it.
        known: Gets the epoch of the record.
        suspects: Gets ``unread`` where decoding fails.

    Returns:
        The record; ``None`` where decoding fails.
    """
    known.load_epochs([unread])
    lane = unread.number.lane
    record = suspects.checked(
        kinds.OF_LANE[lane], known.box(unread), unread, lambda: read_record(unread.raw, lane)
    )
    return None if record is None else replace(unread, record=record)
