"""Which records are new: the receipts that make every record count once.

A record is *fresh* when its receipt could be inserted. A receipt outlives its usefulness for
telling a clone by its content's hash; then `compact` leaves only how far each lane is complete::

    received      . . . . . . . .   . .
    seq           0 1 2 3 4 5 6 7 8 9 10
    watermark                   7   ^ ^ sparse receipts above stay until 8 comes, or is a gap

A number that a gap names was not received, even below the watermark: a record that arrives under
it is new.

Source: design section 5.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from cloud_link.ranges import clamp, complement
from portal.fleet.models import Box
from portal.ingest import gaps, renumbering, sql
from portal.ingest.answers import CONFLICT, STORED, Outcome, RecordOutcome
from portal.ingest.models import Epoch, Receipt, Watermark
from portal.logs import event_log

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping, Sequence

    from cloud_link.ranges import Range
    from portal.ingest.messages import Item

log = event_log(__name__)

FIRST_SEQ: Final = 0
"""The first sequence number of every lane of every epoch."""
_SCAN: Final = 200_000
"""Receipts looked at for holes of one lane at once."""

_NUMBERS_AT_ONCE: Final = 500
"""Databases limit the values of one query."""

Key = tuple[int, int, int]
"""(id of the epoch, lane, seq)."""
LaneKey = tuple[int, int]
"""(id of the epoch, lane)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptCandidate:
    """A record that may be new.

    Attributes:
        item: The record.
        epoch: The id of its epoch's row.
        accept: Whether to receive it if it is new; one whose table is missing is only looked up.
    """

    item: Item
    epoch: int
    accept: bool

    @property
    def key(self) -> Key:
        """The key of its receipt."""
        return (self.epoch, int(self.item.number.lane), self.item.number.seq)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What was known of records that came.

    Attributes:
        earlier: For each its earlier outcome, or ``None`` where it is new.
        named: The keys of those new records that gaps still name: `fill_gaps` takes them out once
            it is certain that they stay.
    """

    earlier: Mapping[Item, RecordOutcome | None]
    named: frozenset[Key]


def receive(candidates: Iterable[ReceiptCandidate], now: int) -> Received:
    """Receive records; ``now`` is in Unix milliseconds.

    Receipts are inserted in one order everywhere, so that workers wait for each other and never
    in a circle.
    """
    ordered = sorted(candidates, key=lambda one: one.key)
    marks = _watermarks({one.epoch for one in ordered})
    missing = gaps.missing(_by_lane(one.key for one in ordered))

    def counted(key: Key) -> bool:
        """Whether the watermark stands for this number; for one that a gap names it does not."""
        return key[2] <= marks.get(key[:2], -1) and key[2] not in missing.get(key[:2], ())

    open_ = [one for one in ordered if one.accept and not counted(one.key)]
    taken = _insert([(*one.key, one.item.content) for one in open_], now)
    rest = [one for one in ordered if one.key not in taken]
    known = _find([one.key for one in rest])
    unvouched = {one.key[0] for one in rest if one.key not in known and counted(one.key)}
    contested = _contested(unvouched) if unvouched else set()
    result: dict[Item, RecordOutcome | None] = {
        one.item: None for one in ordered if one.key in taken
    }
    for one in rest:
        default = None
        if counted(one.key):
            default = CONFLICT if one.key[0] in contested else STORED
        result[one.item] = _earlier_outcome(one.item, known.get(one.key), default)
    conflicting = [one.key for one in rest if result[one.item] == CONFLICT]
    gaps.dispute(conflicting)
    renumbering.contest(conflicting)
    named = frozenset(key for key in taken if key[2] in missing.get(key[:2], ()))
    return Received(earlier=result, named=named)


def fill_gaps(keys: Collection[Key]) -> None:
    """Take records that are here to stay out of the gaps that name them."""
    if keys:
        gaps.fill(_by_lane(keys))


def _by_lane(keys: Iterable[Key]) -> dict[tuple[int, int], set[int]]:
    numbers: dict[tuple[int, int], set[int]] = defaultdict(set)
    for epoch, lane, seq in keys:
        numbers[epoch, lane].add(seq)
    return numbers


def _earlier_outcome(
    item: Item, known: tuple[int, str] | None, default: RecordOutcome | None
) -> RecordOutcome | None:
    if known is None:
        return default
    content, rejected = known
    if content != item.content:
        number = item.number
        transaction.on_commit(
            lambda: log.warning(
                "spool_cloned",
                box=item.box,
                epoch=number.epoch.hex(),
                lane=number.lane.name,
                seq=number.seq,
            )
        )
        return CONFLICT
    return RecordOutcome(outcome=Outcome.REJECTED, code=rejected) if rejected else STORED


def compare(item: Item, first: Item, outcome: RecordOutcome) -> RecordOutcome:
    """The outcome of a further record under a number whose first record had ``outcome``."""
    return outcome if item.content == first.content else CONFLICT


def _watermarks(epochs: set[int]) -> dict[LaneKey, int]:
    rows = Watermark.objects.filter(epoch__in=epochs).values_list("epoch_id", "lane", "seq")
    return {(epoch, lane): seq for epoch, lane, seq in rows}


def _contested(epochs: set[int]) -> set[int]:
    """Those of these epochs of which another sender has used numbers.

    There a compacted receipt does not tell whose the record was: a box that still has one gives it
    a new number, and nothing is lost.
    """
    return set(Epoch.objects.filter(pk__in=epochs, contested=True).values_list("pk", flat=True))


def _insert(rows: Sequence[tuple[int, int, int, int]], now: int) -> set[Key]:
    if not rows:
        return set()
    source, parameters = sql.source(("bigint", "smallint", "bigint", "bigint"), rows)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ingest_receipt (epoch_id, lane, seq, hash, rejected, at) "  # noqa: S608 - the source is ours
            f"SELECT c0, c1, c2, c3, '', %s FROM {source} WHERE c2 >= 0 ORDER BY c0, c1, c2 "
            "ON CONFLICT DO NOTHING RETURNING epoch_id, lane, seq",
            [now, *parameters],
        )
        return {(epoch, lane, seq) for epoch, lane, seq in cursor.fetchall()}


def _find(keys: Sequence[Key]) -> dict[Key, tuple[int, str]]:
    if not keys:
        return {}
    source, parameters = sql.source(("bigint", "smallint", "bigint"), keys)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.epoch_id, r.lane, r.seq, r.hash, r.rejected FROM ingest_receipt r "  # noqa: S608 - the source is ours
            f"JOIN {source} ON r.epoch_id = c0 AND r.lane = c1 AND r.seq = c2",
            parameters,
        )
        return {(row[0], row[1], row[2]): (row[3], row[4]) for row in cursor.fetchall()}


def mark_rejected(codes: Mapping[Key, str]) -> None:
    """Record in their receipts that these records went to quarantine, by the codes given."""
    alike: dict[tuple[int, int, str], list[int]] = defaultdict(list)
    for (epoch, lane, seq), code in codes.items():
        alike[epoch, lane, code].append(seq)
    for (epoch, lane, code), numbers in alike.items():
        for start in range(0, len(numbers), _NUMBERS_AT_ONCE):
            part = numbers[start : start + _NUMBERS_AT_ONCE]
            Receipt.objects.filter(epoch=epoch, lane=lane, seq__in=part).update(rejected=code)


def mark_stored(key: Key) -> None:
    """Record in its receipt, if it is still there, that a record left quarantine and is stored."""
    epoch, lane, seq = key
    Receipt.objects.filter(epoch=epoch, lane=lane, seq=seq).update(rejected="")


def withdraw(key: Key) -> None:
    """Delete the receipt of a record that is not stored after all, before it is committed."""
    epoch, lane, seq = key
    Receipt.objects.filter(epoch=epoch, lane=lane, seq=seq).delete()


def incomplete(lasts: Mapping[LaneKey, int]) -> dict[LaneKey, int]:
    """Those of some lanes, each up to its last number, that no watermark covers; one statement."""
    marks = _watermarks({epoch for epoch, _ in lasts})
    return {key: last for key, last in lasts.items() if last > marks.get(key, FIRST_SEQ - 1)}


def missing(lasts: Mapping[LaneKey, int]) -> dict[LaneKey, list[Range]]:
    """For each lane the runs up to its last number that were neither received nor announced."""
    return {key: runs for key, (runs, _) in missing_upto(lasts).items()}


def missing_upto(lasts: Mapping[LaneKey, int]) -> dict[LaneKey, tuple[list[Range], int]]:
    """The same, and up to which number that was looked at.

    Receipts that follow each other from the watermark on move it, so that the next call does not
    look at them again. At most `_SCAN` receipts of each lane are looked at: numbers beyond are left
    to a later call. Costs one statement for each lane, and a few for all.
    """
    marks = _watermarks({epoch for epoch, _ in lasts})
    announced = gaps.named_below({key: last + 1 for key, last in lasts.items()})
    found = {}
    for (epoch, lane), wanted in lasts.items():
        below = marks.get((epoch, lane), FIRST_SEQ - 1)
        islands, last = _bounded_islands(epoch, lane, below, wanted)
        reached = _reach(below, islands)
        if reached > below:
            Watermark.objects.update_or_create(epoch_id=epoch, lane=lane, defaults={"seq": reached})
        known = clamp([(FIRST_SEQ, below), *islands, *announced[epoch, lane]], last + 1)
        found[epoch, lane] = (complement(known, last + 1), last)
    return found


def _bounded_islands(
    epoch: int, lane: int, above: int, last: int
) -> tuple[list[tuple[int, int]], int]:
    """The runs of receipts above a number, and up to which number they are all of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(seq), max(seq), count(*) FROM (SELECT seq, seq - row_number() OVER "
            "(ORDER BY seq) AS island FROM (SELECT seq FROM ingest_receipt WHERE epoch_id = %s "
            "AND lane = %s AND seq > %s AND seq <= %s ORDER BY seq LIMIT %s) AS bounded) AS runs "
            "GROUP BY island ORDER BY 1",
            [epoch, lane, above, last, _SCAN],
        )
        rows = cursor.fetchall()
    if sum(count for _, _, count in rows) == _SCAN:
        last = rows[-1][1]
    return [(first, end) for first, end, _ in rows], last


def missing_before(
    firsts: Mapping[tuple[int, int], int], silent_since: int, unheard: Container[int]
) -> dict[tuple[int, int], tuple[int, int]]:
    """For each (epoch, lane) the run directly before a number that is not here, if there is one.

    Only a run that cannot be under way with another worker: below it nothing came since
    ``silent_since`` (Unix ms); with nothing below it at all, only in the epochs ``unheard``.
    Costs one statement, and a few more for each run.
    """
    marks = _watermarks({epoch for epoch, _ in firsts})
    above = {key: seq for key, seq in firsts.items() if seq - 1 > marks.get(key, FIRST_SEQ - 1)}
    here = _find([(*key, seq - 1) for key, seq in above.items()])
    found = {}
    for (epoch, lane), seq in above.items():
        if (epoch, lane, seq - 1) in here:
            continue
        lower = Receipt.objects.filter(epoch=epoch, lane=lane, seq__lt=seq).order_by("-seq")
        newest = lower.values_list("seq", "at").first()
        below = marks.get((epoch, lane), FIRST_SEQ - 1)
        if newest is not None and newest[0] > below:
            below = newest[0]
        recent = newest[1] > silent_since if newest else epoch not in unheard
        if not recent and not gaps.missing({(epoch, lane): [seq - 1]}):
            found[epoch, lane] = (below + 1, seq - 1)
    return found


def compact(before: int) -> int:
    """Delete receipts written before ``before`` (Unix ms) that a watermark can stand for.

    Gaps count as received, as far as their epochs are known to have given out the numbers. One
    transaction a lane; returns how many receipts were deleted.
    """
    lanes = (
        Receipt.objects.filter(at__lt=before)
        .order_by("epoch_id", "lane")
        .values_list("epoch_id", "lane")
        .distinct()
    )
    return sum(_compact_lane(epoch, lane, before) for epoch, lane in list(lanes))


def _compact_lane(epoch_id: int, lane: int, before: int) -> int:
    with transaction.atomic():
        epoch = Epoch.objects.get(pk=epoch_id)
        Box.objects.select_for_update(no_key=True).get(pk=epoch.box_id)
        mark, _ = Watermark.objects.get_or_create(
            epoch=epoch, lane=lane, defaults={"seq": FIRST_SEQ - 1}
        )
        gaps.believe(epoch)
        top = gaps.given_out(epoch, lane)
        runs = gaps.received_runs(epoch_id, lane, mark.seq + 1, top)
        reached = _reach(mark.seq, runs + gaps.named(epoch_id, lane, top))
        if reached > mark.seq:
            mark.seq = reached
            mark.save(update_fields=["seq"])
        old = Receipt.objects.filter(epoch=epoch, lane=lane, seq__lte=mark.seq, at__lt=before)
        return old.delete()[0]


def _reach(mark: int, runs: Sequence[tuple[int, int]]) -> int:
    for first, last in sorted(runs):
        if first > mark + 1:
            break
        mark = max(mark, last)
    return mark
