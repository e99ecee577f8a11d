"""What gaps cost in a long outage, and what they never name: records on their way."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pytest

from cloud_link.records import (
    ClockRecord,
    Column,
    DataRecord,
    GapRecord,
    Table,
    decode_record,
    encode_record,
    table_id,
)
from cloud_link.spool.model import Entry, SpoolLimits
from cloud_link.spool.spool import Spool
from cloud_link.uplink.start import SessionStart
from cloud_link.wire import VERSION, Ack, Lane

if TYPE_CHECKING:
    from pathlib import Path

BOOT: Final = b"12345678"
LIMITS: Final = SpoolLimits(
    cap_bytes=400 * 1024, gap_reserve_bytes=100 * 1024, reserve_file_bytes=0
)
TABLE: Final = Table("meter", (Column("power.active", "l1", 0),))
_choice = random.Random(3)


def entry(lane: Lane, at: int) -> Entry:
    if lane is Lane.EVENT:
        body = encode_record(ClockRecord(at, _choice.randrange(2**40), synchronised=True))
        return Entry(lane=lane, body=body, at=at, readings=0)
    values: list[int | str | None] = [_choice.randrange(2**60) for _ in range(60)]
    body = encode_record(DataRecord(table_id(TABLE), at, values))
    return Entry(lane=lane, body=body, at=at, readings=60, table=TABLE)


@pytest.fixture
def open_spool(tmp_path: Path) -> Callable[[], Spool]:
    return lambda: Spool.open(tmp_path / "spool", boot=BOOT, limits=LIMITS)


def pending(spool: Spool, lane: Lane) -> list[int]:
    return [one.id for one in spool.pending(lane, after=0, limit_bytes=1 << 30)]


def announced(spool: Spool) -> list[GapRecord]:
    found = []
    for one in spool.pending(Lane.GAP, after=0, limit_bytes=1 << 30):
        record = decode_record(one.body)
        assert isinstance(record, GapRecord)
        found.append(record)
    return found


def month(spool: Spool, attempts: int, attempt: Callable[[Spool], object]) -> Counter[Lane]:
    """An outage in which every attempt to connect follows drops; returns how many were dropped."""
    for n in range(attempts):
        lanes = [Lane.DATA] * 30 + [Lane.EVENT] * 3 + [Lane.BOUNDARY] * (n % 2)
        spool.append([entry(lane, n) for lane in lanes])
        attempt(spool)
    dropped = spool.stats().dropped
    assert dropped[Lane.DATA] > attempts
    return Counter(dropped)


@pytest.mark.parametrize("attempts", [60, 240])
def test_a_month_offline_costs_one_gap_record_a_span(
    open_spool: Callable[[], Spool], attempts: int
) -> None:
    spool = open_spool()
    dropped = month(spool, attempts, SessionStart.begin)
    assert not announced(spool), "there was no portal to be told"
    spool.seal_gaps()
    gaps = announced(spool)
    assert Counter(gap.lane for gap in gaps) == dict.fromkeys(
        (lane for lane in dropped if dropped[lane]), 1
    )
    assert {gap.lane: gap.records for gap in gaps} == {
        int(lane): count for lane, count in dropped.items() if count
    }
    assert all(len(gap.ranges) == 1 for gap in gaps)
    spool.close()


def test_gaps_that_were_sealed_and_not_handed_out_go_on_growing(
    open_spool: Callable[[], Spool],
) -> None:
    spool = open_spool()
    dropped = month(spool, 150, Spool.seal_gaps)
    spool.seal_gaps()
    size = sum(len(one.body) for one in spool.pending(Lane.GAP, after=0, limit_bytes=1 << 30))
    gaps = announced(spool)
    assert {gap.lane: gap.records for gap in gaps} == {
        int(lane): count for lane, count in dropped.items() if count
    }
    assert len(gaps) == len([lane for lane in dropped if dropped[lane]])
    assert size < 1_000
    spool.close()


def test_a_gap_record_that_was_handed_out_never_changes(open_spool: Callable[[], Spool]) -> None:
    spool = open_spool()
    month(spool, 60, lambda _: None)
    spool.seal_gaps()
    bodies = [one.body for one in spool.pending(Lane.GAP, after=0, limit_bytes=1 << 30)]
    assert spool.announces()
    month(spool, 60, lambda _: None)
    spool.seal_gaps()
    after = [one.body for one in spool.pending(Lane.GAP, after=0, limit_bytes=1 << 30)]
    assert after[: len(bodies)] == bodies
    assert len(after) > len(bodies)
    spool.close()
    spool = open_spool()
    spool.append([entry(Lane.DATA, 1) for _ in range(400)])
    spool.seal_gaps()
    later = [one.body for one in spool.pending(Lane.GAP, after=0, limit_bytes=1 << 30)]
    assert later[: len(after)] == after, "an earlier process may have sent them"
    spool.close()


def test_records_in_flight_are_never_announced_as_dropped(
    open_spool: Callable[[], Spool],
) -> None:
    spool = open_spool()
    numbers = spool.append([entry(Lane.DATA, n) for n in range(100)])
    read = spool.pending(Lane.DATA, after=0, limit_bytes=1 << 30)
    flight = read[:20] + read[50:60]
    spool.hold(frozenset(one.id for one in flight))
    month(spool, 60, lambda _: None)
    left = set(pending(spool, Lane.DATA))
    assert {one.id for one in flight} <= left
    assert left.isdisjoint({one.id for one in read} - {one.id for one in flight})
    spool.seal_gaps()
    named = {
        seq
        for gap in announced(spool)
        if gap.lane == Lane.DATA
        for first, last in gap.ranges
        for seq in range(first, last + 1)
    }
    sent = {one.seq for one in flight}
    assert named & set(numbers) == set(numbers) - sent
    runs = tuple((one.seq, one.seq) for one in flight)
    assert spool.settle(Ack(VERSION, spool.epoch, Lane.DATA, ok=runs)).ok == len(flight)
    spool.close()


def test_what_arrives_although_it_had_to_be_dropped_leaves_the_open_gap(
    open_spool: Callable[[], Spool],
) -> None:
    spool = open_spool()
    spool.append([entry(Lane.DATA, n) for n in range(200)])
    sent = spool.pending(Lane.DATA, after=0, limit_bytes=1 << 30)
    spool.close()
    spool = open_spool()  # which does not know what the process before it had sent
    spool.append([entry(Lane.DATA, n) for n in range(1000)])
    left = set(pending(spool, Lane.DATA))
    gone = [one.seq for one in sent if one.id not in left]
    assert gone
    arrived = gone[::3]
    epoch = sent[0].epoch
    spool.settle(Ack(VERSION, epoch, Lane.DATA, ok=tuple((n, n) for n in arrived)))
    spool.seal_gaps()
    named = {
        seq
        for gap in announced(spool)
        if gap.epoch == epoch
        for first, last in gap.ranges
        for seq in range(first, last + 1)
    }
    assert named.isdisjoint(arrived)
    assert set(gone) - set(arrived) <= named
    spool.close()


def test_a_gap_names_nothing_that_was_delivered_in_between(tmp_path: Path) -> None:
    """Such a number is one that a portal may lose: then it must ask for it."""
    limits = SpoolLimits(
        cap_bytes=400 * 1024, gap_reserve_bytes=100 * 1024, reserve_file_bytes=0, retained_bytes=0
    )
    spool = Spool.open(tmp_path / "spool", boot=BOOT, limits=limits)
    spool.append([entry(Lane.DATA, n) for n in range(300)])
    pending(spool, Lane.DATA)
    delivered = ((100, 119), (200, 209))
    assert spool.settle(Ack(VERSION, spool.epoch, Lane.DATA, ok=delivered)).ok == 30
    spool.hold(frozenset())
    month(spool, 60, lambda _: None)
    spool.seal_gaps()
    (gap,) = (one for one in announced(spool) if one.lane == Lane.DATA)
    assert gap.ranges[:2] == ((0, 99), (120, 199))
    assert gap.records == sum(last - first + 1 for first, last in gap.ranges)
    gone = spool.settle(Ack(VERSION, spool.epoch, Lane.DATA, resend=((0, 250),))).gone
    assert gone == 30
    spool.seal_gaps()
    (lost,) = (one for one in announced(spool) if one.reason == "portal")
    assert lost.ranges == delivered
    spool.close()
