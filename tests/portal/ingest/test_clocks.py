"""What a boot's milliseconds mean: records wait for it, and are dated again after a correction."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.db.migrations import RunSQL
from django.db.models import Count

from cloud_link.records import (
    Column,
    DataRecord,
    EventRecord,
    Table,
    table_id,
)
from cloud_link.wire import Lane, RejectCode
from portal.fleet.models import Box, Device, DeviceCondition
from portal.ingest.models import (
    BootClock,
    Gap,
    Latest,
    PendingClock,
    Sample,
    TextSample,
    WireTable,
)
from portal.ingest.redating import MOVED_AT_ONCE
from portal.ingest.store import ingest
from portal.web.moments import nearest_datetime as moment
from tests.portal.ingest.sender import (
    METER,
    OFFSET,
    Sender,
    acks,
    condition,
    configuration,
    event,
    gap,
    meter,
    redate_all,
    samples,
    state,
)

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]


DAY = 86_400_000


def times(box: Box) -> list[int]:
    return sorted({row[2] - OFFSET for row in samples(box)})


def test_a_record_without_a_clock_is_kept_acknowledged_and_waits(box: Box, sender: Sender) -> None:
    ingest([sender.tables(METER)])
    ack = acks(ingest([sender.send(Lane.DATA, meter(1000, 1, 2, 3))]), sender)
    assert ack.ok == ((0, 0),)
    assert (samples(box), PendingClock.objects.count()) == ([], 1)


def test_the_clock_record_releases_what_waited(box: Box, sender: Sender) -> None:
    ingest([sender.tables(METER), sender.send(Lane.DATA, meter(1000, 1, 2, 3))])
    ingest([sender.send(Lane.EVENT, event(1500, condition("cover.open", "error")))])
    ingest([sender.clock()])
    assert times(box) == [1000]
    assert Device.objects.get(name="meter").reported_at == moment(OFFSET + 1500)
    assert not PendingClock.objects.exists()


def test_a_clock_of_another_boot_releases_nothing(box: Box, sender: Sender) -> None:
    other = Sender(sender.box, epoch=sender.epoch, ordinal=1)
    ingest([sender.tables(METER), sender.send(Lane.DATA, meter(1000, 1, 2, 3))])
    other.next = sender.next
    ingest([other.clock()])
    assert (samples(box), PendingClock.objects.count()) == ([], 1)


def test_a_poison_record_that_waited_goes_to_quarantine(box: Box, sender: Sender) -> None:
    ingest(
        [
            sender.tables(METER),
            sender.send(Lane.DATA, meter(1000, 1, 2, 3), meter(2**42 - 1, 1, 2, 3)),
        ]
    )
    WireTable.objects.all().delete()
    ingest([sender.tables(METER), sender.clock()])
    assert times(box) == [1000]
    assert [row[2] for row in state(box)["quarantine"]] == [RejectCode.TIME]


def test_a_table_lost_while_its_record_waited_is_no_dead_end(box: Box, sender: Sender) -> None:
    ingest([sender.tables(METER), sender.send(Lane.DATA, meter(1000, 1, 2, 3))])
    WireTable.objects.all().delete()
    ack = acks(ingest([sender.clock()]), sender, Lane.EVENT)
    assert ack.ok == ((0, 0),)
    assert [row[2] for row in state(box)["quarantine"]] == [RejectCode.REFUSED]


def test_many_that_waited_are_all_released(box: Box, sender: Sender) -> None:
    ingest([sender.tables(METER)])
    for start in range(0, 1200, 400):
        records = [meter(1000 + n, n, n, n) for n in range(start, start + 400)]
        ingest([sender.send(Lane.DATA, *records)])
    ingest([sender.clock(since=1300)])
    assert (len(samples(box)), PendingClock.objects.count()) == (3 * 900, 300)
    ingest([sender.clock(since=0)])
    assert (len(samples(box)), PendingClock.objects.count()) == (3 * 1200, 0)


def test_a_clock_that_is_vouched_for_dates_everything_anew(box: Box, sender: Sender) -> None:
    note = Table("meter", (Column("note", "", 0),))
    ingest([sender.tables(METER, note), sender.clock(OFFSET - 3_600_000, synchronised=False)])
    ingest(
        [
            sender.send(Lane.DATA, meter(1000, 1, 2, 3), meter(2000, 4, 5, 6)),
            sender.send(Lane.DATA, DataRecord(table_id(note), 1000, ["hello"])),
            sender.send(Lane.EVENT, event(2000, condition("cover.open", "error", since=500))),
            sender.send(Lane.EVENT, event(3000)),
            sender.send(Lane.EVENT, configuration(100, {"devices": []})),
            sender.send(Lane.GAP, gap(sender, Lane.DATA, (50, 60), at=4000)),
        ]
    )
    assert times(box) == [1000 - 3_600_000, 2000 - 3_600_000]
    ingest([sender.clock()])
    assert times(box) == [1000, 2000]
    assert TextSample.objects.get().at == OFFSET + 1000
    assert {row.at - OFFSET for row in Latest.objects.all()} == {1000, 2000}
    device, row = Device.objects.get(name="meter"), DeviceCondition.objects.get()
    assert device.reported_at == moment(OFFSET + 3000)
    assert (row.raised_at, row.cleared_at) == (moment(OFFSET + 500), moment(OFFSET + 3000))
    assert box.gateway.configurations.get().at == moment(OFFSET + 100)
    hole = Gap.objects.get()
    assert (hole.from_ms, hole.to_ms) == (OFFSET + 4000, OFFSET + 5000)


def test_a_later_clock_holds_from_its_moment_on(box: Box, dated: Sender) -> None:
    ingest([dated.send(Lane.DATA, meter(1000, 1, 1, 1), meter(5000, 2, 2, 2))])
    ingest([dated.clock(OFFSET + 40, since=4000)])
    assert times(box) == [1000, 5040]


@pytest.mark.parametrize("shift", [-1000, 1000])
def test_samples_do_not_trip_over_each_other_when_dated_anew(
    box: Box, sender: Sender, shift: int
) -> None:
    """More than move at once: what moves first must not land where others have yet to leave."""
    quantities = ("power.active", "power.reactive", "power.apparent", "temperature", "pressure")
    wide = Table(
        "meter",
        tuple(Column(name, f"channel={n}", 0) for name in quantities for n in range(1, 100)),
    )
    width = len(wide.columns)
    polls = range(1, 4 * MOVED_AT_ONCE // width + 10)
    records = [DataRecord(table_id(wide), 1000 * n, [n] * width) for n in polls]
    ingest([sender.tables(wide), sender.clock(OFFSET - shift, synchronised=False)])
    ingest([sender.send(Lane.DATA, *records[at : at + 20]) for at in range(0, len(records), 20)])
    ingest([sender.clock()])
    redate_all()
    kept = Sample.objects.values_list("at", "value").annotate(count=Count("series"))
    assert sorted(kept) == [(OFFSET + 1000 * n, n, width) for n in polls]
    assert {row.value for row in Latest.objects.all()} == {polls[-1]}


def test_a_clock_corrects_the_latest_value_too(box: Box, sender: Sender) -> None:
    """A boot dated a day ahead must not hide what comes after it."""
    ingest([sender.tables(METER), sender.clock(OFFSET + 86_400_000, synchronised=False)])
    ingest([sender.send(Lane.DATA, meter(1000, 1, 1, 1))])
    ingest([sender.clock()])
    ingest([sender.send(Lane.DATA, meter(2000, 2, 2, 2))])
    assert {(row.value, row.at - OFFSET) for row in Latest.objects.all()} == {(2, 2000)}


def shown(box: Box) -> set[tuple[int | None, int]]:
    """(value, when it was read) of the latest values, as pages have them."""
    rows = Latest.objects.filter(series__device__gateway=box.gateway_id)
    return {(row.value, row.at - OFFSET) for row in rows}


@pytest.mark.parametrize("wrong", [2 * DAY, -2 * DAY, 3650 * DAY])
def test_whatever_a_wrong_clock_says_the_latest_reading_is_the_one_taken_last(
    box: Box, sender: Sender, wrong: int
) -> None:
    """A clock without confirmation steps away and back, and no source ever puts it right."""
    ingest([sender.tables(METER), sender.clock(synchronised=False)])
    ingest([sender.send(Lane.DATA, meter(1000, 1, 1, 1))])
    ingest([sender.clock(OFFSET + wrong, since=1500, synchronised=False)])
    ingest([sender.send(Lane.DATA, meter(2000, 2, 2, 2))])
    assert shown(box) == {(2, 2000 + wrong)}
    ingest([sender.clock(since=2500, synchronised=False)])
    ingest([sender.send(Lane.DATA, meter(3000, 3, 3, 3))])
    assert shown(box) == {(3, 3000)}
    ingest([sender.send(Lane.DATA, meter(1200, 4, 4, 4))])  # backlog
    assert shown(box) == {(3, 3000)}
    ingest([sender.clock(OFFSET + 7, since=0)])
    assert shown(box) == {(3, 3007)}


@pytest.mark.parametrize("wrong", [2 * DAY, -2 * DAY])
def test_the_next_boot_shows_whatever_the_clock_of_the_one_before_said(
    box: Box, sender: Sender, wrong: int
) -> None:
    ingest([sender.tables(METER), sender.clock(OFFSET + wrong, synchronised=False)])
    ingest([sender.send(Lane.DATA, meter(9_000_000, 1, 1, 1))])
    later = Sender(sender.box, ordinal=2)
    ingest([later.clock(OFFSET + 10_000_000), later.send(Lane.DATA, meter(1000, 2, 2, 2))])
    assert shown(box) == {(2, 10_001_000)}
    ingest([sender.send(Lane.DATA, meter(9_500_000, 3, 3, 3))])  # backlog of the boot before
    assert shown(box) == {(2, 10_001_000)}


def test_latest_values_of_an_older_portal_get_their_place(box: Box, dated: Sender) -> None:
    """What the migration computes is what the ingest would have stored."""
    note = Table("meter", (Column("note", "", 0),))
    ingest([dated.tables(note), dated.send(Lane.DATA, meter(1000, 1, 1, 1))])
    ingest([dated.send(Lane.DATA, DataRecord(table_id(note), 2000, ["hello"]))])
    columns = ("pk", "clock", "speaker", "rank")
    before = list(Latest.objects.order_by("pk").values_list(*columns))
    Latest.objects.update(clock=None, speaker=0, rank=-1)
    migration = import_module("portal.ingest.migrations.0008_latest_by_boot").Migration
    with connection.cursor() as cursor:
        for one in migration.operations:
            if isinstance(one, RunSQL):
                cursor.execute(str(one.sql))
    assert list(Latest.objects.order_by("pk").values_list(*columns)) == before
    assert len(before) == 4


def test_an_overtaken_clock_record_changes_nothing(box: Box, sender: Sender) -> None:
    old, new = sender.clock(OFFSET - 99_000, synchronised=False), sender.clock()
    ingest([sender.tables(METER), new])
    ingest([sender.send(Lane.DATA, meter(1000, 1, 2, 3))])
    ingest([old])
    assert times(box) == [1000]


def test_the_box_s_word_about_its_clock_will_do_until_a_record_comes(
    box: Box, sender: Sender
) -> None:
    ingest([sender.tables(METER), sender.send(Lane.DATA, meter(1000, 1, 2, 3))])
    ingest([sender.online(offset=OFFSET - 77)])
    assert times(box) == [1000 - 77]
    ingest([sender.clock()])
    assert times(box) == [1000]
    ingest([sender.online(session=2, offset=OFFSET + 5)])
    assert BootClock.objects.count() == 2


def test_a_late_clock_yields_where_a_newer_one_says_the_same_as_before(
    box: Box, sender: Sender
) -> None:
    assumed = sender.clock(synchronised=False)
    wrong = sender.clock(OFFSET + 5_000_000, since=2000)
    right = sender.clock(since=4000)
    ingest([sender.tables(METER), assumed])
    ingest([sender.send(Lane.DATA, *[meter(1000 * n, n, n, n) for n in range(1, 6)])])
    ingest([right])
    ingest([wrong])
    assert times(box) == [1000, 4000, 5000, 5_002_000, 5_003_000]


@pytest.mark.parametrize(
    ("since", "offset", "code"),
    [
        (0, 5, RejectCode.TIME),
        (-1, OFFSET, RejectCode.INVALID),
        (0, 2**62, RejectCode.TIME),
        (2**50, OFFSET, RejectCode.INVALID),
    ],
)
def test_a_clock_that_is_none_is_rejected(
    sender: Sender, since: int, offset: int, code: str
) -> None:
    ack = acks(ingest([sender.clock(offset, since=since)]), sender, Lane.EVENT)
    assert ack.rejected == ((0, code),)


def test_an_event_of_an_unknown_boot_is_dated_by_its_receipt_and_then_again(
    box: Box, sender: Sender
) -> None:
    first: EventRecord = event(10, condition("cover.open", "error"))
    ingest([sender.send(Lane.EVENT, first)], moment(OFFSET + 5_000))
    assert DeviceCondition.objects.get().raised_at == moment(OFFSET + 5_000)
    ingest([sender.clock()])
    assert DeviceCondition.objects.get().raised_at == moment(OFFSET + 10)


def test_a_gap_is_dated_alone_and_dated_anew_with_its_boot(
    box: Box, dated: Sender, django_assert_max_num_queries: Any
) -> None:
    for n in range(30):
        ingest([dated.send(Lane.GAP, gap(dated, Lane.DATA, (n, n), at=1000 * n))])
    assert Gap.objects.filter(from_ms=None).count() == 0
    with django_assert_max_num_queries(60):
        ingest([dated.send(Lane.GAP, gap(dated, Lane.DATA, (99, 99), at=99_000))])
    ingest([dated.clock(OFFSET + 5_000)])
    first = Gap.objects.order_by("from_ms").first()
    assert first is not None
    assert first.from_ms == OFFSET + 5_000


def test_a_record_under_a_second_number_is_one_reading_whichever_clock_dates_it(
    box: Box, dated: Sender
) -> None:
    """A forged conflict gives a record that is stored already a number of a new epoch."""
    note = Table("meter", (Column("note", "", 0),))
    records = [meter(1000, 1, 2, 3), DataRecord(table_id(note), 1000, ["hello"])]
    ingest([dated.tables(note), dated.send(Lane.DATA, *records)])
    later = dated.restarted()
    ingest([later.clock(), later.send(Lane.DATA, *records)])
    assert (len(samples(box)), times(box)) == (3, [1000])
    assert TextSample.objects.count() == 1
    ingest([later.clock(OFFSET + 7), later.send(Lane.DATA, *records)])
    redate_all()
    assert (len(samples(box)), times(box)) == (3, [1007])
    assert TextSample.objects.get().at == OFFSET + 1007
