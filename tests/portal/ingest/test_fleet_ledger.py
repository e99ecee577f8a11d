"""The fleet's ledger: every number that was given out is in exactly one column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloud_link.limits import SEQ_LIMIT
from cloud_link.spool.model import SpoolLimits
from cloud_link.wire import Lane
from portal.fleet.models import Box, Gateway
from portal.ingest import fleet_ledger as module
from portal.ingest.fleet_ledger import FleetLedger, box_ledgers, fleet_ledger
from portal.ingest.receipts import compact
from portal.ingest.store import ingest
from tests.portal.ingest import restored
from tests.portal.ingest.sender import METER, Sender, gap, meter

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

LATER = 1 << 60


@pytest.fixture
def ten(box: Box, dated: Sender) -> Sender:
    """Ten data records stored, beside the clock's event."""
    ingest([dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(10)])
    return dated


@pytest.mark.parametrize("compacted", [False, True])
def test_every_number_is_in_one_column(ten: Sender, *, compacted: bool) -> None:
    ingest([ten.batch(Lane.DATA, [(ten.number(Lane.DATA), b"\xc1")])])
    dropped = [ten.send(Lane.DATA, meter(30_000 + n, 1, 1, 1)) for n in range(4)]
    ten.send(Lane.DATA, meter(40_000, 1, 1, 1))  # under way
    ingest([ten.send(Lane.GAP, gap(ten, Lane.DATA, (11, 14))), ten.online()])
    if compacted:
        compact(LATER)
    assert fleet_ledger() == FleetLedger(accepted=18, stored=12, quarantined=1, gapped=4, waiting=1)
    ingest(dropped[:1])  # it was not lost after all
    assert fleet_ledger() == FleetLedger(accepted=18, stored=13, quarantined=1, gapped=3, waiting=1)


def balanced() -> FleetLedger:
    """The fleet's ledger, whose columns add up."""
    found = fleet_ledger()
    columns = (found.stored, found.quarantined, found.gapped, found.waiting, found.holes)
    assert found.accepted == sum(columns)
    assert min(*columns, found.undated) >= 0
    return found


def test_a_gap_that_is_not_believed_counts_nothing(ten: Sender) -> None:
    ingest([ten.send(Lane.GAP, gap(ten, Lane.DATA, (10, 2**39)))])
    assert fleet_ledger() == FleetLedger(accepted=12, stored=12)


def test_records_without_a_clock_are_undated(box: Box, sender: Sender) -> None:
    sent = [sender.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(3)]
    ingest([sender.tables(METER), *sent])
    assert fleet_ledger() == FleetLedger(accepted=3, stored=3, undated=3)
    ingest([sender.clock()])
    assert fleet_ledger() == FleetLedger(accepted=4, stored=4)


def test_each_box_has_its_own(ten: Sender, box: Box) -> None:
    gateway = Gateway.objects.create(site=box.gateway.site, name="Another")
    Box.objects.create(gateway=gateway, box_id="box-quiet")
    found = {one.box.box_id: one.ledger for one in box_ledgers()}
    assert found == {box.box_id: FleetLedger(accepted=11, stored=11), "box-quiet": FleetLedger()}


def test_the_whole_fleet_costs_as_many_statements_as_a_box(ten: Sender, box: Box) -> None:
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as made:
            box_ledgers()
        return len(made)

    few = statements()
    for number in range(20):
        gateway = Gateway.objects.create(site=box.gateway.site, name=f"Hall {number}")
        other = Box.objects.create(gateway=gateway, box_id=f"box-{number:02}")
        sender = Sender(other.box_id, epoch=b"epoch-%02d" % number)
        ingest([sender.send(Lane.DATA, meter(1000, 1, 1, 1)), sender.online()])
    assert statements() == few


# A portal that is restored from a backup


@pytest.mark.parametrize("kept", [True, False], ids=["retained", "not retained"])
@pytest.mark.parametrize("restarted", [False, True], ids=["same epoch", "another epoch"])
def test_what_a_restored_portal_lost_is_a_hole_until_it_is_here_or_announced(
    box: Box, tmp_path: Path, *, kept: bool, restarted: bool
) -> None:
    limits = SpoolLimits(reserve_file_bytes=0)
    limits = limits if kept else replace(limits, retained_bytes=0)
    here = restored.Gateway(box.box_id, tmp_path / "spool", limits)
    try:
        here.work(60)
        here.catch_up()
        backup, before = restored.Backup(), balanced()
        here.work(40)
        here.catch_up()
        if restarted:
            here.restart()
            here.work(10)
            here.catch_up()
        full = balanced()
        assert (full.waiting, full.holes) == (0, 0)
        here.work(5)
        backup.restore()
        assert balanced() == before
        here.connect()
        missed = balanced()
        assert missed.holes == full.accepted - before.accepted
        assert missed.accepted == full.accepted + missed.waiting
        here.catch_up()
        after = balanced()
        assert (after.waiting, after.holes) == (0, 0)
        assert after.gapped == (0 if kept else missed.holes)
    finally:
        here.spool.close()


# What others send in a box's name


@pytest.mark.parametrize("compacted", [False, True])
def test_a_forged_number_is_not_what_the_spool_gave_out(ten: Sender, *, compacted: bool) -> None:
    forger = replace(ten, next=dict.fromkeys(Lane, SEQ_LIMIT - 1))
    ingest([forger.send(Lane.DATA, meter(90_000, 1, 1, 1))])
    ingest([ten.send(Lane.GAP, gap(ten, Lane.DATA, (10, SEQ_LIMIT - 2)))])
    if compacted:
        compact(LATER)
    ten.send(Lane.DATA, meter(91_000, 1, 1, 1))  # under way
    ingest([ten.online()])
    assert balanced() == FleetLedger(accepted=14, stored=13, gapped=1)
    assert fleet_ledger() == FleetLedger(accepted=14, stored=13, gapped=1)


# While the ledger is read


@pytest.mark.parametrize("late", ["_beyond", "_named", "_counted", "_holes"])
def test_what_is_stored_while_the_ledger_is_read_leaves_it_balanced(
    ten: Sender, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    """Each statement sees what was committed before it: the next one may see more."""
    dropped = [ten.send(Lane.DATA, meter(30_000 + n, 1, 1, 1)) for n in range(4)]
    ingest([ten.send(Lane.GAP, gap(ten, Lane.DATA, (10, 13))), ten.online()])
    read: Callable[..., object] = getattr(module, late)

    def after_more(*arguments: object) -> object:
        ingest(dropped)
        ingest([ten.batch(Lane.DATA, [(ten.number(Lane.DATA), b"\xc1")]), ten.online()])
        compact(LATER)
        return read(*arguments)

    monkeypatch.setattr(module, late, after_more)
    found = balanced()
    assert found.accepted in {16, 17}
