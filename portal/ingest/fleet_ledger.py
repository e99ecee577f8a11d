"""The completeness ledger of the whole fleet, from what the portal itself knows.

::

    accepted = stored + quarantined + gapped + waiting + holes

    accepted     numbers that the boxes' spools gave out, as announced and as received
    stored       received and kept; of these, ``undated`` wait for the clock of their boot
    quarantined  received, and put aside because they could not be stored
    gapped       announced as dropped, and not received since
    waiting      given out, and not here: the box has them, or they are under way
    holes        not here, although the box was told that they are stored: this portal lost them,
                 and has asked for them (`portal.ingest.holes`)

`portal.ingest.ledger` asks a gateway's spool as well, and so tells what waits from what is lost.
Here, what a box gave out after its last session began is not known before it arrives.

The whole fleet costs a fixed number of statements; one of them reads every receipt that is not
compacted yet.

Source: design section 5; `portal.ingest.gaps` for what a gap names.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, NamedTuple

from django.db import connection
from django.db.models import Count

from cloud_link.ranges import clamp, size
from cloud_link.wire import Lane
from portal.fleet.models import Box
from portal.ingest.models import Epoch, Gap, Hole, Quarantine, Watermark
from portal.ingest.time_quality import undated as waiting_for_clocks
from portal.web.sums import ExactSum

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet

    from cloud_link.ranges import Range

LaneKey = tuple[int, int]
"""(id of the epoch, lane)."""

_RECEIPTS: Final = (
    "SELECT r.epoch_id, r.lane, max(r.seq), "
    "sum(CASE WHEN r.seq > coalesce(w.seq, -1) THEN 1 ELSE 0 END) "
    "FROM ingest_receipt r LEFT JOIN ingest_watermark w "
    "ON w.epoch_id = r.epoch_id AND w.lane = r.lane GROUP BY r.epoch_id, r.lane"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLedger:
    """The counts of one box or of several, in records, as the module defines them."""

    accepted: int = 0
    stored: int = 0
    quarantined: int = 0
    gapped: int = 0
    waiting: int = 0
    holes: int = 0
    undated: int = 0

    def __add__(self, other: FleetLedger) -> FleetLedger:
        """The counts of both together."""
        return FleetLedger(
            **{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxLedger:
    """The ledger of one box."""

    box: Box
    ledger: FleetLedger


class _Receipts(NamedTuple):
    """Of the receipts of a lane: the highest number, and how many stand above the watermark."""

    highest: int
    above: int


def box_ledgers() -> list[BoxLedger]:
    """The ledger of every box, by the names of its gateway and its own id."""
    receipts, marks, named = _receipts(), _watermarks(), _named()
    quarantined = _counted(Quarantine.objects.all())
    undated = {box: found.records for box, found in waiting_for_clocks().items()}
    holes = _holes()
    totals: dict[int, FleetLedger] = defaultdict(FleetLedger)
    for pk, box, announced in Epoch.objects.values_list("pk", "box_id", "announced"):
        for lane in Lane:
            key = (pk, int(lane))
            totals[box] += _of_lane(
                _count(announced, lane),
                receipts.get(key, _Receipts(-1, 0)),
                marks.get(key, -1),
                named.get(key, ()),
            )
    boxes = Box.objects.select_related("gateway__site__organization").order_by(
        "gateway__site__organization__name", "gateway__site__name", "gateway__name", "box_id"
    )
    return [
        BoxLedger(box=box, ledger=_with(totals[box.pk], quarantined, undated, holes, box.pk))
        for box in boxes
    ]


def fleet_ledger() -> FleetLedger:
    """The ledger of all boxes together."""
    return sum((one.ledger for one in box_ledgers()), FleetLedger())


def _count(announced: object, lane: Lane) -> int:
    """The count of a lane that an epoch announced; 0 where what is stored is none."""
    said = announced.get(str(int(lane)), 0) if isinstance(announced, dict) else 0
    return said if isinstance(said, int) else 0


def _of_lane(
    announced: int, receipts: _Receipts, below: int, named: Sequence[Range]
) -> FleetLedger:
    top = max(announced, receipts.highest + 1, below + 1)
    gapped = size(clamp(named, top))
    received = receipts.above + below + 1 - size(clamp(named, below + 1))
    return FleetLedger(
        accepted=top,
        stored=received,
        gapped=gapped,
        waiting=max(top - received - gapped, 0),
    )


def _with(
    ledger: FleetLedger,
    quarantined: Mapping[int, int],
    undated: Mapping[int, int],
    holes: Mapping[int, int],
    box: int,
) -> FleetLedger:
    """The same with quarantined records told from those stored, and holes from those waiting."""
    lost = min(holes.get(box, 0), ledger.waiting)
    aside = min(quarantined.get(box, 0), ledger.stored)
    return FleetLedger(
        accepted=ledger.accepted,
        stored=ledger.stored - aside,
        quarantined=aside,
        gapped=ledger.gapped,
        waiting=ledger.waiting - lost,
        holes=lost,
        undated=undated.get(box, 0),
    )


def _receipts() -> dict[LaneKey, _Receipts]:
    with connection.cursor() as cursor:
        cursor.execute(_RECEIPTS)
        return {
            (epoch, lane): _Receipts(highest, int(above))
            for epoch, lane, highest, above in cursor.fetchall()
        }


def _watermarks() -> dict[LaneKey, int]:
    rows = Watermark.objects.values_list("epoch", "lane", "seq")
    return {(epoch, lane): seq for epoch, lane, seq in rows}


def _named() -> dict[LaneKey, list[Range]]:
    """What gaps name, as far as they are believed."""
    found: dict[LaneKey, list[Range]] = defaultdict(list)
    rows = Gap.objects.filter(believed=True).values_list("epoch", "lane", "ranges")
    for epoch, lane, ranges in rows.iterator():
        found[epoch, lane] += [(first, last) for first, last in ranges]
    return found


def _holes() -> dict[int, int]:
    """How many records each box was asked for again."""
    found = Hole.objects.values_list("box").annotate(records=ExactSum("records"))
    return {int(box): int(records) for box, records in found}


def _counted(rows: QuerySet[Quarantine]) -> dict[int, int]:
    """How many of the rows each box has."""
    found = rows.values_list("epoch__box").annotate(count=Count("pk"))
    return {int(box): int(count) for box, count in found}
