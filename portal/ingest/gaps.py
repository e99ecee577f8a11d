"""What boxes announced as dropped, held against what was received and what was given out.

A gap is a statement of a box, kept as it came but for two things:

* A record that arrives is stored, whatever a gap says of its number, and leaves the gap. So the
  ranges of a gap never hold a number that was received, and below a watermark they are what is
  known to be missing.
* Numbers that their epoch is not known to have given out are not believed: the watermark does not
  pass them, and pages do not show them, until the box announces that it gave them out.
* A gap is *disputed* while the box does not say that the record which announced it was
  acknowledged, or once another record came under that number: another sender may have announced it.
  It stands, so that nothing is unaccounted, but what it names is asked for as a hole is; the box
  sends it, or says that it is gone. A gap whose numbers the box could not tell is disputed, too.

An epoch has given out what its newest `cloud_link.wire.Online` says, and what was received of it.

Source: design section 5.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from copy import copy
from typing import TYPE_CHECKING, Final

from django.db import connection

from cloud_link.limits import BOOT_SIZE, SEQ_LIMIT
from cloud_link.ranges import clamp, common, complement, runs_of, size, subtract
from cloud_link.validation import Flaw
from cloud_link.wire import Lane, RejectCode
from portal.ingest import sql
from portal.ingest.models import Epoch, Gap, Receipt, Renumbering, Watermark

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from cloud_link.ranges import Range
    from cloud_link.records import GapRecord

RUNS_MOST: Final = 10_000
"""Runs that the gaps of a lane hold between two numbers: a spool drops the oldest, in few runs."""
ROW_RUNS: Final = 64
"""Runs that one row holds once records have left it: a record that arrives is looked for in the
rows whose first and last number are around its own, whole; of the others, only these are read."""
_ROWS_AT_ONCE: Final = 500
_UNKNOWN_BOOT: Final = bytes(BOOT_SIZE)
"""Of a gap whose spool could not tell when the records were made."""

LaneKey = tuple[int, int]
"""(id of the epoch, lane)."""


def received_runs(epoch: int, lane: int, first: int, last: int) -> list[Range]:
    """The runs of numbers from ``first`` to ``last`` that have receipts, as normal ranges."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(seq), max(seq) FROM (SELECT seq, seq - row_number() OVER (ORDER BY seq) "
            "AS island FROM ingest_receipt WHERE epoch_id = %s AND lane = %s "
            "AND seq BETWEEN %s AND %s) AS runs GROUP BY island",
            [epoch, lane, first, last],
        )
        return sorted((low, high) for low, high in cursor.fetchall())


def watermark(epoch: int, lane: int) -> int:
    """The number up to which the receipts of a lane may be compacted; -1 for none."""
    mark = Watermark.objects.filter(epoch=epoch, lane=lane).first()
    return -1 if mark is None else mark.seq


def claim(gap: Gap, ranges: Iterable[Range]) -> bool:
    """Let an unsaved gap name those of ``ranges`` that were not received; returns whether any.

    No two gaps of a lane name the same number. Of two that do, the later statement holds, but for
    one that does not know when the records were made: it replaces disputed ones only.
    """
    epoch, lane = gap.epoch_id, gap.lane
    wanted = clamp(ranges, SEQ_LIMIT)
    if not wanted:
        return True  # which numbers were lost is not known
    others = _overlapping((epoch, lane), wanted)
    taken = _ranges_of(others)
    below = [(0, watermark(epoch, lane))]
    above = subtract(wanted, below)
    if above:
        above = subtract(above, received_runs(epoch, lane, above[0][0], above[-1][1]))
    left = clamp([*common(common(wanted, below), taken), *above], SEQ_LIMIT)
    if bytes(gap.last_boot) == _UNKNOWN_BOOT:
        left = subtract(left, _ranges_of(other for other in others if not other.disputed))
    _withdraw((other, left) for other in others)
    gap.readings = gap.readings * size(left) // size(wanted)
    set_ranges(gap, left)
    return bool(left)


def runs_flaw(box: int, record: GapRecord) -> Flaw | None:
    """Why one more gap may not be stored beside those that it interleaves with, if it may not.

    Each record that arrives later is looked for in all of them.
    """
    edges = [edge for run in record.ranges for edge in run]
    if not edges:
        return None
    beside = Gap.objects.filter(
        epoch__box=box,
        epoch__epoch=record.epoch,
        lane=record.lane,
        last_seq__gte=min(edges),
        first_seq__lte=max(edges),
    )
    runs = sum(map(len, beside.values_list("ranges", flat=True)))
    if runs + len(record.ranges) <= RUNS_MOST:
        return None
    detail = f"the gaps of its lane have {runs:,} runs already between its numbers"
    return Flaw(code=RejectCode.REFUSED, detail=detail)


def missing_runs(epoch: Epoch, lane: int) -> list[Range]:
    """What an epoch gave out, as far as that is known, and is neither here nor named by a gap.

    At most `RUNS_MOST` runs of it.
    """
    top, mark = given_out(epoch, lane), watermark(epoch.pk, lane)
    received = received_runs(epoch.pk, lane, mark + 1, top)
    known = clamp([(0, mark), *received, *named(epoch.pk, lane, top)], top)
    return complement(known, top)[:RUNS_MOST]


def dispute(keys: Iterable[tuple[int, int, int]]) -> None:
    """Dispute what gap records announced under whose (epoch, lane, seq) another one came."""
    for epoch, lane, seq in keys:
        if lane == Lane.GAP:
            for kind in (Gap, Renumbering):
                rows = kind.objects.filter(carrier_epoch=epoch, carrier_seq=seq)
                rows.update(carrier_epoch=None, carrier_seq=None, disputed=True)


def disputed_by_others(gap: Gap, ranges: Iterable[Range]) -> bool:
    """Whether a disputed gap that another record announced names any of these numbers."""
    wanted = clamp(ranges, SEQ_LIMIT)
    if not wanted:
        return False
    carrier = (gap.carrier_epoch_id, gap.carrier_seq)
    return any(
        each.disputed
        and (each.carrier_epoch_id, each.carrier_seq) != carrier
        and common(_ranges_of([each]), wanted)
        for each in _overlapping((gap.epoch_id, gap.lane), wanted)
    )


def judge(epochs: Collection[int], is_disputed: Callable[[int, int, int], bool]) -> None:
    """Dispute some gaps of these epochs, and no longer others.

    Args:
        epochs: The epochs whose numbers the gaps name, by the ids of their rows.
        is_disputed: By the id and the ordinal of the epoch that the gap's record came in, and by
            the number that it came under.
    """
    for kind in (Gap, Renumbering):
        rows = kind.objects.filter(
            epoch__in=epochs, carrier_epoch__isnull=False, carrier_seq__isnull=False
        ).values_list("pk", "disputed", "carrier_epoch", "carrier_epoch__ordinal", "carrier_seq")
        changed: dict[bool, list[int]] = {True: [], False: []}
        for pk, before, epoch, ordinal, seq in rows.iterator():
            assert seq is not None
            if before != (now := is_disputed(epoch, ordinal, seq)):
                changed[now].append(pk)
        for now, keys in changed.items():
            if keys:
                kind.objects.filter(pk__in=keys).update(disputed=now)


def disputed(lasts: Mapping[LaneKey, int]) -> dict[LaneKey, list[Range]]:
    """What disputed gaps name of these lanes, up to their last numbers, where they name any."""
    epochs = {epoch for epoch, _ in lasts}
    rows = Gap.objects.filter(epoch__in=epochs, last_seq__gte=0, disputed=True)
    found: dict[LaneKey, list[Gap]] = defaultdict(list)
    for row in rows:
        if row.first_seq <= lasts.get((row.epoch_id, row.lane), -1):
            found[row.epoch_id, row.lane].append(row)
    return {key: common(_ranges_of(some), [(0, lasts[key])]) for key, some in found.items()}


def _ranges_of(rows: Iterable[Gap]) -> list[Range]:
    return clamp([(first, last) for row in rows for first, last in row.ranges], SEQ_LIMIT)


def write_off(
    epoch: Epoch,
    lane: int,
    runs: Sequence[Range],
    times: tuple[int | None, int | None],
    *,
    disputed: bool = True,
) -> None:
    """Announce numbers that are not here and in no gap, without a record of the box that says so.

    Args:
        epoch: Their epoch.
        lane: Their lane.
        runs: The numbers.
        times: When the first of them was made at the earliest, and the last one at the latest.
        disputed: Whether the box is asked for them as soon as it names them.
    """
    if not runs:
        return
    gap = Gap(
        box_id=epoch.box_id,
        epoch=epoch,
        lane=lane,
        records=size(runs),
        readings=0,
        first_boot=_UNKNOWN_BOOT,
        first_boot_ms=0,
        last_boot=_UNKNOWN_BOOT,
        last_boot_ms=0,
        from_ms=times[0],
        to_ms=times[1],
        reason="portal",
        disputed=disputed,
    )
    set_ranges(gap, runs)
    Gap.objects.bulk_create([gap, *_split(gap)])


def given_out(epoch: Epoch, lane: int) -> int:
    """The number up to which, excluded, this epoch is known to have given out numbers."""
    announced = int(epoch.announced.get(str(lane), 0))
    return max(announced, highest_received(epoch.pk, lane) + 1)


def highest_received(epoch: int, lane: int) -> int:
    """The highest number received of a lane, or -1."""
    receipt = Receipt.objects.filter(epoch=epoch, lane=lane).order_by("-seq").first()
    mark = watermark(epoch, lane)
    if receipt is not None and receipt.seq >= mark:
        return receipt.seq
    received = complement(named(epoch, lane, mark + 1), mark + 1)
    found = [received[-1][1] if received else -1, -1 if receipt is None else receipt.seq]
    return max(found)


def named(epoch: int, lane: int, upto: int) -> list[Range]:
    """The ranges that gaps of a lane name, as far as they lie below ``upto``."""
    rows = Gap.objects.filter(epoch=epoch, lane=lane, first_seq__lt=upto).values_list(
        "ranges", flat=True
    )
    return clamp([(first, last) for ranges in rows for first, last in ranges], upto)


def named_below(limits: Mapping[LaneKey, int]) -> dict[LaneKey, list[Range]]:
    """The same for several lanes, each below its limit; one statement."""
    found: dict[LaneKey, list[Range]] = {key: [] for key in limits}
    rows = Gap.objects.filter(epoch__in={epoch for epoch, _ in limits})
    for epoch, lane, ranges in rows.values_list("epoch", "lane", "ranges"):
        if (epoch, lane) in found:
            found[epoch, lane] += [(first, last) for first, last in ranges]
    return {key: clamp(ranges, limits[key]) for key, ranges in found.items()}


def believe(epoch: Epoch) -> None:
    """Believe those gaps of an epoch that begin below what it is known to have given out."""
    gaps = Gap.objects.filter(epoch=epoch, last_seq__gte=0)
    for lane in sorted(set(gaps.values_list("lane", flat=True))):
        top = given_out(epoch, lane)
        of_lane = gaps.filter(lane=lane)
        of_lane.filter(believed=False, first_seq__lt=top).update(believed=True)
        of_lane.filter(believed=True, first_seq__gte=top).update(believed=False)


def missing(numbers: Mapping[LaneKey, Collection[int]]) -> dict[LaneKey, set[int]]:
    """Which of these numbers gaps name: they were not received, wherever the watermark stands."""
    found: dict[LaneKey, set[int]] = defaultdict(set)
    for gap, near in _naming(numbers):
        starts = [first for first, _ in gap.ranges]
        for seq in near:
            place = bisect_right(starts, seq) - 1
            if place >= 0 and seq <= gap.ranges[place][1]:
                found[gap.epoch_id, gap.lane].add(seq)
    return found


def fill(numbers: Mapping[LaneKey, Collection[int]]) -> None:
    """Take numbers that were received out of the gaps that name them."""
    _withdraw((gap, runs_of(near)) for gap, near in _naming(numbers))


def set_ranges(gap: Gap, ranges: Collection[Range]) -> None:
    """Set which numbers a gap names; it cannot have dropped more records than that."""
    gap.ranges = [list(run) for run in ranges]
    gap.first_seq = min((first for first, _ in ranges), default=0)
    gap.last_seq = max((last for _, last in ranges), default=-1)
    gap.records = min(gap.records, size(ranges))


def _withdraw(changes: Iterable[tuple[Gap, Sequence[Range]]]) -> None:
    """Let stored gaps name none of these numbers; one of too many runs is split into rows."""
    gone: list[int] = []
    rows: list[Gap] = []
    for gap, runs in changes:
        before = [(first, last) for first, last in gap.ranges]
        left = subtract(before, runs)
        if not left:
            gone.append(gap.pk)
        elif left != before:
            gap.readings = gap.readings * size(left) // size(before)
            set_ranges(gap, left)
            rows += [gap, *_split(gap)]
    if gone:
        Gap.objects.filter(pk__in=gone).delete()
    fields = ["ranges", "first_seq", "last_seq", "records", "readings"]
    known = [row for row in rows if row.pk is not None]
    Gap.objects.bulk_create(
        known, update_conflicts=True, unique_fields=["id"], update_fields=fields
    )
    Gap.objects.bulk_create([row for row in rows if row.pk is None])


def _split(gap: Gap) -> list[Gap]:
    """Leave a gap its first runs where it has more than `ROW_RUNS`; returns rows for the others.

    No row gets more than half of that, so that it is not split again at once.
    """
    runs = [(first, last) for first, last in gap.ranges]
    if len(runs) <= ROW_RUNS:
        return []
    records, readings, numbers = gap.records, gap.readings, size(runs)
    rows: list[Gap] = []
    upto, step = 0, ROW_RUNS // 2
    for start in range(0, len(runs), step):
        part = runs[start : start + step]
        row = copy(gap) if rows else gap
        above = upto + size(part)
        row.records = records * above // numbers - records * upto // numbers
        row.readings = readings * above // numbers - readings * upto // numbers
        set_ranges(row, part)
        rows.append(row)
        upto = above
    for row in rows[1:]:
        row.pk = None
    return rows[1:]


def _naming(numbers: Mapping[LaneKey, Collection[int]]) -> list[tuple[Gap, list[int]]]:
    """The gaps around any of these numbers, each with those between its first and last number.

    Costs an entry of an index for each row above the least number, and the rows that are returned.
    """
    wanted = {key: sorted(seqs) for key, seqs in numbers.items() if seqs}
    if not wanted:
        return []
    bounds = [(*key, seqs[0], seqs[-1]) for key, seqs in wanted.items()]
    source, parameters = sql.source(("bigint", "smallint", "bigint", "bigint"), bounds)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT g.id, c0, c1, g.first_seq, g.last_seq "  # noqa: S608 - the source is ours
            f"FROM {source} JOIN ingest_gap g ON g.epoch_id = c0 AND g.lane = c1 "
            "AND g.last_seq >= c2 AND g.first_seq <= c3",
            parameters,
        )
        spans = cursor.fetchall()
    near = {pk: _between(wanted[epoch, lane], *span) for pk, epoch, lane, *span in spans}
    found = [pk for pk, some in near.items() if some]
    rows: list[Gap] = []
    for start in range(0, len(found), _ROWS_AT_ONCE):
        rows += Gap.objects.filter(pk__in=found[start : start + _ROWS_AT_ONCE]).order_by("pk")
    return [(row, near[row.pk]) for row in rows]


def _between(ascending: list[int], first: int, last: int) -> list[int]:
    return ascending[bisect_left(ascending, first) : bisect_right(ascending, last)]


def _overlapping(key: LaneKey, wanted: Sequence[Range]) -> list[Gap]:
    """The gaps of a lane between whose first and last number there may be some of the runs."""
    rows = Gap.objects.filter(epoch=key[0], lane=key[1], first_seq__lte=wanted[-1][1])
    return list(rows.filter(last_seq__gte=wanted[0][0]).order_by("pk"))
