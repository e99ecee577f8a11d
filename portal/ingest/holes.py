"""Holes: numbers that a box says were acknowledged, and that are not here.

A portal that is restored from a backup has forgotten what came since, and the boxes have no reason
to send it again. So each box says how far its epochs are acknowledged without a hole
(`cloud_link.wire.Online.acknowledged`), and what lies below and is not here is asked for::

    acknowledged to 9      0 1 2 3 4 5 6 7 8 9
    receipts               x x x     x x
    gaps                                 x
    holes                        ^ ^       ^ ^     Ack.resend = (3, 4), (8, 9)

A box without an ``online`` message since the restore is found out by the first batch that does not
follow what is here (`after_batches`); its answer makes the box say the rest.

What is asked for is kept as `portal.ingest.models.Hole` until it is here: sent again, or announced
by a gap. All work is bounded by what one message can name; a box that claims more than it was
acknowledged makes work for itself.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from django.db import transaction

from cloud_link.ranges import Range, clamp, size
from cloud_link.wire import VERSION, Ack, Lane
from portal.ingest import gaps, receipts
from portal.ingest.answers import Answer
from portal.ingest.epochs import EPOCHS_AT_ONCE, newest_named
from portal.ingest.models import Epoch, Hole
from portal.logs import event_log

if TYPE_CHECKING:
    from cloud_link.wire import AcknowledgedEpoch, Online
    from portal.fleet.models import Box
    from portal.ingest.receipts import LaneKey

log = event_log(__name__)

LANES_AT_ONCE: Final = 32
"""Lanes of one message that are looked at, where they are not known to be complete: each costs a
statement, and all boxes wait."""
RANGES_AT_ONCE: Final = 64
"""Ranges of one acknowledgement; the box asks again after it has answered these."""
UNDER_WAY_MS: Final = 5_000
"""For so long after a batch, what is missing behind it may be with another worker."""
HOLES_KEPT: Final = 256
"""Holes of one box that are remembered."""


def find_holes(box: Box, online: Online, now_ms: int) -> list[Answer]:
    """Ask the box for the holes below what it says was acknowledged, oldest epoch first.

    Of more than `LANES_AT_ONCE` lanes that may have holes, other ones are looked at every time.
    """
    named = newest_named(online)
    if not named:
        return []
    rows = Epoch.objects.filter(box=box, epoch__in=[one.epoch for one in named])
    epochs = {bytes(row.epoch): row.pk for row in rows}
    known = [(epochs[one.epoch], one) for one in named if one.epoch in epochs]
    told = {(epoch, lane): last for epoch, one in known for lane, last in one.lanes.items()}
    _judge_gaps(known)
    todo = receipts.incomplete(told)
    holes = dict(receipts.missing(_in_turn(todo, now_ms)))
    for key, runs in gaps.disputed(told).items():
        holes[key] = clamp([*holes.get(key, ()), *runs], told[key] + 1)
    names = {epoch: one.epoch for epoch, one in known}
    found = {(names[key[0]], Lane(key[1])): runs for key, runs in holes.items() if runs}
    later = {(names[epoch], lane) for epoch, lane in todo.keys() - holes.keys()}
    _keep(box, (names.values(), later), found, now_ms)
    if found:
        records = sum(size(runs) for runs in found.values())
        transaction.on_commit(
            lambda: log.warning("records_missing", box=box.box_id, records=records)
        )
    # A lane of gaps goes first: what it names need not be asked for once it is back.
    ordered = sorted(found.items(), key=lambda one: one[0][1])
    return [_ask(box, epoch, lane, holes) for (epoch, lane), holes in ordered]


def _in_turn(lanes: Mapping[LaneKey, int], now_ms: int) -> dict[LaneKey, int]:
    """`LANES_AT_ONCE` of the lanes; where there are more, the time says where to begin."""
    keys = list(lanes)
    start = now_ms // 1000 * LANES_AT_ONCE % len(keys) if len(keys) > LANES_AT_ONCE else 0
    return {key: lanes[key] for key in [*keys[start:], *keys[:start]][:LANES_AT_ONCE]}


def _judge_gaps(known: Sequence[tuple[int, AcknowledgedEpoch]]) -> None:
    """Dispute those gaps of these epochs whose records the box does not know as acknowledged.

    A box with more than `EPOCHS_AT_ONCE` epochs names some of them: the newest, and a run of the
    older ones. An epoch outside of both may be its own.
    """
    told = {epoch: one.lanes.get(int(Lane.GAP), -1) for epoch, one in known}
    ordinals = [one.ordinal for _, one in known]
    half = EPOCHS_AT_ONCE // 2
    spans = [(part[0], part[-1]) for part in (ordinals[:-half], ordinals[-half:]) if part]
    whole = len(known) < EPOCHS_AT_ONCE

    def is_disputed(epoch: int, ordinal: int, seq: int) -> bool:
        if epoch in told:
            return seq > told[epoch]
        return whole or not ordinal or any(low <= ordinal <= high for low, high in spans)

    gaps.judge(told, is_disputed)


def _ask(box: Box, epoch: bytes, lane: Lane, holes: Sequence[Range]) -> Answer:
    ack = Ack(VERSION, epoch, lane, resend=tuple(holes[:RANGES_AT_ONCE]))
    return Answer(box=box.box_id, ack=ack)


def _keep(
    box: Box,
    told: tuple[Collection[bytes], Container[tuple[bytes, int]]],
    found: Mapping[tuple[bytes, Lane], Sequence[Range]],
    now: int,
) -> None:
    """Replace the holes of some epochs by those found.

    Args:
        box: Their box.
        told: The names of the epochs, and those of their lanes that were not looked at this time.
        found: The runs that are missing.
        now: The portal's time.
    """
    named, later = told
    rows = [
        row
        for row in Hole.objects.filter(box=box, epoch__in=list(named))
        if (bytes(row.epoch), row.lane) not in later
    ]
    since = {(bytes(row.epoch), row.lane): row.since_ms for row in rows}
    if rows:
        Hole.objects.filter(pk__in=[row.pk for row in rows]).delete()
    if not found:
        return
    room = max(0, HOLES_KEPT - Hole.objects.filter(box=box).count())
    Hole.objects.bulk_create(
        Hole(
            box=box,
            epoch=epoch,
            lane=lane,
            records=size(holes),
            since_ms=since.get((epoch, int(lane)), now),
        )
        for (epoch, lane), holes in list(found.items())[:room]
    )


def after_batches(
    epochs: Mapping[int, tuple[Box, Epoch]], fresh: Iterable[receipts.Key], now_ms: int
) -> list[Answer]:
    """Ask for what lies directly before new records and is not here.

    It may only be under way: then the box, which has it pending, does nothing.

    Args:
        epochs: Each epoch, and the box it is of, by the id of its row.
        fresh: The keys of the records that are new.
        now_ms: The portal's time.
    """
    firsts: dict[tuple[int, int], int] = {}
    for epoch_id, lane, seq in fresh:
        firsts[epoch_id, lane] = min(seq, firsts.get((epoch_id, lane), seq))
    unheard = {key for key, (box, epoch) in epochs.items() if epoch.ordinal > box.epoch_ordinal}
    runs = receipts.missing_before(firsts, now_ms - UNDER_WAY_MS, unheard)
    return [
        _ask(epochs[epoch][0], bytes(epochs[epoch][1].epoch), Lane(lane), [run])
        for (epoch, lane), run in runs.items()
    ]
