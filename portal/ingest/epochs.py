"""The epochs of a box: what they gave out, and which of them the box does not know.

An ``online`` message names epochs, each with the numbers that it gave out, and says of which
ordinals it names all (`cloud_link.wire.Online.complete`). An epoch of these ordinals that it does
not name is not one of the box's: another sender invented it, or the spool that knew it is lost.
Nothing tells one from the other, so what it is known to have given out and is not here is
announced by a gap of reason ``portal``, and the epoch is closed::

    known here, of ordinals 4..9       4  5  6  7  8  9
    named by the box                   4     6     8  9
    closed, the rest in a gap             5     7

The gap is disputed: a box that names the epoch later after all is asked for its numbers.

`NAMED_EPOCHS_LIMIT` epochs of a box are kept of which no record came. Of those beyond, closed ones
are folded into one epoch without a name, as so many more numbers in its gap; where none is closed,
a further epoch is not taken in by its name alone, but once a record of it comes or there is room.

Source: ADR 0032.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Q

from cloud_link.limits import NAMED_EPOCHS_LIMIT, SEQ_LIMIT
from cloud_link.ranges import clamp, complement, size
from cloud_link.wire import Lane
from portal.ingest import gaps, receipts
from portal.ingest.gap_times import received_before_epoch
from portal.ingest.models import Epoch, Gap, Hole
from portal.logs import event_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cloud_link.ranges import Range
    from cloud_link.wire import AcknowledgedEpoch, Online
    from portal.fleet.models import Box

log = event_log(__name__)

EPOCHS_AT_ONCE: Final = 64
"""Epochs of one message that are looked at; a box names no more."""
HEARD_AT_ONCE: Final = 8
"""Epochs with records that one message closes: each costs a statement for each of its lanes."""
NAMELESS: Final = b""
"""The name of the epoch that stands for those that are folded; no message can carry it."""


def announce(box: Box, online: Online, now_ms: int) -> None:
    """Take in what a box's epochs gave out, as its message says, and close those it does not know.

    A new epoch is not later than that of the session: a later one would overtake the spool.
    """
    named = {one.epoch: one for one in newest_named(online) if one.epoch != online.epoch}
    if (online.ordinal, online.session) == (box.epoch_ordinal, box.session):
        _close_unknown(box, online, {online.epoch, *named}, now_ms)
    said = {online.epoch: (online.ordinal, {str(int(k)): v for k, v in online.next.items()})}
    said |= {name: (one.ordinal, _given_out(one)) for name, one in named.items()}
    rows = {bytes(row.epoch): row for row in box.epochs.filter(epoch__in=list(said))}
    for name, row in rows.items():
        ordinal, counts = said[name]
        if name != online.epoch:
            counts = _corrected(row, named[name], counts, now_ms)
            ordinal = ordinal if ordinal <= online.ordinal else row.ordinal
        _update(row, ordinal, counts)
    fresh = [
        Epoch(box=box, epoch=name, ordinal=ordinal, announced=counts)
        for name, (ordinal, counts) in said.items()
        if name not in rows and ordinal <= online.ordinal
    ]
    Epoch.objects.bulk_create(_admitted(box, fresh))


def newest_named(online: Online) -> list[AcknowledgedEpoch]:
    """The epochs that a message says something of, ascending, the newest `EPOCHS_AT_ONCE`."""
    return sorted(online.acknowledged, key=lambda one: one.ordinal)[-EPOCHS_AT_ONCE:]


def _given_out(one: AcknowledgedEpoch) -> dict[str, int]:
    """What an epoch gave out at least, by lane, as its box says."""
    least = {str(lane): seq + 1 for lane, seq in one.lanes.items()}
    said = {str(lane): count for lane, count in one.next.items()}
    return {lane: max(least.get(lane, 0), said.get(lane, 0)) for lane in least.keys() | said.keys()}


def _corrected(
    row: Epoch, one: AcknowledgedEpoch, counts: Mapping[str, int], now_ms: int
) -> dict[str, int]:
    """What an epoch that has ended gave out, by lane, from what is known and what its box says.

    A box knows the number after the last. Where it is lower than what was announced, another sender
    announced that, unless records above it are here: then another copy of the spool gave out more,
    and those between that are not here are lost with it. They are announced by a gap.
    """
    found = dict(counts)
    for lane, before in row.announced.items():
        said = one.next.get(int(lane))
        if said is None:
            found[lane] = max(before, found.get(lane, 0))
        elif found[lane] < before:
            top = min(before, gaps.highest_received(row.pk, int(lane)) + 1)
            if top > found[lane]:
                _announce_loss(row, int(lane), (found[lane], top - 1), now_ms)
                found[lane] = top
    return found


def _update(row: Epoch, ordinal: int, announced: dict[str, int]) -> None:
    before = (row.ordinal, row.closed, row.announced)
    row.ordinal, row.closed, row.announced = ordinal, False, announced
    if before != (row.ordinal, row.closed, row.announced):
        row.save(update_fields=["ordinal", "closed", "announced"])
    if before[2] != announced:
        gaps.believe(row)


# Epochs that the box does not know


def _close_unknown(box: Box, online: Online, named: Iterable[bytes], now_ms: int) -> None:
    """Close epochs that a box says not to know, and announce what they lack."""
    if not online.complete or len(online.acknowledged) > EPOCHS_AT_ONCE:
        return
    within = Q()
    for first, last in online.complete:
        within |= Q(ordinal__range=(first, last))
    unknown = box.epochs.filter(within, closed=False, ordinal__lte=online.ordinal)
    unknown = unknown.exclude(epoch__in=[NAMELESS, *named]).order_by("ordinal", "pk")
    bare = list(unknown.filter(heard=False)[:EPOCHS_AT_ONCE])
    heard = list(unknown.filter(heard=True)[:HEARD_AT_ONCE])
    if not bare and not heard:
        return
    lasts = receipts.incomplete(_lasts(heard))
    seen = receipts.missing_upto(lasts)
    found = {key: runs for key, (runs, _) in seen.items()} | _unnamed(_lasts(bare))
    rows = {row.pk: row for row in [*bare, *heard]}
    lacking = {key: runs for key, runs in found.items() if runs}
    # Of those without records the oldest one stands for all: each costs some statements.
    oldest = {row.pk: row if row.heard else bare[0] for row in rows.values()}
    dated = {oldest[epoch] for epoch, _ in lacking}
    spans = {row: _span(row, now_ms) for row in dated}
    for (epoch, lane), runs in lacking.items():
        gaps.write_off(rows[epoch], lane, runs, spans[oldest[epoch]])
    Hole.objects.filter(box=box, epoch__in=[row.epoch for row in rows.values()]).delete()
    # One with more receipts than are looked at once is closed by a later message.
    unseen = {key[0] for key, (_, upto) in seen.items() if upto < lasts[key]}
    Epoch.objects.filter(pk__in=rows.keys() - unseen).update(closed=True)
    if lost := sum(size(runs) for runs in lacking.values()):
        fields = {"box": box.box_id, "epochs": len(rows), "records": lost}
        transaction.on_commit(lambda: log.warning("unknown_epochs_closed", **fields))


def _lasts(rows: Iterable[Epoch]) -> dict[receipts.LaneKey, int]:
    """The last number that each lane of some epochs is known to have given out."""
    return {(row.pk, int(lane)): count - 1 for row in rows for lane, count in row.announced.items()}


def _unnamed(lasts: Mapping[receipts.LaneKey, int]) -> dict[receipts.LaneKey, list[Range]]:
    """Of lanes without records, the numbers up to the last ones that no gap names."""
    named = gaps.named_below({key: last + 1 for key, last in lasts.items()})
    return {key: complement(runs, lasts[key] + 1) for key, runs in named.items()}


def _announce_loss(epoch: Epoch, lane: int, run: Range, now_ms: int) -> None:
    """Announce those numbers of a run that are neither here nor named by a gap."""
    first, last = run
    mark = gaps.watermark(epoch.pk, lane)
    received = gaps.received_runs(epoch.pk, lane, max(first, mark + 1), last)
    known = clamp(
        [(0, max(first - 1, mark)), *received, *gaps.named(epoch.pk, lane, last + 1)], last + 1
    )
    runs = complement(known, last + 1)
    gaps.write_off(epoch, lane, runs, _span(epoch, now_ms), disputed=False)


def _span(epoch: Epoch, now_ms: int) -> tuple[int, int]:
    """When records of an epoch were made at the earliest and at the latest, in Unix ms."""
    before = received_before_epoch(epoch, Lane.DATA)
    return (now_ms if before is None else min(before, now_ms), now_ms)


# How many are kept


def _admitted(box: Box, fresh: Sequence[Epoch]) -> list[Epoch]:
    """Those of some new epochs for which there is room, the newest first."""
    if not fresh:
        return []
    bare = box.epochs.filter(heard=False)
    room = NAMED_EPOCHS_LIMIT - bare.count()
    if room < len(fresh):
        folded = list(bare.filter(closed=True).order_by("pk")[: len(fresh) - room])
        _fold(box, folded)
        room += len(folded)
    if room < len(fresh):
        transaction.on_commit(
            lambda: log.warning("too_many_epochs", box=box.box_id, most=NAMED_EPOCHS_LIMIT)
        )
    return sorted(fresh, key=lambda one: one.ordinal, reverse=True)[: max(0, room)]


def _fold(box: Box, rows: Sequence[Epoch]) -> None:
    """Replace closed epochs of which nothing came by as many numbers of the nameless one."""
    if not rows:
        return
    sink, _ = Epoch.objects.get_or_create(
        box=box, epoch=NAMELESS, defaults={"ordinal": 0, "closed": True, "heard": True}
    )
    for row in rows:
        for lane, count in row.announced.items():
            sink.announced[lane] = min(sink.announced.get(lane, 0) + count, SEQ_LIMIT)
    sink.save(update_fields=["announced"])
    Gap.objects.filter(epoch=sink).delete()
    Epoch.objects.filter(pk__in=[row.pk for row in rows]).delete()
    for lane, count in sink.announced.items():
        if count:
            gaps.write_off(sink, int(lane), [(0, count - 1)], (None, None), disputed=False)
