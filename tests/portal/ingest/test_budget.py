"""Budgets, costs and turns of boxes, in virtual time and without a database."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_link.mqtt.session import Message
from cloud_link.records import Column, DataRecord, Table, encode_record, table_id
from cloud_link.wire import Batch, Lane, Tables, decode, encode
from portal.ingest.budget import (
    ALLOWANCES,
    BOXES_KEPT,
    LONGEST_S,
    SHORTEST_S,
    Budgets,
    Resource,
)
from portal.ingest.cost import PART_ROWS, opened
from portal.ingest.inbox import (
    BOX_MESSAGES,
    FIXED_S,
    ROW_S,
    TURN_COMMITS,
    Inbox,
    Turn,
    pause_requests,
)
from portal.ingest.messages import IncomingMessage
from tests.portal.ingest.sender import METER, Sender, meter

if TYPE_CHECKING:
    from collections.abc import Awaitable

WIDE = Table("wide", tuple(Column("jobs", f"tariff={n}", 0) for n in range(400)))


def polls(sender: Sender, count: int, width: int = 400) -> IncomingMessage:
    """A message of so many polls of a wide meter."""
    items = [
        (
            sender.number(Lane.DATA),
            encode_record(DataRecord(table_id(WIDE), 1_000 * n, [7] * width)),
        )
        for n in range(count)
    ]
    return sender.batch(Lane.DATA, items)


def run(work: Awaitable[None]) -> None:
    async def main() -> None:
        await asyncio.wait_for(work, 20)

    asyncio.run(main())


# --- budgets --------------------------------------------------------------------------------


def test_a_box_within_its_budget_is_never_asked_to_pause() -> None:
    """A large box: 10 units of 400 registers each second, in 25 kB, for ten minutes."""
    budgets = Budgets()
    for second in range(600):
        cost = {Resource.ROWS: 4_020.0, Resource.BYTES: 25_000.0, Resource.SECONDS: 0.1}
        assert budgets.take("b-1", cost, second) is None


def test_a_box_over_its_budget_pauses_until_it_has_enough_again() -> None:
    budgets = Budgets()
    all_of_it = {Resource.ROWS: ALLOWANCES[Resource.ROWS].burst}
    assert budgets.take("b-1", all_of_it, 0) is None
    assert budgets.take("b-1", {Resource.ROWS: 100_000}, 0) is Resource.ROWS
    wait = budgets.pause_left("b-1", 0)
    assert wait == pytest.approx(100_000 / (ALLOWANCES[Resource.ROWS].per_minute / 60))
    assert budgets.lacking("b-1", wait - 0.01) is Resource.ROWS
    assert budgets.lacking("b-1", wait) is None
    assert budgets.take("b-1", {Resource.ROWS: 100_000}, wait) is None
    assert budgets.take("b-2", all_of_it, 0) is None, "another box has its own"


def test_what_costs_more_than_a_burst_is_taken_once_there_is_a_whole_one() -> None:
    budgets = Budgets()
    huge = {Resource.CLOCKS: 10 * ALLOWANCES[Resource.CLOCKS].burst}
    assert budgets.take("b-1", huge, 0) is None
    assert budgets.take("b-1", {Resource.CLOCKS: 1}, 60) is Resource.CLOCKS
    assert budgets.pause_left("b-1", 60) == LONGEST_S


def test_seconds_are_charged_afterwards_and_hold_what_comes_next() -> None:
    budgets = Budgets()
    budgets.charge("b-1", {Resource.SECONDS: 36.0}, 0)
    assert budgets.take("b-1", {Resource.SECONDS: 0.0}, 0) is Resource.SECONDS
    assert budgets.pause_left("b-1", 0) == LONGEST_S
    assert budgets.take("b-1", {Resource.SECONDS: 0.0}, 90) is None


def test_the_factor_scales_every_allowance() -> None:
    budgets = Budgets(0.5)
    for resource, allowance in ALLOWANCES.items():
        box = f"b-{resource.value}"
        assert budgets.take(box, {resource: allowance.burst / 2}, 0) is None
        assert budgets.take(box, {resource: allowance.burst / 100}, 0) is resource


def test_names_cost_something_the_first_time_only() -> None:
    budgets = Budgets()
    names = frozenset({1, 2, 3})
    assert budgets.unknown("b-1", names, 0) == 3
    budgets.remember("b-1", names, 0)
    assert budgets.unknown("b-1", names | {4}, 0) == 1
    assert budgets.unknown("b-2", names, 0) == 3


def test_invented_boxes_take_no_memory_without_bound() -> None:
    budgets = Budgets()
    for number in range(BOXES_KEPT + 100):
        budgets.take(f"b-{number}", {Resource.ROWS: 1}, 0)
    assert len(budgets._accounts) == BOXES_KEPT


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 2_000_000), st.floats(0, 30, allow_subnormal=False)), max_size=80
    )
)
def test_no_box_gets_more_than_its_burst_and_rate_and_every_one_gets_on(
    steps: list[tuple[int, float]],
) -> None:
    budgets, allowance = Budgets(), ALLOWANCES[Resource.ROWS]
    now, taken, largest = 0.0, 0.0, 0
    for rows, pause in steps:
        now += pause
        if budgets.lacking("b-1", now) is not None:
            continue
        lacking = budgets.take("b-1", {Resource.ROWS: rows}, now)
        if lacking is None:
            taken, largest = taken + rows, max(largest, rows)
        else:
            assert SHORTEST_S - 1e-6 <= budgets.pause_left("b-1", now) <= LONGEST_S + 1e-6
    most = allowance.burst + now * allowance.per_minute / 60
    assert taken <= most + max(0.0, largest - allowance.burst) + 1
    for _ in range(10):
        now += LONGEST_S
        if budgets.take("b-1", {Resource.ROWS: 2_000_000}, now) is None:
            return
    pytest.fail("never taken")


# --- costs and parts ------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(counts=st.lists(st.integers(0, 400), max_size=12), rows=st.integers(1, 1_500))
def test_the_parts_of_a_message_say_together_what_it_says(counts: list[int], rows: int) -> None:
    sender = Sender("b-1")
    message = sender.batch(
        Lane.DATA,
        [
            (
                sender.number(Lane.DATA),
                encode_record(DataRecord(table_id(WIDE), n, [7] * max(1, count))),
            )
            for n, count in enumerate(counts)
        ],
    )
    found = opened(message, rows)
    whole = decode(Batch, message.body)
    batches = [decode(Batch, part.message.body) for part in found.parts]
    assert tuple(item for batch in batches for item in batch.items) == whole.items
    assert {(b.epoch, b.ordinal, b.lane, b.boot) for b in batches} == {
        (whole.epoch, whole.ordinal, whole.lane, whole.boot)
    }
    for part, batch in zip(found.parts, batches, strict=True):
        assert part.message.topic == message.topic
        assert len(batch.items) <= 1 or part.rows <= rows + 10
    assert found.size >= len(message.body)


def test_tables_are_counted_by_name_and_come_apart() -> None:
    tables = tuple(Table(f"d{n}", (Column("jobs", "", 0),)) for n in range(1_200))
    found = opened(Sender("b-1").tables(*tables))
    assert len(found.parts) == 3
    assert sum(len(part.devices) for part in found.parts) == 1_200
    assert sum(len(part.tables) for part in found.parts) == 1_200
    came = [t for part in found.parts for t in decode(Tables, part.message.body).tables]
    assert tuple(came) == tables


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("kanmon/1/b-1/up/data", b"\xc1"),
        ("kanmon/1/b-1/up/data", b"x\x9c\x00"),
        ("kanmon/1/b-1/up/data", b""),
        ("kanmon/1/b-1/up/reply", b"x"),
        ("elsewhere", b"\x90"),
    ],
)
def test_what_cannot_be_decoded_is_one_part(topic: str, body: bytes) -> None:
    message = IncomingMessage(topic=topic, body=body)
    (part,) = opened(message).parts
    assert part.message is message


def test_empty_time_runs_are_not_free() -> None:
    sender = Sender("b-1")
    record = DataRecord(table_id(WIDE), 1, [7], None, ((0, 0),) * 300 + ((1, 0),))
    message = sender.batch(Lane.DATA, [(0, encode_record(record))])
    assert opened(message).parts[0].rows > 300


# --- turns ----------------------------------------------------------------------------------


@dataclass
class Bench:
    """An inbox in virtual time, a store that takes so long for each row, and what became of all."""

    row_s: float = ROW_S
    now: float = 0.0
    stored: list[IncomingMessage] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    turns: list[Turn] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.inbox = Inbox(Budgets(), 400, lambda: self.now)

    async def put(self, message: IncomingMessage) -> None:
        def ack() -> None:
            self.acknowledged[message.topic.split("/")[2]] += 1

        await self.inbox.put(
            Message(topic=message.topic, payload=message.body, retain=False, ack=ack)
        )

    def step(self) -> Turn:
        """One transaction; the clock goes on by what it takes."""
        turn = self.inbox.take()
        if turn.parts:
            seconds = FIXED_S + self.row_s * sum(part.rows for part in turn.parts)
            self.now += seconds
            self.inbox.charge(turn.parts, seconds)
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
        assert max(delays) <= 2.5 * TURN_COMMITS * FIXED_S

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


def test_small_messages_of_many_boxes_share_a_transaction() -> None:
    async def work() -> None:
        bench = Bench()
        for n in range(40):
            await bench.put(Sender(f"b-{n}").send(Lane.DATA, meter(1, 1, 2, 3)))
        assert len(bench.step().parts) == 40

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
)
def test_every_record_is_stored_once_when_boxes_send_again_what_is_unanswered(
    sizes: list[tuple[str, int, int]], row_s: float
) -> None:
    async def work() -> None:
        bench = Bench(row_s=row_s)
        bench.inbox = Inbox(Budgets(0.01), 400, lambda: bench.now)
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
            bench.now += 2
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


def test_a_part_is_small_unless_one_record_is_large() -> None:
    assert max(part.rows for part in opened(polls(Sender("b-1"), 100)).parts) <= PART_ROWS + 10
