"""The turns of boxes, in virtual time and without a database."""

from __future__ import annotations

import asyncio
import itertools
import zlib
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_link.mqtt.session import Message
from cloud_link.records import Column, ConfigurationRecord, Table, encode_record
from cloud_link.wire import Batch, Lane, Tables, decode, encode
from portal.ingest.budget import ALLOWANCES, SHORTEST_S, Budgets, Resource
from portal.ingest.inbox import BOX_MESSAGES, Inbox, Turn, pause_requests
from portal.ingest.messages import IncomingMessage
from portal.ingest.pacing import BASE_S, FIXED_S, ROW_S, TURN, TURN_ALONE, Spent
from tests.portal.ingest.sender import METER, Sender, meter
from tests.portal.ingest.wide_polls import polls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection


def run(work: Awaitable[None]) -> None:
    async def main() -> None:
        await asyncio.wait_for(work, 20)

    asyncio.run(main())


@dataclass
class Bench:
    """An inbox in virtual time, a store that takes so long for each row, and what became of all."""

    row_s: float = ROW_S
    slow: dict[str, float] = field(default_factory=dict)
    now: float = 0.0
    stored: list[IncomingMessage] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    turns: list[Turn] = field(default_factory=list)
    gives_way: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        self.inbox = Inbox(Budgets(), 400, lambda: self.now)

    async def put(self, message: IncomingMessage) -> None:
        waits = [message.topic.split("/")[2]]

        def ack() -> None:  # without effect when called twice
            while waits:
                self.acknowledged[waits.pop()] += 1

        await self.inbox.put(
            Message(topic=message.topic, payload=message.body, retain=False, ack=ack)
        )

    def step(self, beside: Collection[str] = ()) -> Turn:
        """One transaction; the clock goes on by what it takes."""
        turn = self.inbox.take(beside)
        if turn.apart and self.gives_way():
            self.now += FIXED_S / 2
            assert turn.apart not in {part.box for part in self.step(beside=[turn.apart]).parts}
        if turn.parts:
            rows = sum(part.rows * self.slow.get(part.box, self.row_s) for part in turn.parts)
            self.now += FIXED_S + rows
            self.inbox.charge(turn.parts, Spent(whole=FIXED_S + rows, work=BASE_S + rows))
        self.stored += [part.message for part in turn.parts]
        for message in turn.finished:
            message.ack()
        self.turns.append(turn)
        return turn


def test_beside_a_box_that_fills_the_inbox_another_waits_for_one_transaction() -> None:
    async def work() -> None:
        bench, evil, good = Bench(), Sender("b-evil"), Sender("b-good")
        for _ in range(30):
            await bench.put(polls(evil, 100))
        delays = []
        for n in range(60):
            arrived = bench.now
            bench.step()  # under way when the other's message comes
            await bench.put(good.send(Lane.DATA, meter(n, 1, 2, 3)))
            while not any("b-good" in one.topic for one in bench.stored):
                bench.step()
            bench.stored.clear()
            delays.append(bench.now - arrived)
        assert delays[0] <= 1.1 * (2 + TURN_ALONE) * FIXED_S, "no other box was there"
        assert max(delays[1:]) <= 1.2 * (2 + TURN) * FIXED_S

    run(work())


def test_a_box_whose_rows_are_slow_gets_shorter_turns() -> None:
    async def work() -> None:
        bench, evil = Bench(row_s=100 * ROW_S), Sender("b-evil")
        for _ in range(4):
            await bench.put(polls(evil, 400, width=1))
        for _ in range(4):
            bench.step()
        rows = [sum(part.rows for part in turn.parts) for turn in bench.turns if turn.parts]
        assert rows[0] > 10 * rows[-1]

    run(work())


def test_a_box_with_much_to_store_holds_up_no_acknowledgement_of_the_broker() -> None:
    """MQTT acknowledges in order: what waits for long would keep the others' window closed."""

    async def work() -> None:
        bench, evil = Bench(), Sender("b-evil")
        for _ in range(10):
            await bench.put(polls(evil, 100))
        bench.step()
        assert bench.acknowledged["b-evil"] == 10
        assert len(bench.inbox) == 10
        await bench.put(polls(evil, 100))
        assert bench.acknowledged["b-evil"] == 11

    run(work())


def test_long_turns_that_cannot_be_shorter_become_rare() -> None:
    """One in a hundred seconds at most, so that the others' 99th percentile does not show them."""

    async def work() -> None:
        bench, evil, good = Bench(slow={"b-evil": 0.02}), Sender("b-evil"), Sender("b-good")
        long = 0.0
        for n in range(6_000):
            bench.now += 0.1
            await bench.put(evil.send(Lane.DATA, meter(n, 1, 2, 3)))
            await bench.put(good.send(Lane.DATA, meter(n, 1, 2, 3)))
            while len(bench.inbox):
                began = bench.now
                turn = bench.step()
                if any(part.box == "b-evil" for part in turn.parts):
                    long += bench.now - began
        assert long <= 0.02 * bench.now
        stored = Counter(one.topic.split("/")[2] for one in bench.stored)
        assert stored["b-good"] == 6_000
        assert stored["b-evil"] > 5

    run(work())


def test_a_box_of_which_a_record_failed_stores_one_record_in_a_turn() -> None:
    async def work() -> None:
        bench, evil, good = Bench(), Sender("b-evil"), Sender("b-good")
        for _ in range(2):
            await bench.put(evil.send(Lane.DATA, *(meter(n, 1, 2, 3) for n in range(50))))
        turn = bench.step()
        bench.inbox.charge(turn.parts, Spent(whole=0.08, work=0.08), ["b-evil"])
        await bench.put(evil.send(Lane.DATA, *(meter(n, 1, 2, 3) for n in range(50))))
        for n in range(400):
            await bench.put(good.send(Lane.DATA, meter(n, 1, 2, 3)))
            bench.now += 0.1
            bench.step()
        later = [one for one in bench.turns[1:] if one.parts and one.parts[0].box == "b-evil"]
        records = [len(decode(Batch, one.message.body).items) for t in later for one in t.parts]
        assert len(records) > 20
        assert set(records) == {1}
        assert all(len(one.parts) == 1 for one in later)

    run(work())


def test_after_a_long_transaction_of_several_boxes_each_is_alone_once() -> None:
    async def work() -> None:
        bench = Bench(row_s=0.01)
        senders = [Sender(f"b-{n}") for n in range(5)]
        for sender in senders:
            await bench.put(sender.send(Lane.DATA, meter(1, 1, 2, 3)))
        assert len(bench.step().parts) == 5
        bench.row_s = 0.0
        for sender in senders:
            await bench.put(sender.send(Lane.DATA, meter(2, 1, 2, 3)))
        assert [len(bench.step().parts) for _ in senders] == [1] * 5
        for sender in senders:
            await bench.put(sender.send(Lane.DATA, meter(3, 1, 2, 3)))
        assert len(bench.step().parts) == 5

    run(work())


def test_a_turn_that_was_disturbed_once_is_not_held_against_its_box() -> None:
    async def work() -> None:
        bench = Bench(row_s=0.0)
        for n in range(400):
            for name in ("b-1", "b-2"):
                await bench.put(Sender(name).send(Lane.DATA, meter(n, 1, 2, 3)))
                turn = bench.inbox.take()
                whole = 0.06 if n % 40 == 0 else FIXED_S
                bench.inbox.charge(turn.parts, Spent(whole=whole, work=whole - 0.002))
                assert [part.box for part in turn.parts] == [name]
                bench.now += 0.1

    run(work())


@pytest.mark.parametrize("stall", [0.1, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_a_busy_machine_pauses_no_box(seed: int, stall: float) -> None:
    """One transaction of ten is held up by other work of the machine, whichever box it is of."""

    async def work() -> None:
        bench, random = Bench(row_s=0.0), Random(seed)
        for n in range(600):
            for name in ("b-1", "b-2"):
                await bench.put(Sender(name).send(Lane.DATA, meter(n, 1, 2, 3)))
                turn = bench.inbox.take()
                work = BASE_S + (stall * random.random() if random.random() < 0.1 else 0.0)
                assert [part.box for part in turn.parts] == [name], turn
                bench.inbox.charge(turn.parts, Spent(whole=work + 0.002, work=work))
                bench.now += 0.1

    run(work())


def test_small_messages_of_many_boxes_share_a_transaction() -> None:
    async def work() -> None:
        bench = Bench()
        for n in range(40):
            await bench.put(Sender(f"b-{n}").send(Lane.DATA, meter(1, 1, 2, 3)))
        assert len(bench.step().parts) == 40

    run(work())


def test_small_messages_share_a_transaction_where_all_rows_take_long() -> None:
    """A busy machine makes every row slow: that puts no box apart."""

    async def work() -> None:
        bench = Bench(row_s=40 * ROW_S)
        boxes = [Sender(f"b-{n}") for n in range(5)]
        for n in range(300):
            for box in boxes:
                await bench.put(box.send(Lane.DATA, meter(n, 1, 2, 3)))
            while len(bench.inbox):
                bench.step()
            bench.now += 0.5
        shared = [len({part.box for part in turn.parts}) for turn in bench.turns[-20:]]
        assert min(shared) == len(boxes), shared

    run(work())


def test_the_order_within_a_box_stays() -> None:
    async def work() -> None:
        bench, sender, other = Bench(), Sender("b-1"), Sender("b-2")
        for n in range(12):
            await bench.put(polls(sender, 1 + 7 * (n % 3)))
            await bench.put(other.send(Lane.EVENT, meter(n, 1, 2, 3)))
        while len(bench.inbox):
            bench.step()
        seqs = [
            seq
            for one in bench.stored
            if "b-1" in one.topic
            for seq, _ in decode(Batch, one.body).items
        ]
        assert seqs == list(range(sender.next[Lane.DATA]))

    run(work())


def test_beside_a_turn_that_gave_way_small_messages_of_other_boxes_are_taken() -> None:
    async def work() -> None:
        bench, evil, heavy, good = Bench(), Sender("b-1"), Sender("b-2"), Sender("b-3")
        for sender in (evil, heavy):
            await bench.put(polls(sender, 100))
        while not bench.inbox.take().apart:  # they are opened, and found to have much to store
            pass
        assert not bench.inbox.small_came()
        await bench.put(evil.send(Lane.DATA, meter(1, 1, 2, 3)))
        assert not bench.inbox.small_came()
        await bench.put(good.send(Lane.DATA, meter(1, 1, 2, 3)))
        assert bench.inbox.small_came()
        turn = bench.step(beside=[evil.box])
        assert [part.box for part in turn.parts] == [good.box]
        assert not turn.apart
        assert not bench.inbox.small_came()
        bench.now += 600  # it is not apart then, and what it sent first is not stored
        assert evil.box not in {part.box for part in bench.step(beside=[evil.box]).parts}

    run(work())


def test_over_budget_all_of_a_box_is_acknowledged_to_the_broker_and_asked_for_once() -> None:
    async def work() -> None:
        bench, evil, good = Bench(row_s=0.0), Sender("b-evil"), Sender("b-good")
        asked: list[str] = []
        sent = 0
        while not asked:
            await bench.put(polls(evil, 100))
            sent += 1
            for _ in range(60):
                turn = bench.step()
                asked += [one.box for one in pause_requests(turn)]
        assert asked == ["b-evil"]
        (throttled,) = next(turn.throttled for turn in bench.turns if turn.throttled)
        assert throttled.wait_ms >= 1_000 * SHORTEST_S
        for _ in range(50):
            await bench.put(polls(evil, 100))
            sent += 1
        await bench.put(good.tables(METER))
        turn = bench.step()
        assert [part.box for part in turn.parts] == ["b-good"]
        assert turn.dropped[Resource.ROWS] == 50
        assert not turn.throttled, "one request for each pause"
        assert bench.acknowledged["b-evil"] == sent

    run(work())


def test_more_messages_of_one_box_than_it_may_have_waiting_leave_room_for_others() -> None:
    async def work() -> None:
        bench, evil = Bench(), Sender("b-evil")
        for _ in range(1_000):
            await bench.put(polls(evil, 1))
        assert len(bench.inbox) == BOX_MESSAGES
        assert bench.acknowledged["b-evil"] == 1_000 - BOX_MESSAGES

    run(work())


def test_nothing_more_is_read_while_the_inbox_is_full() -> None:
    async def work() -> None:
        bench = Bench()
        for n in range(400):
            await bench.put(Sender(f"b-{n}").send(Lane.DATA, meter(1, 1, 2, 3)))
        waiting = asyncio.ensure_future(
            bench.put(Sender("b-late").send(Lane.DATA, meter(1, 1, 2, 3)))
        )
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        bench.step()
        await waiting

    run(work())


def test_naming_devices_is_over_budget_long_before_thousands() -> None:
    async def work() -> None:
        bench, evil = Bench(row_s=0.0), Sender("b-evil")
        names = iter(range(100_000))
        for _ in range(20):
            tables = [Table(f"{next(names):x}", (Column("jobs", "", 0),)) for _ in range(500)]
            await bench.put(evil.tables(*tables))
            while len(bench.inbox):
                bench.step()
        named = sum(len(decode(Tables, one.body).tables) for one in bench.stored)
        assert named <= ALLOWANCES[Resource.DEVICES].burst

    run(work())


@settings(max_examples=15, deadline=None)
@given(
    sizes=st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(1, 15), st.integers(1, 400)),
        min_size=1,
        max_size=6,
    ),
    row_s=st.sampled_from([0.0, ROW_S, 50 * ROW_S]),
    seed=st.integers(0, 99),
)
def test_every_record_is_stored_once_when_boxes_send_again_what_is_unanswered(
    sizes: list[tuple[str, int, int]], row_s: float, seed: int
) -> None:
    async def work() -> None:
        chance = Random(seed)
        bench = Bench(row_s=row_s, gives_way=lambda: chance.random() < 0.5)
        bench.inbox = Inbox(Budgets(0.05), 400, lambda: bench.now)
        senders = {name: Sender(f"b-{name}") for name in "abc"}
        sent = [polls(senders[name], count, width) for name, count, width in sizes]
        stored: Counter[tuple[bytes, int]] = Counter()
        for _ in range(2_000):
            left = [one for one in (_unanswered(each, stored) for each in sent) if one]
            if not left:
                break
            for message in left:
                await bench.put(message)
            while len(bench.inbox):
                bench.step()
            for one in bench.stored:
                batch = decode(Batch, one.body)
                stored.update((batch.epoch, seq) for seq, _ in batch.items)
            bench.stored.clear()
            bench.now += 20
        assert set(stored.values()) == {1}
        assert len(stored) == sum(count for _, count, _ in sizes)

    run(work())


def _unanswered(
    message: IncomingMessage, stored: Counter[tuple[bytes, int]]
) -> IncomingMessage | None:
    """What a spool still has of a message."""
    batch = decode(Batch, message.body)
    items = tuple((seq, raw) for seq, raw in batch.items if not stored[batch.epoch, seq])
    if not items:
        return None
    body = encode(msgspec.structs.replace(batch, items=items))
    return IncomingMessage(topic=message.topic, body=body)


def test_documents_are_paid_for_before_they_are_read() -> None:
    async def work() -> None:
        bench, text = Bench(), b'{"a": "' + b" " * 2_000_000 + b'"}'
        record = ConfigurationRecord(1, sha256(text).digest(), "root", zlib.compress(text))
        items = [(seq, encode_record(record)) for seq in range(28)]
        await bench.put(Sender("b-evil").batch(Lane.EVENT, items))
        while len(bench.inbox):
            bench.step()
        assert len(bench.stored) <= ALLOWANCES[Resource.BYTES].burst // len(text) + 1
        assert bench.turns[-1].throttled[0].resource is Resource.BYTES

    run(work())


def test_small_messages_that_a_turn_left_wait_for_the_steps_of_the_next() -> None:
    """Opening takes time, so that a turn may leave some; none of them came since."""

    async def main() -> None:
        clock = itertools.count()
        inbox = Inbox(Budgets(), 400, lambda: next(clock) * 0.003)
        for sender in (Sender("b-1"), Sender("b-2"), Sender("b-3")):
            one = sender.send(Lane.DATA, meter(1000, 1, 2, 3))
            message = Message(topic=one.topic, payload=one.body, retain=False, ack=lambda: None)
            await inbox.put(message)
        first = inbox.take()
        assert len(first.parts) == 1
        assert not inbox.small_came()
        assert inbox.small_waits()
        begun = {part.box for part in first.parts}
        while inbox.small_waits():
            begun |= {part.box for part in inbox.take(beside=begun).parts}
        assert begun == {"b-1", "b-2", "b-3"}

    run(main())
