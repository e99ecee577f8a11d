"""Records that a portal asks for again: what is retained, what is gone, and where it ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloud_link.spool.model import SettleResult, SpoolLimits
from cloud_link.spool.resend import ALLOWANCE, BASE_ALLOWANCE
from cloud_link.spool.spool import Spool
from cloud_link.wire import VERSION, Ack, AcknowledgedEpoch, Lane
from tests.faults.spool_child import BOOT, all_pending, entry, gaps, settle

KEEPING = SpoolLimits(reserve_file_bytes=0)
Opener = Callable[..., Spool]


@pytest.fixture
def usual_limits() -> SpoolLimits:
    return KEEPING


def settled(spool: Spool, first: int, last: int, lane: Lane = Lane.DATA) -> SettleResult:
    return settle(spool, Ack(VERSION, spool.epoch, lane, ok=((first, last),)))[0]


def asked(spool: Spool, first: int, last: int, lane: Lane = Lane.DATA) -> SettleResult:
    return spool.settle(Ack(VERSION, spool.epoch, lane, resend=((first, last),)))


def numbers(spool: Spool) -> list[int]:
    return [one.seq for one in all_pending(spool) if one.lane is Lane.DATA]


def test_only_what_was_acknowledged_is_pending_again(open_spool: Opener) -> None:
    spool = open_spool()
    spool.append([entry(Lane.DATA, i) for i in range(20)])
    settled(spool, 5, 9)
    assert numbers(spool) == [*range(5), *range(10, 20)]
    stats = spool.stats()
    assert (stats.records[Lane.DATA], stats.retained[Lane.DATA]) == (15, 5)
    result = asked(spool, 0, 1 << 60)
    assert (result.resent, result.gone) == (5, 0)
    assert numbers(spool) == list(range(20))
    assert spool.stats().retained[Lane.DATA] == 0
    assert asked(spool, 0, 1 << 60) == SettleResult()
    assert not gaps(spool)


def test_what_is_not_kept_is_announced_once(open_spool: Opener) -> None:
    spool = open_spool(SpoolLimits(reserve_file_bytes=0, retained_bytes=0))
    spool.append([entry(Lane.DATA, i) for i in range(20)])
    settled(spool, 5, 9)
    result = asked(spool, 4, 12)
    assert (result.resent, result.gone) == (0, 5)
    assert asked(spool, 4, 12) == SettleResult()
    (gap,) = gaps(spool)
    assert (gap.reason, gap.ranges, gap.records) == ("portal", ((5, 9),), 5)
    assert gap.first == (BOOT, 4), "not older than what precedes them"
    assert gap.last == (BOOT, 10), "not newer than what follows"
    assert spool.stats().dropped[Lane.DATA] == 0, "the box has dropped nothing"


def test_of_what_is_not_kept_and_follows_nothing_only_the_end_is_known(open_spool: Opener) -> None:
    spool = open_spool(SpoolLimits(reserve_file_bytes=0, retained_bytes=0))
    spool.append([entry(Lane.DATA, i) for i in range(20)])
    settled(spool, 0, 9)
    assert asked(spool, 0, 12).gone == 10
    (gap,) = gaps(spool)
    assert (gap.first, gap.last) == ((bytes(8), 0), (BOOT, 10))


def test_retained_records_go_before_anything_pending(open_spool: Opener) -> None:
    spool = open_spool(
        SpoolLimits(cap_bytes=1 << 20, gap_reserve_bytes=65_536, reserve_file_bytes=0)
    )
    spool.append([entry(Lane.DATA, i, 1_000) for i in range(400)])
    settled(spool, 0, 399)
    assert spool.stats().retained[Lane.DATA] == 400
    for turn in range(15):
        spool.append([entry(Lane.DATA, 1_000 + i, 1_000) for i in range(turn * 30, turn * 30 + 30)])
    stats = spool.stats()
    assert stats.retained[Lane.DATA] < 400
    assert stats.dropped[Lane.DATA] == 0
    assert stats.records[Lane.DATA] == 450


def test_what_is_old_goes_as_the_boot_goes_on(open_spool: Opener) -> None:
    spool = open_spool(SpoolLimits(reserve_file_bytes=0, retained_ms=1_000))
    spool.append([entry(Lane.DATA, i * 100) for i in range(30)])
    settled(spool, 0, 29)
    assert spool.stats().retained[Lane.DATA] == 11
    assert asked(spool, 0, 29).gone == 19


def test_settling_costs_the_same_whatever_is_retained(open_spool: Opener) -> None:
    spool = open_spool(SpoolLimits(reserve_file_bytes=0, retained_ms=100_000))
    costs = []
    for first, last in ((0, 9), (10, 509), (510, 1_509)):  # the first expire as the last are made
        spool.append([entry(Lane.DATA, 100 * i) for i in range(first, last + 1)])
        settled(spool, first, last - 2)
        settled(spool, last - 1, last - 1)
        costs.append(_instructions(spool, last))
    assert spool.stats().retained[Lane.DATA] == 1_001
    assert max(costs[1:]) < 1.5 * costs[0]


def _instructions(spool: Spool, number: int) -> int:
    """Instructions of SQLite's that settling one record takes."""
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 1

    spool._database.db.set_progress_handler(count, 1)
    settled(spool, number, number)
    spool._database.db.set_progress_handler(None, 1)
    return counted


def test_a_portal_that_asks_without_end_is_not_answered_without_end(open_spool: Opener) -> None:
    spool = open_spool()
    spool.append([entry(Lane.DATA, i) for i in range(100)])
    sent = 0
    for _ in range(100):
        settled(spool, 0, 99)
        result = asked(spool, 0, 99)
        sent += result.resent
    assert result.exhausted
    assert sent <= BASE_ALLOWANCE + ALLOWANCE * 100 + 100
    first = spool.epoch
    spool = open_spool()
    spool.append([entry(Lane.EVENT, i) for i in range(50)])
    sent = 0
    for _ in range(20):
        settle(spool, Ack(VERSION, first, Lane.DATA, ok=((0, 99),)))
        again = spool.settle(Ack(VERSION, first, Lane.DATA, resend=((0, 99),)))
        sent += again.resent
    assert again.exhausted
    assert 0 < sent <= (1 + ALLOWANCE) * 50, (
        "only what is newly accepted pays, whichever side restarts"
    )


def test_what_was_never_read_for_sending_is_never_settled(open_spool: Opener) -> None:
    """Who forges an acknowledgement settles at most what is under way, and that is retained."""
    spool = open_spool()
    spool.append([entry(Lane.DATA, i) for i in range(100)])
    read = spool.pending(Lane.DATA, after=0, limit_bytes=3_000)
    everything = ((0, (1 << 40) - 1),)
    numbers_of_all = range(100)
    for forged in (
        Ack(VERSION, spool.epoch, Lane.DATA, conflict=tuple(numbers_of_all)[len(read) :]),
        Ack(
            VERSION,
            spool.epoch,
            Lane.DATA,
            rejected=tuple((n, "misfit") for n in numbers_of_all[len(read) :]),
        ),
        Ack(VERSION, spool.epoch, Lane.DATA, ok=everything),
    ):
        spool.settle(forged)
    assert numbers(spool) == list(range(len(read), 100))
    assert spool.stats().retained[Lane.DATA] == len(read)
    assert asked(spool, 0, 99).resent == len(read)
    assert numbers(spool) == list(range(100))


def test_how_far_it_is_acknowledged_spans_epochs_and_stops_at_what_is_unheard(
    open_spool: Opener,
) -> None:
    spool = open_spool()
    first = spool.epoch
    spool.append([entry(Lane.DATA, i) for i in range(10)])
    settled(spool, 0, 6)
    spool = open_spool()
    second = spool.epoch
    spool.append([entry(Lane.EVENT, i) for i in range(4)])
    assert told(spool) == {(first, Lane.DATA): 6}
    settled(spool, 0, 3, Lane.EVENT)
    settle(spool, Ack(VERSION, first, Lane.DATA, ok=((7, 9),)))
    assert told(spool) == {(first, Lane.DATA): 9, (second, Lane.EVENT): 3}
    spool.settle(Ack(VERSION, first, Lane.DATA, resend=((4, 5),)))
    assert told(spool)[first, Lane.DATA] == 3, "what was asked for is on its way"


def test_many_epochs_are_told_in_turns(open_spool: Opener) -> None:
    names = set()
    for turn in range(80):
        spool = open_spool()
        spool.append([entry(Lane.DATA, turn)])
        settled(spool, 0, 0)
        names.add(spool.epoch)
    parts = [spool.acknowledged() for _ in range(4)]
    assert max(map(len, parts)) == 64
    assert all(part[-1].epoch == spool.epoch for part in parts)
    assert {one.epoch for part in parts for one in part} == names


def told(spool: Spool) -> dict[tuple[bytes, int], int]:
    found: tuple[AcknowledgedEpoch, ...] = spool.acknowledged()
    return {(one.epoch, lane): last for one in found for lane, last in one.lanes.items()}
