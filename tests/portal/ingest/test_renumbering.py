"""A record that a box sends again under another number counts once, forced by a forgery or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cloud_link.limits import SEQ_LIMIT
from cloud_link.records import GapRecord
from cloud_link.wire import VERSION, Ack, Lane
from portal.ingest.fleet_ledger import fleet_ledger
from portal.ingest.ledger import Ledger, SpoolReport, ledger
from portal.ingest.models import Gap, Renumbering
from portal.ingest.receipts import compact
from portal.ingest.store import ingest
from tests.portal.ingest.honest import BOOT, Honest
from tests.portal.ingest.sender import METER, meter, samples

if TYPE_CHECKING:
    from portal.fleet.models import Box

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

LATER = 1 << 60


@pytest.fixture
def honest(box: Box, tmp_path: Path) -> Iterator[Honest]:
    honest = Honest(box, tmp_path / "spool")
    honest.exchange()
    yield honest
    honest.spool.close()


def given_out(honest: Honest) -> int:
    """How many numbers the spool has given out."""
    return sum(honest.spool.stats().accepted.values())


def books(honest: Honest) -> Ledger:
    """The ledger by the gateway's own word."""
    stats = honest.spool.stats()
    report = SpoolReport(
        box=honest.box.box_id,
        epoch=stats.epoch,
        next=stats.next,
        accepted=stats.accepted,
        waiting=stats.records,
    )
    return ledger([report])


def exact(honest: Honest, records: int) -> None:
    """Both ledgers count so many records, each of them stored."""
    found = fleet_ledger()
    assert (found.accepted, found.stored) == (records, records)
    assert (found.gapped, found.holes, found.waiting) == (0, 0, 0)
    own = books(honest)
    assert (own.accepted, own.stored, own.lost, own.doubled) == (records, records, 0, 0)


@pytest.mark.parametrize("compacted", [False, True], ids=["", "compacted"])
@pytest.mark.parametrize("restart", [False, True], ids=["", "restart"])
@pytest.mark.parametrize("arrived", [0, 3, 6])
def test_after_a_forged_conflict_each_record_counts_once(
    honest: Honest, arrived: int, restart: bool, compacted: bool
) -> None:
    for at in range(50_000, 50_006):
        honest.append(Lane.DATA, meter(at, 1, 2, 3))
    sent = honest.spool.pending(Lane.DATA, after=0, limit_bytes=1 << 20)
    heard = [answer.ack for one in sent[:arrived] for answer in ingest([honest.batch(one)]).answers]
    forged = Ack(VERSION, honest.spool.epoch, Lane.DATA, conflict=tuple(one.seq for one in sent))
    moved = honest.spool.settle(forged).renumbered
    assert moved == 6
    honest.spool.settle_all(heard)  # what the portal said of the first numbers comes too late
    for _ in range(3):
        honest.exchange()
        if compacted:
            compact(LATER)
        if restart:
            honest.restart()
    honest.exchange()
    honest.exchange()
    exact(honest, given_out(honest) - moved)
    assert {value for *_, value, _ in samples(honest.box)} >= {1, 2, 3}
    for one in sent:  # and once more, as a broker may deliver them late
        ingest([honest.batch(one)])
    exact(honest, given_out(honest) - moved)


def test_where_the_portal_holds_other_content_both_records_count(honest: Honest) -> None:
    forger = honest.forger(own_epoch=True)
    forger.next = dict(honest.spool.next_seqs())
    ingest([forger.tables(METER), forger.send(Lane.DATA, meter(90_000, 7, 7, 7))])
    for _ in range(3):
        honest.exchange()
    assert honest.spool.ordinal > 1, "it was told that the portal has other content"
    assert Gap.objects.count() == Renumbering.objects.count() == 0
    exact(honest, given_out(honest))


@pytest.mark.parametrize("own_epoch", [False, True], ids=["an epoch of its own", "the box's"])
def test_a_forged_statement_that_records_were_moved_is_undone(
    honest: Honest, own_epoch: bool
) -> None:
    sender = honest.forger(own_epoch=own_epoch)
    sender.next[Lane.GAP] = 40
    claim = GapRecord(
        honest.spool.epoch, honest.spool.ordinal, int(Lane.DATA), ((0, SEQ_LIMIT - 1),), 1, 1,
        (BOOT, 0), (BOOT, 1), "moved",
    )  # fmt: skip
    before = fleet_ledger()
    ingest([sender.send(Lane.GAP, claim)])
    assert fleet_ledger().stored < before.stored + 1
    for _ in range(3):
        honest.exchange()
    found = fleet_ledger()
    forged = 1
    assert (found.accepted, found.stored) == 2 * (given_out(honest) + forged,)
    assert (found.gapped, found.holes, found.waiting) == (0, 0, 0)


def test_the_statement_is_sent_again_until_it_is_acknowledged(honest: Honest) -> None:
    honest.append(Lane.DATA, meter(50_000, 1, 2, 3))
    (sent,) = honest.spool.pending(Lane.DATA, after=0, limit_bytes=1 << 20)
    ingest([honest.batch(sent)])
    forged = Ack(VERSION, honest.spool.epoch, Lane.DATA, conflict=(sent.seq,))
    honest.spool.settle(forged)
    honest.restart()
    honest.spool.seal_gaps()
    honest.restart()
    for _ in range(3):
        honest.exchange()
    exact(honest, given_out(honest) - 1)
