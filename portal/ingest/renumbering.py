"""Records that a box sent again under other numbers, counted once.

A box gives a record another number where it hears that the portal holds other content under the
first (`cloud_link.wire.Ack.conflict`), and says so by a gap of reason ``moved``. Where this portal
did not answer so, another sender did, and it may hold the same record under both numbers. So the
first one counts as no record of its own, whether it was received or not, unless another record came
under it: that one is not the box's, or not of this copy of its spool::

    said moved               3  4  5
    received                 3     5
    another came under             5        answered by this portal
    counted as records             5

Nothing but ledgers depends on it: what was received stays received, and what was not is in the gap,
so that a statement of another sender hides no record.

Source: ADR 0033.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from cloud_link.limits import SEQ_LIMIT
from cloud_link.ranges import clamp, common, complement, runs_of, size, subtract
from portal.ingest import gaps
from portal.ingest.gaps import LaneKey
from portal.ingest.models import Epoch, Receipt, Renumbering

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import QuerySet

    from cloud_link.ranges import Range
    from cloud_link.records import GapRecord

MOVED: Final = "moved"
"""The reason of a gap of records that were sent again."""
_CONTESTED_AT_ONCE: Final = 10_000
_NUMBERS_AT_ONCE: Final = 500


class Excess(NamedTuple):
    """How many numbers of a lane count as no records: ``received`` ones, and ``gapped`` ones."""

    received: int
    gapped: int


def apply(epoch: Epoch, record: GapRecord, carrier: tuple[int, int]) -> None:
    """Take in that records of an epoch were sent again; ``carrier`` as in `announcements`."""
    said = clamp(record.ranges, SEQ_LIMIT)
    own = subtract(said, _of_others(epoch, record.lane, said)) if said else []
    if own:
        Renumbering.objects.update_or_create(
            epoch=epoch,
            lane=record.lane,
            carrier_epoch_id=carrier[0],
            carrier_seq=carrier[1],
            defaults={"ranges": [list(run) for run in own], "disputed": False},
        )


def _of_others(epoch: Epoch, lane: int, said: Sequence[Range]) -> list[Range]:
    """Those numbers under which another record is known to have come, or may have."""
    first, last = said[0][0], said[-1][1]
    rows = Receipt.objects.filter(
        epoch=epoch, lane=lane, seq__gte=first, seq__lte=last, contested=True
    )
    found = runs_of(rows.order_by("seq").values_list("seq", flat=True)[:_CONTESTED_AT_ONCE])
    mark = gaps.watermark(epoch.pk, lane)
    if not epoch.contested or mark < first:
        return found
    # Of compacted receipts nothing tells any more whose records they were.
    known = [*gaps.received_runs(epoch.pk, lane, 0, mark), *gaps.named(epoch.pk, lane, mark + 1)]
    return clamp([*found, *complement(clamp(known, mark + 1), mark + 1)], SEQ_LIMIT)


def contest(keys: Iterable[tuple[int, int, int]]) -> None:
    """Note in the receipts of these (epoch, lane, seq) that other records came under them."""
    alike: dict[LaneKey, list[int]] = defaultdict(list)
    for epoch, lane, seq in keys:
        alike[epoch, lane].append(seq)
    for (epoch, lane), numbers in alike.items():
        for start in range(0, len(numbers), _NUMBERS_AT_ONCE):
            part = numbers[start : start + _NUMBERS_AT_ONCE]
            Receipt.objects.filter(epoch=epoch, lane=lane, seq__in=part).update(contested=True)


def moved(rows: QuerySet[Renumbering]) -> dict[LaneKey, list[Range]]:
    """The numbers that undisputed ``rows`` say were given up, by lane."""
    found: dict[LaneKey, list[Range]] = defaultdict(list)
    for epoch, lane, ranges in rows.filter(disputed=False).values_list("epoch", "lane", "ranges"):
        found[epoch, lane] += [(first, last) for first, last in ranges]
    return {key: clamp(ranges, SEQ_LIMIT) for key, ranges in found.items()}


def excess(given_up: Sequence[Range], named: Iterable[Range], announced: int) -> Excess:
    """How many numbers of a lane to leave out of its counts.

    Args:
        given_up: The numbers that were given up.
        named: What gaps name: of the others, every number that was given up was received.
        announced: How many numbers of the lane count as given out.
    """
    gapped = clamp(named, SEQ_LIMIT)
    return Excess(
        received=size(subtract(given_up, gapped)),
        gapped=size(common(clamp(given_up, announced), gapped)),
    )
