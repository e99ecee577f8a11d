"""Boots without a clock: what waits for one, and the best estimate once none will come.

A box without a clock (no battery, no time server) cannot date what it reads. Its readings are
stored and wait, counted, until a clock record of that boot comes. A boot that ends without one
gets an *estimated* clock, and its readings are dated by that, and marked. Its offset is the
greatest that is possible (`portal.ingest.estimates`): each reading is dated as late as it can have
been taken. For a box that was connected that is right but for the time a message takes; for one
that was not, the readings may be older by as long as the box was off before the next boot. Where
an earlier boot is known to have ended, the least possible offset is kept beside it.

Events do not wait: what a device's state is matters now, whenever it began. They are dated by the
estimate as it is, and dated again with it.

An estimate only ever falls. While a backlog of the boot still comes, it follows whenever the boot
is seen to be twice as long, and exactly once the backlog has ended, so that the work of dating
again stays in proportion to the records.

Source: ADR 0027.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Count, Exists, OuterRef, Q

from cloud_link.limits import EARLIEST_MS
from cloud_link.records import ConfigurationRecord, DataRecord, EventRecord, GapRecord
from cloud_link.validation import plausible
from portal.ingest import clocks, estimates, unset_clock
from portal.ingest.models import BootClock, UndatedBoot, UndatedDevice
from portal.web.sums import ExactSum

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from portal.fleet.models import Box
    from portal.ingest.clocks import BootKey, ClockBook
    from portal.ingest.messages import Item
    from portal.ingest.models import PendingClock

BOOTS_AT_ONCE: Final = 50
"""Boots of a box that one transaction looks after, besides those whose records it received."""
QUIET_MS: Final = 60_000
"""A backlog has ended when nothing of its boot came for so long."""
FORSAKEN_MS: Final = 24 * 3_600_000
"""A boot of a box that was not heard for so long is taken to have ended."""
LAST_USE_MS: Final = 60_000
"""By so much the last moment that a clock is known to hold at may be too early."""
TOLERANCE_MS: Final = 1_000
"""An estimate that a message improves by less stays as it is."""
FIRST_ESTIMATE: Final = -(1 << 40)
"""The order of a boot's first estimated clock; every other kind of clock has a greater one."""


def neglected(now: datetime, limit: int, after: int = 0) -> list[int]:
    """Boxes with something to settle that no message of theirs brings about.

    Returns:
        Their ids, ascending: those above ``after``, and at most ``limit``.
    """
    now_ms = round(now.timestamp() * 1000)
    ended = Q(ended_ms__isnull=False, heard_ms__lt=now_ms - QUIET_MS)
    clocks_come = BootClock.objects.filter(
        box=OuterRef("box"), boot=OuterRef("boot"), since_boot_ms=0, estimated=False
    )
    datable = Q(Exists(clocks_come), records__gt=0)
    due = ended | datable | Q(heard_ms__lt=now_ms - FORSAKEN_MS)
    rows = UndatedBoot.objects.filter(due, settled=False, box__gt=after).order_by("box_id")
    return list(rows.values_list("box_id", flat=True).distinct()[:limit])


def unsettled(boxes: Collection[int]) -> tuple[int, int]:
    """What is left to settle of these boxes, by their ids: boots, and records that wait."""
    rows = UndatedBoot.objects.filter(box__in=boxes, settled=False)
    found = rows.aggregate(boots=Count("pk"), records=ExactSum("records"))
    return found["boots"], found["records"] or 0


class UndatedBoots:
    """The boots without a clock of the boxes in one transaction, whose rows are locked.

    Args:
        book: Gets the estimated clocks.
        now_ms: The portal's time, Unix milliseconds.
    """

    def __init__(self, book: ClockBook, now_ms: int) -> None:
        self._book = book
        self._now_ms = now_ms
        self._boxes: dict[int, Box] = {}
        self._speakers: dict[int, tuple[int, bytes]] = {}
        self._rows: dict[BootKey, UndatedBoot] = {}
        self._heard: set[BootKey] = set()
        self._changed: set[BootKey] = set()
        self._devices: Counter[tuple[BootKey, int]] = Counter()

    def load(self, boxes: Iterable[Box]) -> None:
        """Load what is not settled of these boxes, after their session messages were applied."""
        for box in boxes:
            self._boxes[box.pk] = box
            if box.boot:
                self._hear(box.pk, box.epoch_ordinal, bytes.fromhex(box.boot))
        found: dict[int, int] = defaultdict(int)
        for row in UndatedBoot.objects.filter(box__in=self._boxes, settled=False).order_by("pk"):
            found[row.box_id] += 1
            if found[row.box_id] <= BOOTS_AT_ONCE:
                self._rows[row.box_id, bytes(row.boot)] = row

    def note(self, items: Iterable[tuple[Box, int, Item]]) -> None:
        """Note new records before they are applied, and estimate the clocks that they lack.

        Args:
            items: Each with its box and the ordinal of its epoch's row.
        """
        moments: dict[BootKey, _Moments] = defaultdict(_Moments)
        limit = self._now_ms - EARLIEST_MS  # no boot has lasted for longer
        begins: dict[BootKey, int] = {}
        clocks_used: dict[int, _LastUse] = {}
        for sender, row_ordinal, item in items:
            box = sender.pk
            self._hear(box, row_ordinal, item.boot)
            for boot, ordinal, at in _moments_of(item, row_ordinal):
                key = (box, boot)
                if key not in begins:
                    first = self._first_clock(key)
                    begins[key] = limit + 1 if first is None else first.since_boot_ms
                self._use(key, at, clocks_used)
                if 0 <= at <= limit and at < begins[key]:
                    moments[key].add(at, ordinal)
        self._fetch(moments.keys() - self._rows.keys())
        for key, found in moments.items():
            self._note(key, found)
        for key in moments:
            self._end(key)
            self._follow(key, exactly=False)
        for use in clocks_used.values():
            use.save()

    def clock_came(self, box: Box, boot: bytes, ordinal: int) -> None:
        """Look again at a boot whose clock became known, and at those before it, which it ends."""
        self._fetch({(box.pk, boot)} - self._rows.keys())
        rows = UndatedBoot.objects.filter(box=box, ordinal__lt=ordinal, ended_ms__isnull=False)
        for before in rows.order_by("-ordinal")[:BOOTS_AT_ONCE]:
            row = self._rows.setdefault((box.pk, bytes(before.boot)), before)
            row.estimated_last_ms = None

    def knows(self, key: BootKey) -> bool:
        """Whether records of a boot may wait, because the boot is looked after here."""
        if key not in self._rows:
            self._fetch({key})
        return key in self._rows

    def count(self, key: BootKey, rows: Iterable[PendingClock], sign: int = 1) -> None:
        """Count records that wait from now on, or (with a ``sign`` of -1) wait no more."""
        if self.knows(key):
            row = self._rows[key]
            for one in rows:
                row.records = max(row.records + sign, 0)
                row.readings = max(row.readings + sign * one.readings, 0)
                if one.device_id is not None:
                    self._devices[key, one.device_id] += sign * one.readings
            self._changed.add(key)

    def dateable(self) -> Sequence[tuple[Box, bytes]]:
        """The boots of which records wait although they can be dated by now."""
        found = []
        # The newest first: where it begins, the one before it had ended.
        for key, row in sorted(self._rows.items(), key=lambda one: -one[1].ordinal):
            self._end(key)
            if row.ended_ms is not None:
                quiet = key not in self._heard and self._now_ms - row.heard_ms >= QUIET_MS
                self._follow(key, exactly=quiet)
            if row.records and (row.ended_ms is not None or self._is_known(key)):
                found.append((self._boxes[key[0]], key[1]))
        return found

    def save(self) -> None:
        """Save what changed, once nothing more happens in this transaction."""
        for key, row in self._rows.items():
            box = self._boxes[key[0]]
            if row.ended_ms is None and row.records and not self._is_known(key):
                unset_clock.raise_condition(box, row)
            elif key in self._changed or self._is_known(key):
                unset_clock.clear_condition(box, row, self._now_ms)
            if not row.records and self._is_known(key):
                self._forget(row)
                continue
            exact = row.estimated_last_ms == row.last_ms
            quiet = self._now_ms - row.heard_ms >= QUIET_MS
            settled = row.ended_ms is not None and not row.records and exact and quiet
            if key in self._changed or settled:
                row.settled = settled
                row.save()
        self._save_devices()

    def _save_devices(self) -> None:
        changes = {
            (boot.pk, device): change
            for (key, device), change in sorted(self._devices.items())
            if change and (boot := self._rows[key]).pk is not None
        }
        self._devices.clear()
        if not changes:
            return
        boots, devices = ({key[place] for key in changes} for place in (0, 1))
        known = UndatedDevice.objects.filter(boot__in=boots, device__in=devices)
        rows = {(row.boot_id, row.device_id): row for row in known}
        for key in changes.keys() - rows.keys():
            rows[key] = UndatedDevice(boot_id=key[0], device_id=key[1])
        for key, change in changes.items():
            rows[key].readings += change
        changed = [rows[key] for key in changes]
        waiting = [row for row in changed if row.readings > 0]
        UndatedDevice.objects.bulk_create(row for row in waiting if row.pk is None)
        UndatedDevice.objects.bulk_update([row for row in waiting if row.pk], ["readings"])
        over = [row.pk for row in changed if row.readings <= 0 and row.pk is not None]
        UndatedDevice.objects.filter(pk__in=over).delete()

    def _use(self, key: BootKey, at: int, uses: dict[int, _LastUse]) -> None:
        """Note that a moment of a boot was dated by the clock that holds then."""
        clock = self._book.find(key, at)
        if clock is not None and not clock.estimated and plausible(at + clock.offset_ms):
            use = uses.setdefault(clock.pk, _LastUse(clock=clock))
            use.at = max(use.at, at)

    def _hear(self, box: int, ordinal: int, boot: bytes) -> None:
        if ordinal > self._speakers.get(box, (-1, b""))[0]:
            self._speakers[box] = ordinal, boot

    def _first_clock(self, key: BootKey) -> BootClock | None:
        """Of the clocks that the box itself made known: the one that holds from the earliest."""
        known = [clock for clock in self._book.known(key) if not clock.estimated]
        return min(known, key=lambda clock: (clock.since_boot_ms, -clock.order), default=None)

    def _is_known(self, key: BootKey) -> bool:
        """Whether the box has made the clock of the whole boot known."""
        first = self._first_clock(key)
        return first is not None and first.since_boot_ms == 0

    def _fetch(self, keys: set[BootKey]) -> None:
        """Load rows that were settled, or beyond `BOOTS_AT_ONCE`."""
        rows = UndatedBoot.objects.filter(
            box__in={box for box, _ in keys}, boot__in={boot for _, boot in keys}
        )
        if keys:
            found = {(row.box_id, bytes(row.boot)): row for row in rows}
            self._rows |= {key: row for key, row in found.items() if key in keys}

    def _note(self, key: BootKey, found: _Moments) -> None:
        offset = self._now_ms - found.last
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = UndatedBoot(
                box_id=key[0],
                boot=key[1],
                first_ms=found.first,
                last_ms=found.last,
                receipt_offset_ms=offset,
            )
        row.ordinal = max(row.ordinal, found.ordinal)
        row.first_ms, row.last_ms = min(row.first_ms, found.first), max(row.last_ms, found.last)
        row.receipt_offset_ms = min(row.receipt_offset_ms, offset)
        row.heard_ms, row.settled = self._now_ms, False
        self._heard.add(key)
        self._changed.add(key)

    def _end(self, key: BootKey) -> None:
        """Note that a boot has ended, if a newer one speaks or its box fell silent for good."""
        row = self._rows[key]
        if row.ended_ms is None:
            ordinal, boot = self._speakers.get(key[0], (-1, key[1]))
            newer = ordinal > row.ordinal and boot != key[1]
            if newer or self._now_ms - row.heard_ms >= FORSAKEN_MS:
                row.ended_ms, row.estimated_last_ms = self._now_ms, None
                self._changed.add(key)
        if row.ended_ms is not None:
            self._book.release(key)

    def _follow(self, key: BootKey, *, exactly: bool) -> None:
        """Bring the estimated clock of a boot to what is known of it by now.

        Args:
            key: The boot.
            exactly: Also where it grew by little since the estimate was made.
        """
        row, first = self._rows[key], self._first_clock(key)
        if first is not None and first.since_boot_ms == 0:
            return
        offset = estimates.greatest_offset(row) if first is None else first.offset_ms
        made_at = row.estimated_last_ms
        if row.estimate is not None and made_at is not None:
            difference = abs(row.estimate.offset_ms - offset)
            longer = row.last_ms >= 2 * made_at + QUIET_MS
            ended = row.ended_ms is not None
            if difference and not (exactly or longer if ended else difference >= TOLERANCE_MS):
                return
        self._estimate(key, row, offset)
        if row.ended_ms is not None:
            known = first is not None
            row.least_offset_ms = offset if known else estimates.least_offset(row, offset)

    def _estimate(self, key: BootKey, row: UndatedBoot, offset: int) -> None:
        old = row.estimate
        row.estimated_last_ms = row.last_ms
        self._changed.add(key)
        if old is not None and old.offset_ms == offset:
            return
        row.estimate = clocks.store_estimate(
            self._boxes[key[0]], key[1], offset, old, FIRST_ESTIMATE
        )
        row.save()
        clocks.delete_clock(old)
        self._book.load({key})

    def _forget(self, row: UndatedBoot) -> None:
        """Its clock has come, and has dated everything."""
        old = row.estimate
        if row.pk is not None:
            row.delete()
        clocks.delete_clock(old)


@dataclass(slots=True, kw_only=True)
class _LastUse:
    """The last moment that a clock holds at, of those in a transaction."""

    clock: BootClock
    at: int = -1

    def save(self) -> None:
        """Save it, unless what is known already is nearly as late."""
        if self.clock.last_ms is None or self.at >= self.clock.last_ms + LAST_USE_MS:
            self.clock.last_ms = self.at
            self.clock.save(update_fields=["last_ms"])


@dataclass(slots=True)
class _Moments:
    """The moments of one boot in a transaction, milliseconds since it began."""

    first: int = 1 << 62
    last: int = -1
    ordinal: int = -1

    def add(self, at: int, ordinal: int) -> None:
        """Note one."""
        self.first, self.last = min(self.first, at), max(self.last, at)
        self.ordinal = max(self.ordinal, ordinal)


def _moments_of(item: Item, ordinal: int) -> Iterable[tuple[bytes, int, int]]:
    """(boot, ordinal of its epoch, milliseconds since boot) of what a record tells of."""
    record = item.record
    if isinstance(record, DataRecord):
        latest = max((delta for _, delta in record.time_runs), default=0)
        yield item.boot, ordinal, record.at
        yield item.boot, ordinal, record.at + latest
    elif isinstance(record, EventRecord | ConfigurationRecord):
        yield item.boot, ordinal, record.at
    elif isinstance(record, GapRecord):
        for boot, at in (record.first, record.last):
            yield boot, record.ordinal, at
