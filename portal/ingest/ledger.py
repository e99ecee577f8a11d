"""The completeness ledger of a box: what its spool accepted against what the portal stored.

::

    accepted = stored + refused + waiting + lost

    accepted  numbers that the spool gave out, by its own count
    stored    numbers received and kept                       a receipt each, or a watermark
    refused   numbers received and put into quarantine
    waiting   not here, and the spool still holds as many
    lost      not here, and the spool holds none; or announced as dropped
    doubled   the same readings under two numbers             of receipts that are still there

The spool is asked first and the database afterwards, and only numbers that were given out by then
are looked at: what is under way in between is on one side or on both, never on neither. So a loss
cannot hide behind what is under way for longer than that takes to arrive.

Receipts are counted, not samples. A receipt is committed in one transaction with what was made of
its record (samples, an event, a record that waits for its boot's clock, or one in quarantine), and
stands for that from then on: samples that are deleted afterwards do not show here. A watermark
stands for every number up to its own, but those announced as dropped; the receipts below it are
trusted, whether `portal.ingest.receipts.compact` has deleted them or not. So a receipt that is gone
shows above the watermark only, and a refused record counts as stored once its receipt is compacted.

``doubled`` covers readings only (lanes ``DATA`` and ``BOUNDARY``): a reading carries the time it
was read at, while two events may rightly be alike. It compares the contents of a box's receipts
within a lane, across all epochs; a copy of a record whose receipt is compacted does not show.

A record that was sent again under another number (`portal.ingest.renumbering`) counts once. Where
other content is known to have come under the first number, that counts as well: it was received.

Source: design section 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Max, Min, Q

from cloud_link.limits import SEQ_LIMIT
from cloud_link.wire import Lane
from portal.ingest.models import Epoch, Gap, Receipt, Renumbering, Watermark
from portal.ingest.renumbering import excess, moved

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolReport:
    """What a gateway's status reports of its spool.

    Attributes:
        box: The box's id.
        epoch: The epoch whose sequence numbers are given out.
        next: The next number to be given out, by lane.
        accepted: How many records were accepted in all epochs, by lane.
        waiting: How many records wait to be acknowledged, by lane.
    """

    box: str
    epoch: bytes
    next: Mapping[Lane, int] = field(default_factory=dict)
    accepted: Mapping[Lane, int] = field(default_factory=dict)
    waiting: Mapping[Lane, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, status: Mapping[str, Any]) -> SpoolReport:
        """Read it from a gateway's status; raises `ValueError` for anything else."""
        try:
            spool = status["spool"]
            return cls(
                box=str(status["box"]),
                epoch=bytes.fromhex(spool["epoch"]),
                next=_by_lane(spool["next"]),
                accepted=_by_lane(spool["accepted"]),
                waiting=_by_lane(spool["waiting"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the status of a gateway: {error}") from error


def _by_lane(counts: Mapping[str, Any]) -> dict[Lane, int]:
    return {lane: int(counts[lane.name.lower()]) for lane in Lane}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The ledger of one box or of several, in records, as the module defines its counts."""

    accepted: int = 0
    stored: int = 0
    refused: int = 0
    waiting: int = 0
    lost: int = 0
    doubled: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing is lost and nothing doubled."""
        return not self.lost and not self.doubled

    def __add__(self, other: Ledger) -> Ledger:
        """The ledger of both together."""
        return Ledger(
            accepted=self.accepted + other.accepted,
            stored=self.stored + other.stored,
            refused=self.refused + other.refused,
            waiting=self.waiting + other.waiting,
            lost=self.lost + other.lost,
            doubled=self.doubled + other.doubled,
        )


def ledger(reports: Iterable[SpoolReport]) -> Ledger:
    """The ledger of the boxes whose spools these are.

    A box costs six statements, however many records it sent and epochs it began, and two more for
    a lane whose watermark stands among its receipts, or that has receipts not given out yet.
    """
    return sum((_of_box(report) for report in reports), Ledger())


Key = tuple[int, int]
"""An epoch, by id, and a lane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Receipts:
    """The receipts of one epoch and lane, counted."""

    least: int
    greatest: int
    count: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """What the portal has stored of one box.

    Attributes:
        epochs: The id of each epoch's row, by the epoch.
        below: The watermark of each epoch and lane.
        receipts: The receipts of each epoch and lane.
        dropped: Runs of numbers announced as dropped; they may overlap.
        doubled: How many readings are stored twice, by lane.
        given_up: Numbers whose records came again under others, of each epoch and lane.
    """

    epochs: Mapping[bytes, int]
    below: Mapping[Key, int]
    receipts: Mapping[Key, _Receipts]
    dropped: Mapping[Key, Sequence[tuple[int, int]]]
    doubled: Mapping[int, int]
    given_up: Mapping[Key, Sequence[tuple[int, int]]]


def _rows(box: str) -> _Rows:
    """Receipts before watermarks: what is compacted in between stands in both, never in neither."""
    found = Receipt.objects.filter(epoch__box__box_id=box)
    grouped = found.values_list("epoch", "lane").annotate(
        Min("seq"), Max("seq"), Count("seq"), refused=Count("seq", filter=~Q(rejected=""))
    )
    receipts = {
        (epoch, lane): _Receipts(least=least, greatest=greatest, count=count, refused=refused)
        for epoch, lane, least, greatest, count, refused in grouped
    }
    # Readings carry the millisecond they were read in. Events need not differ: a clock that is told
    # again after a restart says the same.
    contents = (
        found.filter(lane__in=(Lane.DATA, Lane.BOUNDARY))
        .values_list("lane")
        .annotate(rows=Count("seq"), contents=Count("hash", distinct=True))
    )
    doubled = {lane: rows - different for lane, rows, different in contents}
    marks = Watermark.objects.filter(epoch__box__box_id=box).values_list("epoch", "lane", "seq")
    below = {(epoch, lane): seq for epoch, lane, seq in marks}
    dropped: dict[Key, list[tuple[int, int]]] = {}
    gaps = Gap.objects.filter(epoch__box__box_id=box).values_list("epoch", "lane", "ranges")
    for epoch, lane, ranges in gaps:
        dropped.setdefault((epoch, lane), []).extend((first, last) for first, last in ranges)
    names = Epoch.objects.filter(box__box_id=box).values_list("epoch", "pk")
    epochs = {bytes(name): pk for name, pk in names}
    return _Rows(
        epochs=epochs,
        below=below,
        receipts=receipts,
        dropped=dropped,
        doubled=doubled,
        given_up=moved(Renumbering.objects.filter(epoch__box__box_id=box)),
    )


@dataclass(slots=True)
class _Numbers:
    """How many numbers of an epoch and lane were given out, received, refused and dropped."""

    top: int = 0
    received: int = 0
    refused: int = 0
    dropped: int = 0


def _of_box(report: SpoolReport) -> Ledger:
    rows = _rows(report.box)
    return sum((_of_lane(report, lane, rows) for lane in Lane), Ledger())


def _of_lane(report: SpoolReport, lane: Lane, rows: _Rows) -> Ledger:
    each = [
        _of_epoch((pk, int(lane)), rows, report.next.get(lane, 0) if name == report.epoch else None)
        for name, pk in rows.epochs.items()
    ]
    if report.epoch not in rows.epochs:
        each.append(_Numbers(top=report.next.get(lane, 0)))  # nothing of it has arrived yet
    received = sum(one.received for one in each)
    refused = sum(one.refused for one in each)
    dropped = sum(one.dropped for one in each)
    accepted = max(sum(one.top for one in each), report.accepted.get(lane, 0))
    missing = max(accepted - received - dropped, 0)
    waiting = min(missing, report.waiting.get(lane, 0))
    twice, gapped = _given_up(lane, rows)
    return Ledger(
        accepted=accepted - twice - gapped,
        stored=received - refused - twice,
        refused=refused,
        waiting=waiting,
        lost=dropped - gapped + missing - waiting,
        doubled=max(0, rows.doubled.get(int(lane), 0) - twice),
    )


def _given_up(lane: Lane, rows: _Rows) -> tuple[int, int]:
    """How many numbers of a lane count as no records: received ones, and announced as dropped."""
    found = [
        excess(given_up, rows.dropped.get(key, ()), SEQ_LIMIT)
        for key, given_up in rows.given_up.items()
        if key[1] == lane
    ]
    return sum(one.received for one in found), sum(one.gapped for one in found)


def _of_epoch(key: Key, rows: _Rows, given: int | None) -> _Numbers:
    """``given``: how many numbers its spool gave out; ``None`` for one that gives out no more."""
    below, receipts = rows.below.get(key, -1), rows.receipts.get(key)
    top = given if given is not None else max(below, receipts.greatest if receipts else -1) + 1
    above, refused = _count_received(key, receipts, below, top)
    numbers = _Numbers(top=top, received=min(below + 1, top) + above, refused=refused)
    for first, last in _disjoint(rows.dropped.get(key, ()), top):
        received = _received_between(key, receipts, first, last)  # delivered, and dropped unheard
        numbers.dropped += last + 1 - first - received
        low = min(last, below)
        if low >= first:  # the watermark stands for what was dropped, too
            numbers.received -= low + 1 - first - _received_between(key, receipts, first, low)
    return numbers


def _count_received(key: Key, receipts: _Receipts | None, below: int, top: int) -> tuple[int, int]:
    """How many receipts of numbers given out are above the watermark, and how many are refused."""
    if receipts is None:
        return 0, 0
    if below < receipts.least and receipts.greatest < top:
        return receipts.count, receipts.refused
    found = Receipt.objects.filter(epoch=key[0], lane=key[1], seq__lt=top).aggregate(
        above=Count("seq", filter=Q(seq__gt=below)), refused=Count("seq", filter=~Q(rejected=""))
    )
    return found["above"], found["refused"]


def _received_between(key: Key, receipts: _Receipts | None, first: int, last: int) -> int:
    if receipts is None or last < receipts.least or first > receipts.greatest:
        return 0
    return Receipt.objects.filter(epoch=key[0], lane=key[1], seq__range=(first, last)).count()


def _disjoint(ranges: Iterable[tuple[int, int]], top: int) -> list[tuple[int, int]]:
    """The same numbers, those below ``top``, as runs that do not overlap."""
    runs: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        begin, end = max(first, runs[-1][1] + 1 if runs else 0), min(last, top - 1)
        if begin <= end:
            runs.append((begin, end))
    return runs
