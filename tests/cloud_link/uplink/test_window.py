"""The uplink's state machine alone: in virtual time, against every kind of portal."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_link.limits import MESSAGE_LIMIT
from cloud_link.uplink.model import UplinkLimits
from cloud_link.uplink.window import InFlightBatch, Window
from cloud_link.wire import (
    VERSION,
    Ack,
    Lane,
    encode,
)
from tests.cloud_link.virtual_box import EPOCH, LIMITS, TABLE, Box, named, runs


def test_lanes_go_in_order_and_a_message_holds_one_lane_epoch_and_boot() -> None:
    box = Box()
    box.add(Lane.DATA)
    box.add(Lane.DATA, boot=b"boot-002")
    box.add(Lane.BOUNDARY)
    box.add(Lane.EVENT)
    box.add(Lane.GAP)
    sent = box.send(box.connect())
    assert [batch.lane for batch in sent] == [0, 1, 2, 3, 3]
    for batch in sent:
        assert len({(r.epoch, r.boot, r.lane) for r in batch.records.values()}) == 1


def test_events_pass_while_data_fills_its_window() -> None:
    box = Box()
    for _ in range(100):
        box.add(Lane.DATA)
    window = box.connect()
    box.send(window)
    full = window.in_flight_bytes
    assert (
        LIMITS.window_bytes - LIMITS.batch_bytes <= full <= LIMITS.window_bytes + LIMITS.batch_bytes
    )
    box.add(Lane.EVENT)
    window.appended()
    assert [batch.lane for batch in box.send(window)] == [Lane.EVENT]


def test_fresh_data_passes_a_backlog_that_fills_its_share() -> None:
    box = Box()
    for _ in range(5_000):
        box.add(Lane.DATA)
    window = box.connect()
    waiting = box.send(window)
    behind: list[int] = []
    for _ in range(200):
        fresh = box.add(Lane.DATA)
        window.appended()
        before = 0
        while True:
            sent = box.send(window)
            if fresh.seq in named(sent):
                before += named(sent).index(fresh.seq) // 4
                waiting += sent
                break
            waiting += sent
            before += len(sent)
            box.ack(window, waiting.pop(0))
        behind.append(before)
        box.ack(window, waiting.pop(0))
    assert max(behind) <= 1, "at most the one message whose turn it is"
    assert sum(behind) < len(behind) / 5
    assert len(box.rows[Lane.DATA]) < 5_200 - 300, "and the backlog moves on all the same"


def test_more_fresh_data_than_the_link_carries_starves_no_backlog() -> None:
    box = Box(
        limits=UplinkLimits(
            window_bytes=2_000,
            batch_bytes=500,
            read_bytes=1_000,
            fresh_run_bytes=1_000,
            lag_records=10_000,
        )
    )
    old = {box.add(Lane.DATA).seq for _ in range(100)}
    window = box.connect()
    waiting: list[InFlightBatch] = []
    for _ in range(400):
        for _ in range(10):
            box.add(Lane.DATA)
        window.appended()
        waiting += box.send(window)
        box.ack(window, waiting.pop(0))
    left = {seq & 0xFFFF for seq in box.rows[Lane.DATA]} & old
    assert not left


def test_a_fresh_cursor_that_falls_behind_jumps_to_the_newest() -> None:
    box = Box()
    window = box.connect()
    first = [box.add(Lane.DATA) for _ in range(30)]
    window.appended()
    waiting = box.send(window)
    for _ in range(300):
        box.add(Lane.DATA)
    window.appended()
    while waiting:
        box.ack(window, waiting.pop(0))
        waiting += box.send(window)
        newest = box.add(Lane.DATA)
        window.appended()
        sent = box.send(window)
        waiting += sent
        if newest.seq in named(sent):
            break
    else:
        pytest.fail("the newest was never sent")
    assert newest.seq > 300
    assert len(box.rows[Lane.DATA]) > 200, "long before all the others"
    drain(box, window, waiting)
    assert not box.rows[Lane.DATA], "and none was skipped"
    assert first[0].seq == 1


def drain(box: Box, window: Window, waiting: list[InFlightBatch]) -> None:
    for _ in range(100_000):
        waiting += box.send(window)
        if not waiting:
            return
        batch = waiting.pop(0)
        if batch.records:
            box.ack(window, batch)
    pytest.fail("it never ends")


def test_one_lost_record_is_sent_again_alone_and_waits_longer_each_time() -> None:
    box = Box()
    window = box.connect()
    lost = box.add(Lane.DATA)
    window.appended()
    assert named(box.send(window)) == [lost.seq]
    sent_at = [box.now]
    while len(sent_at) < 4:
        box.now += 1_000
        box.add(Lane.DATA)
        window.appended()
        for batch in box.send(window):
            if lost.seq in named([batch]):
                sent_at.append(box.now)
                rest = [seq for seq in named([batch]) if seq != lost.seq]
                box.ack(window, batch, ok=runs(rest))
            else:
                box.ack(window, batch)
        assert window.breaker.until is None
    waits = [later - earlier for earlier, later in pairwise(sent_at)]
    assert waits == [15_000, 30_000, 60_000]


def test_a_table_goes_before_its_first_record_and_again_when_asked_for() -> None:
    box = Box()
    window = box.connect()
    one, two = box.add(Lane.DATA, table=TABLE), box.add(Lane.DATA, 450, table=TABLE)
    window.appended()
    first, second = box.send(window)
    assert (first.tables, second.tables) == ((TABLE,), ())
    urgent = box.ack(window, first, ok=(), need_table=((one.seq, TABLE),))
    urgent += box.ack(window, second, ok=(), need_table=((two.seq, TABLE),))
    assert urgent == [TABLE], "once, not for every record in flight"
    assert sorted(named(box.send(window))) == [one.seq, two.seq]


def test_a_portal_that_never_keeps_a_table_gets_the_spool_in_drops() -> None:
    box = Box()
    for _ in range(1_000):
        box.add(Lane.DATA, table=TABLE)
    window = box.connect()
    messages = 0
    while box.now < 3_600_000:
        for batch in box.send(window):
            messages += 1
            seqs = named([batch])
            box.ack(window, batch, ok=(), need_table=tuple((seq, TABLE) for seq in seqs))
        box.now = max(window.wake_at(box.now) or 0, box.now + 1)
    assert messages < 60, "in an hour"
    assert len(window.known_ids) < 60, "and memory stays small"


def test_a_record_whose_table_is_gone_is_not_sent_again() -> None:
    box = Box()
    window = box.connect()
    record = box.add(Lane.DATA, table=b"another1")
    window.appended()
    (batch,) = box.send(window)
    box.ack(window, batch, ok=(), need_table=((record.seq, b"another1"),))
    assert window.in_flight == 0
    assert not box.send(window)


def test_a_conflict_forgets_the_old_name_and_pauses() -> None:
    box = Box()
    window = box.connect()
    record = box.add(Lane.EVENT)
    window.appended()
    (batch,) = box.send(window)
    del box.rows[Lane.EVENT][record.id]
    renamed = box.add(Lane.EVENT, epoch=b"epoch-02")
    window.appended()
    box.ack(window, batch, ok=(), conflict=(record.seq,))
    assert not box.send(window), "each conflict costs a new epoch: not in a tight loop"
    assert window.breaker.until is not None
    box.now = window.breaker.until
    assert [(r.epoch, r.seq) for s in box.send(window) for r in s.records.values()] == [
        (b"epoch-02", renamed.seq)
    ]


def test_absurd_acknowledgements_do_nothing() -> None:
    box = Box()
    record = box.add(Lane.DATA)
    window = box.connect()
    box.send(window)
    for ack in (
        Ack(VERSION, b"unknown!", Lane.DATA, ok=((0, 2**63 - 1),)),
        Ack(VERSION, EPOCH, Lane.EVENT, ok=((0, 2**63 - 1),)),
        Ack(VERSION, EPOCH, Lane.DATA, ok=((5, 2),), rejected=((-4, "x"),), conflict=(99, -1)),
        Ack(VERSION, EPOCH, Lane.DATA, need_table=((77, TABLE),)),
    ):
        window.on_ack(ack, [], box.now)
    assert window.in_flight == 1
    window.on_ack(Ack(VERSION, EPOCH, Lane.DATA, ok=((-(2**63), 2**63 - 1),)), [], 1)
    assert window.in_flight == 0
    assert record.id not in window.known_ids


Answer = st.sampled_from(
    ["ok", "rejected", "silent", "need_table", "refused", "some", "twice", "wait"]
)


@settings(max_examples=150, deadline=None)
@given(
    before=st.lists(st.tuples(st.sampled_from(Lane), st.integers(1, 900)), max_size=60),
    during=st.lists(
        st.tuples(st.sampled_from(Lane), st.integers(1, 900), Answer, st.integers(0, 20_000)),
        max_size=60,
    ),
)
def test_whatever_the_portal_does_every_record_arrives_and_nothing_leaks(
    before: list[tuple[Lane, int]], during: list[tuple[Lane, int, str, int]]
) -> None:
    box = Box()
    for lane, size in before:
        box.add(lane, size, table=TABLE if lane is Lane.DATA else None)
    window = box.connect()
    waiting: list[InFlightBatch] = []
    for lane, size, answer, later in during:
        box.add(lane, size, table=TABLE if lane is Lane.DATA else None)
        window.appended()
        waiting += box.send(window)
        for flying in window._lane_bytes.values():
            assert flying <= box.limits.window_bytes + 1_000, (
                "in flight at most a window and a record"
            )
        box.now += later
        if waiting:
            answer_with(box, window, waiting.pop(0), answer)
    settle_all(box, window, waiting)
    assert not any(box.rows.values()), "every record arrived"
    assert not window.known_ids
    assert not +window._tries
    assert window.in_flight == window.in_flight_bytes == 0
    assert not window._batches


def answer_with(box: Box, window: Window, batch: InFlightBatch, answer: str) -> None:
    seqs = named([batch])
    if not seqs or answer == "silent":
        return
    if answer == "refused":
        window.on_refused(batch, box.now)
    elif answer == "need_table":
        box.ack(window, batch, ok=(), need_table=tuple((seq, TABLE) for seq in seqs))
        if batch.lane is not Lane.DATA:  # the spool gave them up, as it says in its answer
            for seq in seqs:
                box.rows[batch.lane].pop(seq + (int(batch.lane) << 40), None)
    elif answer == "some":
        box.ack(window, batch, ok=runs(seqs[::2]))
    elif answer == "wait":
        box.ack(window, batch, ok=runs(seqs[::2]), wait_ms=2_000)
    elif answer == "rejected":
        for seq in seqs:
            box.rows[batch.lane].pop(seq + (int(batch.lane) << 40), None)
        box.ack(window, batch, ok=(), rejected=tuple((seq, "misfit") for seq in seqs))
    else:
        ack = Ack(VERSION, EPOCH, batch.lane, ok=runs(seqs))
        for seq in seqs:
            box.rows[batch.lane].pop(seq + (int(batch.lane) << 40), None)
        for _ in range(2 if answer == "twice" else 1):
            window.on_ack(ack, [], box.now)


def settle_all(box: Box, window: Window, waiting: list[InFlightBatch]) -> None:
    """From here on the portal takes everything it gets."""
    for _ in range(10_000):
        waiting += box.send(window)
        if waiting:
            answer_with(box, window, waiting.pop(0), "ok")
            continue
        wake = window.wake_at(box.now)
        if wake is None:
            return
        box.now = max(wake, box.now + 1)
    pytest.fail("it never ends")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 60_000), max_size=40))
def test_every_message_fits_the_limit(sizes: list[int]) -> None:
    box = Box(limits=UplinkLimits())
    for size in sizes:
        box.add(Lane.DATA, size)
    window = box.connect()
    while sent := box.send(window):
        for batch in sent:
            assert len(encode(batch.to_wire(VERSION))) <= MESSAGE_LIMIT
            box.ack(window, batch)
    assert not box.rows[Lane.DATA]
