"""The books: they agree where all is well, and a loss or a doubling shows, made here on purpose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloud_link.wire import Lane, RejectCode
from portal.fleet.models import Box
from portal.ingest.ledger import Ledger, SpoolReport, ledger
from portal.ingest.models import Receipt
from portal.ingest.receipts import compact
from portal.ingest.store import ingest
from tests.portal.ingest.sender import Sender, gap, meter

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]


def word(sender: Sender, waiting: int = 0, before: int = 0) -> SpoolReport:
    """What the spool says: ``before`` is how many data records earlier epochs gave out."""
    given = {lane: sender.next.get(lane, 0) for lane in Lane}
    return SpoolReport(
        box=sender.box,
        epoch=sender.epoch,
        next=given,
        accepted={**given, Lane.DATA: given[Lane.DATA] + before},
        waiting={Lane.DATA: waiting},
    )


@pytest.fixture
def ten(box: Box, dated: Sender) -> Sender:
    """Ten data records stored, beside the clock's event."""
    ingest([dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(10)])
    return dated


def test_nothing_is_lost_or_doubled_where_nothing_is(ten: Sender) -> None:
    assert ledger([word(ten)]) == Ledger(accepted=11, stored=11)


def test_what_the_spool_holds_waits(ten: Sender) -> None:
    late = [ten.send(Lane.DATA, meter(20_000 + n, 1, 1, 1)) for n in range(3)]
    assert ledger([word(ten, waiting=3)]) == Ledger(accepted=14, stored=11, waiting=3)
    ingest(late)
    assert ledger([word(ten, waiting=3)]) == Ledger(accepted=14, stored=14), "not acknowledged yet"
    assert ledger([word(ten)]).clean


@pytest.mark.parametrize("seq", [0, 4, 9])
def test_a_receipt_that_is_gone_is_a_loss(ten: Sender, seq: int) -> None:
    Receipt.objects.get(lane=Lane.DATA, seq=seq).delete()
    assert ledger([word(ten)]) == Ledger(accepted=11, stored=10, lost=1)


def test_a_loss_shows_while_others_wait(ten: Sender) -> None:
    for n in range(3):
        ten.send(Lane.DATA, meter(20_000 + n, 1, 1, 1))
    Receipt.objects.get(lane=Lane.DATA, seq=4).delete()
    assert ledger([word(ten, waiting=3)]) == Ledger(accepted=14, stored=10, waiting=3, lost=1)


def test_a_record_stored_under_two_numbers_is_doubled(ten: Sender) -> None:
    twin = Receipt.objects.get(lane=Lane.DATA, seq=4)
    Receipt.objects.create(
        epoch=twin.epoch, lane=twin.lane, seq=10, hash=twin.hash, rejected="", at=twin.at
    )
    books = ledger([word(ten)])
    assert (books.doubled, books.lost) == (1, 0)
    assert not books.clean


def test_records_delivered_again_are_neither(ten: Sender) -> None:
    again = Sender(ten.box, epoch=ten.epoch, boot=ten.boot, ordinal=ten.ordinal)
    ingest([again.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(10)])
    assert ledger([word(ten)]) == Ledger(accepted=11, stored=11)


def test_what_was_announced_as_dropped_is_lost_and_counted_once(ten: Sender) -> None:
    for _ in range(4):
        ten.send(Lane.DATA, meter(1, 1, 1, 1))  # 10 to 13, dropped
    last = ten.send(Lane.DATA, meter(50_000, 1, 1, 1))
    ingest([last, ten.send(Lane.GAP, gap(ten, Lane.DATA, (10, 13), at=2000))])
    wanted = Ledger(accepted=17, stored=13, lost=4)
    assert ledger([word(ten)]) == wanted
    compact(1 << 60)
    assert not Receipt.objects.filter(lane=Lane.DATA).exists()
    assert ledger([word(ten)]) == wanted, "the watermark stands for the same"


def test_a_number_that_came_and_was_dropped_unheard_is_stored(ten: Sender) -> None:
    ingest([ten.send(Lane.GAP, gap(ten, Lane.DATA, (8, 9), at=2000))])
    assert ledger([word(ten)]) == Ledger(accepted=12, stored=12)


def test_earlier_epochs_count_and_their_lost_end_shows(box: Box, ten: Sender) -> None:
    fresh = Sender(ten.box, boot=ten.boot, ordinal=ten.ordinal + 1)
    ingest([fresh.send(Lane.DATA, meter(90_000 + n, 1, 1, 1)) for n in range(2)])
    assert ledger([word(fresh, before=10)]) == Ledger(accepted=13, stored=13)
    assert ledger([word(fresh, before=11)]) == Ledger(accepted=14, stored=13, lost=1)


def test_what_is_in_quarantine_is_neither_stored_nor_lost(ten: Sender) -> None:
    Receipt.objects.filter(lane=Lane.DATA, seq=3).update(rejected=RejectCode.MISFIT)
    assert ledger([word(ten)]) == Ledger(accepted=11, stored=10, refused=1)


def test_a_spool_of_which_nothing_came_waits(box: Box, dated: Sender) -> None:
    silent = replace(word(dated, waiting=2), epoch=b"unheard!", next={Lane.DATA: 2}, accepted={})
    assert ledger([silent]) == Ledger(accepted=3, stored=1, waiting=2)


def test_looking_costs_the_same_however_many_records_and_epochs_there_are(ten: Sender) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert ledger([word(ten)]).clean
        return len(asked)

    few = queries()
    ingest([ten.send(Lane.DATA, meter(100_000 + n, n, n, n)) for n in range(40)])
    for number in range(5):  # each restart of a gateway begins one
        fresh = Sender(ten.box, boot=ten.boot, ordinal=ten.ordinal + 1)
        ingest([fresh.send(Lane.DATA, meter(200_000 + 1000 * number, 1, 1, 1))])
        ten = fresh
    assert queries() == few == 6
    assert ledger([word(ten, before=54)]) == Ledger(accepted=56, stored=56)


@pytest.mark.parametrize("before", range(5))
def test_what_is_compacted_in_the_middle_of_a_look_is_no_loss(ten: Sender, before: int) -> None:
    began: list[str] = []

    def compacting(execute: Any, sql: str, *rest: Any) -> Any:
        began.append(sql)
        if len(began) == before + 1:
            compact(1 << 60)
        return execute(sql, *rest)

    with connection.execute_wrapper(compacting):
        assert ledger([word(ten)]) == Ledger(accepted=11, stored=11)
    assert not Receipt.objects.exists()


def test_a_word_that_is_none_is_told() -> None:
    told = {
        "box": "b-1",
        "spool": {
            "epoch": "0011223344556677",
            **{
                key: {lane.name.lower(): int(lane) for lane in Lane}
                for key in ("next", "accepted", "waiting")
            },
        },
    }
    assert SpoolReport.parse(told).next[Lane.DATA] == 3
    for broken in ({}, {"box": "b", "spool": {}}, {"box": "b", "spool": []}, {"spool": None}):
        with pytest.raises(ValueError, match="not the status"):
            SpoolReport.parse(broken)
