"""Gaps forged in a box's name: what they name is asked for all the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cloud_link.limits import SEQ_LIMIT
from cloud_link.records import GapRecord
from cloud_link.spool.model import SpoolLimits
from cloud_link.wire import Lane
from portal.ingest.models import Gap
from portal.ingest.receipts import compact
from portal.ingest.store import ingest
from tests.portal.ingest.restored import BOOT, FEW_KEPT, LIMITS, Backup, Gateway, stored
from tests.portal.ingest.sender import Sender

if TYPE_CHECKING:
    from portal.fleet.models import Box
    from portal.ingest.messages import IncomingMessage

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

LATER = 1 << 60
SMALL = SpoolLimits(cap_bytes=220 * 1024, gap_reserve_bytes=40 * 1024, reserve_file_bytes=0)


@pytest.fixture
def here(box: Box, tmp_path: Path) -> Iterator[Gateway]:
    gateway = Gateway(box.box_id, tmp_path / "spool", LIMITS)
    yield gateway
    gateway.spool.close()


def forged(
    here: Gateway,
    *runs: tuple[int, int],
    lane: Lane = Lane.DATA,
    own_epoch: bool = True,
    seq: int | None = None,
    boot: bytes = BOOT,
) -> list[IncomingMessage]:
    """A gap record about the present epoch, which the box never made."""
    spool = here.spool
    sender = Sender(here.box, ordinal=spool.ordinal, boot=BOOT)
    if own_epoch:
        sender.epoch = spool.epoch
    sender.next[Lane.GAP] = spool.next_seqs()[Lane.GAP] if seq is None else seq
    claim = GapRecord(
        spool.epoch, spool.ordinal, int(lane), runs, 1, 1, (boot, 0), (boot, 1), "cap"
    )
    return [sender.send(Lane.GAP, claim)]


@pytest.mark.parametrize("own_epoch", [False, True], ids=["an epoch of its own", "the box's"])
@pytest.mark.parametrize("compacted", [False, True], ids=["", "compacted"])
def test_what_a_forged_gap_names_is_asked_for_after_a_restore(
    here: Gateway, own_epoch: bool, compacted: bool
) -> None:
    here.work(40)
    here.catch_up()
    backup = Backup()
    here.work(100)
    here.catch_up()
    backup.restore()
    ingest(forged(here, (0, SEQ_LIMIT - 1), own_epoch=own_epoch))
    if compacted:
        compact(LATER)
    here.catch_up()
    assert stored(here.box) >= here.accepted
    assert not here.missing()
    assert not here.gapped()
    here.restart()
    here.work(10)
    assert here.catch_up() <= 2, "the portal goes on asking"


def test_an_honest_gap_is_not_asked_for(here: Gateway) -> None:
    here.limits = SMALL
    here.restart()
    here.work(40)
    here.catch_up()
    here.work(3_000)
    here.catch_up()
    taken = here.gapped("cap")
    assert taken
    assert here.catch_up() == 1
    here.restart()
    here.work(5)
    assert here.catch_up() == 1
    assert not Gap.objects.filter(disputed=True).exists()
    assert here.gapped("cap") == taken


def test_a_gap_that_took_the_place_of_an_honest_one_gives_it_back(here: Gateway) -> None:
    here.limits = SMALL
    here.restart()
    here.work(3_000)
    here.catch_up()
    taken = here.gapped("cap")
    for own_epoch in (False, True):
        ingest(forged(here, (0, 10_000), own_epoch=own_epoch))
        here.work(5)
        here.catch_up()
        here.work(5)
        assert here.catch_up() == 1
        assert here.gapped("cap") == taken
        assert not here.missing()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_claimed_by_forged_gaps_nothing_is_unaccounted(
    here: Gateway, seed: int
) -> None:
    choice = random.Random(seed)
    if seed % 2:
        here.limits = FEW_KEPT
        here.restart()
    backup = Backup()
    for _ in range(12):
        act = choice.randrange(7)
        if act < 3:
            first = choice.randrange(120)
            runs = [(first, choice.choice([first, first + 30, SEQ_LIMIT - 1]))]
            ingest(
                forged(
                    here,
                    *runs,
                    lane=choice.choice(list(Lane)),
                    own_epoch=choice.random() < 0.5,
                    seq=choice.choice([None, 0, 3, 500]),
                    boot=choice.choice([BOOT, bytes(8)]),
                )
            )
        elif act == 3:
            here.work(30)
        elif act == 4:
            here.catch_up(60)
        elif act == 5:
            compact(LATER)
        elif choice.random() < 0.5:
            backup.restore()
        else:
            here.restart()
    here.work(5)
    here.catch_up(60)
    backup.restore()
    ingest(forged(here, (0, SEQ_LIMIT - 1), own_epoch=choice.random() < 0.5))
    here.catch_up(60)
    retained = _retained(here)
    assert not here.missing()
    assert retained <= stored(here.box), "what the box still has is here"
    lost = here.accepted - stored(here.box)
    assert lost <= here.gapped()
    if not seed % 2:
        assert not lost, "it kept everything"
    here.work(5)
    assert here.catch_up(60) <= 2, "the portal goes on asking"


def _retained(here: Gateway) -> set[tuple[bytes, int, int]]:
    records = here.spool._database.records
    names = records.epoch_names()
    return {
        (names[row.ordinal], int(row.lane), row.seq)
        for row in records.rows(0, 1 << 62)
        if row.lane is not Lane.GAP
    }
