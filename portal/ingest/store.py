"""Messages into the database, each record once, and the answers that say so.

One transaction::

    lock the boxes -> tables -> receipts -> what is new: clocks, data, events, gaps -> commit

and only then the acknowledgements, so that a box never deletes what is not stored. Boxes are
locked in one order, so workers wait for each other and never in a circle. An outage of the
database raises and nothing is answered; the same messages may be given again.

Source: design section 5.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.db import transaction

from cloud_link.wire import (
    ClockRecord,
    ConfigurationRecord,
    DataRecord,
    EventRecord,
    GapRecord,
    Lane,
    RejectCode,
    content_hash,
)
from portal.fleet.models import Box, Device
from portal.ingest import announcements, clocks, events, receipts, samples, sql, tables
from portal.ingest.answers import STORED, Answer, Fate, Verdict, answers
from portal.ingest.arrivals import Flaw, Item, Number, Parcel, order, read, understand, words
from portal.ingest.clocks import ClockBook
from portal.ingest.models import Epoch, Quarantine, Undated
from portal.ingest.receipts import Claim
from portal.ingest.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from portal.ingest.arrivals import Arrival
    from portal.ingest.models import BootClock
    from portal.ingest.tables import Layout, TableKey

log = logging.getLogger(__name__)

_DETAIL_LENGTH = 500
_REVIVED_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of some messages.

    Attributes:
        answers: To be sent to the boxes, now that it is committed.
        unknown: Box ids that no gateway has: nothing of theirs is stored or answered.
        unusable: How many messages of each box were nothing of ours, and why the last was not.
        tally: What was counted.
    """

    answers: tuple[Answer, ...]
    unknown: frozenset[str] = frozenset()
    unusable: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)

    def __add__(self, other: Outcome) -> Outcome:
        """What became of both."""
        return Outcome(
            answers=self.answers + other.answers,
            unknown=self.unknown | other.unknown,
            unusable={**self.unusable, **other.unusable},
            tally=self.tally + other.tally,
        )


def ingest(arrivals: Iterable[Arrival], now: datetime | None = None) -> Outcome:
    """Store messages in one transaction and say what to answer.

    Raises:
        OperationalError, InterfaceError: The database is busy or gone; nothing is stored.
    """
    mail = read(arrivals)
    now = now or datetime.now(UTC)
    with transaction.atomic(durable=True):  # what is answered must not depend on another's commit
        boxes = {
            box.box_id: box
            for box in Box.objects.select_for_update(no_key=True)
            .filter(box_id__in=mail.parcels)
            .order_by("pk")
        }
        parcels = [(boxes[name], mail.parcels[name]) for name in sorted(boxes)]
        delivery = _Delivery(now)
        said = delivery.take(parcels)
    return Outcome(
        answers=tuple(said),
        unknown=frozenset(mail.parcels) - boxes.keys(),
        unusable={box: (count, mail.why[box]) for box, count in mail.unusable.items()},
        tally=delivery.tally,
    )


def ingest_or_isolate(arrivals: Sequence[Arrival]) -> Outcome:
    """The same; should a message bring out a fault of ours, it alone is left out, and logged.

    It stays unanswered: its box keeps the records and sends them again, to a mended portal.
    """
    try:
        return ingest(arrivals)
    except sql.OUTAGES:
        raise
    except Exception:
        if len(arrivals) == 1:
            log.exception("a fault of the portal's own: %s is left unanswered", arrivals[0].topic)
            return Outcome(answers=())
    half = len(arrivals) // 2
    return ingest_or_isolate(arrivals[:half]) + ingest_or_isolate(arrivals[half:])


class _Delivery:
    """What one transaction knows while it stores."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._now_ms = round(now.timestamp() * 1000)
        self._book = ClockBook()
        self._boxes: dict[str, Box] = {}
        self._epochs: dict[tuple[str, bytes], Epoch] = {}
        self._layouts: dict[TableKey, Layout] = {}
        self._verdicts: dict[Item, Verdict] = {}
        self.tally = Tally()

    def take(self, parcels: Sequence[tuple[Box, Parcel]]) -> list[Answer]:
        said: list[Answer] = []
        for box, parcel in parcels:
            self._boxes[box.box_id] = box
            for online in parcel.online:
                said += announcements.session(box, online)
            box.last_heard_at = self._now
            box.save()
        tables.keep(
            tables.Sent(box=box, table_id=table_id, table=table)
            for box, parcel in parcels
            for table_id, table in parcel.tables.items()
        )
        for box, parcel in parcels:
            for online in parcel.online:
                if online.offset is not None and clocks.hint(box, online.boot, online.offset):
                    self._redeem(box, online.boot)
        self._receive([item for _, parcel in parcels for item in parcel.items.values()])
        said += answers(self._fates(parcels))
        return said

    def _fates(self, parcels: Sequence[tuple[Box, Parcel]]) -> Iterable[tuple[Item, Verdict]]:
        for _, parcel in parcels:
            for item in parcel.items.values():
                yield item, self._verdicts[item]
            self.tally.repeated += len(parcel.again)
            for item in parcel.again:
                first = parcel.items[item.number]
                yield item, receipts.compare(item, first, self._verdicts[first])

    def _receive(self, items: Sequence[Item]) -> None:
        self._know_epochs(items)
        self._layouts |= tables.layouts(
            {
                (self._boxes[item.box].pk, item.record.table)
                for item in items
                if isinstance(item.record, DataRecord)
            }
        )
        claims = [
            Claim(item=item, epoch=self._epoch(item).pk, takes=self._layout_there(item))
            for item in items
        ]
        before = receipts.claim(claims, self._now_ms)
        fresh: list[Item] = []
        for claim in claims:
            verdict = before[claim.item]
            if verdict is not None:
                self._verdicts[claim.item] = verdict
                self.tally.repeated += 1
            elif claim.takes:
                self._verdicts[claim.item] = STORED
                self.tally.received[claim.item.number.lane.name.lower()] += 1
                fresh.append(claim.item)
            else:
                assert isinstance(claim.item.record, DataRecord)
                table = claim.item.record.table
                self.tally.without_table += 1
                self._verdicts[claim.item] = Verdict(fate=Fate.NEED_TABLE, table=table)
        self._apply(fresh)

    def _know_epochs(self, items: Sequence[Item]) -> None:
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

    def _layout_there(self, item: Item) -> bool:
        record = item.record
        return (
            not isinstance(record, DataRecord)
            or (self._boxes[item.box].pk, record.table) in self._layouts
        )

    def _apply(self, fresh: Sequence[Item]) -> None:
        """Apply new records: what dates the others first."""
        for item in fresh:
            if isinstance(item.record, Flaw):
                self._refuse(item, item.record)
        self._apply_clocks([item for item in fresh if isinstance(item.record, ClockRecord)])
        self._book.load({(self._boxes[item.box].pk, item.boot) for item in fresh})
        self._apply_data([item for item in fresh if isinstance(item.record, DataRecord)])
        others = [
            item
            for item in fresh
            if isinstance(item.record, EventRecord | ConfigurationRecord | GapRecord)
        ]
        others.sort(key=_order)
        sql.together_or_singly(others, self._apply_others, self._refused)

    def _apply_clocks(self, items: Sequence[Item]) -> None:
        for item in sorted(items, key=_order):
            sql.together_or_singly([item], self._apply_clock, self._refused)

    def _apply_clock(self, items: Sequence[Item]) -> None:
        for item in items:
            assert isinstance(item.record, ClockRecord)
            flaw = clocks.flaw(item.record)
            if flaw is not None:
                self._refuse(item, flaw)
                continue
            box = self._boxes[item.box]
            clocks.keep(box, item.boot, item.record, _order(item))
            self._redeem(box, item.boot)

    def _redeem(self, box: Box, boot: bytes) -> None:
        """Apply the records that waited for this boot's clock, so many at a time.

        Those that still lie before every known clock wait on, under new and higher keys.
        """
        held = Undated.objects.filter(epoch__box=box, boot=boot).order_by("pk")
        newest = held.last()
        while newest is not None:
            part = held.filter(pk__lte=newest.pk).select_related("epoch")[:_REVIVED_AT_ONCE]
            waiting = list(part)
            if not waiting:
                return
            Undated.objects.filter(pk__in=[row.pk for row in waiting]).delete()
            self._revive(box, boot, waiting)

    def _revive(self, box: Box, boot: bytes, waiting: Sequence[Undated]) -> None:
        items = [_revived(box, row) for row in waiting]
        self._know_epochs(items)
        self._book.load({(box.pk, boot)})
        self._layouts |= tables.layouts(
            {(box.pk, i.record.table) for i in items if isinstance(i.record, DataRecord)}
        )
        self._apply_data([item for item in items if isinstance(item.record, DataRecord)])
        others = sorted((i for i in items if not isinstance(i.record, DataRecord)), key=_order)
        sql.together_or_singly(others, self._apply_others, self._refused)

    def _apply_data(self, items: Sequence[Item]) -> None:
        ready: list[tuple[Item, samples.Rows]] = []
        for item in items:
            assert isinstance(item.record, DataRecord)
            key = (self._boxes[item.box].pk, item.boot)
            layout = self._layouts.get((key[0], item.record.table))
            if layout is None:  # it waited for its clock, and its table was lost meanwhile
                self._refuse(item, Flaw(code=RejectCode.REFUSED, detail="its table is gone"))
                continue
            try:
                found = samples.rows(layout, item.record, self._book.of(key))
            except samples.UndatedError:
                self._wait(item)
                continue
            if isinstance(found, Flaw):
                self._refuse(item, found)
            else:
                ready.append((item, found))
        sql.together_or_singly(ready, self._write, lambda one, error: self._refused(one[0], error))

    def _write(self, ready: Sequence[tuple[Item, samples.Rows]]) -> None:
        together = samples.Rows()
        for _, found in ready:
            together.add(found)
        samples.write(together)
        self.tally.readings += len(together.numbers) + len(together.texts)
        for _, found in ready:
            last = (found.numbers or found.texts)[-1:]
            self.tally.moments += [row[1] for row in last]

    def _apply_others(self, items: Sequence[Item]) -> None:
        for item in items:
            record, box = item.record, self._boxes[item.box]
            if isinstance(record, GapRecord):
                self._gap(item, box, record)
                continue
            assert isinstance(record, EventRecord | ConfigurationRecord)
            clock = self._clock(item, record.at)
            if isinstance(record, EventRecord):
                flaw = events.flaw(record)
            else:
                flaw = announcements.configuration_flaw(record)
            if flaw is not None:
                self._refuse(item, flaw)
            elif clock is None:
                self._wait(item)
            elif isinstance(record, EventRecord):
                pks = tables.devices_named({(box.gateway_id, record.device)})
                device = Device.objects.get(pk=pks[box.gateway_id, record.device])
                events.apply(device, record, (box.pk, _order(item)), clock)
            else:
                announcements.configuration(box, record, _order(item), clock)

    def _gap(self, item: Item, box: Box, record: GapRecord) -> None:
        flaw = announcements.gap_flaw(record)
        if flaw is not None:
            self._refuse(item, flaw)
            return
        epoch = self._epoch_of(item.box, record.epoch, record.ordinal)
        announcements.gap(box, epoch, record)

    def _clock(self, item: Item, boot_ms: int) -> BootClock | None:
        return self._book.at((self._boxes[item.box].pk, item.boot), boot_ms)

    def _wait(self, item: Item) -> None:
        number = item.number
        Undated.objects.create(
            epoch=self._epoch(item), lane=number.lane, seq=number.seq, boot=item.boot, raw=item.raw
        )

    def _refused(self, item: Item, error: Exception) -> None:
        self._refuse(item, Flaw(code=RejectCode.REFUSED, detail=str(error)))

    def _refuse(self, item: Item, flaw: Flaw) -> None:
        """Put a record into quarantine, in the transaction that receives it."""
        number, epoch = item.number, self._epoch(item)
        log.warning("box %s: %s to quarantine: %s", item.box, number, flaw.detail)
        Quarantine.objects.update_or_create(
            epoch=epoch,
            lane=number.lane,
            seq=number.seq,
            defaults={
                "boot": item.boot,
                "code": flaw.code,
                "detail": words(flaw.detail, _DETAIL_LENGTH),
                "raw": item.raw,
                "at": self._now_ms,
            },
        )
        self.tally.quarantined[flaw.code] += 1
        receipts.mark_rejected({(epoch.pk, int(number.lane), number.seq): flaw.code})
        self._verdicts[item] = Verdict(fate=Fate.REJECTED, code=flaw.code)


def _order(item: Item) -> int:
    return order(item.ordinal, item.number.seq)


def _revived(box: Box, row: Undated) -> Item:
    raw, boot = bytes(row.raw), bytes(row.boot)
    return Item(
        box=box.box_id,
        number=Number(bytes(row.epoch.epoch), Lane(row.lane), row.seq),
        ordinal=row.epoch.ordinal,
        boot=boot,
        raw=raw,
        content=content_hash(boot, raw),
        record=understand(raw, Lane(row.lane)),
    )
