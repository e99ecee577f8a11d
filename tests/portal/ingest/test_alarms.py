"""Alarms of the portal itself, and the upkeep by a worker that ends them."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, TypeVar

import pytest
from django.db import InterfaceError, connections

from cloud_link.wire import Lane
from portal.ingest import alarms, canary, quarantine, storage, undated
from portal.ingest.models import Alarm, Quarantine
from portal.ingest.storage import Storage
from portal.ingest.store import ingest
from tests.portal.ingest.poison import BAD, poisoned_clocks, refusing
from tests.portal.ingest.sender import METER, Sender, acks, counts, meter, new_box, samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from portal.fleet.models import Box


pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

T = TypeVar("T")


async def ask(question: Callable[[], T]) -> T:
    """The answer of the database, asked from a thread whose connections are then closed."""

    def asked() -> T:
        try:
            return question()
        finally:
            connections.close_all()

    return await asyncio.to_thread(asked)


async def test_a_worker_replays_and_ends_alarms_by_itself(
    box: Box, dated: Sender, upgrade: Callable[[], object]
) -> None:
    def prepare() -> None:
        message = dated.send(Lane.DATA, *[meter(1000 * n, 1, 2, BAD) for n in range(45)])
        with refusing():
            while Quarantine.objects.count() < 45:  # isolation leaves a rest on a slow machine
                ingest([message])
        try:
            with poisoned_clocks():
                ingest([Sender(new_box().box_id).clock()])
        except canary.CanaryError as error:
            alarms.open_for_canary(error.kind, error.error, 1)

    def done() -> bool:
        open_ = Alarm.objects.filter(ended_at=None).exists()
        return not open_ and not Quarantine.objects.exists()

    await ask(prepare)
    assert not await ask(done)
    upgrade()
    worker = Storage()
    working = asyncio.create_task(worker.maintain())
    try:
        async with asyncio.timeout(60):
            while not await ask(done):  # noqa: ASYNC110 - another thread's work
                await asyncio.sleep(0.05)  # a poll: nothing tells of a row that is gone
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await asyncio.to_thread(worker.close)
    assert await ask(lambda: len(samples(box))) == 135
    assert await ask(lambda: counts(dated)) == (46, 0, 0)


async def test_what_was_rejected_before_the_third_box_failed_is_stored_after_the_alarm(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One box after another: a box deletes what is rejected, so the portal makes it good."""
    monkeypatch.setattr(storage, "_LOOK_EVERY_S", 0.05)
    boxes = await ask(lambda: [new_box() for _ in range(3)])
    senders = [Sender(box.box_id) for box in boxes]
    messages = [sender.send(Lane.DATA, meter(1000, 1, 2, BAD)) for sender in senders]

    def fail() -> list[tuple[int, int]]:
        for sender in senders:
            ingest([sender.tables(METER), sender.clock()])
        with refusing():
            results = [ingest([message]) for message in messages]
        return [(len(one.answers), one.tally.held) for one in results]

    assert await ask(fail) == [(1, 0), (1, 0), (0, 1)]
    assert await ask(Quarantine.objects.count) == 2
    worker = Storage()
    working = asyncio.create_task(worker.maintain())
    try:
        await asyncio.sleep(0)
        await ask(lambda: ingest([messages[2]]))
        async with asyncio.timeout(60):
            while await ask(Quarantine.objects.exists):  # noqa: ASYNC110 - another thread's work
                await asyncio.sleep(0.05)  # a poll: nothing tells of a row that is gone
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await asyncio.to_thread(worker.close)
    assert await ask(lambda: [counts(sender) for sender in senders]) == [(2, 0, 0)] * 3
    assert not await ask(Alarm.objects.filter(ended_at=None).exists)


async def test_a_fault_of_what_can_wait_stops_no_worker(
    dated: Sender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = asyncio.Event()
    loop = asyncio.get_running_loop()

    def faulty(*_: object, **__: object) -> None:
        loop.call_soon_threadsafe(tried.set)
        raise LookupError("a fault of ours")

    monkeypatch.setattr(quarantine, "replay_outdated", faulty)
    worker = Storage()
    working = asyncio.create_task(worker.maintain())
    try:
        await asyncio.wait_for(tried.wait(), 30)
        result = await worker.store([dated.send(Lane.DATA, meter(1000, 1, 2, 3))])
        assert acks(result, dated).ok == ((0, 0),)
        monkeypatch.setattr(storage, "ingest_or_isolate", faulty)
        assert not (await worker.store([dated.send(Lane.DATA, meter(2000, 1, 2, 3))])).answers
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await asyncio.to_thread(worker.close)
    assert caplog.text.count("maintenance_failed") == 1
    assert "batch_failed" in caplog.text


async def test_an_alarm_that_no_connection_takes_stops_no_worker(
    dated: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sleep(_: float) -> None:
        monkeypatch.undo()

    def failing(*_: object, **__: object) -> None:
        raise canary.CanaryError("data", LookupError("a fault of ours"))

    def lost(*_: object, **__: object) -> None:
        raise InterfaceError("connection already closed")

    monkeypatch.setattr(storage, "ingest_or_isolate", failing)
    monkeypatch.setattr(alarms, "open_for_canary", lost)
    worker = Storage(sleep=sleep)
    result = await worker.store([dated.send(Lane.DATA, meter(1000, 1, 2, 3))])
    await asyncio.to_thread(worker.close)
    assert acks(result, dated).ok == ((0, 0),)


async def test_upkeep_is_not_counted_into_the_time_of_a_batch(
    dated: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The boxes of a batch are charged for its time."""
    now, queued = 0.0, threading.Event()

    def upkeep() -> None:
        nonlocal now
        queued.wait(30)
        now += 60

    clock = SimpleNamespace(monotonic=lambda: now, thread_time=time.thread_time)
    monkeypatch.setattr(storage, "time", clock)
    worker = Storage()
    beside = asyncio.create_task(worker.run(upkeep))
    storing = asyncio.create_task(worker.store([dated.send(Lane.DATA, meter(1000, 1, 2, 3))]))
    await asyncio.sleep(0)  # both have begun
    queued.set()
    await beside
    result = await storing
    await asyncio.to_thread(worker.close)
    assert acks(result, dated).ok == ((0, 0),)
    assert worker.spent.whole == 0


async def test_what_waits_for_clocks_is_dated_until_nothing_more_can_be(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    more, done = [True, True, False], asyncio.Event()
    loop = asyncio.get_running_loop()

    def settle(_: int) -> bool:
        if len(more) == 1:
            loop.call_soon_threadsafe(done.set)
        return more.pop(0)

    monkeypatch.setattr(storage, "settle_undated", settle)
    monkeypatch.setattr(undated, "neglected", lambda *_: [1])
    monkeypatch.setattr(storage, "_PART_PAUSE_S", 0)
    worker = Storage()
    working = asyncio.create_task(worker.maintain())
    try:
        await asyncio.wait_for(done.wait(), 10)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await asyncio.to_thread(worker.close)


def test_an_alarm_ends_once_a_record_that_was_held_is_stored(transactional_db: None) -> None:
    fleet = [Sender(new_box().box_id) for _ in range(3)]
    ingest([one for box in fleet for one in (box.tables(METER), box.clock())])
    bad = [one.send(Lane.DATA, meter(1000, 1, 2, BAD)) for one in fleet]
    with refusing():
        assert not ingest(bad).answers
    now_ms = Alarm.objects.get().began_at
    alarms.end_resolved(now_ms)
    assert Alarm.objects.get().ended_at is None
    ingest(bad[:1])
    alarms.end_resolved(now_ms + 5)
    assert Alarm.objects.get().ended_at == now_ms + 5
    ingest(bad)


def test_an_alarm_without_a_failure_for_ten_minutes_ends(transactional_db: None) -> None:
    Alarm.objects.create(cause="data", kind="data", detail="", began_at=0, failed_at=1_000)
    alarms.end_resolved(1_000 + alarms.QUIET_MS)
    assert Alarm.objects.get().ended_at is None
    alarms.end_resolved(1_001 + alarms.QUIET_MS)
    assert Alarm.objects.get().ended_at is not None
