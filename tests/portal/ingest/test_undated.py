"""A box without a clock: its readings are counted, dated as well as can be known, and marked."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db.models import Q
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cloud_link.records import DataRecord, EventRecord, Table, WireIdentity, table_id
from cloud_link.wire import Lane
from portal.fleet.models import Box, Device, DeviceCondition
from portal.ingest import time_quality, undated
from portal.ingest.models import (
    BootClock,
    Gap,
    Latest,
    PendingClock,
    Quarantine,
    UndatedBoot,
    UndatedDevice,
)
from portal.ingest.store import ingest, settle_undated
from portal.ingest.time_quality import Undated
from portal.ingest.undated import FORSAKEN_MS, QUIET_MS
from portal.web.moments import nearest_datetime as moment
from tests.portal.ingest.maintenance import maintain_until
from tests.portal.ingest.sender import (
    METER,
    OFFSET,
    Sender,
    acks,
    condition,
    event,
    gap,
    meter,
    new_box,
    samples,
)

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

NEXT = OFFSET + 7_200_000
"""When the next boot begins, Unix milliseconds: two hours after the first one."""


def at(boot_ms: int, latency: int = 0) -> Any:
    """The portal's time at a moment of the first boot."""
    return moment(OFFSET + boot_ms + latency)


def times(box: Box) -> list[int]:
    return sorted({row[2] - OFFSET for row in samples(box)})


def rebooted(sender: Sender) -> Sender:
    return Sender(sender.box, ordinal=sender.ordinal + 1)


def counted(box: Box) -> tuple[int, int]:
    found = time_quality.undated().get(box.pk, Undated())
    assert PendingClock.objects.filter(epoch__box=box).count() == found.records
    of_devices = time_quality.undated_devices(Q(device__gateway=box.gateway_id))
    assert sum(one.readings for one in of_devices) == found.readings
    return found.records, found.readings


@pytest.fixture
def unset(sender: Sender) -> Sender:
    """The box, connected in a boot without a clock; ten polls of three readings arrived."""
    ingest([sender.online(), sender.tables(METER)], at(0))
    for n in range(1, 11):
        ingest([sender.send(Lane.DATA, meter(60_000 * n, n, n, n))], at(60_000 * n, 250))
    return sender


def test_what_waits_is_counted_until_the_clock_comes(box: Box, unset: Sender) -> None:
    assert counted(box) == (10, 30)
    ingest([unset.clock()], at(700_000))
    assert counted(box) == (0, 0)
    assert times(box) == [60_000 * n for n in range(1, 11)]
    assert not UndatedBoot.objects.exists()
    assert not BootClock.objects.filter(estimated=True).exists()


@pytest.mark.parametrize("last_words", [True, False])
def test_a_boot_that_ended_without_a_clock_is_dated_by_its_receipts(
    box: Box, unset: Sender, last_words: bool
) -> None:
    """After a power cycle nothing stays hidden: by its session, or only by its first record."""
    later = rebooted(unset)
    first = [later.online(2)] if last_words else []
    ingest([*first, later.clock(NEXT), later.send(Lane.DATA, meter(1000, 1, 1, 1))], at(7_300_000))
    assert counted(box) == (0, 0)
    *dated, newest = times(box)
    assert dated == [60_000 * n + 250 for n in range(1, 11)], "late by the fastest message"
    assert newest == 7_200_000 + 1000
    assert BootClock.objects.get(estimated=True).synchronised is False
    (stretch,) = time_quality.estimated(Q(box=box), OFFSET, NEXT)
    assert (stretch.start - OFFSET, stretch.end - OFFSET) == (60_250, 600_250)
    assert time_quality.estimated(Q(box=box), NEXT, NEXT + 1) == []


def test_a_boot_of_which_nothing_came_in_time_ends_where_the_next_begins(
    box: Box, sender: Sender
) -> None:
    later = rebooted(sender)
    ingest([later.online(2), later.clock(NEXT)], at(7_300_000))
    ingest([sender.tables(METER)], at(7_400_000))
    ingest([sender.send(Lane.DATA, meter(1000, 1, 1, 1), meter(3_000_000, 2, 2, 2))], at(7_400_000))
    assert times(box) == [7_200_000 - 2_999_000, 7_200_000]


def test_what_waits_is_counted_by_device(box: Box, sender: Sender) -> None:
    other = Table("other", METER.columns)
    ingest([sender.online(), sender.tables(METER, other)], at(0))
    ingest([sender.send(Lane.DATA, *[meter(1_000 * n, n, n, n) for n in (1, 2, 9)])], at(9_000))
    reading = DataRecord(table_id(other), 3_000, [1, 2, 3])
    ingest([sender.send(Lane.DATA, reading)], at(9_000))

    def by_name() -> list[tuple[str, int]]:
        return [(one.name, one.readings) for one in time_quality.undated_devices()]

    assert (by_name(), counted(box)) == ([("meter", 9), ("other", 3)], (4, 12))
    assert time_quality.undated_devices(most=1)[0].name == "meter"
    ingest([sender.clock(since=5_000)], at(10_000))
    assert (by_name(), counted(box)) == ([("meter", 6), ("other", 3)], (3, 9))
    ingest([sender.clock()], at(11_000))
    assert by_name() == []
    assert not UndatedDevice.objects.exists()


def test_a_backlog_that_comes_bit_by_bit_ends_as_it_would_at_once(box: Box, sender: Sender) -> None:
    later = rebooted(sender)
    ingest([later.online(2), later.clock(NEXT), sender.tables(METER)], at(7_300_000))
    now = 7_400_000
    for n in range(1, 101):
        ingest([sender.send(Lane.DATA, meter(60_000 * n, n, n, n))], at(now + 100 * n))
        assert len(samples(box)) == 3 * n, "never hidden"
    made = BootClock.objects.get(estimated=True).order - undated.FIRST_ESTIMATE
    assert made <= 8, "as often as it doubles"
    ingest([later.online(2)], at(now + 20_000 + QUIET_MS))
    assert times(box) == [7_200_000 - 6_000_000 + 60_000 * n for n in range(1, 101)]
    assert UndatedBoot.objects.get().settled


def test_a_clock_that_comes_after_all_corrects_the_estimate(box: Box, unset: Sender) -> None:
    later = rebooted(unset)
    ingest([unset.send(Lane.EVENT, event(90_000, condition("cover.open", "error")))], at(95_000))
    ingest([later.online(2), later.clock(NEXT)], at(7_300_000))
    ingest([unset.clock(OFFSET - 5_000)], at(7_400_000))
    assert times(box) == [60_000 * n - 5_000 for n in range(1, 11)]
    assert DeviceCondition.objects.get(code="cover.open").raised_at == moment(OFFSET + 85_000)
    assert not BootClock.objects.filter(estimated=True).exists()
    assert time_quality.estimated(Q(box=box), 0, 1 << 50) == []


def test_the_clock_of_the_next_boot_tells_more_of_the_end(box: Box, sender: Sender) -> None:
    """Both boots began without a clock, and only the second one got it."""
    later = rebooted(sender)
    ingest([sender.tables(METER), later.online(2)], at(7_900_000))
    ingest([sender.send(Lane.DATA, meter(1_000, 1, 1, 1))], at(8_000_000))
    assert times(box) == [8_000_000]
    ingest([later.clock(NEXT)], at(8_100_000))
    assert times(box) == [7_200_000]


def test_readings_before_the_first_known_clock_get_its_offset_in_the_end(
    box: Box, sender: Sender
) -> None:
    """The first clock record was dropped at the box, and a later one says what it was."""
    ingest([sender.tables(METER), sender.send(Lane.DATA, meter(1_000, 1, 1, 1))], at(2_000))
    ingest(
        [sender.clock(since=500_000), sender.send(Lane.DATA, meter(600_000, 2, 2, 2))], at(610_000)
    )
    assert (times(box), counted(box)) == ([600_000], (1, 3))
    later = rebooted(sender)
    ingest([later.online(2), later.clock(NEXT)], at(7_300_000))
    assert (times(box), counted(box)) == ([1_000, 600_000], (0, 0))
    assert BootClock.objects.filter(estimated=True).count() == 1


def test_the_state_of_things_does_not_wait(box: Box, sender: Sender) -> None:
    unset = condition("clock.unset", "warning")
    said = EventRecord("gateway", 5_000, "online", "running", WireIdentity(), (unset,), ())
    ingest([sender.online(), sender.send(Lane.EVENT, said)], at(5_000, 40))
    row = DeviceCondition.objects.open().get()
    assert (row.code, row.raised_at) == ("clock.unset", at(5_040))
    ingest([sender.clock(), sender.send(Lane.EVENT, event(9_000, device="gateway"))], at(9_000))
    row.refresh_from_db()
    assert (row.raised_at, row.cleared_at) == (at(5_000), at(9_000))
    assert Device.objects.get(name="gateway").reported_at == at(9_000)


def test_a_gateway_that_does_not_say_it_is_shown_without_a_clock_all_the_same(
    box: Box, unset: Sender
) -> None:
    row = DeviceCondition.objects.open().get()
    assert (row.device.name, row.code, row.severity) == ("gateway", "clock.unset", "warning")
    assert row.raised_at == at(60_000, 250)
    ingest([unset.clock()], at(700_000))
    row.refresh_from_db()
    assert (row.raised_at, row.cleared_at) == (at(60_000), at(700_000))


def test_the_condition_ends_with_the_boot(box: Box, unset: Sender) -> None:
    assert DeviceCondition.objects.open().count() == 1
    later = rebooted(unset)
    ingest([later.online(2), later.clock(NEXT)], at(7_300_000))
    assert not DeviceCondition.objects.open().exists()


def test_what_the_gateway_says_itself_counts(box: Box, sender: Sender) -> None:
    said = event(500, device="gateway")
    ingest([sender.online(), sender.tables(METER), sender.send(Lane.EVENT, said)], at(600))
    ingest([sender.send(Lane.DATA, meter(1_000, 1, 1, 1))], at(1_000))
    assert counted(box) == (1, 3)
    assert not DeviceCondition.objects.exists()


def test_a_gap_of_a_boot_without_a_clock_is_dated(box: Box, sender: Sender) -> None:
    later = rebooted(sender)
    ingest([later.online(2), later.clock(NEXT)], at(7_300_000))
    hole = gap(sender, Lane.DATA, (0, 9), at=1_000_000)
    ingest([sender.send(Lane.GAP, hole)], at(7_400_000))
    found = Gap.objects.get()
    assert (found.from_ms, found.to_ms) == (NEXT - 1_000, NEXT)


def test_a_box_that_never_comes_back_hides_nothing_either(box: Box, unset: Sender) -> None:
    assert undated.neglected(at(700_000), 20) == []
    forsaken = at(600_000 + FORSAKEN_MS + 1_000)
    assert undated.neglected(forsaken, 20) == [box.pk]
    settle_undated(box.pk, forsaken)
    assert counted(box) == (0, 0)
    assert len(times(box)) == 10


def test_a_long_backlog_of_a_silent_box_is_dated_without_further_waits(
    box: Box, unset: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.ingest.pending.PENDING_PER_TRANSACTION", 4)
    monkeypatch.setattr("portal.ingest.pending._PENDING_AT_ONCE", 4)
    silent = at(600_000 + FORSAKEN_MS + 1_000)
    assert [settle_undated(box.pk, silent) for _ in range(3)] == [True, True, False]
    assert counted(box) == (0, 0)
    assert len(times(box)) == 10
    assert not settle_undated(box.pk, silent), "nothing is left"


def test_boxes_take_turns_to_be_settled(box: Box, unset: Sender) -> None:
    """However many have something to settle, and whichever of them fails, each is reached."""
    others = [new_box() for _ in range(4)]
    for one in others:
        ingest([Sender(one.box_id).send(Lane.EVENT, event(1_000))], at(1_000))
    forsaken = at(600_000 + FORSAKEN_MS + 1_000)
    everybody = [box.pk, *(one.pk for one in others)]
    assert undated.neglected(forsaken, 3) == everybody[:3]
    assert undated.neglected(forsaken, 3, everybody[2]) == everybody[3:]


async def test_a_worker_that_hears_nothing_dates_what_no_clock_will(
    box: Box, unset: Sender
) -> None:
    """The boot ended a day ago, by the portal's clock; no message comes, and no broker is there."""

    await maintain_until(lambda: len(times(box)) == 10, 30)


def test_what_waits_is_dated_part_by_part(
    box: Box, unset: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.ingest.pending.PENDING_PER_TRANSACTION", 4)
    monkeypatch.setattr("portal.ingest.pending._PENDING_AT_ONCE", 4)
    later = rebooted(unset)
    ingest([later.online(2), later.clock(NEXT)], at(7_300_000))
    assert counted(box) == (6, 18)
    ingest([later.online(2)], at(7_301_000))
    ingest([later.online(2)], at(7_302_000))
    assert counted(box) == (0, 0)
    assert len(times(box)) == 10


def test_a_real_clock_dates_the_rest_part_by_part(
    box: Box, unset: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.ingest.pending.PENDING_PER_TRANSACTION", 4)
    monkeypatch.setattr("portal.ingest.pending._PENDING_AT_ONCE", 4)
    ingest([unset.clock()], at(700_000))
    assert counted(box) == (6, 18)
    for _ in range(2):
        ingest([unset.online()], at(701_000))
    assert times(box) == [60_000 * n for n in range(1, 11)]
    assert not UndatedBoot.objects.exists()


def test_records_of_many_readings_are_dated_in_smaller_parts(
    box: Box, unset: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction is bounded by the readings in it; what is left needs no message to go on."""
    monkeypatch.setattr("portal.ingest.pending.READINGS_PER_TRANSACTION", 5)
    ingest([unset.clock()], at(700_000))
    assert counted(box) == (8, 24)
    assert undated.neglected(at(700_001), 20) == [box.pk]
    assert [settle_undated(box.pk, at(700_001)) for _ in range(4)] == [True, True, True, False]
    assert times(box) == [60_000 * n for n in range(1, 11)]
    assert not UndatedBoot.objects.exists()


@pytest.mark.parametrize("far", [1 << 41, -5, 1 << 62])
def test_a_time_that_no_boot_reaches_is_rejected(box: Box, sender: Sender, far: int) -> None:
    ingest([sender.tables(METER)], at(0))
    answer = ingest([sender.send(Lane.DATA, meter(far, 1, 1, 1))], at(1_000))
    assert acks(answer, sender).rejected or acks(answer, sender).ok
    later = rebooted(sender)
    ingest([later.online(2), later.clock(NEXT)], at(7_300_000))
    assert counted(box) == (0, 0)
    assert Quarantine.objects.count() == 1


@given(st.data())
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_however_boots_and_clocks_come_nothing_is_hidden_and_order_is_kept(
    data: st.DataObject,
) -> None:
    """Boots with and without a clock; each reading ends within what is possible, or exact."""
    box = new_box()
    ingest([Sender(box.box_id).tables(METER)], at(0))
    begins, messages = OFFSET, []
    truth: dict[int, tuple[int, bool]] = {}
    value = 0
    senders = []
    for ordinal in range(1, data.draw(st.integers(2, 4)) + 1):
        sender = Sender(box.box_id, ordinal=ordinal)
        senders.append(sender)
        has_clock = data.draw(st.booleans())
        part = [sender.online(ordinal)]
        boot_ms = 0
        for _ in range(data.draw(st.integers(1, 4))):
            boot_ms += data.draw(st.integers(1_000, 4_000_000))
            value += 1
            truth[value] = begins + boot_ms, has_clock
            part.append(sender.send(Lane.DATA, meter(boot_ms, value, value, value)))
        if has_clock:
            part.insert(data.draw(st.integers(0, len(part))), sender.clock(begins))
        messages.append((begins + boot_ms, part))
        begins += boot_ms + data.draw(st.integers(10_000, 50_000_000))
    final = Sender(box.box_id, ordinal=99)
    received = begins
    for when, part in messages:
        received = max(received, when) if data.draw(st.booleans()) else max(when, OFFSET)
        for message in part:
            ingest([message], moment(received + data.draw(st.integers(0, 30_000))))
    received = max(received, begins) + 100_000
    ingest([final.online(99), final.clock(begins)], moment(received))
    ingest([final.online(99)], moment(received + 2 * QUIET_MS))
    assert counted(box) == (0, 0)
    rows = {row[3]: row[2] for row in samples(box) if row[0] == "power.active"}
    assert rows.keys() == truth.keys()
    for found, (true, has_clock) in ((rows[value], truth[value]) for value in truth):
        assert found == true if has_clock else true <= found <= begins
        for one in time_quality.estimated(Q(box=box), found, found + 1):
            if not has_clock and one.earlier_ms is not None:
                assert found - one.earlier_ms <= true, "nothing was read before the earliest time"


def test_what_waited_was_received_when_it_came(box: Box, unset: Sender) -> None:
    """A clock that comes a day later does not make its readings look like fresh ones."""
    ingest([unset.clock()], at(86_400_000))
    latest = Latest.objects.filter(series__device__gateway=box.gateway_id)
    assert {one.received_ms for one in latest} == {OFFSET + 600_250}


def test_what_waited_in_an_older_portal_is_counted(box: Box, unset: Sender) -> None:
    """By boot and by device, whichever of the columns it had; what is counted stays so."""
    expected = counted(box)
    names = {one.name for one in time_quality.undated_devices(Q(device__gateway=box.gateway_id))}
    PendingClock.objects.filter(seq__lt=6).update(device=None, readings=0)
    PendingClock.objects.filter(seq__lt=8).update(device=None)
    UndatedDevice.objects.all().delete()
    UndatedBoot.objects.all().delete()
    BootClock.objects.all().delete()
    migration = import_module("portal.ingest.migrations.0015_receipts_by_the_portal")
    for _ in range(2):
        migration.count_waiting(apps, None)
        assert counted(box) == expected
    found = {one.name for one in time_quality.undated_devices(Q(device__gateway=box.gateway_id))}
    assert found == names
    ingest([rebooted(unset).online()], moment(NEXT))
    assert counted(box) == (0, 0)
    assert times(box)[-1] - times(box)[0] == 540_000
