"""What one transaction of the ingest does: tables, receipts, then every new record applied.

Source: design section 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloud_link.records import (
    ClockRecord,
    ConfigurationRecord,
    DataRecord,
    EventRecord,
    GapRecord,
    content_hash,
)
from cloud_link.wire import Lane, RejectCode
from portal.fleet.models import Device
from portal.ingest import announcements, clocks, events, receipts, samples, sql, tables
from portal.ingest.answers import STORED, Outcome, RecordOutcome, answers
from portal.ingest.clocks import ClockBook
from portal.ingest.messages import Flaw, Item, Number, decode_raw, order, storable_text
from portal.ingest.models import Epoch, PendingClock, Quarantine
from portal.ingest.receipts import ReceiptCandidate
from portal.ingest.tally import Tally
from portal.logs import event_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from portal.fleet.models import Box
    from portal.ingest.answers import Answer
    from portal.ingest.messages import BoxMessages
    from portal.ingest.models import BootClock
    from portal.ingest.tables import Layout, TableKey

log = event_log(__name__)

_DETAIL_LENGTH: Final = 500
_PENDING_AT_ONCE: Final = 500


class Transaction:
    """The work of one transaction, within which the caller calls `store` once.

    Attributes:
        tally: What was counted; of use once the transaction is committed.

    Args:
        now: The portal's time.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._now_ms = round(now.timestamp() * 1000)
        self._book = ClockBook()
        self._boxes: dict[str, Box] = {}
        self._epochs: dict[tuple[str, bytes], Epoch] = {}
        self._layouts: dict[TableKey, Layout] = {}
        self._outcomes: dict[Item, RecordOutcome] = {}
        self.tally = Tally()

    def store(self, deliveries: Sequence[tuple[Box, BoxMessages]]) -> list[Answer]:
        """Store what locked boxes sent; returns what to answer once it is committed."""
        replies: list[Answer] = []
        for box, sent in deliveries:
            self._boxes[box.box_id] = box
            for online in sent.online:
                replies += announcements.apply_session(box, online)
            box.last_heard_at = self._now
            box.save()
        tables.store_tables(
            tables.SentTable(box=box, table_id=table_id, table=table)
            for box, sent in deliveries
            for table_id, table in sent.tables.items()
        )
        for box, sent in deliveries:
            for online in sent.online:
                if online.offset is not None and clocks.store_hint(box, online.boot, online.offset):
                    self._apply_pending(box, online.boot)
        self._receive([item for _, sent in deliveries for item in sent.items.values()])
        replies += answers(self._item_outcomes(deliveries))
        return replies

    def _item_outcomes(
        self, deliveries: Sequence[tuple[Box, BoxMessages]]
    ) -> Iterable[tuple[Item, RecordOutcome]]:
        for _, sent in deliveries:
            for item in sent.items.values():
                yield item, self._outcomes[item]
            self.tally.repeated += len(sent.repeated)
            for item in sent.repeated:
                first = sent.items[item.number]
                yield item, receipts.compare(item, first, self._outcomes[first])

    def _receive(self, items: Sequence[Item]) -> None:
        self._load_epochs(items)
        self._layouts |= tables.load_layouts(
            {
                (self._boxes[item.box].pk, item.record.table)
                for item in items
                if isinstance(item.record, DataRecord)
            }
        )
        candidates = [
            ReceiptCandidate(item=item, epoch=self._epoch(item).pk, accept=self._has_layout(item))
            for item in items
        ]
        earlier = receipts.receive(candidates, self._now_ms)
        fresh: list[Item] = []
        for candidate in candidates:
            item = candidate.item
            outcome = earlier[item]
            if outcome is not None:
                self._outcomes[item] = outcome
                self.tally.repeated += 1
            elif candidate.accept:
                self._outcomes[item] = STORED
                self.tally.received[item.number.lane.name.lower()] += 1
                fresh.append(item)
            else:
                assert isinstance(item.record, DataRecord)
                self.tally.without_table += 1
                table = item.record.table
                self._outcomes[item] = RecordOutcome(outcome=Outcome.NEED_TABLE, table=table)
        self._apply(fresh)

    def _load_epochs(self, items: Sequence[Item]) -> None:
        for item in items:
            key = (item.box, item.number.epoch)
            if key not in self._epochs:
                self._epochs[key] = self._epoch_of(item.box, item.number.epoch, item.ordinal)

    def _epoch_of(self, box: str, epoch: bytes, ordinal: int) -> Epoch:
        found, _ = Epoch.objects.get_or_create(
            box=self._boxes[box], epoch=epoch, defaults={"ordinal": ordinal}
        )
        return found

    def _epoch(self, item: Item) -> Epoch:
        return self._epochs[item.box, item.number.epoch]

    def _has_layout(self, item: Item) -> bool:
        record = item.record
        return (
            not isinstance(record, DataRecord)
            or (self._boxes[item.box].pk, record.table) in self._layouts
        )

    def _apply(self, fresh: Sequence[Item]) -> None:
        """Apply new records; clocks first, which date the others."""
        for item in fresh:
            if isinstance(item.record, Flaw):
                self._quarantine(item, item.record)
        self._apply_clocks([item for item in fresh if isinstance(item.record, ClockRecord)])
        self._book.load({(self._boxes[item.box].pk, item.boot) for item in fresh})
        self._apply_data([item for item in fresh if isinstance(item.record, DataRecord)])
        others = [
            item
            for item in fresh
            if isinstance(item.record, EventRecord | ConfigurationRecord | GapRecord)
        ]
        others.sort(key=_order)
        sql.together_or_singly(others, self._apply_others, self._quarantine_refused)

    def _apply_clocks(self, items: Sequence[Item]) -> None:
        for item in sorted(items, key=_order):
            sql.together_or_singly([item], self._apply_clock, self._quarantine_refused)

    def _apply_clock(self, items: Sequence[Item]) -> None:
        for item in items:
            assert isinstance(item.record, ClockRecord)
            flaw = clocks.clock_flaw(item.record)
            if flaw is not None:
                self._quarantine(item, flaw)
                continue
            box = self._boxes[item.box]
            clocks.store_clock(box, item.boot, item.record, _order(item))
            self._apply_pending(box, item.boot)

    def _apply_pending(self, box: Box, boot: bytes) -> None:
        """Apply the records that are pending for this boot's clock, `_PENDING_AT_ONCE` at a time.

        Those that still lie before every known clock stay pending, under new and higher keys.
        """
        pending = PendingClock.objects.filter(epoch__box=box, boot=boot).order_by("pk")
        newest = pending.last()
        while newest is not None:
            part = pending.filter(pk__lte=newest.pk).select_related("epoch")[:_PENDING_AT_ONCE]
            rows = list(part)
            if not rows:
                return
            PendingClock.objects.filter(pk__in=[row.pk for row in rows]).delete()
            self._replay_pending(box, boot, rows)

    def _replay_pending(self, box: Box, boot: bytes, rows: Sequence[PendingClock]) -> None:
        items = [_pending_item(box, row) for row in rows]
        self._load_epochs(items)
        self._book.load({(box.pk, boot)})
        self._layouts |= tables.load_layouts(
            {(box.pk, i.record.table) for i in items if isinstance(i.record, DataRecord)}
        )
        self._apply_data([item for item in items if isinstance(item.record, DataRecord)])
        others = sorted((i for i in items if not isinstance(i.record, DataRecord)), key=_order)
        sql.together_or_singly(others, self._apply_others, self._quarantine_refused)

    def _apply_data(self, items: Sequence[Item]) -> None:
        ready: list[tuple[Item, samples.Rows]] = []
        for item in items:
            assert isinstance(item.record, DataRecord)
            key = (self._boxes[item.box].pk, item.boot)
            layout = self._layouts.get((key[0], item.record.table))
            if layout is None:  # it was pending, and its table was lost meanwhile
                self._quarantine(item, Flaw(code=RejectCode.REFUSED, detail="its table is gone"))
                continue
            try:
                found = samples.rows(layout, item.record, self._book.of(key))
            except samples.PendingClockError:
                self._store_pending(item)
                continue
            if isinstance(found, Flaw):
                self._quarantine(item, found)
            else:
                ready.append((item, found))
        sql.together_or_singly(
            ready, self._write, lambda one, error: self._quarantine_refused(one[0], error)
        )

    def _write(self, ready: Sequence[tuple[Item, samples.Rows]]) -> None:
        together = samples.Rows()
        for _, found in ready:
            together.add(found)
        samples.write_rows(together)
        self.tally.readings += len(together.numbers) + len(together.texts)
        for _, found in ready:
            last = (found.numbers or found.texts)[-1:]
            self.tally.moments += [row[1] for row in last]

    def _apply_others(self, items: Sequence[Item]) -> None:
        for item in items:
            record, box = item.record, self._boxes[item.box]
            if isinstance(record, GapRecord):
                self._apply_gap(item, box, record)
                continue
            assert isinstance(record, EventRecord | ConfigurationRecord)
            clock = self._clock_at(item, record.at)
            if isinstance(record, EventRecord):
                flaw = events.event_flaw(record)
            else:
                flaw = announcements.configuration_flaw(record)
            if flaw is not None:
                self._quarantine(item, flaw)
            elif clock is None:
                self._store_pending(item)
            elif isinstance(record, EventRecord):
                pks = tables.ensure_devices({(box.gateway_id, record.device)})
                device = Device.objects.get(pk=pks[box.gateway_id, record.device])
                events.apply_event(device, record, (box.pk, _order(item)), clock)
            else:
                announcements.apply_configuration(box, record, _order(item), clock)

    def _apply_gap(self, item: Item, box: Box, record: GapRecord) -> None:
        flaw = announcements.gap_flaw(record, item.ordinal)
        if flaw is not None:
            self._quarantine(item, flaw)
            return
        epoch = self._epoch_of(item.box, record.epoch, record.ordinal)
        announcements.apply_gap(box, epoch, record)

    def _clock_at(self, item: Item, boot_ms: int) -> BootClock | None:
        return self._book.at((self._boxes[item.box].pk, item.boot), boot_ms)

    def _store_pending(self, item: Item) -> None:
        number = item.number
        PendingClock.objects.create(
            epoch=self._epoch(item), lane=number.lane, seq=number.seq, boot=item.boot, raw=item.raw
        )

    def _quarantine_refused(self, item: Item, error: Exception) -> None:
        self._quarantine(item, Flaw(code=RejectCode.REFUSED, detail=str(error)))

    def _quarantine(self, item: Item, flaw: Flaw) -> None:
        """Put a record into quarantine, in the transaction that receives it."""
        number, epoch = item.number, self._epoch(item)
        log.warning(
            "record_quarantined",
            box=item.box,
            epoch=number.epoch.hex(),
            lane=number.lane.name,
            seq=number.seq,
            code=flaw.code,
            detail=flaw.detail,
        )
        Quarantine.objects.update_or_create(
            epoch=epoch,
            lane=number.lane,
            seq=number.seq,
            defaults={
                "boot": item.boot,
                "code": flaw.code,
                "detail": storable_text(flaw.detail, _DETAIL_LENGTH),
                "raw": item.raw,
                "at": self._now_ms,
            },
        )
        self.tally.quarantined[flaw.code] += 1
        receipts.mark_rejected({(epoch.pk, int(number.lane), number.seq): flaw.code})
        self._outcomes[item] = RecordOutcome(outcome=Outcome.REJECTED, code=flaw.code)


def _order(item: Item) -> int:
    return order(item.ordinal, item.number.seq)


def _pending_item(box: Box, row: PendingClock) -> Item:
    raw, boot = bytes(row.raw), bytes(row.boot)
    return Item(
        box=box.box_id,
        number=Number(bytes(row.epoch.epoch), Lane(row.lane), row.seq),
        ordinal=row.epoch.ordinal,
        boot=boot,
        raw=raw,
        content=content_hash(boot, raw),
        record=decode_raw(raw, Lane(row.lane)),
    )
