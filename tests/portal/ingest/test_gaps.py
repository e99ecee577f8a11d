"""Gaps: believed as far as their epoch gave out numbers, and never in the way of a record."""

from __future__ import annotations

import random

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloud_link.records import GapRecord, encode_record
from cloud_link.wire import Lane, RejectCode
from portal.fleet.models import Box
from portal.ingest import gaps
from portal.ingest.ledger import Ledger, ledger
from portal.ingest.models import Epoch, Gap, Receipt, Watermark
from portal.ingest.receipts import compact
from portal.ingest.store import ingest
from tests.portal.ingest.poison import poisoned, statement
from tests.portal.ingest.sender import METER, OFFSET, Sender, acks, gap, meter, new_box, samples
from tests.portal.ingest.test_ledger import word

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

LATER = 1 << 60
"""After every receipt there is."""


def mark(lane: Lane = Lane.DATA) -> int:
    return Watermark.objects.get(lane=lane).seq


def ranges() -> list[list[int]]:
    rows = Gap.objects.filter(lane=Lane.DATA).values_list("ranges", flat=True)
    return sorted(run for row in rows for run in row)


@pytest.mark.parametrize("announced", [False, True])
def test_a_gap_for_numbers_never_given_out_hides_nothing(
    box: Box, dated: Sender, announced: bool
) -> None:
    ingest([dated.send(Lane.DATA, meter(1000, 1, 1, 1))])
    if announced:
        ingest([dated.online()])
    ingest([dated.send(Lane.GAP, gap(dated, Lane.DATA, (1, 2**39)))])
    assert not Gap.objects.get().believed
    compact(LATER)
    assert mark() == 0, "a number that was not given out cannot have been dropped"
    later = [dated.send(Lane.DATA, meter(2000 * n, n, n, n)) for n in range(1, 101)]
    assert acks(ingest(later), dated).ok == ((1, 100),)
    assert len(samples(box)) == 3 * 101
    compact(LATER)
    assert (mark(), ranges()) == (100, [[101, 2**39]])
    assert acks(ingest(later), dated).ok == ((1, 100),)
    assert len(samples(box)) == 3 * 101


def test_even_a_gap_that_was_believed_hides_no_record(box: Box, dated: Sender) -> None:
    ingest([dated.send(Lane.DATA, meter(1000, 1, 1, 1))])
    told = {int(lane): 2**39 for lane in Lane}
    ingest([dated.online(next=told)])
    ingest([dated.send(Lane.GAP, gap(dated, Lane.DATA, (0, 2**39 - 1)))])
    assert Gap.objects.get().believed
    compact(LATER)
    assert mark() == 2**39 - 1
    honest = [dated.send(Lane.DATA, meter(2000 * n, n, n, n)) for n in range(1, 11)]
    assert acks(ingest(honest), dated).ok == ((1, 10),)
    assert len(samples(box)) == 33
    compact(LATER)
    assert acks(ingest(honest), dated).ok == ((1, 10),), "compacted, and still known"
    assert (len(samples(box)), ranges()) == (33, [[11, 2**39 - 1]])
    ingest([dated.online(2)])
    assert not Gap.objects.get().believed, "the box says itself how many it gave out"


def test_what_a_box_gave_out_meanwhile_is_believed_when_it_says_so(dated: Sender) -> None:
    ingest([dated.online(), dated.send(Lane.DATA, meter(1000, 1, 1, 1))])
    dated.next[Lane.DATA] = 50  # numbers that a full disk refused
    ingest([dated.send(Lane.GAP, gap(dated, Lane.DATA, (1, 49)))])
    assert not Gap.objects.get().believed
    ingest([dated.online()])
    assert Gap.objects.get().believed
    compact(LATER)
    assert mark() == 49


def test_a_record_that_arrives_leaves_the_gap_that_names_it(box: Box, dated: Sender) -> None:
    messages = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(10)]
    ingest([messages[0], messages[9]])
    ingest([dated.send(Lane.GAP, gap(dated, Lane.DATA, (1, 8)))])
    compact(LATER)
    assert mark() == 9
    assert acks(ingest([messages[4], messages[5]]), dated).ok == ((4, 5),)
    assert ranges() == [[1, 3], [6, 8]]
    assert (Gap.objects.get().records, Gap.objects.get().readings) == (6, 18)
    assert len(samples(box)) == 12
    spool = word(dated)
    assert ledger([spool]) == Ledger(accepted=12, stored=6, lost=6)
    compact(LATER)
    assert ledger([spool]) == Ledger(accepted=12, stored=6, lost=6)
    ingest(messages)
    assert not Gap.objects.exists()
    assert ledger([spool]) == Ledger(accepted=12, stored=12)


@pytest.mark.parametrize("marked", [False, True])
def test_a_record_that_is_left_unanswered_stays_in_its_gap(
    box: Box, dated: Sender, marked: bool
) -> None:
    """It is not here: below a watermark, nothing but the gap tells it from what was received."""
    messages = [dated.send(Lane.DATA, meter(1000 * n, 7, n, n)) for n in range(10)]
    ingest([messages[0], messages[9]])
    ingest([dated.send(Lane.GAP, gap(dated, Lane.DATA, (1, 8)))])
    if marked:
        compact(LATER)
    senders = [Sender(new_box().box_id) for _ in range(2)]
    ingest([one for sender in senders for one in (sender.tables(METER), sender.clock())])
    alike = [sender.send(Lane.DATA, meter(1000, 7, 1, 1)) for sender in senders]
    raises = statement("program limit") or statement("integer overflow") or ""
    with poisoned("ingest_sample", "NEW.value = 7", raises):
        result = ingest([messages[4], *alike])
    assert (result.answers, result.tally.held) == ((), 3)
    assert ranges() == [[1, 8]]
    assert acks(ingest([messages[4]]), dated).ok == ((4, 4),)
    assert ranges() == [[1, 3], [5, 8]]
    assert len(samples(box)) == 9, "answered as stored, and stored"


def test_a_record_that_came_before_its_gap_is_not_in_it(dated: Sender) -> None:
    messages = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(6)]
    ingest([messages[2], messages[5]])
    ingest([dated.send(Lane.GAP, gap(dated, Lane.DATA, (0, 4)))])
    assert ranges() == [[0, 1], [3, 4]]
    assert (Gap.objects.get().records, Gap.objects.get().readings) == (4, 12)
    ingest(messages[:2] + messages[3:5])
    compact(LATER)
    ingest([dated.send(Lane.GAP, gap(dated, Lane.DATA, (0, 4)))])
    assert not Gap.objects.exists(), "compacted numbers were received"


def test_two_gaps_never_name_one_number(dated: Sender) -> None:
    ingest([dated.batch(Lane.DATA, [(99, b"\xc1")])])
    ingest([dated.send(Lane.GAP, gap(dated, Lane.DATA, (0, 50)))])
    ingest([dated.send(Lane.GAP, gap(dated, Lane.DATA, (10, 20), at=5000))])
    assert ranges() == [[0, 9], [10, 20], [21, 50]]
    unknown = gap(Sender(dated.box, epoch=dated.epoch, boot=bytes(8)), Lane.DATA, (0, 60))
    ingest([dated.send(Lane.GAP, unknown)])
    assert ranges() == [[0, 9], [10, 20], [21, 50], [51, 60]], "a dated one is worth more"


def test_a_gap_of_an_epoch_that_is_not_yet_is_rejected(box: Box, dated: Sender) -> None:
    later = Sender(dated.box, boot=dated.boot, ordinal=dated.ordinal + 1)
    ack = acks(ingest([dated.send(Lane.GAP, gap(later, Lane.DATA, (0, 0)))]), dated, Lane.GAP)
    assert ack.rejected == ((0, RejectCode.MISFIT),)
    assert not Epoch.objects.filter(ordinal__gt=dated.ordinal).exists()


def test_whatever_is_claimed_every_record_is_stored_once(box: Box, dated: Sender) -> None:
    """Gaps of any numbers between records in any order, compacted at any time."""
    choice = random.Random(7)
    for _ in range(6):
        sender = Sender(dated.box, boot=dated.boot, ordinal=dated.ordinal + 1)
        before = len(samples(box))
        messages = [
            sender.send(Lane.DATA, meter(before * 1000 + 1000 * n, n, n, n)) for n in range(20)
        ]
        received: set[int] = set()
        for _ in range(40):
            act = choice.randrange(6)
            if act < 3:
                chosen = choice.sample(range(20), 3)
                outcome = ingest([messages[n] for n in chosen])
                runs = [run for answer in outcome.answers for run in answer.ack.ok]
                stored = {n for low, high in runs for n in range(low, high + 1)}
                assert stored == set(chosen)
                received |= stored
            elif act == 3:
                first = choice.randrange(24)
                last = choice.choice([first, first + choice.randrange(9), 2**39])
                claim = gap(sender, Lane.DATA, (first, last))
                boot = choice.choice([sender.boot, bytes(8)])
                fields = {name: getattr(claim, name) for name in claim.__struct_fields__}
                record = GapRecord(**{**fields, "first": (boot, 0)})
                ingest([sender.send(Lane.GAP, record)])
            elif act == 4:
                ingest([sender.online()])
            else:
                compact(LATER)
            assert len(samples(box)) - before == 3 * len(received)
            assert _received(sender) == received


def _received(sender: Sender) -> set[int]:
    """What the portal knows to have received, by receipts, watermark and gaps."""
    epoch = Epoch.objects.filter(epoch=sender.epoch).first()
    if epoch is None:
        return set()
    receipts = Receipt.objects.filter(epoch=epoch, lane=Lane.DATA).values_list("seq", flat=True)
    seen = Watermark.objects.filter(epoch=epoch, lane=Lane.DATA).first()
    named: set[int] = set()
    for row in Gap.objects.filter(epoch=epoch, lane=Lane.DATA):
        own = {n for first, last in row.ranges for n in range(first, min(last, 60) + 1)}
        assert not own & named
        named |= own
    assert not named & set(receipts)
    below = set(range(seen.seq + 1)) - named if seen is not None else set()
    return below | set(receipts)


def test_gaps_that_interleave_without_end_are_refused(
    box: Box, dated: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred gaps of a thousand runs each made every message of their lane take seconds."""
    monkeypatch.setattr(gaps, "RUNS_MOST", 100)
    ingest([dated.online(next={int(lane): 10_000 for lane in Lane})])
    combs = [
        gap(dated, Lane.DATA, *((n + 20 * k, n + 20 * k) for k in range(40))) for n in range(4)
    ]
    answered = [acks(ingest([dated.send(Lane.GAP, one)]), dated, Lane.GAP) for one in combs]
    assert [bool(one.ok) for one in answered] == [True, True, False, False]
    assert answered[2].rejected == ((2, RejectCode.REFUSED),)
    apart = gap(dated, Lane.DATA, *((5_000 + 2 * k, 5_000 + 2 * k) for k in range(90)))
    assert acks(ingest([dated.send(Lane.GAP, apart)]), dated, Lane.GAP).ok == ((4, 4),)
    ingest([dated.batch(Lane.DATA, [(2, encode_record(meter(1_000, 1, 1, 1)))])])
    assert len(samples(box)) == 3, "what a refused gap names is stored as ever"


def test_a_gap_of_which_every_second_record_arrives_is_split_into_rows(
    box: Box, dated: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what a message costs does not grow with the number of runs of its lane."""
    monkeypatch.setattr(gaps, "ROW_RUNS", 8)
    messages = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(101)]
    ingest([messages[100]])
    record = gap(dated, Lane.DATA, (0, 99))
    ingest([dated.send(Lane.GAP, record)])
    for start in range(1, 100, 10):
        ingest(messages[start : start + 10 : 2])
    rows = Gap.objects.filter(lane=Lane.DATA).order_by("first_seq")
    assert all(len(row.ranges) <= 8 for row in rows)
    assert ranges() == [[n, n] for n in range(0, 100, 2)]
    assert (sum(row.records for row in rows), sum(row.readings for row in rows)) == (50, 150)
    assert [(row.first_seq, row.last_seq) for row in rows] == [
        (row.ranges[0][0], row.ranges[-1][1]) for row in rows
    ]
    assert {bytes(row.first_boot) for row in rows} == {dated.boot}
    assert ledger([word(dated)]) == Ledger(accepted=103, stored=53, lost=50)
    compact(LATER)
    assert acks(ingest(messages), dated).ok == ((0, 100),)
    assert not Gap.objects.filter(lane=Lane.DATA).exists()
    assert len(samples(box)) == 3 * 101


def test_scattered_numbers_read_and_write_only_the_rows_around_them(dated: Sender) -> None:
    """A gap that every second record left has 50,000 runs: 300 numbers concern 300 rows at most."""
    ingest([dated.online(next={int(Lane.DATA): 100_000})])
    epoch = Epoch.objects.get(epoch=dated.epoch)
    runs = [(n, n) for n in range(0, 100_000, 2)]
    gaps.write_off(epoch, Lane.DATA, runs, (1, 2))
    numbers = {(epoch.pk, int(Lane.DATA)): set(range(0, 99_900, 333))}
    even = {n for n in numbers[epoch.pk, int(Lane.DATA)] if n % 2 == 0}
    read = [row for row, _ in gaps._naming(numbers)]
    assert len(read) <= 300
    assert sum(len(row.ranges) for row in read) <= 300 * gaps.ROW_RUNS < len(runs) / 2
    assert gaps.missing(numbers) == {(epoch.pk, int(Lane.DATA)): even}
    with CaptureQueriesContext(connection) as statements:
        gaps.fill(numbers)
    assert len(statements) <= 10
    left = [n for first, last in map(tuple, ranges()) for n in range(first, last + 1)]
    assert left == [n for n in range(0, 100_000, 2) if n not in even]
    rows = Gap.objects.filter(lane=Lane.DATA)
    assert sum(rows.values_list("records", flat=True)) == len(left)
    assert gaps.missing(numbers) == {}


def test_a_gap_that_ends_nobody_knows_when_had_ended_when_it_was_announced(
    box: Box, dated: Sender
) -> None:
    ingest([dated.send(Lane.DATA, meter(1_000, 1, 1, 1))])
    Receipt.objects.filter(lane=Lane.DATA).update(at=OFFSET + 2_000)
    known = gap(dated, Lane.DATA, (1, 4))
    ended = msgspec.structs.replace(known, last=(bytes(8), 0), reason="damaged")
    dated.next[Lane.DATA] = 5
    ingest([dated.online(), dated.send(Lane.GAP, ended)])
    announced = Receipt.objects.get(lane=Lane.GAP).at
    row = Gap.objects.get()
    assert (row.from_ms, row.to_ms) == (OFFSET, announced)
    begun = msgspec.structs.replace(ended, ranges=((5, 9),), first=(bytes(8), 0))
    dated.next[Lane.DATA] = 10
    ingest([dated.online(2), dated.send(Lane.GAP, begun)])
    row = Gap.objects.get(first_seq=5)
    assert row.from_ms == OFFSET + 2_000, "the record before it was received then"
    assert row.to_ms is not None
    assert row.to_ms >= announced
