"""The quarantine: records that are replayed, each once, by hand and after an upgrade."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import TYPE_CHECKING

import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_link.limits import LATEST_MS
from cloud_link.records import Column, DataRecord, Table, table_id
from cloud_link.wire import Lane, RejectCode
from portal.ingest import canary, receipts, tables, vocabulary
from portal.ingest.models import Alarm, Quarantine, Receipt, Sample
from portal.ingest.quarantine import ReplayOutcome, Selection, replay, replay_outdated, select
from portal.ingest.store import ingest
from tests.portal.ingest.poison import BAD, poisoned, refusing, statement
from tests.portal.ingest.sender import (
    METER,
    Sender,
    acks,
    condition,
    configuration,
    counts,
    event,
    meter,
    new_box,
    samples,
    state,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from portal.fleet.models import Box

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]


def test_a_replayed_record_is_stored_once(box: Box, dated: Sender) -> None:
    message = dated.send(Lane.DATA, meter(1000, 1, 2, 3), meter(2000, 1, 2, BAD))
    with refusing():
        ingest([message])
    assert counts(dated) == (2, 1, 0)
    row = Quarantine.objects.get()
    assert replay(row.pk) is ReplayOutcome.STORED
    assert counts(dated) == (3, 0, 0)
    assert len(samples(box)) == 6
    assert replay(row.pk) is ReplayOutcome.GONE
    assert acks(ingest([message]), dated).ok == ((0, 1),)
    assert len(samples(box)) == 6
    assert not Quarantine.objects.exists()


def test_a_replay_that_fails_leaves_the_record_with_the_new_reason(box: Box, dated: Sender) -> None:
    with refusing():
        ingest([dated.send(Lane.DATA, meter(1000, 1, 2, BAD))])
    Quarantine.objects.update(detail="as it was", judged_by="")
    with refusing():
        assert replay(Quarantine.objects.get().pk) is ReplayOutcome.REJECTED
    row = Quarantine.objects.get()
    assert row.detail != "as it was"
    assert row.judged_by == vocabulary.fingerprint()
    assert counts(dated) == (1, 1, 0)
    assert not samples(box)


def test_replays_that_fail_alike_raise_no_alarm(transactional_db: None) -> None:
    fleet = [Sender(new_box().box_id) for _ in range(4)]
    with refusing():
        for one in fleet[:2]:
            ingest([one.tables(METER), one.clock(), one.send(Lane.DATA, meter(1, 1, 2, BAD))])
    for one in fleet[2:]:
        ingest([one.tables(METER), one.clock(), one.send(Lane.DATA, DataRecord(b"", 1, []))])
        raw = one.send(Lane.DATA, meter(1, 1, 2, "three"))
        ingest([raw])
    with refusing():
        found = {replay(row.pk) for row in Quarantine.objects.all()}
    assert found == {ReplayOutcome.REJECTED}
    assert not Alarm.objects.exists()


def test_a_replay_while_the_canary_fails_changes_nothing(dated: Sender) -> None:
    with refusing():
        ingest([dated.send(Lane.DATA, meter(1000, 1, 2, BAD))])
    before = Quarantine.objects.values().get()
    raises = statement("constraint") or ""
    with poisoned("ingest_sample", "NEW.series_id > 0", raises), pytest.raises(canary.CanaryError):
        replay(Quarantine.objects.get().pk)
    assert Quarantine.objects.values().get() == before


def test_a_compacted_record_is_replayed_too(box: Box, dated: Sender) -> None:
    with refusing():
        ingest([dated.send(Lane.DATA, meter(1000, 1, 2, BAD), meter(2000, 1, 2, 3))])
    ingest([dated.online()])
    receipts.compact(1 << 50)
    assert not Receipt.objects.filter(lane=Lane.DATA).exists()
    assert replay(Quarantine.objects.get().pk) is ReplayOutcome.STORED
    assert len(samples(box)) == 6
    assert counts(dated) == (3, 0, 0)


def test_what_an_older_portal_did_not_understand_is_stored_after_an_upgrade(
    box: Box, dated: Sender, monkeypatch: pytest.MonkeyPatch, upgrade: Callable[[], object]
) -> None:
    table = Table("meter", (Column("power.active", "l2", 0), Column("energy.import", "", 0)))
    record = DataRecord(table_id(table), 1000, [1, 2])
    with monkeypatch.context() as older:
        older.setattr(tables, "_has_meaning", lambda column: column.quantity != "power.active")
        ingest([dated.tables(table)])
        answer = acks(ingest([dated.send(Lane.DATA, record)]), dated)
    assert answer.rejected == ((0, RejectCode.UNKNOWN_WORD),)
    assert replay_outdated(0, 10) is None
    upgrade()
    later = dated.send(Lane.DATA, DataRecord(table_id(table), 2000, [3, 4]))
    assert acks(ingest([later]), dated).ok == ((1, 1),)
    last = replay_outdated(0, 10)
    assert last is not None
    assert replay_outdated(last, 10) is None
    assert replay_outdated(0, 10) is None
    assert not Quarantine.objects.exists()
    assert len(samples(box)) == 4
    assert counts(dated) == (3, 0, 0)


def test_a_record_of_a_table_that_was_refused_is_stored_after_an_upgrade(
    box: Box, dated: Sender, upgrade: Callable[[], object]
) -> None:
    table = Table("poison", (Column("power.active", "", 0),))
    sent = [dated.tables(table), dated.send(Lane.DATA, DataRecord(table_id(table), 1000, [1]))]
    raises = statement("program limit") or statement("integer overflow") or ""
    with poisoned("fleet_device", "NEW.name = 'poison'", raises):
        ingest(sent)
        assert acks(ingest(sent), dated).rejected == ((0, RejectCode.REFUSED),)
    upgrade()
    replay_outdated(0, 10)
    assert not Quarantine.objects.exists()
    assert len(samples(box)) == 1


@pytest.mark.parametrize("synchronised", [True, False])
def test_what_a_forged_clock_dated_out_of_range_is_stored_once_the_clock_is_right(
    box: Box, dated: Sender, synchronised: bool
) -> None:
    ingest([dated.clock(LATEST_MS - 600, since=500)])
    answer = acks(
        ingest([dated.send(Lane.DATA, *(meter(1000 + n, 1, 2, 3) for n in range(3)))]), dated
    )
    assert answer.rejected == tuple((n, RejectCode.TIME) for n in range(3))
    assert replay_outdated(0, 10) is None
    ingest([dated.clock(since=500, synchronised=synchronised)])
    last = replay_outdated(0, 10)
    assert last is not None
    assert replay_outdated(last, 10) is None
    assert not Quarantine.objects.exists()
    assert len(samples(box)) == 9


def test_each_record_is_tried_once_by_each_portal(
    dated: Sender, upgrade: Callable[[], object]
) -> None:
    misfits = [meter(1000 * n, 1, 2) for n in range(5)]
    ingest([dated.send(Lane.DATA, *misfits)])
    upgrade()
    tried: list[int] = []
    last: int | None = 0
    while last is not None:
        before = last
        last = replay_outdated(last, 2)
        tried.append(Quarantine.objects.filter(judged_by="another", pk__gt=before).count())
    assert tried == [2, 2, 1, 0]
    assert replay_outdated(0, 10) is None


def test_records_of_every_kind_are_replayed(box: Box, dated: Sender) -> None:
    """What was rejected and replayed is what was stored at once, whatever came in between."""
    twin = Sender(new_box().box_id)
    ingest([twin.tables(METER), twin.clock()])
    raises = statement("program limit") or statement("integer overflow") or ""
    earlier = event(1000, condition("media.jam", "error", "poison"))
    later = event(2000, condition("media.empty", "warning"))
    with poisoned("fleet_devicecondition", "NEW.component = 'poison'", raises):
        ingest([dated.send(Lane.EVENT, earlier)])
        ingest([dated.send(Lane.EVENT, later)])
    with poisoned("fleet_runningconfiguration", "NEW.document LIKE '%%poison%%'", raises):
        ingest([dated.send(Lane.EVENT, configuration(1000, {"poison": 1}))])
    assert Quarantine.objects.count() == 2
    assert {replay(row.pk) for row in Quarantine.objects.all()} == {ReplayOutcome.STORED}
    ingest([twin.send(Lane.EVENT, earlier)])
    ingest([twin.send(Lane.EVENT, later)])
    ingest([twin.send(Lane.EVENT, configuration(1000, {"poison": 1}))])
    mine, other = state(box), state(type(box).objects.get(box_id=twin.box))
    assert mine["conditions"] == other["conditions"]
    assert mine["configurations"] == other["configurations"]
    assert mine["devices"] == other["devices"]


def _replay_and_die(pk: int) -> None:
    """Replay a record, and die by SIGKILL before the commit."""
    connections.close_all()

    def die(key: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    receipts.mark_stored = die
    replay(pk)


def test_a_crash_in_the_middle_is_resumed(
    box: Box, dated: Sender, upgrade: Callable[[], object]
) -> None:
    with refusing():
        ingest([dated.send(Lane.DATA, *[meter(1000 * n, 1, 2, BAD) for n in range(4)])])
    upgrade()
    first = select(Selection())[0].pk
    last = replay_outdated(0, 2)
    assert last is not None
    connection.close()
    worker = multiprocessing.get_context("fork").Process(target=_replay_and_die, args=(last + 1,))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    assert Quarantine.objects.count() == 2
    assert Sample.objects.count() == 6
    assert replay(first) is ReplayOutcome.GONE
    replay_outdated(0, 10)
    assert not Quarantine.objects.exists()
    assert len(samples(box)) == 12
    assert counts(dated) == (5, 0, 0)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    flags=st.lists(st.booleans(), min_size=1, max_size=10),
    again=st.lists(st.integers(0, 9), max_size=12),
)
def test_in_any_order_and_any_number_of_times_each_reading_is_there_once(
    transactional_db: None, flags: list[bool], again: list[int]
) -> None:
    box = new_box()
    sender = Sender(box.box_id)
    ingest([sender.tables(METER), sender.clock()])
    records = [meter(1000 * n, n, 2, BAD if flag else 3) for n, flag in enumerate(flags)]
    message = sender.send(Lane.DATA, *records)
    with refusing():
        ingest([message])
    pks = list(select(Selection(gateway=box.box_id)).values_list("pk", flat=True))
    for index in again:
        if index < len(pks):
            replay(pks[index])
        else:
            ingest([message])
    for pk in pks:
        replay(pk)
    ingest([message])
    assert len(samples(box)) == 3 * len(flags)
    assert not select(Selection(gateway=box.box_id)).exists()
    assert counts(sender) == (len(flags) + 1, 0, 0)


def test_records_are_selected_by_gateway_code_and_age(box: Box, dated: Sender) -> None:
    other = Sender(new_box().box_id)
    ingest([other.tables(METER), other.clock()])
    ingest([dated.send(Lane.DATA, meter(1000, 1, 2)), other.send(Lane.DATA, meter(1000, 1, 2))])
    Quarantine.objects.filter(epoch__box=box).update(at=1000)
    assert select(Selection(gateway=box.box_id)).get().epoch.box == box
    assert select(Selection(gateway="Gateway")).count() == 2
    assert select(Selection(code=RejectCode.MISFIT)).count() == 2
    assert not select(Selection(code=RejectCode.REFUSED)).exists()
    assert select(Selection(since_ms=2000)).get().epoch.box.box_id == other.box
