"""Work of the database's thread gives way to small messages, and is done all the same."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from cloud_link.wire import Lane
from portal.accounts.models import Organization
from portal.ingest import storage as storages
from portal.ingest.isolation import ingest_or_isolate
from portal.ingest.models import Quarantine, Receipt, Sample
from portal.ingest.preemption import BURST_S, SHARE, TIMES, LostTime, PreemptedError, Preemption
from portal.ingest.storage import Storage
from portal.ingest.store import IngestResult, ingest
from tests import peers
from tests.portal.ingest.link import SOON_S, hear, link, publish
from tests.portal.ingest.poison import BAD, any_error, poisoned
from tests.portal.ingest.sender import METER, Sender, meter, new_box
from tests.portal.ingest.test_worker import ask, working

if TYPE_CHECKING:
    from collections.abc import Callable

    from portal.ingest.messages import IncomingMessage


def waits_from(statement: int) -> Callable[[], bool]:
    """Whether a message waits: from the so many-th question on."""
    asked = iter(range(10_000))
    return lambda: next(asked) >= statement


def test_work_gives_way_only_for_a_share_of_the_time() -> None:
    lost, now, spent = LostTime(), 0.0, 0.0
    while now < 600.0:
        if lost.allows(0, now):
            lost.lose(0.02)
            spent += 0.02
        now += 0.02
    assert spent <= 600.0 * SHARE + BURST_S + 0.02
    assert spent >= 600.0 * SHARE * 0.9


def test_the_same_work_gives_way_a_few_times_only() -> None:
    lost = LostTime()
    assert [lost.allows(times, 0.0) for times in range(TIMES + 2)] == [True] * TIMES + [False] * 2


@pytest.mark.parametrize("statement", range(1, 12))
@pytest.mark.usefixtures("transactional_db")
@pytest.mark.database
def test_before_whichever_statement_it_gives_way_nothing_is_stored(statement: int) -> None:
    box = new_box()
    sender = Sender(box.box_id)
    ingest([sender.tables(METER), sender.clock()])
    message = sender.send(Lane.DATA, meter(1000, 1, 2, 3))
    before = Receipt.objects.count()
    try:
        ingest_or_isolate([message], preemption=Preemption(waits_from(statement)))
    except PreemptedError:
        assert not Sample.objects.exists()
        assert Receipt.objects.count() == before
        assert not connection.in_atomic_block
    again = ingest_or_isolate([message])
    assert [one.ack.ok for one in again.answers] == [((0, 0),)]
    assert Sample.objects.count() == 3


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.database
def test_an_ingest_has_statements_before_which_it_gives_way(sender: Sender) -> None:
    """The control of the test above: it would pass where nothing ever gave way."""
    with pytest.raises(PreemptedError):
        ingest_or_isolate([sender.clock()], preemption=Preemption(waits_from(3)))


@pytest.mark.database
@pytest.mark.parametrize("statement", range(0, 60, 4))
def test_a_record_that_fails_is_judged_once_wherever_its_turn_gave_way(
    dated: Sender, statement: int
) -> None:
    """It fails twice, with canaries around that: its turn is the longest of all."""
    bad = dated.send(Lane.DATA, meter(1000, 1, BAD, 3))
    with poisoned("ingest_sample", f"NEW.value = {BAD}", any_error()):
        try:
            result = ingest_or_isolate([bad], preemption=Preemption(waits_from(statement)))
        except PreemptedError:
            assert not Quarantine.objects.exists()
            result = ingest_or_isolate([bad])
    assert [len(one.ack.rejected) for one in result.answers if one.ack.rejected] == [1]
    assert Quarantine.objects.count() == 1
    assert result.suspects == {dated.box}


@pytest.mark.usefixtures("transactional_db")
def test_work_may_give_way_between_its_steps_only() -> None:
    preemption = Preemption(lambda: True, from_step=None)

    def work() -> int:
        preemption.begin_step(0, between=False)
        return Organization.objects.count()

    assert preemption.run(work) == Organization.objects.count()
    with pytest.raises(PreemptedError):
        preemption.begin_step(1, between=True)
    with pytest.raises(PreemptedError):
        Preemption(lambda: True).run(Organization.objects.count)


class _Held:
    """Stands before the ingest: holds the first turn of a box until a message waits for it."""

    def __init__(self, box: str) -> None:
        self._box = box
        self.entered = threading.Event()
        self.order: list[str] = []

    def __call__(
        self, messages: list[IncomingMessage], *, preemption: Preemption, **how: Any
    ) -> IngestResult:
        boxes = {one.topic.split("/")[2] for one in messages}
        if boxes == {self._box} and not self.entered.is_set():
            self.entered.set()
            tick = threading.Event()
            for _ in range(int(SOON_S / 0.01)):
                if preemption.waits():
                    break
                tick.wait(0.01)  # a poll: no event leads from the loop into this thread
        result = ingest_or_isolate(messages, preemption=preemption, **how)
        self.order += sorted(boxes)
        return result


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
@pytest.mark.peer("mosquitto")
async def test_a_small_message_does_not_wait_for_the_turn_of_a_box_with_much_to_store(
    broker: peers.Mosquitto, dated: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = Sender((await ask(new_box)).box_id)
    await ask(partial(ingest, [evil.tables(METER), evil.clock()]))
    held = _Held(evil.box)
    async with working(broker) as worker, link(broker, dated) as good, link(broker, evil) as bad:
        await publish(good, dated.send(Lane.DATA, meter(1000, 1, 2, 3)))
        await hear(good, Lane.DATA, 0)
        worker._paces.set_apart(evil.box, float("inf"))
        monkeypatch.setattr(storages, "ingest_or_isolate", held)
        await publish(bad, evil.send(Lane.DATA, *(meter(1000 * n, n, n, n) for n in range(3))))
        assert await asyncio.to_thread(held.entered.wait, SOON_S)
        await publish(good, dated.send(Lane.DATA, meter(2000, 1, 2, 3)))
        await hear(good, Lane.DATA, 1)
        await hear(bad, Lane.DATA, 2)
    assert held.order[:2] == [dated.box, evil.box]


@pytest.mark.django_db(transaction=True)
async def test_what_can_wait_gives_way_to_messages_and_is_done_in_the_end(dated: Sender) -> None:
    """Here a message waits for as long as the thread is kept: it gives way a few times only."""
    storage, begun, tries = Storage(), threading.Event(), list[int]()

    def work() -> int:
        tries.append(len(tries))
        begun.set()
        storage._message_waits = True  # as `store` says while another one waits for the thread
        return Organization.objects.count()

    try:
        assert await storage.run_giving_way(work) == 1
        assert 1 < len(tries) <= TIMES + 1
        stored = await storage.store([dated.send(Lane.DATA, meter(1000, 1, 2, 3))])
        assert [one.ack.ok for one in stored.answers] == [((0, 0),)]
        assert not storage._message_waits
    finally:
        await asyncio.to_thread(storage.close)


@pytest.mark.parametrize("statement", range(4, 24, 4))
def test_a_turn_that_gave_way_writes_no_line_of_the_log_before_it_is_stored(
    dated: Sender, statement: int, caplog: pytest.LogCaptureFixture
) -> None:
    """One line a record, however often its turn begins again."""
    nonsense = dated.batch(Lane.EVENT, [(dated.number(Lane.EVENT), b"\xc1")])
    for _ in range(3):
        with contextlib.suppress(PreemptedError):
            ingest_or_isolate([nonsense], preemption=Preemption(waits_from(statement)))
            break
    else:
        assert not [one for one in caplog.records if "record_quarantined" in one.getMessage()]
        ingest_or_isolate([nonsense])
    lines = [one for one in caplog.records if "record_quarantined" in one.getMessage()]
    assert len(lines) == 1
