"""Receipts compacted, gaps counted, spools that know less than the portal."""

from __future__ import annotations

import pytest

from cloud_link.records import GapRecord
from cloud_link.wire import Ack, Lane, RejectCode
from portal.fleet.models import Box
from portal.ingest.models import Gap, Receipt, Watermark
from portal.ingest.receipts import compact
from portal.ingest.store import IngestResult, ingest
from tests.portal.ingest.sender import METER, OFFSET, Sender, acks, gap, meter, samples

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

LATER = 1 << 60
"""After every receipt there is."""


def mark(lane: Lane = Lane.DATA) -> int:
    return Watermark.objects.get(lane=lane).seq


def test_compaction_forgets_receipts_and_still_knows_every_record(box: Box, dated: Sender) -> None:
    messages = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(6)]
    ingest(messages)
    assert compact(LATER) == 7  # with the clock's
    assert mark() == 5
    assert not Receipt.objects.exists()
    assert acks(ingest(messages), dated).ok == ((0, 5),)
    assert len(samples(box)) == 18
    assert acks(ingest([dated.send(Lane.DATA, meter(9000, 1, 1, 1))]), dated).ok == ((6, 6),)
    assert len(samples(box)) == 21


def test_what_is_missing_stops_the_watermark(box: Box, dated: Sender) -> None:
    messages = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(6)]
    ingest(messages[:2] + messages[4:])
    compact(LATER)
    assert (mark(), Receipt.objects.filter(lane=Lane.DATA).count()) == (1, 2)
    assert acks(ingest(messages), dated).ok == ((0, 5),)
    assert len(samples(box)) == 18
    compact(LATER)
    assert (mark(), Receipt.objects.filter(lane=Lane.DATA).count()) == (5, 0)


def test_the_first_of_all_missing_stops_it_at_once(dated: Sender) -> None:
    messages = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(3)]
    ingest(messages[1:])
    compact(LATER)
    assert (mark(), Receipt.objects.filter(lane=Lane.DATA).count()) == (-1, 2)


def test_receipts_that_are_young_keep_their_hash(box: Box, dated: Sender) -> None:
    clone = Sender(dated.box, epoch=dated.epoch, boot=dated.boot, next=dict(dated.next))
    ingest([dated.send(Lane.DATA, meter(1000, 1, 1, 1))])
    assert compact(0) == 0
    assert acks(ingest([clone.send(Lane.DATA, meter(1, 2, 2, 2))]), dated).conflict == (0,)


def test_an_announced_gap_counts_as_received(box: Box, dated: Sender) -> None:
    messages = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(8)]
    ingest(messages[:2] + messages[5:])
    ingest([dated.send(Lane.GAP, gap(dated, Lane.DATA, (2, 4), at=2000))])
    compact(LATER)
    assert mark() == 7
    hole = Gap.objects.get()
    assert (hole.records, hole.readings, hole.reason) == (3, 9, "cap")
    assert (hole.from_ms, hole.to_ms) == (OFFSET + 2000, OFFSET + 3000)


def test_a_gap_of_an_epoch_of_which_nothing_came(box: Box, dated: Sender) -> None:
    lost = Sender(dated.box, boot=dated.boot, ordinal=0)
    ingest([dated.send(Lane.GAP, gap(lost, Lane.DATA, (0, 9)))])
    assert Gap.objects.get().epoch.ordinal == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"ranges": ((5, 2),)},
        {"ranges": ((-1, 2),)},
        {"ranges": ((0, 2**62),)},
        {"ranges": ((4, 5), (1, 2))},
        {"lane": 9},
        {"reason": "whim"},
        {"records": -1},
    ],
)
def test_a_gap_that_cannot_be_is_rejected(dated: Sender, wrong: dict[str, object]) -> None:
    good = gap(dated, Lane.DATA, (2, 4))
    record = GapRecord(**({name: getattr(good, name) for name in good.__struct_fields__} | wrong))
    ack = acks(ingest([dated.send(Lane.GAP, record)]), dated, Lane.GAP)
    ((seq, code),) = ack.rejected
    assert seq == 0
    assert code in {RejectCode.INVALID, RejectCode.MISFIT, RejectCode.UNKNOWN_WORD}


def renewal(outcome: IngestResult) -> int | None:
    renews = [one.ack.renew for one in outcome.answers if one.ack.renew is not None]
    assert len(renews) <= 1
    return renews[0] if renews else None


def test_a_spool_as_the_portal_knows_it_goes_on(box: Box, dated: Sender) -> None:
    ingest([dated.send(Lane.DATA, meter(1000, 1, 1, 1))])
    assert renewal(ingest([dated.online()])) is None
    box.refresh_from_db()
    assert (box.alive, box.session, box.boot) == (True, 1, dated.boot.hex())


@pytest.mark.parametrize("compacted", [False, True])
def test_a_spool_that_knows_less_than_the_portal_must_renew(dated: Sender, compacted: bool) -> None:
    old = Sender(dated.box, epoch=dated.epoch, boot=dated.boot, next=dict(dated.next))
    ingest([dated.send(Lane.DATA, meter(1000, 1, 1, 1))])
    if compacted:
        compact(LATER)
    outcome = ingest([old.online()])
    assert renewal(outcome) == 1
    assert outcome.answers[0].ack.epoch == dated.epoch


def test_a_restored_spool_with_a_new_epoch_must_pass_the_ones_it_forgot(
    box: Box, dated: Sender
) -> None:
    for ordinal in (2, 3):
        later = Sender(dated.box, boot=dated.boot, ordinal=ordinal)
        ingest([later.online(session=ordinal + 5), later.send(Lane.DATA)])
        ingest([later.tables(METER), later.send(Lane.DATA, meter(ordinal, 1, 1, 1))])
    restored = Sender(dated.box, boot=dated.boot, ordinal=2)
    outcome = ingest([restored.online(session=2)])
    assert renewal(outcome) == 3
    beyond = Sender(dated.box, boot=dated.boot, ordinal=4)
    assert renewal(ingest([beyond.online(session=3)])) is None
    box.refresh_from_db()
    assert (box.session, box.epoch_ordinal, box.alive) == (3, 4, True)


def test_the_will_of_an_older_session_does_not_end_a_newer(box: Box, dated: Sender) -> None:
    ingest([dated.online(1), dated.online(2)])
    ingest([dated.online(1, alive=False)])
    box.refresh_from_db()
    assert box.alive
    ingest([dated.online(2, alive=False)])
    box.refresh_from_db()
    assert not box.alive


def test_hostile_sessions_do_no_harm(box: Box, dated: Sender) -> None:
    outcome = ingest(
        [
            dated.online(1, software="0\0" + "x" * 500, offset=2**62),
            dated.online(2, next={77: 1}),
            dated.online(-1),
            dated.online(2**63),
            dated.online(3, epoch=b"short"),
        ]
    )
    box.refresh_from_db()
    assert box.software.startswith("0\ufffdx")
    assert outcome.unusable[box.box_id][0] == 4


def test_acknowledgements_stay_within_a_message(dated: Sender) -> None:
    ordinary = dated.batch(Lane.DATA, [(2 * n, b"\xc1") for n in range(2500)])
    outcome = ingest([ordinary])
    assert [len(one.ack.rejected) for one in outcome.answers] == [1000, 1000, 500]
    assert all(isinstance(one.ack, Ack) for one in outcome.answers)
