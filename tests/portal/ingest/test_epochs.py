"""Epochs that a box does not know: what they lack is announced, and they are bounded."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloud_link.limits import ORDINAL_LIMIT, SEQ_LIMIT
from cloud_link.wire import AcknowledgedEpoch, Lane
from portal.ingest import epochs
from portal.ingest.fleet_ledger import FleetLedger, fleet_ledger
from portal.ingest.models import Epoch, Gap, Hole
from portal.ingest.store import ingest
from tests.portal.ingest.honest import Honest
from tests.portal.ingest.restored import LIMITS, Backup, Gateway, stored
from tests.portal.ingest.sender import Sender, meter

if TYPE_CHECKING:
    from portal.fleet.models import Box

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

EVERY: Final = ((0, ORDINAL_LIMIT - 1),)
"""The ordinals of which a box with few epochs names every one."""


@pytest.fixture
def honest(box: Box, tmp_path: Path) -> Iterator[Honest]:
    honest = Honest(box, tmp_path / "spool")
    honest.exchange()
    yield honest
    honest.spool.close()


def is_exact(found: FleetLedger) -> bool:
    return found.accepted == found.stored + found.quarantined + found.gapped


@pytest.mark.parametrize("restart", [False, True], ids=["", "restart"])
@pytest.mark.parametrize("ordinal", [0, 1, 3])
@pytest.mark.parametrize("by", ["acknowledged", "next", "record"])
def test_an_invented_epoch_is_closed_by_the_next_honest_sessions(
    honest: Honest, by: str, ordinal: int, restart: bool
) -> None:
    forger = Sender(honest.box.box_id, b"invented", ordinal)
    forger.next[Lane.DATA] = 100
    if by == "acknowledged":
        told = AcknowledgedEpoch(b"invented", ordinal, {int(Lane.DATA): 99})
        own = honest.forger(own_epoch=True)
        ingest([own.online(9, ordinal=max(1, ordinal), acknowledged=(told,))])
    else:
        ingest([forger.online(9)])
    if by == "record":
        ingest([forger.tables(), forger.batch(Lane.EVENT, [(50, b"?")])])
    assert fleet_ledger().waiting + fleet_ledger().holes >= 100
    if restart:
        honest.restart()
    for _ in range(3):
        honest.exchange()
    found = fleet_ledger()
    assert is_exact(found)
    assert found.gapped == 100, "nothing tells it from an epoch of which the portal lost all"
    assert not Hole.objects.exists()
    (row,) = Gap.objects.all()
    assert (row.reason, row.ranges, row.readings) == ("portal", [[0, 99]], 0)
    assert row.from_ms is not None
    assert row.to_ms is not None
    assert row.from_ms <= row.to_ms
    before = fleet_ledger().accepted
    honest.exchange()
    assert fleet_ledger().accepted == before + 1
    assert Epoch.objects.get(epoch=b"invented").closed


def test_numbers_that_an_epoch_that_ended_never_gave_out_are_forgotten(honest: Honest) -> None:
    every = {int(lane): SEQ_LIMIT - 1 for lane in Lane}
    ingest([honest.forger(own_epoch=True).online(9, next=every)])
    assert fleet_ledger().waiting > SEQ_LIMIT
    honest.restart()
    honest.exchange()
    honest.exchange()
    found = fleet_ledger()
    assert (found.accepted, found.gapped) == (found.stored, 0)


def test_an_older_copy_of_the_spool_does_not_hide_what_the_other_lost(
    box: Box, tmp_path: Path
) -> None:
    here = Gateway(box.box_id, tmp_path / "spool", LIMITS)
    here.work(10)
    here.catch_up()
    files = {path.name: path.read_bytes() for path in here.folder.iterdir()}
    here.work(40)
    here.connect()
    records = here.spool.pending(Lane.DATA, after=0, limit_bytes=1 << 30)
    ingest(here._messages(records[-1:]))  # fresh records go before the backlog
    here.spool.close()
    for path in here.folder.iterdir():
        path.unlink()
    for name, content in files.items():
        (here.folder / name).write_bytes(content)
    here.spool = type(here.spool).open(here.folder, boot=b"boot-002", limits=LIMITS)
    here.work(5)
    here.catch_up()
    here.connect()
    (lost,) = Gap.objects.all()
    assert (lost.lane, lost.ranges, lost.disputed) == (Lane.DATA, [[10, 48]], False)
    assert is_exact(fleet_ledger())
    here.spool.close()


@pytest.mark.parametrize("records", [0, 1])
def test_a_spool_that_is_lost_with_its_disk_is_announced(
    box: Box, tmp_path: Path, records: int
) -> None:
    """Its portal knows what it had given out, and the new spool does not know it."""
    lost = Gateway(box.box_id, tmp_path / "lost", LIMITS)
    lost.work(40)
    lost.connect()
    lost.deliver(records)
    count = 40 + 5 + 3
    lost.spool.close()
    here = Gateway(box.box_id, tmp_path / "spool", LIMITS)
    here.restart()
    here.catch_up()
    found = fleet_ledger()
    assert is_exact(found)
    assert found.accepted == count
    assert found.gapped == count - found.stored
    assert bool(found.stored) == bool(records)
    here.spool.close()


def test_an_epoch_that_was_closed_in_error_comes_back_whole(box: Box, tmp_path: Path) -> None:
    """A forger says in the box's name that it knows no epoch: the next honest session undoes it."""
    here = Gateway(box.box_id, tmp_path / "spool", LIMITS)
    backup = Backup()
    here.work(60)
    here.catch_up()
    here.restart()
    here.work(60)
    backup.restore()
    here.connect()
    forger = Sender(here.box, here.spool.epoch, here.spool.ordinal)
    ingest([forger.online(99, complete=EVERY)])
    assert fleet_ledger().gapped >= 60
    here.catch_up()
    here.connect()
    assert stored(here.box) >= here.accepted
    found = fleet_ledger()
    assert is_exact(found)
    assert (found.gapped, found.holes, found.waiting) == (0, 0, 0)
    here.spool.close()


def test_epochs_that_are_only_named_are_bounded(
    honest: Honest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epochs, "NAMED_EPOCHS_LIMIT", 20)
    forger = honest.forger(own_epoch=True)
    for session in range(9, 15):
        told = tuple(AcknowledgedEpoch(secrets.token_bytes(8), 0, {3: 9}) for _ in range(10))
        ingest([forger.online(session, acknowledged=told)])
    assert Epoch.objects.filter(heard=False).count() == 20
    for _ in range(2):
        honest.exchange()
    assert Epoch.objects.filter(heard=False, closed=True).count() == 19, "one made room"
    found = fleet_ledger()
    assert is_exact(found)
    assert found.gapped == 200
    for session in range(100, 104):  # what is closed makes room, and counts on
        told = tuple(AcknowledgedEpoch(secrets.token_bytes(8), 0, {3: 9}) for _ in range(15))
        ingest([forger.online(session, acknowledged=told)])
        honest.session = session
        honest.exchange()
        honest.exchange()
    assert Epoch.objects.filter(heard=False).exclude(epoch=b"").count() <= 20
    assert Epoch.objects.count() <= 22 + honest.spool.ordinal
    found = fleet_ledger()
    assert is_exact(found)
    assert found.gapped == 200 + 4 * 150
    assert Gap.objects.filter(epoch__epoch=b"").count() == 1


def test_the_bound_keeps_no_honest_epoch_out(
    honest: Honest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epochs, "NAMED_EPOCHS_LIMIT", 5)
    told = tuple(AcknowledgedEpoch(secrets.token_bytes(8), 0, {3: 9}) for _ in range(10))
    ingest([honest.forger(own_epoch=True).online(9, acknowledged=told)])
    honest.restart()
    for _ in range(3):
        honest.exchange()
    assert Epoch.objects.get(epoch=honest.spool.epoch).announced
    assert not honest.refused
    found = fleet_ledger()
    assert is_exact(found)
    assert found.gapped == 50


def test_epochs_of_which_nothing_is_missing_are_closed_for_few_statements(dated: Sender) -> None:
    old = [Sender(dated.box, ordinal=1) for _ in range(7)]
    for sender in old:
        ingest([sender.online(), sender.send(Lane.DATA, meter(1000, 1, 2, 3))])
    now = Sender(dated.box, ordinal=2)
    ingest([now.online(5)])
    with CaptureQueriesContext(connection) as plain:
        ingest([now.online(6)])
    with CaptureQueriesContext(connection) as statements:
        ingest([now.online(7, complete=EVERY)])
    assert len(statements) - len(plain) < 40
    assert Epoch.objects.filter(closed=True).count() == 8
    with CaptureQueriesContext(connection) as again:
        ingest([now.online(8, complete=EVERY)])
    assert len(again) - len(plain) <= 3
