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
Here, what a box gave out after its last session message is not known before it arrives: of what
lies above the numbers announced, only what was received counts. Another sender may have used the
box's name, and the numbers between belong to no record. A record that came under two numbers,
because the box was made to give it another, counts once (`portal.ingest.renumbering`).

The whole fleet costs a fixed number of statements; one of them reads every receipt that is not
compacted yet. Each sees what was committed before it, and workers go on in between: the columns add
up all the same, because what two statements say is never mixed up in one of them.

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
from portal.ingest import renumbering, sql
from portal.ingest.models import Epoch, Gap, Hole, Quarantine, Renumbering, Watermark
from portal.ingest.renumbering import excess
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
    "sum(CASE WHEN r.seq > coalesce(w.seq, -1) THEN 1 ELSE 0 END), coalesce(max(w.seq), -1) "
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


class _Received(NamedTuple):
    """What was received of a lane, as one statement saw it.

    Attributes:
        highest: The highest number that has a receipt, or -1.
        above: How many receipts stand above the watermark.
        mark: The watermark, or -1: every number up to it was received, but those that gaps name.
    """

    highest: int = -1
    above: int = 0
    mark: int = -1


_NOTHING: Final = _Received()


def box_ledgers() -> list[BoxLedger]:
    """The ledger of every box, by the names of its gateway and its own id."""
    received, named = _received(), _named()
    quarantined = _counted(Quarantine.objects.all())
    undated = {box: found.records for box, found in waiting_for_clocks().items()}
    holes = _holes()
    epochs = list(Epoch.objects.values_list("pk", "box_id", "announced"))
    announced = {(pk, int(lane)): _count(said, lane) for pk, _, said in epochs for lane in Lane}
    beyond = _beyond(announced, received)
    given_up = renumbering.moved(Renumbering.objects.all())
    totals: dict[int, FleetLedger] = defaultdict(FleetLedger)
    for pk, box, _ in epochs:
        for lane in Lane:
            key = (pk, int(lane))
            totals[box] += _of_lane(
                announced[key],
                received.get(key, _NOTHING),
                named.get(key, ()),
                beyond.get(key, 0),
                given_up.get(key, ()),
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


def _count(announced: object, lane: int) -> int:
    """The count of a lane that an epoch announced; 0 where what is stored is none."""
    said = announced.get(str(int(lane)), 0) if isinstance(announced, dict) else 0
    return max(0, said) if isinstance(said, int) else 0


def _of_lane(
    announced: int,
    received: _Received,
    named: Sequence[Range],
    beyond: int,
    given_up: Sequence[Range],
) -> FleetLedger:
    """The counts of one epoch and lane.

    Args:
        announced: How many numbers the box said that it gave out.
        received: What was received.
        named: What gaps name.
        beyond: How many receipts stand for numbers that were not announced, where the watermark
            does not.
        given_up: Numbers whose records came again under others.
    """
    below = received.mark + 1
    stored = below - size(clamp(named, below)) + received.above
    gapped = size(clamp(named, announced))
    most = announced - gapped
    here = most if below > announced else max(0, min(stored - beyond, most))
    left_out = excess(given_up, named, announced)
    twice = min(left_out.received, stored)
    return FleetLedger(
        accepted=announced + stored - here - twice - left_out.gapped,
        stored=stored - twice,
        gapped=gapped - left_out.gapped,
        waiting=most - here,
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


def _received() -> dict[LaneKey, _Received]:
    """What was received of each lane; of a lane without receipts, its watermark says all."""
    with connection.cursor() as cursor:
        cursor.execute(_RECEIPTS)
        found = {
            (epoch, lane): _Received(highest, int(above), mark)
            for epoch, lane, highest, above, mark in cursor.fetchall()
        }
    for epoch, lane, seq in Watermark.objects.values_list("epoch", "lane", "seq"):
        found.setdefault((epoch, lane), _Received(mark=seq))
    return found


def _beyond(
    announced: Mapping[LaneKey, int], received: Mapping[LaneKey, _Received]
) -> dict[LaneKey, int]:
    """How many receipts stand for numbers that were not announced, of the lanes that have any."""
    rows = [
        (*key, announced[key], lane.highest)
        for key, lane in received.items()
        if lane.mark < announced.get(key, 0) <= lane.highest
    ]
    if not rows:
        return {}
    source, parameters = sql.source(("bigint", "smallint", "bigint", "bigint"), rows)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT c0, c1, count(*) FROM {source} JOIN ingest_receipt r "  # noqa: S608 - the source is ours
            "ON r.epoch_id = c0 AND r.lane = c1 AND r.seq BETWEEN c2 AND c3 GROUP BY c0, c1",
            parameters,
        )
        return {(epoch, lane): count for epoch, lane, count in cursor.fetchall()}


def _named() -> dict[LaneKey, list[Range]]:
    """What gaps name, believed or not: it was not received, wherever the watermark stands."""
    found: dict[LaneKey, list[Range]] = defaultdict(list)
    rows = Gap.objects.values_list("epoch", "lane", "ranges")
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
