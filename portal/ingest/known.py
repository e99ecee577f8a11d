"""What one transaction has read of the database: boxes, epochs, clocks and tables, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud_link.records import DataRecord, content_hash
from cloud_link.validation import Flaw
from cloud_link.wire import Lane, RejectCode
from portal.ingest import tables
from portal.ingest.clocks import ClockBook
from portal.ingest.messages import Item, Number
from portal.ingest.models import Epoch, PendingClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.fleet.models import Box
    from portal.ingest.models import BootClock, Quarantine
    from portal.ingest.tables import Layout, TableKey


def item_of(box: Box, row: PendingClock | Quarantine) -> Item:
    """The item of a record that was kept as it came, not yet decoded: its record is a flaw."""
    raw, boot = bytes(row.raw), bytes(row.boot)
    return Item(
        box=box.box_id,
        number=Number(bytes(row.epoch.epoch), Lane(row.lane), row.seq),
        ordinal=row.epoch.ordinal,
        boot=boot,
        raw=raw,
        content=content_hash(boot, raw),
        record=Flaw(code=RejectCode.UNREADABLE, detail=""),
        received_ms=row.received_ms if isinstance(row, PendingClock) else row.at,
    )


class Known:
    """What is known in one transaction.

    Attributes:
        clocks: The clocks of the boots that were loaded.
        layouts: The layouts of the tables that were loaded.
        refused_tables: Why those of the tables were refused that are not stored.
    """

    def __init__(self) -> None:
        self._boxes: dict[str, Box] = {}
        self._epochs: dict[tuple[str, bytes], Epoch] = {}
        self.clocks = ClockBook()
        self.layouts: dict[TableKey, Layout] = {}
        self.refused_tables: dict[TableKey, str] = {}
        self._devices: dict[tuple[int, str], int] = {}

    def add_box(self, box: Box) -> None:
        """Take a box that the transaction has locked."""
        self._boxes[box.box_id] = box

    def box(self, item: Item) -> Box:
        """The box that sent a record."""
        return self._boxes[item.box]

    def load_epochs(self, items: Sequence[Item]) -> None:
        """Load the epochs of records; those that are new are made."""
        for item in items:
            key = (item.box, item.number.epoch)
            if key not in self._epochs:
                box = self._boxes[item.box]
                epoch = self.epoch_of(box, item.number.epoch, item.ordinal)
                if not epoch.heard:
                    epoch.heard = True
                    epoch.save(update_fields=["heard"])
                self._epochs[key] = epoch

    def epoch_of(self, box: Box, epoch: bytes, ordinal: int) -> Epoch:
        """The row of any epoch, made where it is new; it is not remembered."""
        found, _ = Epoch.objects.get_or_create(box=box, epoch=epoch, defaults={"ordinal": ordinal})
        return found

    def epoch(self, item: Item) -> Epoch:
        """The loaded epoch of a record."""
        return self._epochs[item.box, item.number.epoch]

    def loaded_epochs(self) -> dict[int, tuple[Box, Epoch]]:
        """The loaded epochs, each by the id of its row, with their boxes."""
        return {epoch.pk: (self._boxes[box], epoch) for (box, _), epoch in self._epochs.items()}

    def load_layouts(self, items: Sequence[Item]) -> None:
        """Load the layouts that data records need."""
        keys = {
            (self._boxes[item.box].pk, item.record.table)
            for item in items
            if isinstance(item.record, DataRecord)
        } - self.layouts.keys()
        self.layouts |= tables.load_layouts(keys)
        if missing := keys - self.layouts.keys():
            self.refused_tables |= tables.refused_tables(missing)

    def has_layout(self, item: Item) -> bool:
        """Whether a record needs no table, or the portal has been sent it."""
        record = item.record
        if not isinstance(record, DataRecord):
            return True
        key = (self._boxes[item.box].pk, record.table)
        return key in self.layouts or key in self.refused_tables

    def device(self, item: Item) -> int | None:
        """The id of the device that the readings of a record are of, where its table is here."""
        box = self._boxes[item.box]
        record = item.record
        layout = None
        if isinstance(record, DataRecord):
            layout = self.layouts.get((box.pk, record.table))
        if layout is None:
            return None
        key = (box.gateway_id, layout.table.device)
        if key not in self._devices:
            self._devices |= tables.ensure_devices({key})
        return self._devices[key]

    def clock_at(self, item: Item, boot_ms: int) -> BootClock | None:
        """The clock that counts at a moment of a record's boot, which is loaded."""
        return self.clocks.at((self._boxes[item.box].pk, item.boot), boot_ms)
