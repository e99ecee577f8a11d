"""A record that cannot be stored is isolated; where the portal is at fault, nothing is answered."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from cloud_link.records import (
    ClockRecord,
    Column,
    DataRecord,
    GapRecord,
    Table,
    encode_record,
    table_id,
)
from cloud_link.validation import read_record
from cloud_link.wire import Lane, RejectCode
from portal.accounts.models import Organization
from portal.fleet.models import Box
from portal.ingest import canary, kinds, messages, suspects
from portal.ingest.isolation import ingest_or_isolate
from portal.ingest.models import (
    Alarm,
    Failure,
    PendingClock,
    Quarantine,
    Receipt,
    RefusedTable,
    Sample,
)
from portal.ingest.store import IngestResult, ingest
from tests.portal.ingest.poison import BAD, ERRORS, any_error, poisoned, refusing, statement
from tests.portal.ingest.sender import (
    METER,
    OFFSET,
    Sender,
    acks,
    condition,
    configuration,
    event,
    fleet_of,
    gap,
    meter,
    samples,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud_link.records import Record
    from cloud_link.validation import Flaw
    from portal.ingest.messages import IncomingMessage

pytestmark = [
    pytest.mark.database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("patience"),
]


def stored(result: IngestResult, sender: Sender) -> set[int]:
    """The numbers of lane DATA that were answered as stored, in however many answers."""
    return {
        seq
        for answer in result.answers
        if answer.box == sender.box and answer.ack.lane is Lane.DATA
        for first, last in answer.ack.ok
        for seq in range(first, last + 1)
    }


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_the_canary_of_every_kind_is_stored_and_leaves_nothing(
    transactional_db: None, kind: str
) -> None:
    canary.check(kind, datetime.now(UTC))
    assert not Organization.objects.exists()
    assert not Box.objects.exists()
    assert not Receipt.objects.exists()


@pytest.mark.parametrize("error", ERRORS)
def test_whatever_a_record_raises_it_is_rejected_and_its_neighbours_are_stored(
    box: Box, dated: Sender, hostile: Sender, error: str
) -> None:
    raises = statement(error)
    if raises is None:
        pytest.skip("another database's error")
    good = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(20)]
    bad = hostile.send(
        Lane.DATA, meter(1000, 1, 2, 3), meter(2000, 1, BAD, 3), meter(3000, 1, 2, 3)
    )
    with poisoned("ingest_sample", f"NEW.value = {BAD}", raises):
        result = ingest([*good[:10], bad, *good[10:]])
    assert acks(result, dated).ok == ((0, 19),)
    mine = acks(result, hostile)
    assert (mine.ok, mine.rejected) == (((0, 0), (2, 2)), ((1, RejectCode.REFUSED),))
    assert len(samples(box)) == 60
    row = Quarantine.objects.get()
    assert (row.seq, row.cause.split()[0]) == (1, "data")
    assert result.suspects == {hostile.box}
    assert not Alarm.objects.exists()
    again = acks(ingest([bad]), hostile)
    assert (again.ok, again.rejected) == (mine.ok, mine.rejected)


PLACES: dict[str, tuple[Lane, Callable[[Sender], Record], str, str]] = {
    "event": (
        Lane.EVENT,
        lambda _: event(1000, condition("media.jam", "error", "poison")),
        "fleet_devicecondition",
        "NEW.component = 'poison'",
    ),
    "device": (
        Lane.EVENT, lambda _: event(1000, device="poison"), "fleet_device", "NEW.name = 'poison'",
    ),
    "clock": (
        Lane.EVENT,
        lambda _: ClockRecord(BAD, OFFSET, synchronised=True),
        "ingest_bootclock",
        f"NEW.since_boot_ms = {BAD}",
    ),
    "configuration": (
        Lane.EVENT,
        lambda _: configuration(1000, {"poison": 1}),
        "fleet_runningconfiguration",
        "NEW.document LIKE '%%poison%%'",
    ),
    "gap": (
        Lane.GAP,
        lambda one: replace(gap(one, Lane.DATA, (0, 1)), reason="disk"),
        "ingest_gap",
        "NEW.reason = 'disk'",
    ),
    "receipt": (Lane.DATA, lambda _: meter(1000, 1, 2, 3), "ingest_receipt", f"NEW.seq = {BAD}"),
    "quarantine too": (
        Lane.DATA, lambda _: meter(1000, 1, 2, BAD), "ingest_quarantine", "NEW.seq >= 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_wherever_a_record_fails_other_boxes_are_served(
    box: Box, dated: Sender, hostile: Sender, place: str
) -> None:
    lane, make, table, when = PLACES[place]
    if place == "receipt":
        hostile.next[lane] = BAD
    good = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(20)]
    seq = hostile.next[lane]
    bad = hostile.send(lane, make(hostile))
    with poisoned(table, when, any_error()):
        result = ingest_or_isolate([*good[:10], bad, *good[10:]])
    assert stored(result, dated) == set(range(20))
    assert len(samples(box)) == 60
    if place not in {"receipt", "quarantine too"}:
        assert acks(result, hostile, lane).rejected == ((seq, RejectCode.REFUSED),)
        assert Quarantine.objects.get().seq == seq


def test_an_epoch_that_no_index_takes_stops_no_other_box(
    box: Box, dated: Sender, hostile: Sender
) -> None:
    """An index row above 2704 bytes is refused by PostgreSQL: this once stopped every box."""
    epoch = secrets.token_bytes(8_000)
    record = GapRecord(epoch, 1, 3, ((0, 1),), 2, 6, (hostile.boot, 0), (hostile.boot, 1), "cap")
    bad = hostile.send(Lane.GAP, record)
    good = dated.send(Lane.DATA, meter(1000, 1, 2, 3))
    result = ingest_or_isolate([bad, good])
    assert acks(result, dated).ok == ((0, 0),)
    if connection.vendor == "postgresql":
        assert [seq for seq, _ in acks(result, hostile, Lane.GAP).rejected] == [0]


def test_a_session_that_cannot_be_stored_stops_no_other_box(dated: Sender, hostile: Sender) -> None:
    good = dated.send(Lane.DATA, meter(1000, 1, 2, 3))
    when = "NEW.software = 'poison'"
    with poisoned("fleet_box", when, any_error(), on="UPDATE"):
        sessions = [hostile.online(n, software="poison") for n in (1, 2, 3)]
        result = ingest_or_isolate([*sessions, good])
    assert acks(result, dated).ok == ((0, 0),)
    assert {box: count for box, (count, _) in result.unusable.items()} == {hostile.box: 3}


def test_the_records_of_a_table_that_cannot_be_stored_are_rejected(
    dated: Sender, hostile: Sender
) -> None:
    table = Table("poison", (Column("power.active", "", 0),))
    record = DataRecord(table_id(table), 1000, [1])
    sent = [hostile.tables(table), hostile.send(Lane.DATA, record)]
    good = dated.send(Lane.DATA, meter(1000, 1, 2, 3))
    with poisoned("fleet_device", "NEW.name = 'poison'", any_error()):
        result = ingest([*sent, good])
        assert acks(result, dated).ok == ((0, 0),)
        assert acks(result, hostile).need_table == ((0, table_id(table)),)
        answer = acks(ingest(sent), hostile)
    assert answer.rejected == ((0, RejectCode.REFUSED),)
    assert RefusedTable.objects.count() == 1


def test_a_pending_record_that_fails_is_not_its_clocks_fault(
    box: Box, sender: Sender, hostile: Sender
) -> None:
    ingest([sender.tables(METER), sender.send(Lane.DATA, meter(1, 1, 2, BAD), meter(2, 1, 2, 3))])
    assert PendingClock.objects.count() == 2
    with refusing():
        result = ingest([sender.clock()])
    assert acks(result, sender, Lane.EVENT).ok == ((0, 0),)
    assert len(samples(box)) == 3
    assert not PendingClock.objects.exists()
    assert Quarantine.objects.get().seq == 0


def test_a_fault_in_reading_a_record_stops_no_other_box(
    dated: Sender, hostile: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = encode_record(meter(1000, 1, 2, BAD))
    honest = read_record

    def faulty(raw: bytes, lane: Lane) -> Record | Flaw:
        if raw == bad:
            raise LookupError("a fault of ours")
        return honest(raw, lane)

    monkeypatch.setattr(messages, "read_record", faulty)
    sent = hostile.batch(Lane.DATA, [(0, bad), (1, encode_record(meter(2000, 1, 2, 3)))])
    result = ingest_or_isolate([sent, dated.send(Lane.DATA, meter(1000, 1, 2, 3))])
    assert acks(result, dated).ok == ((0, 0),)
    answers = [
        one.ack  # beside what asks for the record that was being tried
        for one in result.answers
        if one.box == hostile.box and not one.ack.resend
    ]
    assert sorted((one.ok, one.rejected) for one in answers) == [
        ((), ((0, RejectCode.REFUSED),)),
        (((1, 1),), ()),
    ]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_exactly_the_poison_is_rejected(transactional_db: None, data: Any) -> None:
    Failure.objects.all().delete()  # of the example before
    boxes = fleet_of(2)
    bad = data.draw(st.lists(st.lists(st.booleans(), min_size=1, max_size=12), max_size=8))
    sent: list[IncomingMessage] = []
    expected: dict[str, set[int]] = {one.box: set() for one in boxes}
    for index, flags in enumerate(bad):
        box = boxes[index % 2]
        first = box.next[Lane.DATA]
        records = [
            meter(1000 * (first + n), 1, 2, BAD if flag else 3) for n, flag in enumerate(flags)
        ]
        expected[box.box] |= {first + n for n, flag in enumerate(flags) if flag}
        sent.append(box.send(Lane.DATA, *records))
    before = Sample.objects.count()
    with refusing():
        result = ingest(sent)
    rejected: dict[str, set[int]] = {one.box: set() for one in boxes}
    for answer in result.answers:
        rejected[answer.box] |= {seq for seq, _ in answer.ack.rejected}
    assert rejected == expected
    count = sum(len(flags) for flags in bad) - sum(map(len, expected.values()))
    assert Sample.objects.count() - before == 3 * count


def test_a_box_with_nothing_but_poison_is_isolated_for_a_limited_time(
    dated: Sender, hostile: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not tried in time stays unanswered, and something is settled every time."""
    monkeypatch.setattr(suspects, "ISOLATION_S", 0.0)
    bad = hostile.send(Lane.DATA, *[meter(1000 * n, 1, 2, BAD) for n in range(16)])
    good = dated.send(Lane.DATA, meter(1000, 1, 2, 3))
    with refusing():
        result = ingest([bad, good])
        assert hostile.box in result.suspects
        assert acks(result, hostile).rejected == ((0, RejectCode.REFUSED),)
        assert not stored(result, hostile)
        assert Receipt.objects.filter(lane=Lane.DATA, epoch__epoch=hostile.epoch).count() == 1
        assert acks(ingest([good]), dated).ok == ((0, 0),)
        assert len(acks(ingest([bad]), hostile).rejected) == 2
        monkeypatch.setattr(suspects, "ISOLATION_S", 3_600.0)
        assert len(acks(ingest([bad]), hostile).rejected) == 16


def test_a_gap_of_the_sender_passes(dated: Sender) -> None:
    """What the tests above call a gap is one, without the poison."""
    ingest([dated.online(next={int(lane): 9 for lane in Lane})])
    result = ingest([dated.send(Lane.GAP, gap(dated, Lane.DATA, (0, 1)))])
    assert acks(result, dated, Lane.GAP).ok == ((0, 0),)
