"""Each record once, whatever comes how often, and an answer only for what is stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from cloud_link.records import (
    Column,
    DataRecord,
    Table,
    encode_record,
    table_id,
)
from cloud_link.wire import Lane, RejectCode
from portal.ingest.messages import IncomingMessage
from portal.ingest.models import (
    Latest,
    Quarantine,
    Receipt,
    Sample,
    Series,
    TextSample,
    WireTable,
)
from portal.ingest.samples import NUDGES, _existing
from portal.ingest.store import ingest
from tests.portal.ingest.sender import (
    METER,
    METER_ID,
    OFFSET,
    Sender,
    acks,
    meter,
    new_box,
    samples,
    state,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portal.fleet.models import Box

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]


def test_a_record_becomes_samples_and_is_acknowledged(box: Box, dated: Sender) -> None:
    outcome = ingest([dated.send(Lane.DATA, meter(1000, 2300, 123456, 2301))])
    assert acks(outcome, dated).ok == ((0, 0),)
    assert samples(box) == [
        ("energy.import", "", OFFSET + 1000, 123456, 0),
        ("power.active", "l1", OFFSET + 1000, 2300, 0),
        ("voltage", "l1", OFFSET + 1000, 2301, 0),
    ]


def test_the_time_of_receipt_is_before_any_wait_for_a_lock(box: Box, sender: Sender) -> None:
    queried: list[datetime] = []

    def noting(execute: Callable[..., Any], *given: Any) -> Any:
        queried.append(datetime.now(UTC))
        return execute(*given)

    with connection.execute_wrapper(noting):
        ingest([sender.tables(METER)])
    box.refresh_from_db()
    assert box.last_heard_at is not None
    assert box.last_heard_at <= queried[0]


def test_a_record_that_comes_again_counts_once_and_is_acknowledged_again(
    box: Box, dated: Sender
) -> None:
    message = dated.send(Lane.DATA, meter(1000, 1, 2, 3), meter(2000, 4, 5, 6))
    first = ingest([message, message])
    before = state(box)
    second = ingest([message])
    assert acks(first, dated).ok == acks(second, dated).ok == ((0, 1),)
    assert state(box) == before
    assert Receipt.objects.count() == 3  # with the clock's


@pytest.mark.req("C-20")
def test_a_value_that_could_not_be_had_is_null_with_its_reason(box: Box, dated: Sender) -> None:
    ingest([dated.send(Lane.DATA, meter(1000, None, 0, 5, qualities=((0, 2),)))])
    assert samples(box) == [
        ("energy.import", "", OFFSET + 1000, 0, 0),  # a real 0 stays one
        ("power.active", "l1", OFFSET + 1000, None, 2),
        ("voltage", "l1", OFFSET + 1000, 5, 0),
    ]
    latest = Latest.objects.get(series__quantity="power.active")
    assert (latest.value, latest.quality) == (None, 2)


@pytest.mark.req("C-20")
def test_a_value_missing_without_a_reason_is_no_value_at_all(box: Box, dated: Sender) -> None:
    ack = acks(ingest([dated.send(Lane.DATA, meter(1000, None, 0, 5))]), dated)
    assert ack.rejected == ((0, RejectCode.MISFIT),)
    assert samples(box) == []


def test_each_reading_has_the_time_of_its_own_transaction(box: Box, dated: Sender) -> None:
    in_time_runs = DataRecord(METER_ID, 1000, [1, 2, 3], None, ((1, 0), (2, 40)))
    picked = DataRecord(METER_ID, 2000, [4, 5], b"\x05", ((1, -5), (1, 5)))
    ingest([dated.send(Lane.DATA, in_time_runs, picked)])
    assert sorted((row[2] - OFFSET, row[3]) for row in samples(box)) == [
        (1000, 1),
        (1040, 2),
        (1040, 3),
        (1995, 4),
        (2005, 5),
    ]


@pytest.mark.parametrize(
    ("time_runs", "code"),
    [
        (((2, 0),), RejectCode.MISFIT),
        (((4, 0),), RejectCode.MISFIT),
        (((-1, 0), (4, 0)), RejectCode.INVALID),
        (((3, 2**60),), RejectCode.INVALID),
        (((3, 2**42 - 1),), RejectCode.TIME),
    ],
)
def test_laps_that_do_not_fit_are_rejected(
    box: Box, dated: Sender, time_runs: tuple[tuple[int, int], ...], code: str
) -> None:
    record = DataRecord(METER_ID, 1000, [1, 2, 3], None, time_runs)
    assert acks(ingest([dated.send(Lane.DATA, record)]), dated).rejected == ((0, code),)
    assert samples(box) == []


def test_the_extremes_of_sixty_four_bits_survive(box: Box, dated: Sender) -> None:
    ingest([dated.send(Lane.DATA, meter(1000, -(2**63), 2**63 - 1, 0))])
    assert {row[3] for row in samples(box)} == {-(2**63), 2**63 - 1, 0}


def test_words_are_kept_beside_numbers(box: Box, sender: Sender) -> None:
    table = Table("meter", (Column("note", "", 0), Column("voltage", "l1", -1)))
    record = DataRecord(table_id(table), 1000, ["計器 ok", 2300])
    ingest([sender.tables(table), sender.clock(), sender.send(Lane.DATA, record)])
    assert TextSample.objects.get().value == "計器 ok"
    assert Latest.objects.get(series__quantity="note").text == "計器 ok"
    assert Sample.objects.get().value == 2300


def test_the_latest_value_is_the_newest_not_the_last_to_arrive(dated: Sender) -> None:
    new = dated.send(Lane.DATA, meter(9000, 9, 9, 9))
    old = dated.send(Lane.DATA, meter(1000, 1, 1, 1))
    ingest([new])
    ingest([old])
    assert {row.value for row in Latest.objects.all()} == {9}


def test_a_table_that_is_not_here_is_asked_for_and_nothing_is_stored(
    box: Box, sender: Sender
) -> None:
    message = sender.send(Lane.DATA, meter(1000, 1, 2, 3))
    ack = acks(ingest([sender.clock(), message]), sender)
    assert (ack.ok, ack.need_table) == ((), ((0, METER_ID),))
    assert not Receipt.objects.filter(lane=Lane.DATA).exists()
    assert acks(ingest([sender.tables(METER), message]), sender).ok == ((0, 0),)
    assert len(samples(box)) == 3


def test_a_lost_table_is_asked_for_again_but_not_for_what_was_stored(dated: Sender) -> None:
    old = dated.send(Lane.DATA, meter(1000, 1, 2, 3))
    ingest([old])
    WireTable.objects.all().delete()
    ack = acks(ingest([old, dated.send(Lane.DATA, meter(2000, 1, 2, 3))]), dated)
    assert (ack.ok, ack.need_table) == (((0, 0),), ((1, METER_ID),))


def test_other_content_under_a_known_number_is_a_conflict(box: Box, dated: Sender) -> None:
    clone = Sender(dated.box, epoch=dated.epoch, boot=dated.boot, next=dict(dated.next))
    ingest([dated.send(Lane.DATA, meter(1000, 1, 2, 3))])
    ack = acks(ingest([clone.send(Lane.DATA, meter(1500, 7, 8, 9))]), dated)
    assert (ack.ok, ack.conflict) == ((), (0,))
    assert [row[3] for row in samples(box)] == [2, 1, 3]


def test_two_spools_claiming_a_number_at_once_are_answered_one_by_one(
    box: Box, dated: Sender
) -> None:
    clone = Sender(dated.box, epoch=dated.epoch, boot=dated.boot, next=dict(dated.next))
    mine = dated.send(Lane.DATA, meter(1000, 1, 2, 3))
    theirs = clone.send(Lane.DATA, meter(1500, 7, 8, 9))
    assert ingest([mine, theirs]).answers == ()
    assert acks(ingest([mine]), dated).ok == ((0, 0),)
    assert acks(ingest([theirs]), dated).conflict == (0,)
    assert len(samples(box)) == 3


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\xc1", RejectCode.UNREADABLE),
        (b"", RejectCode.UNREADABLE),
        (encode_record(meter(1000, 1, 2)), RejectCode.MISFIT),
        (encode_record(meter(1000, 1, 2, "three")), RejectCode.MISFIT),
        (encode_record(meter(1000, 1, 2, None)), RejectCode.MISFIT),
        (encode_record(meter(1000, 1, 2, 3, qualities=((0, 2),))), RejectCode.MISFIT),
        (encode_record(meter(1000, 1, 2, 2**64 - 1)), RejectCode.INVALID),
        (encode_record(meter(2**63, 1, 2, 3)), RejectCode.INVALID),
        (encode_record(DataRecord(METER_ID, 1000, [1], b"\x80")), RejectCode.MISFIT),
        (
            encode_record(DataRecord(METER_ID, 1000, [1, 2, 3], None, ((-1, 0),))),
            RejectCode.INVALID,
        ),
        (
            encode_record(DataRecord(METER_ID, 1, [1], None, ((3, 2**62),))),
            RejectCode.INVALID,
        ),
    ],
)
def test_a_poison_record_goes_to_quarantine_and_harms_no_neighbour(
    box: Box, dated: Sender, raw: bytes, code: str
) -> None:
    good = encode_record(meter(2000, 4, 5, 6))
    message = dated.batch(
        Lane.DATA, [(0, good), (1, raw), (2, encode_record(meter(3000, 7, 8, 9)))]
    )
    ack = acks(ingest([message]), dated)
    assert (ack.ok, ack.rejected) == (((0, 0), (2, 2)), ((1, code),))
    row = Quarantine.objects.get()
    assert (row.seq, row.code, bytes(row.raw), bytes(row.boot)) == (1, code, raw, dated.boot)
    assert len(samples(box)) == 6
    again = acks(ingest([message]), dated)
    assert (again.ok, again.rejected) == (ack.ok, ack.rejected)
    assert Quarantine.objects.count() == 1


@pytest.fixture
def _refusing_database(transactional_db: None) -> Iterator[None]:
    """A database that takes no sample of 666."""
    words = "refuses 666"
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "CREATE TRIGGER devil BEFORE INSERT ON ingest_sample WHEN NEW.value = 666 "
                f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
            )
        else:
            cursor.execute(
                f'ALTER TABLE ingest_sample ADD CONSTRAINT "{words}" CHECK (value <> 666)'
            )
    yield
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER devil")
        else:
            cursor.execute(f'ALTER TABLE ingest_sample DROP CONSTRAINT "{words}"')


@pytest.mark.usefixtures("_refusing_database")
def test_what_the_database_refuses_goes_to_quarantine_alone(box: Box, dated: Sender) -> None:
    records = [meter(1000, 1, 2, 3), meter(2000, 4, 666, 6), meter(3000, 7, 8, 9)]
    ack = acks(ingest([dated.send(Lane.DATA, *records)]), dated)
    assert (ack.ok, ack.rejected) == (((0, 0), (2, 2)), ((1, RejectCode.REFUSED),))
    assert "666" in Quarantine.objects.get().detail
    assert len(samples(box)) == 6


def test_a_word_this_portal_lacks_quarantines_the_records_that_use_it(
    box: Box, sender: Sender
) -> None:
    table = Table("meter", (Column("voltage", "l1", -1), Column("flux.capacity", "", 0)))
    key = table_id(table)
    with_it = DataRecord(key, 1000, [2300, 121])
    without = DataRecord(key, 2000, [2301], b"\x01")
    ingest([sender.tables(table), sender.clock()])
    ack = acks(ingest([sender.send(Lane.DATA, with_it, without)]), sender)
    assert (ack.ok, ack.rejected) == (((1, 1),), ((0, RejectCode.UNKNOWN_WORD),))
    assert [row[3] for row in samples(box)] == [2301]


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ((Column("voltage", "l9", 0),), RejectCode.UNKNOWN_WORD),
        ((Column("voltage", "l1\0", 0),), RejectCode.REFUSED),
        ((Column("voltage", "l1\u202e", 0),), RejectCode.REFUSED),
        ((Column("voltage", "l1", 900),), RejectCode.REFUSED),
        ((Column("voltage", "l1", 2**40),), RejectCode.REFUSED),
        ((Column("note", "", 0),) * 501, RejectCode.REFUSED),
        ((Column("voltage", "l1", 0),) * 2, RejectCode.REFUSED),
        ((Column("voltage", "l1", 0), Column("voltage", "l1", -1)), RejectCode.REFUSED),
    ],
)
def test_a_column_that_cannot_be_is_kept_and_rejected_in_use(
    sender: Sender, columns: tuple[Column, ...], code: str
) -> None:
    table = Table("meter", columns)
    record = DataRecord(table_id(table), 1000, [1])
    ingest([sender.tables(table), sender.clock()])
    ack = acks(ingest([sender.send(Lane.DATA, record)]), sender)
    assert ack.rejected == ((0, code),)
    assert not Series.objects.exists()


def test_a_table_for_an_unusable_name_makes_no_device(box: Box, sender: Sender) -> None:
    for name in ("", "x" * 65, "a\0b", "line\nbreak"):
        ingest([sender.tables(Table(name, METER.columns))])
    assert not box.gateway.devices.exists()


def test_a_series_is_shared_by_tables_that_list_it(box: Box, sender: Sender) -> None:
    wider = Table("meter", (*METER.columns, Column("frequency", "", -2)))
    ingest([sender.tables(METER), sender.tables(wider)])
    assert Series.objects.filter(device__gateway=box.gateway_id).count() == 4


def test_equal_tables_of_two_boxes_mean_each_its_own_device(sender: Sender, box: Box) -> None:
    other = Sender(new_box().box_id)
    for one in (sender, other):
        ingest([one.tables(METER), one.clock(), one.send(Lane.DATA, meter(1000, 1, 2, 3))])
    assert len(samples(box)) == 3
    assert Sample.objects.count() == 6


def test_a_box_that_nobody_knows_is_not_stored_nor_answered(dated: Sender) -> None:
    stranger = Sender("b-stranger")
    outcome = ingest(
        [stranger.tables(METER), stranger.clock(), dated.send(Lane.DATA, meter(1000, 1, 2, 3))]
    )
    assert outcome.unknown == {"b-stranger"}
    assert {answer.box for answer in outcome.answers} == {dated.box}


def test_a_topic_that_is_not_ours_is_counted(dated: Sender) -> None:
    good = dated.send(Lane.DATA, meter(1000, 1, 2, 3))
    outcome = ingest(
        [
            IncomingMessage(topic="kanmon/1/b-x/down/ack", body=b""),
            IncomingMessage(topic=f"kanmon/1/{dated.box}/up/data", body=b"\xff\xff"),
            good,
        ]
    )
    assert {box: count for box, (count, _) in outcome.unusable.items()} == {"": 1, dated.box: 1}
    assert acks(outcome, dated).ok == ((0, 0),)


def test_a_record_in_a_lane_it_does_not_travel_in_is_rejected(dated: Sender) -> None:
    ack = acks(ingest([dated.send(Lane.EVENT, meter(1000, 1, 2, 3))]), dated, Lane.EVENT)
    assert ack.rejected == ((1, RejectCode.MISFIT),)


def test_unlike_values_at_one_millisecond_are_both_kept(box: Box, dated: Sender) -> None:
    records = [meter(1000, 1, 2, 3), meter(1000, 1, 2, 4), meter(1000, 1, 2, 3)]
    ack = acks(ingest([dated.send(Lane.DATA, *records)]), dated)
    assert ack.ok == ((0, 2),)
    ingest([dated.send(Lane.DATA, meter(1000, 1, 2, 5))])
    volts = [(row[2] - OFFSET, row[3]) for row in samples(box) if row[0] == "voltage"]
    assert volts == [(1000, 3), (1001, 4), (1002, 5)]
    assert len(samples(box)) == 5


def test_a_collision_reads_nothing_of_what_lies_between(dated: Sender) -> None:
    """One record at a boot's beginning and one at its end must not cost the whole boot."""
    ingest([dated.send(Lane.DATA, *[meter(1000 * n, n, n, n) for n in range(1, 300)])])
    sample = Sample.objects.filter(at=OFFSET + 1000).earliest("series")
    ends = [
        (sample.series_id, at, 7, 0, sample.clock_id) for at in (sample.at, sample.at + 400_000)
    ]
    assert len(_existing(Sample, ends, NUDGES)) == 1
    ingest([dated.send(Lane.DATA, meter(1000, 7, 7, 7), meter(1001, 8, 8, 8))])
    near = Sample.objects.filter(series=sample.series_id, at__lt=OFFSET + 2000).order_by("at")
    assert list(near.values_list("at", "value")) == [
        (OFFSET + 1000, 1),
        (OFFSET + 1001, 7),
        (OFFSET + 1002, 8),
    ]
