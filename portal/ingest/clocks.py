"""What boots' milliseconds mean, and redating what a since corrected clock had dated.

A boot's clock records, in the order the box made them (*order*), each hold from a boot time on::

    order 1   since 0      offset A, assumed        |AAAAAAAAAAAAAAAAAAAA
    order 2   since 9000   offset B, assumed        |         BBBBBBBBBBB
    order 3   since 0      offset C, synchronised   |CCCCCCCCCCCCCCCCCCCC
    order 4   since 12000  offset D                 |            DDDDDDDD

At a moment the record with the highest order that holds there counts, so that the result does
not depend on the order of arrival. Every dated row names the clock that dated it; a new record
moves the rows of the clocks it overrules.

Source: design section 4 (clock) and 5.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Q

from cloud_link.limits import BOOT_LIMIT_MS, BOOT_SIZE
from cloud_link.records import ClockRecord, EventRecord
from cloud_link.validation import Flaw, plausible, record_flaw
from cloud_link.wire import RejectCode
from portal.fleet.models import Device, DeviceCondition, RunningConfiguration
from portal.ingest import redating, samples
from portal.ingest.gap_times import received_before
from portal.ingest.models import BootClock, Gap, Quarantine, Redating
from portal.web.moments import nearest_datetime

if TYPE_CHECKING:
    from cloud_link.records import ConfigurationRecord
    from portal.fleet.models import Box

HINT: Final = -1
"""The order of a clock that only a `cloud_link.wire.Online` message stated."""

BootKey = tuple[int, bytes]
"""(id of the box, boot)."""


class ClockBook:
    """The clocks of the boots whose records are being applied.

    An estimated clock dates events at once, and readings only of a boot that was released, because
    no better clock is to come.
    """

    def __init__(self) -> None:
        self._clocks: dict[BootKey, list[BootClock]] = {}
        self._released: set[BootKey] = set()

    def release(self, key: BootKey) -> None:
        """Let an estimated clock date the readings of a boot, too."""
        self._released.add(key)

    def load(self, keys: set[BootKey]) -> None:
        """Load the clocks of these boots from the database."""
        rows = BootClock.objects.filter(
            box__in={box for box, _ in keys}, boot__in={boot for _, boot in keys}
        ).order_by("-order")
        found: dict[BootKey, list[BootClock]] = defaultdict(list)
        for row in rows:
            found[row.box_id, bytes(row.boot)].append(row)
        self._clocks |= {key: found[key] for key in keys}

    def of(self, key: BootKey) -> list[BootClock]:
        """The clocks that date readings of a loaded boot, in falling order.

        The first one that holds counts.
        """
        found = self._clocks[key]
        if key in self._released:
            return found
        return [clock for clock in found if not clock.estimated]

    def known(self, key: BootKey) -> list[BootClock]:
        """All clocks of a boot, in falling order; loads them where they are not."""
        if key not in self._clocks:
            self.load({key})
        return self._clocks[key]

    def find(self, key: BootKey, boot_ms: int) -> BootClock | None:
        """As `at`, of a boot that need not be loaded."""
        return clock_at(self.known(key), boot_ms)

    def at(self, key: BootKey, boot_ms: int) -> BootClock | None:
        """The clock that counts at this moment of a loaded boot, in milliseconds since it began."""
        return clock_at(self._clocks[key], boot_ms)


def clock_at(clocks: list[BootClock], boot_ms: int) -> BootClock | None:
    """The one that counts at ``boot_ms`` among clocks in falling order."""
    for clock in clocks:
        if clock.since_boot_ms <= boot_ms:
            return clock
    return None


def date_flaw(record: EventRecord | ConfigurationRecord, clock: BootClock) -> Flaw | None:
    """Why a record cannot be dated by this clock, if it cannot: its own times, and those in it."""
    times = [record.at]
    if isinstance(record, EventRecord):
        times += [one.since for one in record.conditions if one.since is not None]
    for at in times:
        if not plausible(at + clock.offset_ms):
            detail = f"a time of {at + clock.offset_ms} ms of Unix time"
            return Flaw(code=RejectCode.TIME, detail=detail)
    return None


def store_clock(box: Box, boot: bytes, record: ClockRecord, order: int) -> None:
    """Store a clock record without flaw, and redate what the clocks it overrules had dated."""
    clocks = list(BootClock.objects.filter(box=box, boot=boot).order_by("-order"))
    if any(clock.order == order for clock in clocks):
        return
    used = [clock.last_ms for clock in clocks if clock.order < order and clock.last_ms is not None]
    fresh = BootClock.objects.create(
        box=box,
        boot=boot,
        since_boot_ms=record.since,
        offset_ms=record.offset,
        synchronised=record.synchronised,
        last_ms=max((at for at in used if at >= record.since), default=None),
        order=order,
    )
    # Where a higher order already holds, this one comes too late to count.
    until = min((c.since_boot_ms for c in clocks if c.order > order), default=BOOT_LIMIT_MS)
    for old in _dating([clock for clock in clocks if clock.order < order]):
        if old.offset_ms != fresh.offset_ms or old.estimated:
            _redate(box, old, fresh, until)
    date_gaps(box, boot)
    _judge_again(box, boot)


def _judge_again(box: Box, boot: bytes) -> None:
    """Let what was rejected for its time be judged again, now that another clock dates the boot.

    `portal.ingest.quarantine.replay_outdated` does that, a record at a time.
    """
    rows = Quarantine.objects.filter(epoch__box=box, boot=boot, code=RejectCode.TIME)
    rows.update(judged_by="")


def _dating(clocks: list[BootClock]) -> list[BootClock]:
    """Those among clocks in falling order that may still date something.

    Where a later clock overruled one, it moved what that had dated, unless both say the same: so
    a boot with hundreds of clocks does not cost a look at each of them for every further one.
    """
    found, offsets, since = [], set[int](), BOOT_LIMIT_MS
    for clock in clocks:
        if clock.since_boot_ms < since or clock.offset_ms in offsets or clock.estimated:
            found.append(clock)
        since = min(since, clock.since_boot_ms)
        offsets.add(clock.offset_ms)
    return found


def store_hint(box: Box, boot: bytes, offset: int) -> bool:
    """Store the clock offset of an Online message where the boot has no clock; returns whether."""
    record = ClockRecord(0, offset, synchronised=False)
    known = BootClock.objects.filter(box=box, boot=boot, estimated=False)
    if record_flaw(record) is not None or known.exists():
        return False
    store_clock(box, boot, record, HINT)
    return True


def disown(box: Box, above: int) -> None:
    """Make hints of a box's clocks with orders ``above``, and date again what they had dated."""
    for old in list(BootClock.objects.filter(box=box, order__gt=above)):
        old.order = HINT - old.pk
        old.save(update_fields=["order"])
        boot = bytes(old.boot)
        until = BOOT_LIMIT_MS
        for fresh in BootClock.objects.filter(box=box, boot=boot, order__gte=0).order_by("-order"):
            if fresh.order <= above:
                _redate(box, old, fresh, until)
                until = min(until, fresh.since_boot_ms)
        date_gaps(box, boot)
        _judge_again(box, boot)


def store_estimate(
    box: Box, boot: bytes, offset: int, old: BootClock | None, order: int
) -> BootClock:
    """Store the estimated clock of a boot in place of an ``old`` one, and redate by it.

    The caller deletes the old one by `delete_clock` once nothing names it.

    ``offset`` counts from the beginning of the boot on; ``order`` is that of a first estimate.
    """
    fresh = BootClock.objects.create(
        box=box,
        boot=boot,
        since_boot_ms=0,
        offset_ms=offset,
        synchronised=False,
        estimated=True,
        order=order if old is None else old.order + 1,
    )
    if old is not None:
        _redate(box, old, fresh, BOOT_LIMIT_MS)
    date_gaps(box, boot)
    return fresh


def delete_clock(clock: BootClock | None) -> None:
    """Delete a clock that dates nothing any more, without a look at every sample.

    Samples that are still to be moved from it need only its id (`portal.ingest.redating`).
    """
    if clock is not None:
        rows = BootClock.objects.filter(pk=clock.pk)
        rows._raw_delete(rows.db)  # noqa: SLF001 - delete() would look for its samples, row by row


def _redate(box: Box, old: BootClock, fresh: BootClock, until: int) -> None:
    """Move what ``old`` dated to ``fresh``, from where that holds to ``until`` (boot ms).

    Samples beyond `portal.ingest.redating.MOVED_AT_ONCE` follow in later transactions.
    """
    correction = Redating(
        box=box,
        old_clock=old.pk,
        fresh_clock=fresh.pk,
        start_ms=fresh.since_boot_ms + old.offset_ms,
        end_ms=until + old.offset_ms,
        delta_ms=fresh.offset_ms - old.offset_ms,
    )
    redating.begin(correction)
    samples.redate_latest(box.gateway_id, correction)
    delta = timedelta(milliseconds=fresh.offset_ms - old.offset_ms)
    start = nearest_datetime(fresh.since_boot_ms + old.offset_ms)
    end = nearest_datetime(until + old.offset_ms)
    for model, field in (
        (Device, "reported"),
        (DeviceCondition, "raised"),
        (DeviceCondition, "cleared"),
        (RunningConfiguration, ""),
    ):
        at, clock = (f"{field}_at", f"{field}_clock") if field else ("at", "clock")
        rows = model._default_manager.filter(
            **{clock: old.pk, f"{at}__gte": start, f"{at}__lt": end}
        )
        for pk, when in list(rows.values_list("pk", at)):
            model._default_manager.filter(pk=pk).update(**{at: when + delta, clock: fresh.pk})


def date_gaps(box: Box, boot: bytes) -> None:
    """Date the box's gaps that begin or end in this boot."""
    book = ClockBook()
    book.load({(box.pk, boot)})
    for gap in Gap.objects.filter(Q(first_boot=boot) | Q(last_boot=boot), box=box):
        _date_gap(gap, book, {boot})


def date_gap(gap: Gap, announced_ms: int | None) -> None:
    """Date one gap, as far as its boots' clocks are known.

    One of which the box does not know when it ended had ended before it was announced.
    """
    if bytes(gap.last_boot) == bytes(BOOT_SIZE) and announced_ms is not None:
        gap.to_ms = announced_ms
        gap.save(update_fields=["to_ms"])
    boots = {bytes(gap.first_boot), bytes(gap.last_boot)}
    book = ClockBook()
    book.load({(gap.box_id, boot) for boot in boots})
    _date_gap(gap, book, boots)


def _date_gap(gap: Gap, book: ClockBook, boots: set[bytes]) -> None:
    """Date those ends of a gap that are in these loaded boots; saves what changes."""
    before = gap.from_ms, gap.to_ms
    if bytes(gap.first_boot) in boots:
        gap.from_ms = _unix_ms(book, (gap.box_id, bytes(gap.first_boot)), gap.first_boot_ms)
    if bytes(gap.last_boot) in boots:
        gap.to_ms = _unix_ms(book, (gap.box_id, bytes(gap.last_boot)), gap.last_boot_ms)
    if gap.to_ms is not None and bytes(gap.first_boot) == bytes(BOOT_SIZE):
        known = received_before(gap)  # the records before those lost are not made after that
        gap.from_ms = gap.to_ms if known is None else min(known, gap.to_ms)
    if (gap.from_ms, gap.to_ms) != before:
        gap.save(update_fields=["from_ms", "to_ms"])


def _unix_ms(book: ClockBook, key: BootKey, boot_ms: int) -> int | None:
    clock = book.at(key, boot_ms)
    if clock is None or not plausible(boot_ms + clock.offset_ms):
        return None
    return boot_ms + clock.offset_ms
