"""The turn of a box whose records fail gives way between its steps, and ends all the same."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import pytest
from django.db import DataError, OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_link.mqtt.broker import Broker
from cloud_link.mqtt.session import Message
from cloud_link.wire import Ack, Lane, RejectCode, decode
from portal.ingest import alarms, canary, isolation, storage, suspects
from portal.ingest.budget import Budgets
from portal.ingest.inbox import Inbox
from portal.ingest.isolation import Progress, ingest_or_isolate
from portal.ingest.models import Alarm, Failure, PendingClock, Quarantine, Sample
from portal.ingest.preemption import PreemptedError, Preemption
from portal.ingest.storage import Storage, TurnControl
from portal.ingest.store import IngestResult, ingest
from portal.ingest.worker import Worker
from tests import peers
from tests.portal.ingest.link import SOON_S, hear, link, publish
from tests.portal.ingest.poison import BAD, refusing
from tests.portal.ingest.sender import METER, Sender, acks, fleet_of, meter, new_box
from tests.portal.ingest.test_poison import stored
from tests.portal.ingest.test_worker import ask, working

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cloud_link.mqtt.session import Session
    from portal.ingest.messages import IncomingMessage

pytestmark = [
    pytest.mark.database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("patience"),
]


def in_turns(
    messages: Sequence[IncomingMessage],
    waits: Callable[[], bool],
    beside: Callable[[], object] = lambda: None,
    **how: Any,
) -> tuple[IngestResult, int]:
    """Store messages of one box, which give way; what came of them, and how often they did."""
    progress, times = Progress(), 0
    while True:
        preemption = Preemption(waits, **how)
        try:
            return ingest_or_isolate(messages, preemption=preemption, progress=progress), times
        except PreemptedError:
            times += 1
            assert times < 1_000, "a turn that gives way ends"
            beside()


def always() -> bool:
    """Whether a message waits: a turn gives way between all its steps, and gets on all the same."""
    return True


def rejected(result: IngestResult, sender: Sender) -> list[int]:
    return sorted(
        seq for one in result.answers if one.box == sender.box for seq, _ in one.ack.rejected
    )


def test_between_all_its_steps_another_box_is_served(dated: Sender, hostile: Sender) -> None:
    """The verdict on a record takes three transactions and two canaries, each by itself."""
    served: list[int] = []

    def serve() -> None:
        served.append(len(served))
        message = dated.send(Lane.DATA, meter(1000 * len(served), 1, 2, 3))
        assert acks(ingest([message]), dated).ok

    bad = hostile.send(Lane.DATA, meter(1000, 1, 2, BAD))
    with refusing():
        result, times = in_turns([bad], always, serve, from_step=None)
    assert times == len(served) >= 4
    assert acks(result, hostile).rejected == ((0, RejectCode.REFUSED),)
    assert result.suspects == {hostile.box}
    assert Quarantine.objects.get().seq == 0


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    bad=st.lists(st.booleans(), min_size=1, max_size=9),
    cuts=st.sets(st.integers(0, 8)),
    pattern=st.lists(st.booleans(), max_size=60),
    from_step=st.sampled_from([None, 0, 1]),
)
def test_whenever_it_gives_way_exactly_the_poison_is_rejected(
    transactional_db: None,
    bad: list[bool],
    cuts: set[int],
    pattern: list[bool],
    from_step: int | None,
) -> None:
    Failure.objects.all().delete()  # of the example before
    (sender,) = fleet_of(1)
    records = [meter(1000 * (n + 1), 1, 2, BAD if one else 3) for n, one in enumerate(bad)]
    edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(bad)), len(bad)]
    messages = [sender.send(Lane.DATA, *records[first:last]) for first, last in pairwise(edges)]
    before = Sample.objects.count(), Quarantine.objects.count()
    answers = iter(pattern)
    with refusing():
        result, _ = in_turns(messages, lambda: next(answers, False), from_step=from_step)
    poison = {n for n, one in enumerate(bad) if one}
    assert rejected(result, sender) == sorted(poison)
    assert stored(result, sender) == set(range(len(bad))) - poison
    after = Sample.objects.count(), Quarantine.objects.count()
    assert after == (before[0] + 3 * (len(bad) - len(poison)), before[1] + len(poison))
    assert result.suspects == ({sender.box} if poison else set())
    assert not any(one.ack.resend for one in result.answers), "nothing is asked for that is here"


def test_a_record_that_failed_is_judged_only_after_a_canary(
    hostile: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is stored before, and one after it failed alone, in that order."""
    told: list[str] = []
    check, once = canary.check, ingest

    def checked(*args: Any) -> None:
        check(*args)
        told.append("canary")

    def tried(messages: Iterable[IncomingMessage], **how: Any) -> IngestResult:
        told.append("tried")
        return once(messages, **how)

    monkeypatch.setattr(canary, "check", checked)
    monkeypatch.setattr(isolation, "ingest", tried)
    with refusing():
        in_turns([hostile.send(Lane.DATA, meter(1000, 1, 2, BAD))], lambda: False)
    # All at once; alone, until the canary is asked for; alone, and judged; the verdict.
    assert told == ["tried", "tried", "canary", "tried", "canary", "tried"]


def test_where_the_canary_fails_no_record_is_judged(
    hostile: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(kind: str, _: object) -> None:
        raise canary.CanaryError(kind, LookupError("a fault of ours"))

    monkeypatch.setattr(canary, "check", failing)
    with refusing(), pytest.raises(canary.CanaryError):
        in_turns([hostile.send(Lane.DATA, meter(1000, 1, 2, BAD))], always, from_step=None)
    assert not Quarantine.objects.exists()


def no_commit(error: Exception, broken: Callable[[], bool]) -> Callable[..., IngestResult]:
    """An ingest that fails outside of its records for as long as ``broken()``."""

    def failing(messages: Iterable[IncomingMessage], **how: Any) -> IngestResult:
        if broken():
            raise error
        return ingest(messages, **how)

    return failing


async def test_what_failed_before_a_fault_of_the_portal_is_tried_again_after_it(
    dated: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record fails twice, and then its canary, too: the portal is at fault, and is mended."""
    checks, broken = list[str](), [True]
    check = canary.check

    def failing_second(kind: str, now: Any) -> None:
        checks.append(kind)
        if len(checks) == 2:
            raise canary.CanaryError(kind, LookupError("a fault of ours"))
        check(kind, now)

    async def mended(_: float) -> None:
        broken.clear()

    monkeypatch.setattr(canary, "check", failing_second)
    fails = no_commit(DataError("the commit fails"), lambda: bool(broken))
    monkeypatch.setattr(isolation, "ingest", fails)
    worker = Storage(sleep=mended)
    try:
        result = await worker.store([dated.send(Lane.DATA, meter(1000, 1, 2, 3))])
    finally:
        await asyncio.to_thread(worker.close)
    assert len(checks) >= 2
    assert acks(result, dated).ok == ((0, 0),)
    assert not await ask(Quarantine.objects.exists)


async def test_a_message_that_loses_connections_and_gives_way_is_found_out_once(
    dated: Sender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first pass, in which a lost connection is no message's fault, is not begun again."""
    lost, waits = list[None](), list[float]()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    def losing(messages: Iterable[IncomingMessage], **how: Any) -> IngestResult:
        if not how.get("read"):
            lost.append(None)
            raise OperationalError("server closed the connection unexpectedly")
        return ingest(messages, **how)

    monkeypatch.setattr(isolation, "ingest", losing)
    worker, control = Storage(sleep=sleep), TurnControl(waits=always, waits_between=always)
    message = dated.send(Lane.DATA, meter(1000, 1, 2, 3))
    try:
        while True:
            try:
                result = await worker.store([message], control)
                break
            except PreemptedError:
                assert len(lost) < 20
    finally:
        await asyncio.to_thread(worker.close)
    assert acks(result, dated).rejected == ((0, RejectCode.REFUSED),)
    assert waits == [0.2, 0.5, 1.0]
    assert caplog.text.count("batch_taken_apart") == 1


def test_a_pending_record_that_fails_is_not_the_fault_of_the_clock_that_dates_it(
    sender: Sender, hostile: Sender
) -> None:
    ingest([sender.tables(METER), sender.send(Lane.DATA, meter(1, 1, 2, BAD), meter(2, 1, 2, 3))])
    assert PendingClock.objects.count() == 2
    with refusing():
        result, times = in_turns([sender.clock()], always, from_step=None)
    assert times
    assert acks(result, sender, Lane.EVENT).ok == ((0, 0),)
    assert not PendingClock.objects.exists()
    assert Quarantine.objects.get().seq == 0


def test_what_a_part_of_a_batch_has_stored_is_told_whatever_waits(
    dated: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that fails outside of its records gives way between its parts, and loses none."""
    messages = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(4)]

    def whole_batches_fail(batch: Sequence[IncomingMessage], **how: Any) -> IngestResult:
        if len(batch) > 1:
            raise DataError("this batch is too long")
        return ingest(batch, **how)

    monkeypatch.setattr(isolation, "ingest", whole_batches_fail)
    result, times = in_turns(messages, always, from_step=None)
    assert times > 4
    assert [one.ack.ok for one in result.answers if one.ack.ok] == [((n, n),) for n in range(4)]
    assert Sample.objects.count() == 12


def test_a_turn_with_nothing_but_poison_is_isolated_for_a_limited_time(
    hostile: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not tried in time stays unanswered, and something is settled every time."""
    monkeypatch.setattr(suspects, "ISOLATION_S", 0.0)
    bad = hostile.send(Lane.DATA, *[meter(1000 * n, 1, 2, BAD) for n in range(8)])
    with refusing():
        result, _ = in_turns([bad], lambda: False)
        assert rejected(result, hostile) == [0]
        assert not stored(result, hostile)
        assert result.suspects == {hostile.box}
        assert result.tally.held
        monkeypatch.setattr(suspects, "ISOLATION_S", 3_600.0)
        result, _ = in_turns([bad], lambda: False)
    assert rejected(result, hostile) == list(range(8))


@pytest.mark.peer("mosquitto")
async def test_the_first_record_that_fails_of_a_box_holds_up_no_other_box(
    broker: peers.Mosquitto, dated: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is known of the box yet, so that it is not apart: its turn gives way all the same."""
    evil = Sender((await ask(new_box)).box_id)
    await ask(partial(ingest, [evil.tables(METER), evil.clock()]))
    begun, turns, order = threading.Event(), list[Preemption](), list[str]()
    check, once = canary.check, ingest

    def watched(*args: Any, preemption: Preemption, **how: Any) -> IngestResult:
        turns.append(preemption)
        return ingest_or_isolate(*args, preemption=preemption, **how)

    def held(*args: Any) -> None:
        """The first canary waits until a message of another box is there."""
        if not begun.is_set():
            begun.set()
            tick = threading.Event()
            for _ in range(int(SOON_S / 0.01)):
                if turns[-1].waits():
                    break
                tick.wait(0.01)  # a poll: no event leads from the loop into this thread
        check(*args)

    def noted(messages: Sequence[IncomingMessage], **how: Any) -> IngestResult:
        result = once(messages, **how)
        order.extend(sorted({one.topic.split("/")[2] for one in messages}))
        return result

    refused = refusing()
    async with working(broker), link(broker, dated) as good, link(broker, evil) as bad:
        await publish(good, dated.send(Lane.DATA, meter(1000, 1, 2, 3)))
        await hear(good, Lane.DATA, 0)
        await ask(refused.__enter__)
        try:
            monkeypatch.setattr(canary, "check", held)
            monkeypatch.setattr(isolation, "ingest", noted)
            monkeypatch.setattr(storage, "ingest_or_isolate", watched)
            await publish(bad, evil.send(Lane.DATA, meter(1000, 1, 2, BAD)))
            assert await asyncio.to_thread(begun.wait, SOON_S)
            await publish(good, dated.send(Lane.DATA, meter(2000, 1, 2, 3)))
            await hear(good, Lane.DATA, 1)
            await hear_refusal(bad)
        finally:
            await ask(partial(refused.__exit__, None, None, None))
    assert order == [dated.box, evil.box]


class _SessionLog:
    """A session that remembers what was published."""

    def __init__(self) -> None:
        self.acks: list[tuple[str, Ack]] = []

    async def publish(self, topic: str, body: bytes) -> None:
        self.acks.append((topic.split("/")[2], decode(Ack, body)))

    def settled(self, sender: Sender) -> list[tuple[int, bool]]:
        """The numbers of a box, in the order in which they were answered; whether as stored."""
        found: list[tuple[int, bool]] = []
        for box, ack in self.acks:
            if box == sender.box:
                found += [(n, True) for first, end in ack.ok for n in range(first, end + 1)]
                found += [(n, False) for n, _ in ack.rejected]
        return found


async def delivered(
    sent: Sequence[tuple[Sender, Sequence[bool]]], acknowledged: Counter[str]
) -> _SessionLog:
    """What boxes hear of a turn that all of them share; a record is poison where it says so."""
    told, worker = _SessionLog(), Worker(Broker.parse("mqtt://127.0.0.1:1"))
    inbox = Inbox(Budgets(), 400)
    worker._answering = asyncio.create_task(asyncio.sleep(0))
    for sender, flags in sent:
        for n, flag in enumerate(flags):
            one = sender.send(Lane.DATA, meter(1000 * (n + 1), 1, 2, BAD if flag else 3))
            ack = partial(acknowledged.update, [sender.box])
            await inbox.put(Message(topic=one.topic, payload=one.body, retain=False, ack=ack))
    refused = refusing()
    await ask(refused.__enter__)
    try:
        while len(inbox):
            await worker._deliver(cast("Session", told), inbox, inbox.take())
        await worker._answering
    finally:
        await asyncio.to_thread(worker.close)
        await ask(partial(refused.__exit__, None, None, None))
    return told


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(bad=st.lists(st.lists(st.booleans(), min_size=1, max_size=2), min_size=2, max_size=6))
def test_a_turn_of_several_boxes_that_fails_is_taken_apart_by_box(
    transactional_db: None, bad: list[list[bool]]
) -> None:
    """Each box hears of its own records, and each message is acknowledged once."""
    Failure.objects.all().delete()  # of the example before
    Alarm.objects.all().delete()
    senders = fleet_of(len(bad))
    acknowledged = Counter[str]()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(alarms, "BOXES_ALIKE", len(bad) + 1)
        told = asyncio.run(delivered(list(zip(senders, bad, strict=True)), acknowledged))
    for sender, flags in zip(senders, bad, strict=True):
        rejected_there = [n for n, ok in told.settled(sender) if not ok]
        stored_there = [n for n, ok in told.settled(sender) if ok]
        assert sorted(rejected_there) == [n for n, flag in enumerate(flags) if flag]
        assert sorted(stored_there) == [n for n, flag in enumerate(flags) if not flag]
        assert acknowledged[sender.box] >= len(flags)
    answered = list(dict.fromkeys(box for box, ack in told.acks if ack.ok or ack.rejected))
    sound = {one.box for one, flags in zip(senders, bad, strict=True) if not any(flags)}
    assert set(answered[: len(sound)]) == sound, "no box waits for the verdict on another's record"


def test_in_a_turn_of_many_boxes_none_waits_for_the_verdict_on_one(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    senders = fleet_of(40)
    told = asyncio.run(delivered([(one, [n == 17]) for n, one in enumerate(senders)], Counter()))
    answered = list(dict.fromkeys(box for box, ack in told.acks if ack.ok or ack.rejected))
    assert answered[-1] == senders[17].box
    assert len(answered) == 40


async def hear_refusal(session: Session) -> None:
    async with asyncio.timeout(SOON_S):
        async for message in session.messages():
            message.ack()
            if decode(Ack, message.payload).rejected:
                return
