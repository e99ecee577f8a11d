"""What one transaction of the ingest does: tables, receipts, then every new record applied.

Source: design section 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cloud_link.records import (
    ClockRecord,
    ConfigurationRecord,
    DataRecord,
    EventRecord,
    GapRecord,
)
from cloud_link.validation import Flaw
from cloud_link.wire import RejectCode
from portal.fleet.models import Device
from portal.ingest import (
    alarms,
    announcements,
    clocks,
    events,
    gaps,
    kinds,
    receipts,
    samples,
    tables,
)
from portal.ingest.answers import STORED, Outcome, RecordOutcome, answers
from portal.ingest.bounds import device_flaw
from portal.ingest.holes import after_batches, find_holes
from portal.ingest.known import Known, item_of
from portal.ingest.messages import Item, order
from portal.ingest.pending import PendingRecords, read_again
from portal.ingest.receipts import ReceiptCandidate
from portal.ingest.rejections import Rejections
from portal.ingest.suspects import Suspects
from portal.ingest.tables import SentTable
from portal.ingest.tally import Tally
from portal.ingest.undated import UndatedBoots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from portal.fleet.models import Box
    from portal.ingest.answers import Answer
    from portal.ingest.messages import BoxMessages
    from portal.ingest.models import BootClock, Quarantine
    from portal.ingest.receipts import Key
    from portal.ingest.suspects import Trial

    _Dated = tuple[Item, BootClock | None]

V = TypeVar("V")


class Transaction:
    """The work of one transaction, within which the caller calls `store` or `replay` once.

    Attributes:
        tally: What was counted; of use once the transaction is committed.

    Args:
        now: The portal's time.
        trial: See `portal.ingest.suspects.Suspects`.
    """

    def __init__(self, now: datetime, trial: Trial) -> None:
        self._suspects = Suspects(trial)
        self._now = now
        self._now_ms = round(now.timestamp() * 1000)
        self._known = Known()
        self._undated = UndatedBoots(self._known.clocks, self._now_ms)
        self._pending = PendingRecords(self._known, self._undated, self._suspects, self._now_ms)
        self._rejections = Rejections(self._now_ms)
        self._replaying = False
        self._outcomes: dict[Item, RecordOutcome] = {}
        self._fresh_keys: list[receipts.Key] = []
        self._named_by_gaps: set[Key] = set()
        self.tally = Tally()

    def store(self, deliveries: Sequence[tuple[Box, BoxMessages]]) -> list[Answer]:
        """Store what locked boxes sent; returns what to answer once it is committed."""
        replies: list[Answer] = []
        for box, sent in deliveries:
            self._known.add_box(box)
            for online in sent.online:
                replies += announcements.apply_session(box, online, self._now_ms)
                replies += find_holes(box, online, self._now_ms) if online.alive else []
            box.last_heard_at = self._now
            box.save()
        self._undated.load(box for box, _ in deliveries)
        sent_tables = [
            SentTable(box=box, table_id=table_id, table=table)
            for box, sent in deliveries
            for table_id, table in sent.tables.items()
        ]
        self._suspects.isolate(
            kinds.TABLES,
            tables.sound_tables(tables.new_tables(sent_tables)),
            tables.store_tables,
            lambda one: (one.box, one),
        )
        for box, sent in deliveries:
            for online in sent.online:
                if online.offset is not None and clocks.store_hint(box, online.boot, online.offset):
                    self._undated.clock_came(box, online.boot, online.ordinal)
                    self._apply_pending(box, online.boot)
        self._receive([item for _, sent in deliveries for item in sent.items.values()])
        self._finish()
        receipts.fill_gaps(self._named_by_gaps)
        replies += answers(self._item_outcomes(deliveries))
        return replies + after_batches(self._known.loaded_epochs(), self._fresh_keys, self._now_ms)

    def replay(self, box: Box, row: Quarantine) -> bool:
        """Apply a record out of quarantine, whose receipt is there; whether it is stored."""
        self._replaying = True
        self._known.add_box(box)
        self._undated.load([box])
        item = read_again(item_of(box, row), self._known, self._suspects)
        if item is not None:
            if isinstance(item.record, DataRecord):
                tables.retry_refused_table(box, item.record.table)
            self._known.load_layouts([item])
            self._outcomes[item] = STORED
            self._apply([item])
        self._finish(alone=True)
        return item is not None and self._outcomes[item] == STORED

    def settle(self, box: Box) -> None:
        """Date what waits for a clock although none will come, of a locked box."""
        self._pending.restrict()
        self._known.add_box(box)
        self._undated.load([box])
        self._finish()

    def _finish(self, *, alone: bool = False) -> None:
        """Date what can be dated by now, and judge what failed."""
        for box, boot in self._undated.dateable():
            self._apply_pending(box, boot)
        self._judge(alone=alone)
        self._rejections.save()
        self._undated.save()

    @property
    def suspects(self) -> frozenset[str]:
        """The boxes of which a record or a table failed."""
        return self._suspects.boxes

    def _isolate(
        self,
        kind: str,
        ready: Sequence[tuple[Item, V]],
        apply: Callable[[Sequence[tuple[Item, V]]], None],
    ) -> None:
        """Apply what can be applied; see `portal.ingest.suspects.Suspects.isolate`."""
        self._suspects.isolate(kind, ready, apply, lambda one: (self._known.box(one[0]), one[0]))

    def _checked(self, kind: str, item: Item, check: Callable[[], V]) -> V | None:
        return self._suspects.checked(kind, self._known.box(item), item, check)

    def _judge(self, *, alone: bool = False) -> None:
        """Reject what failed, unless the portal is at fault."""
        for verdict in self._suspects.judge(self._now_ms, alone=alone):
            subject = verdict.subject
            if isinstance(subject, SentTable):
                if not verdict.held:
                    tables.refuse_table(subject, verdict.detail)
            elif verdict.held:
                key = self._hold(subject)
                if verdict.cause:
                    alarms.hold(verdict.cause, key)
            else:
                flaw = Flaw(code=RejectCode.REFUSED, detail=verdict.detail, cause=verdict.cause)
                self._quarantine(subject, flaw)

    def _hold(self, item: Item) -> Key:
        """Leave a record as if it had not come; one that was pending stays so."""
        key = (self._known.epoch(item).pk, int(item.number.lane), item.number.seq)
        if item in self._pending:
            self._pending.keep(item)
        elif self._outcomes.pop(item, None) is not None:
            receipts.withdraw(key)
            self._named_by_gaps.discard(key)
            self.tally.received[item.number.lane.name.lower()] -= 1
            self.tally.held += 1
        return key

    def _item_outcomes(
        self, deliveries: Sequence[tuple[Box, BoxMessages]]
    ) -> Iterable[tuple[Item, RecordOutcome]]:
        for _, sent in deliveries:
            for item in sent.items.values():
                if item in self._outcomes:
                    yield item, self._outcomes[item]
            self.tally.repeated += len(sent.repeated)
            for item in sent.repeated:
                first = sent.items[item.number]
                if first in self._outcomes:
                    yield item, receipts.compare(item, first, self._outcomes[first])

    def _receive(self, items: Sequence[Item]) -> None:
        self._known.load_epochs(items)
        self._known.load_layouts(items)
        known = self._known
        candidates = [
            ReceiptCandidate(item=item, epoch=known.epoch(item).pk, accept=known.has_layout(item))
            for item in items
        ]
        received = receipts.receive(candidates, self._now_ms)
        self._named_by_gaps |= received.named
        fresh: list[Item] = []
        for candidate in candidates:
            item = candidate.item
            outcome = received.earlier[item]
            if outcome is not None:
                self._outcomes[item] = outcome
                self.tally.repeated += 1
                if outcome == STORED and isinstance(item.record, GapRecord):
                    self._repeat_gap(item, item.record)
            elif candidate.accept:
                self._outcomes[item] = STORED
                self.tally.received[item.number.lane.name.lower()] += 1
                fresh.append(item)
                self._fresh_keys.append(candidate.key)
            else:
                assert isinstance(item.record, DataRecord)
                self.tally.without_table += 1
                table = item.record.table
                self._outcomes[item] = RecordOutcome(outcome=Outcome.NEED_TABLE, table=table)
        self._apply(fresh)

    def _repeat_gap(self, item: Item, record: GapRecord) -> None:
        box = self._known.box(item)
        epoch = self._known.epoch_of(box, record.epoch, record.ordinal)
        carrier = (self._known.epoch(item).pk, item.number.seq)
        announcements.repeat_gap(box, epoch, record, carrier)

    def _apply(self, fresh: Sequence[Item]) -> None:
        """Apply new records; clocks first, which date the others."""
        for item in fresh:
            if isinstance(item.record, Flaw):
                self._quarantine(item, item.record)
        for item in sorted(fresh, key=self._order):
            if isinstance(item.record, ClockRecord):
                self._apply_clock(item, item.record)
        self._known.clocks.load({(self._known.box(item).pk, item.boot) for item in fresh})
        known = self._known
        self._undated.note((known.box(item), known.epoch(item).ordinal, item) for item in fresh)
        self._apply_dated(fresh)

    def _apply_dated(self, items: Sequence[Item]) -> None:
        """Apply records whose clocks are loaded."""
        self._apply_data([item for item in items if isinstance(item.record, DataRecord)])
        for kind in (GapRecord, EventRecord, ConfigurationRecord):
            of_kind = [item for item in items if isinstance(item.record, kind)]
            if of_kind:
                self._apply_others(kinds.OF_RECORD[kind], sorted(of_kind, key=self._order))

    def _order(self, item: Item) -> int:
        """Where a record stands in time; by the epoch's row, as a message may claim any ordinal."""
        return order(self._known.epoch(item).ordinal, item.number.seq)

    def _apply_clock(self, item: Item, record: ClockRecord) -> None:
        box = self._known.box(item)

        def apply(_: Sequence[tuple[Item, None]]) -> None:
            clocks.store_clock(box, item.boot, record, self._order(item))

        self._isolate(kinds.CLOCK, [(item, None)], apply)
        if item not in self._suspects.subjects:
            if record.synchronised or record.since == 0:
                self._undated.clock_came(box, item.boot, self._known.epoch(item).ordinal)
            self._apply_pending(box, item.boot)

    def _apply_pending(self, box: Box, boot: bytes) -> None:
        """Apply the records that are pending for this boot's clock, as far as it dates them."""
        for items in self._pending.take(box, boot):
            for item in items:
                if isinstance(item.record, Flaw):  # an older portal took it
                    self._quarantine(item, item.record)
            self._apply_dated(items)

    def _apply_data(self, items: Sequence[Item]) -> None:
        ready: list[tuple[Item, samples.Rows]] = []
        for item in items:
            record = item.record
            assert isinstance(record, DataRecord)
            key = (self._known.box(item).pk, item.boot)
            table = (key[0], record.table)
            layout = self._known.layouts.get(table)
            if layout is None:  # refused; or it was pending, and its table was lost meanwhile
                detail = self._known.refused_tables.get(table, "it is gone")
                flaw = Flaw(code=RejectCode.REFUSED, detail=f"its table: {detail}")
                self._quarantine(item, flaw)
                continue
            try:
                found = self._checked(
                    kinds.DATA,
                    item,
                    lambda: samples.rows(layout, record, self._known.clocks.of(key)),  # noqa: B023 - called at once
                )
            except samples.PendingClockError as error:
                if self._undated.knows(key):
                    self._pending.keep(item)
                else:
                    self._quarantine(item, _never_dated(error))
                continue
            if isinstance(found, Flaw):
                self._quarantine(item, found)
            elif found is not None:
                clock = self._known.clock_at(item, record.at)
                ordinal = self._known.epoch(item).ordinal
                found.speaker = key[0]
                found.rank = samples.rank(ordinal, record.at, clock, self._now_ms)
                found.received_ms = item.received(self._now_ms)
                ready.append((item, found))
        self._isolate(kinds.DATA, ready, _write)
        failed = self._suspects.subjects
        for item, found in ready:
            if item not in failed:
                self._count(found)

    def _count(self, found: samples.Rows) -> None:
        self.tally.readings += len(found.numbers) + len(found.texts)
        last = (found.numbers or found.texts)[-1:]
        self.tally.moments += [row[1] for row in last]

    def _apply_others(self, kind: str, items: Sequence[Item]) -> None:
        ready: list[_Dated] = []
        for item in items:
            flaw = self._checked(kind, item, lambda: (self._flaw(item),))  # noqa: B023 - called at once
            if flaw is None:
                continue
            if flaw[0] is not None:
                self._quarantine(item, flaw[0])
                continue
            if isinstance(item.record, GapRecord):
                ready.append((item, None))
                continue
            assert isinstance(item.record, EventRecord | ConfigurationRecord)
            clock = self._known.clock_at(item, item.record.at)
            if clock is None:
                self._quarantine(item, _never_dated(item.record.at))
            else:
                ready.append((item, clock))
        self._isolate(kind, ready, self._write_others)

    def _flaw(self, item: Item) -> Flaw | None:
        """Why an event, a configuration or a gap does not fit what is known, if it does not."""
        record = item.record
        if isinstance(record, GapRecord):
            flaw = announcements.gap_flaw(record, item.ordinal)
            return flaw or gaps.runs_flaw(self._known.box(item).pk, record)
        assert isinstance(record, EventRecord | ConfigurationRecord)
        clock = self._known.clock_at(item, record.at)
        flaw = None if clock is None else clocks.date_flaw(record, clock)
        if flaw is None and isinstance(record, EventRecord):
            return device_flaw(self._known.box(item).gateway_id, record.device)
        return flaw

    def _write_others(self, ready: Sequence[_Dated]) -> None:
        for item, clock in ready:
            record, box = item.record, self._known.box(item)
            if isinstance(record, GapRecord):
                epoch = self._known.epoch_of(box, record.epoch, record.ordinal)
                carrier = (self._known.epoch(item).pk, item.number.seq)
                announcements.apply_gap(box, epoch, record, carrier)
                continue
            assert clock is not None
            if isinstance(record, EventRecord):
                pks = tables.ensure_devices({(box.gateway_id, record.device)})
                device = Device.objects.get(pk=pks[box.gateway_id, record.device])
                source = (box.pk, self._order(item))
                events.apply_event(device, record, source, clock, item.received(self._now_ms))
            elif isinstance(record, ConfigurationRecord):
                announcements.apply_configuration(box, record, self._order(item), clock)

    def _quarantine(self, item: Item, flaw: Flaw) -> None:
        """Put a record into quarantine."""
        self._rejections.add(item, self._known.epoch(item), flaw, replayed=self._replaying)
        self.tally.quarantined[flaw.code] += 1
        self._outcomes[item] = RecordOutcome(outcome=Outcome.REJECTED, code=flaw.code)


def _never_dated(at: object) -> Flaw:
    """Why a record is rejected that no clock will ever date."""
    detail = f"a time of {at} ms since boot, which no boot reaches"
    return Flaw(code=RejectCode.MISFIT, detail=detail)


def _write(ready: Sequence[tuple[Item, samples.Rows]]) -> None:
    samples.write_rows(*(found for _, found in ready))
