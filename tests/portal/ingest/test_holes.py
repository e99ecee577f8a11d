"""A portal that is restored from a backup gets back what boxes still have, and is told the rest."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloud_link.spool.model import SpoolLimits
from cloud_link.wire import VERSION, Ack, AcknowledgedEpoch, Lane
from portal.fleet.models import Box
from portal.ingest import holes
from portal.ingest.fleet_ledger import fleet_ledger
from portal.ingest.models import Gap, Hole, Receipt
from portal.ingest.store import ingest
from tests.portal.ingest.restored import FEW_KEPT, LIMITS, Backup, Gateway, stored
from tests.portal.ingest.sender import OFFSET, Sender, gap, meter

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

NOTHING_KEPT = SpoolLimits(reserve_file_bytes=0, retained_bytes=0)
BRIEFLY_KEPT = SpoolLimits(reserve_file_bytes=0, retained_ms=60_000)
TIGHT = SpoolLimits(cap_bytes=220 * 1024, gap_reserve_bytes=40 * 1024, reserve_file_bytes=0)

Opener = Callable[..., Gateway]


@pytest.fixture
def gateway(box: Box, tmp_path: Path) -> Iterator[Opener]:
    made: list[Gateway] = []

    def opener(limits: SpoolLimits = LIMITS) -> Gateway:
        made.append(Gateway(box.box_id, tmp_path / "spool", limits))
        return made[-1]

    yield opener
    for one in made:
        one.spool.close()


def live(here: Gateway, backups: int = 3) -> list[Backup]:
    """Work for several epochs, with a backup of the portal now and then, the oldest first."""
    made = []
    for _ in range(backups):
        made.append(Backup())
        here.work(60)
        here.catch_up()
        here.restart()
        here.work(60)
        here.catch_up()
    return made


@pytest.mark.parametrize("age", [0, 1, 2], ids=["oldest", "older", "newest"])
@pytest.mark.parametrize(
    "limits",
    [LIMITS, FEW_KEPT, BRIEFLY_KEPT, NOTHING_KEPT],
    ids=["all kept", "few kept", "briefly kept", "none kept"],
)
def test_whatever_the_backup_nothing_is_lost_unannounced(
    gateway: Opener, limits: SpoolLimits, age: int
) -> None:
    here = gateway(limits)
    backups = live(here)
    here.work(20)  # pending while the portal is restored
    backups[age].restore()
    assert here.missing(), "the backup lacks what was acknowledged since"
    here.catch_up()
    assert not here.missing()
    assert not Hole.objects.exists()
    lost = here.accepted - stored(here.box)
    assert lost == here.gapped("portal")
    assert (not lost) == (limits is LIMITS)
    assert sum(Gap.objects.values_list("records", flat=True)) >= len(lost)
    if limits is not NOTHING_KEPT:
        assert len(lost) < len(here.accepted), "what was kept came back"
    here.work(20)
    assert here.catch_up() == 1, "nothing is asked for any more"
    assert not here.missing()


def test_records_that_the_cap_took_are_announced_once(gateway: Opener) -> None:
    here = gateway(TIGHT)
    here.work(40)
    here.catch_up()
    backup = Backup()
    here.work(3_000)  # no portal listens: the cap takes the oldest
    assert here.spool.stats().dropped[Lane.DATA]
    here.catch_up()
    taken = here.gapped("cap")
    assert taken
    assert not Gap.objects.filter(reason="portal").exists()
    backup.restore()
    here.catch_up()
    assert not here.missing()
    assert here.gapped("cap") == taken, "the gap record was kept, and came again"
    assert not here.gapped("portal") & taken


def test_what_is_lost_on_both_sides_has_a_beginning_and_an_end(gateway: Opener) -> None:
    """The box knows until when its records were made, and the portal what it had before them."""
    here = gateway(NOTHING_KEPT)
    here.work(40)
    here.catch_up()
    backup = Backup()
    received = Receipt.objects.filter(lane=Lane.DATA).order_by("-seq").values_list("at", flat=True)
    before = received[0]
    here.restart()
    here.work(40)
    here.catch_up()
    here.work(1)
    Receipt.objects.update(at=OFFSET + 41_000)
    backup.restore()
    Receipt.objects.update(at=OFFSET + 41_000)
    here.catch_up()
    lost = Gap.objects.get(reason="portal", lane=Lane.DATA)
    assert before > OFFSET
    assert (lost.records, lost.from_ms, lost.to_ms) == (40, OFFSET + 41_000, OFFSET + 81_000)
    for row in Gap.objects.filter(reason="portal"):
        assert row.from_ms is not None
        assert row.to_ms is not None
        assert row.from_ms <= row.to_ms


def test_a_portal_restored_again_and_again(gateway: Opener) -> None:
    here = gateway()
    backup = Backup()
    here.work(100)
    for _ in range(3):
        here.catch_up()
        here.work(10)
        backup.restore()
    here.catch_up()
    assert stored(here.box) >= here.accepted


def test_what_was_asked_for_outlives_the_box(gateway: Opener) -> None:
    here = gateway()
    backup = Backup()
    here.work(200)
    here.catch_up()
    backup.restore()
    here.connect()
    here.deliver(2)
    here.crash()
    assert sum(here.spool.stats().records.values()) > 100
    here.catch_up()
    assert stored(here.box) >= here.accepted


def test_a_connection_that_outlives_the_restore(
    gateway: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No ``online`` message comes, as the box has noticed nothing: a batch shows the hole."""
    monkeypatch.setattr("portal.ingest.holes.UNDER_WAY_MS", -1)
    here = gateway()
    here.work(40)
    here.catch_up()
    backup = Backup()
    here.work(40)
    here.deliver()
    backup.restore()
    here.work(1)
    here.deliver()
    assert sum(here.spool.stats().records.values()) == 40
    here.deliver()
    assert {name for name in here.missing() if name[1] == Lane.DATA} == set()
    here.catch_up()
    assert not here.missing()


def test_what_may_be_under_way_with_another_worker_is_not_asked_for(
    dated: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(5)]

    def requested(number: int) -> list[tuple[tuple[int, int], ...]]:
        answers = ingest([messages[number]]).answers
        return [one.ack.resend for one in answers if one.ack.resend]

    assert requested(0) == []
    assert requested(2) == [], "what came before it came a moment ago"
    monkeypatch.setattr("portal.ingest.holes.UNDER_WAY_MS", -1)
    assert requested(4) == [((3, 3),)]


def test_what_was_sent_before_a_kill_and_dropped_after_it_counts_once(gateway: Opener) -> None:
    """The box does not know what it had sent: it drops records that the portal stored."""
    here = gateway(TIGHT)
    here.work(150)
    before = here.accepted.copy()
    sent = here.deliver_unheard(2)
    assert sent
    here.crash()
    here.work(3_000)
    dropped = sum(here.spool.stats().dropped.values())
    here.catch_up()
    assert sent <= stored(here.box)
    lost = here.gapped("cap")
    old = {name for name in before if name[1] == Lane.DATA}
    assert old - sent <= lost, "the cap took all that is older"
    assert not lost & stored(here.box)
    assert sum(Gap.objects.values_list("records", flat=True)) == len(lost) == dropped - len(sent)
    assert here.accepted <= lost | stored(here.box)
    here.connect()  # which says how far the epoch before the kill is accounted for
    counted = fleet_ledger()
    assert counted.gapped == len(lost)
    assert counted.stored + counted.gapped + counted.quarantined == counted.accepted


# What a box may say


def told(sender: Sender, **lanes: int) -> tuple[AcknowledgedEpoch, ...]:
    numbers = {int(Lane[name.upper()]): seq for name, seq in lanes.items()}
    return (AcknowledgedEpoch(sender.epoch, sender.ordinal, numbers),)


def asked(sender: Sender, **lanes: int) -> dict[Lane, tuple[tuple[int, int], ...]]:
    result = ingest([sender.online(acknowledged=told(sender, **lanes))])
    return {one.ack.lane: one.ack.resend for one in result.answers}


def test_only_what_is_neither_here_nor_announced_is_asked_for(dated: Sender) -> None:
    messages = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(10)]
    ingest([message for n, message in enumerate(messages) if n in {0, 1, 4, 5, 7}])
    ingest([dated.send(Lane.GAP, gap(dated, Lane.DATA, (2, 2)))])
    assert asked(dated, data=1) == {}
    assert asked(dated, data=8, gap=0) == {Lane.DATA: ((3, 3), (6, 6), (8, 8))}
    assert Hole.objects.get().records == 3
    assert asked(dated, data=8) == {Lane.DATA: ((2, 3), (6, 6), (8, 8))}, "who announced (2, 2)?"
    ingest(messages[:7])
    assert asked(dated, data=8, gap=0) == {Lane.DATA: ((8, 8),)}
    ingest(messages)
    assert asked(dated, data=8, gap=0) == {}
    assert not Hole.objects.exists()


def test_gap_records_are_asked_for_first(dated: Sender) -> None:
    dated = dated.restarted()
    assert list(asked(dated, data=3, event=3, gap=0)) == [Lane.GAP, Lane.EVENT, Lane.DATA]


def test_an_absurd_claim_costs_one_range(dated: Sender) -> None:
    assert asked(dated, data=(1 << 40) - 1) == {Lane.DATA: ((0, (1 << 40) - 1),)}
    for number in (1 << 40, 1 << 41, -1, (1 << 64) - 1):  # a box could not read the answer
        result = ingest([dated.online(acknowledged=told(dated, data=number))])
        assert dated.box in result.unusable


def test_however_much_a_box_claims_a_message_costs_few_statements(dated: Sender) -> None:
    every = {int(lane): 10 for lane in Lane}
    claims = tuple(AcknowledgedEpoch(secrets.token_bytes(8), 0, every) for _ in range(64))
    asked_for: set[tuple[bytes, Lane]] = set()
    begin = datetime.now(UTC)
    for second in range(32):
        with CaptureQueriesContext(connection) as statements:
            result = ingest([dated.online(acknowledged=claims)], begin + timedelta(seconds=second))
        assert len(statements) < 120
        assert len(result.answers) <= holes.LANES_AT_ONCE
        asked_for |= {(one.ack.epoch, one.ack.lane) for one in result.answers}
    assert len(asked_for) == 4 * 64, "all have their turn"
    assert Hole.objects.count() == 4 * 64, "what was not looked at this time is not forgotten"


def test_what_is_complete_costs_nothing_more(dated: Sender) -> None:
    senders = [dated]
    for _ in range(20):
        senders.append(senders[-1].restarted())
        ingest([senders[-1].online(), senders[-1].send(Lane.DATA, meter(1000, 1, 2, 3))])
    del senders[0]
    told_all = tuple(one for sender in senders for one in told(sender, data=0))
    assert ingest([senders[-1].online(2, acknowledged=told_all)]).answers == ()
    with CaptureQueriesContext(connection) as statements:
        ingest([senders[-1].online(3, acknowledged=told_all)])
    with CaptureQueriesContext(connection) as fewest:
        ingest([senders[-1].online(4, acknowledged=told_all[-2:])])
    assert len(statements) == len(fewest)


def test_a_box_that_tells_nothing_is_asked_for_nothing(dated: Sender) -> None:
    assert asked(dated) == {}
    assert ingest([dated.online()]).answers == ()


def test_numbers_of_other_epochs_than_the_box_knows_change_nothing(gateway: Opener) -> None:
    here = gateway()
    here.work(10)
    before = here.spool.stats()
    here.spool.settle(Ack(VERSION, b"whatever", Lane.DATA, resend=((0, 1 << 62),)))
    here.spool.settle(Ack(VERSION, here.spool.epoch, Lane.DATA, resend=((0, 1 << 62),)))
    assert replace(here.spool.stats(), disk_free=before.disk_free) == before
