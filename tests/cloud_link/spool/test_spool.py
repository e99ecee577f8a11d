"""The spool's promises, one at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud_link.records import table_id
from cloud_link.spool.gaps import MOST_RANGES, Loss, OpenGap
from cloud_link.spool.model import SpoolError, SpoolLimits, SpoolLockedError
from cloud_link.spool.spool import Spool
from cloud_link.wire import VERSION, Ack, Lane
from tests.faults.spool_child import BOOT, SMALL, TABLES, all_pending, entry, gaps, settle

ROOT = Path(__file__).parents[3]


def test_numbers_grow_per_lane_and_are_never_reused(open_spool: Callable[..., Spool]) -> None:
    spool = open_spool()
    assert spool.append([entry(Lane.DATA, 1), entry(Lane.EVENT, 2), entry(Lane.DATA, 3)]) == (
        0,
        0,
        1,
    )
    settle(spool, Ack(VERSION, spool.epoch, Lane.DATA, ok=((0, 1),)))
    assert spool.append([entry(Lane.DATA, 4)]) == (2,)
    assert spool.next_seqs() == {Lane.GAP: 0, Lane.EVENT: 1, Lane.BOUNDARY: 0, Lane.DATA: 3}
    first, ordinal = spool.epoch, spool.ordinal
    spool = open_spool()
    assert spool.epoch != first
    assert spool.ordinal == ordinal + 1
    assert [(one.epoch, one.seq) for one in all_pending(spool)] == [(first, 0), (first, 2)]


def test_several_acknowledgements_are_settled_in_one_transaction_in_their_order(
    open_spool: Callable[..., Spool],
) -> None:
    spool = open_spool()
    spool.append([entry(Lane.DATA, i) for i in range(6)])
    first = spool.epoch
    outcomes = settle(
        spool,
        Ack(VERSION, first, Lane.DATA, ok=((0, 1),)),
        Ack(VERSION, first, Lane.DATA, ok=((0, 2),), conflict=(4,)),
        Ack(VERSION, first, Lane.DATA, conflict=(5,)),
    )
    assert [(o.ok, o.renumbered, o.new_epoch) for o in outcomes] == [
        (2, 0, False),
        (1, 1, True),
        (0, 1, True),
    ]
    # Each conflict has begun an epoch of its own, beyond the one before it.
    assert [(one.ordinal, one.seq) for one in all_pending(spool)] == [(1, 3), (2, 0), (3, 0)]
    assert spool.ordinal == 3
    assert spool.settle_all([]) == []


def test_pending_is_read_in_order_and_in_bounded_pieces(open_spool: Callable[..., Spool]) -> None:
    spool = open_spool()
    spool.append([entry(Lane.DATA, i, 100) for i in range(10)])
    some = spool.pending(Lane.DATA, after=0, limit_bytes=350)
    assert [one.seq for one in some] == [0, 1, 2]
    assert [one.seq for one in spool.pending(Lane.DATA, after=some[-1].id, limit_bytes=1)] == [3]
    assert spool.newest_id(Lane.DATA) == list(all_pending(spool))[-1].id
    assert some[0].table == table_id(TABLES[0])
    assert some[0].boot == BOOT


def test_absurd_acknowledgements_do_nothing(open_spool: Callable[..., Spool]) -> None:
    spool = open_spool()
    spool.append([entry(Lane.DATA, i) for i in range(3)])
    for ack in (
        Ack(VERSION, b"stranger", Lane.DATA, ok=((0, 2**64 - 1),), renew=2**60),
        Ack(VERSION, spool.epoch, Lane.EVENT, ok=((0, 2**64 - 1),)),
        Ack(VERSION, spool.epoch, Lane.DATA, ok=((9, 2**64 - 1), (-5, -1), (2, 1))),
        Ack(VERSION, spool.epoch, Lane.DATA, rejected=((-1, "x"), (3, "x"), (2**64 - 1, "x"))),
        Ack(VERSION, spool.epoch, Lane.DATA, conflict=(-1, 3, 2**64 - 1), renew=2**63),
        Ack(VERSION, spool.epoch, Lane.DATA, need_table=((7, b""), (-1, b""))),
    ):
        before = spool.generation
        (settled,) = settle(spool, ack)
        assert (settled.ok, settled.rejected, settled.renumbered) == (0, 0, 0)
        assert not settled.new_epoch
        assert spool.generation == before
    whole = Ack(VERSION, spool.epoch, Lane.DATA, ok=tuple((0, 2**63) for _ in range(5_000)))
    assert spool.settle(whole).ok == 3


def test_rejected_is_counted_across_restarts(open_spool: Callable[..., Spool]) -> None:
    spool = open_spool()
    spool.append([entry(Lane.DATA, i) for i in range(3)])
    settle(spool, Ack(VERSION, spool.epoch, Lane.DATA, rejected=((1, "misfit"),)))
    assert open_spool().stats().rejected == 1


def test_the_cap_drops_gauges_first_and_billing_counters_last(
    open_spool: Callable[..., Spool],
) -> None:
    spool = open_spool()
    for lane in (Lane.BOUNDARY, Lane.EVENT, Lane.DATA):
        for turn in range(6):
            spool.append([entry(lane, turn * 10 + i, 1000) for i in range(4)])
    before = spool.generation
    for turn in range(40):
        spool.append([entry(Lane.EVENT, 1000 + turn * 10 + i, 1000) for i in range(4)])
    dropped = spool.stats().dropped
    assert dropped[Lane.DATA] == 24
    assert dropped[Lane.EVENT] > 0
    assert dropped[Lane.BOUNDARY] == dropped[Lane.GAP] == 0
    assert spool.generation > before
    told = {gap.lane: gap for gap in gaps(spool)}
    assert told[Lane.DATA].ranges == ((0, 23),)
    assert told[Lane.DATA].readings == 48
    assert told[Lane.DATA].first == (BOOT, 0)
    assert told[Lane.DATA].last == (BOOT, 53)
    assert len(told[Lane.EVENT].ranges) == 1, "drops coalesce"
    assert told[Lane.EVENT].records == dropped[Lane.EVENT]


def test_the_files_stay_within_the_cap_and_belong_to_the_owner(
    open_spool: Callable[..., Spool], tmp_path: Path
) -> None:
    spool = open_spool()
    for turn in range(200):
        spool.append([entry(Lane.DATA, turn * 10 + i, 900) for i in range(8)])
    folder = tmp_path / "s"
    used = sum((folder / name).stat().st_size for name in ("spool.db", "spool.db-wal"))
    assert used <= SMALL.cap_bytes * 1.1
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o077 for file in folder.iterdir()} == {0}


def test_facts_and_sessions_outlive_a_restart(open_spool: Callable[..., Spool]) -> None:
    spool = open_spool()
    spool.remember("configuration", b"digest")
    assert spool.recall("nothing") is None
    session = spool.next_session()
    spool = open_spool()
    assert spool.recall("configuration") == b"digest"
    assert spool.next_session() == session + 1


def test_a_second_opener_is_told_who_is_there(
    open_spool: Callable[..., Spool], tmp_path: Path
) -> None:
    open_spool()
    code = (
        "import sys; from pathlib import Path; from cloud_link.spool.model import *\n"
        "from cloud_link.spool.spool import Spool\n"
        "try: Spool.open(Path(sys.argv[1]), boot=bytes(8), limits=SpoolLimits())\n"
        "except SpoolLockedError as error: print(error.pid, error)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "s")]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"{os.getpid()} ")
    assert "Stop that process" in said
    with pytest.raises(SpoolLockedError):
        Spool.open(tmp_path / "s", boot=BOOT, limits=SMALL)


def test_an_unusable_folder_says_what_to_check(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("not a folder")
    with pytest.raises(SpoolError, match="can write to the folder"):
        Spool.open(tmp_path / "s", boot=BOOT, limits=SMALL)


def test_a_restored_copy_gives_no_number_out_again(
    open_spool: Callable[..., Spool], tmp_path: Path
) -> None:
    spool = open_spool()
    spool.append([entry(Lane.DATA, 1)])
    spool.close()
    copy = (tmp_path / "s" / "spool.db").read_bytes()
    spool = Spool.open(tmp_path / "s", boot=BOOT, limits=SMALL)
    lost_time = spool.epoch
    spool.append([entry(Lane.DATA, 2)])
    spool.close()
    (tmp_path / "s" / "spool.db").write_bytes(copy)
    (tmp_path / "s" / "epoch.json").unlink()
    spool = Spool.open(tmp_path / "s", boot=BOOT, limits=SMALL)
    assert spool.epoch != lost_time
    asked = spool.ordinal + 7
    oldest = next(all_pending(spool)).epoch
    assert spool.settle(Ack(VERSION, oldest, Lane.DATA, renew=asked)).new_epoch
    assert spool.ordinal == asked + 1
    spool.close()


def test_long_past_the_cap_the_newest_data_stand_and_little_is_said_again(
    open_spool: Callable[..., Spool],
) -> None:
    """Whoever says everything again at each new generation must not fill the spool with it."""
    spool = open_spool()
    generation, rounds, repeated = spool.generation, 3_000, 0
    for turn in range(rounds):
        spool.append([entry(Lane.DATA, turn, 500)])
        if spool.generation != generation:
            generation, repeated = spool.generation, repeated + 1
            spool.append([entry(Lane.EVENT, turn, 3_000)])
    stats = spool.stats()
    assert stats.dropped[Lane.DATA] > rounds // 2
    assert stats.dropped[Lane.EVENT] == 0
    assert repeated == 1
    newest = [one.seq for one in all_pending(spool) if one.lane is Lane.DATA]
    assert newest == list(range(rounds - len(newest), rounds))
    assert len(newest) > 100
    spool.seal_gaps()
    assert spool.generation > generation, "what stood in what was dropped is said once more"


def test_events_of_a_long_outage_leave_room_for_data(open_spool: Callable[..., Spool]) -> None:
    spool = open_spool(
        SpoolLimits(cap_bytes=1 << 20, gap_reserve_bytes=65_536, reserve_file_bytes=65_536)
    )
    for turn in range(2_000):
        spool.append([entry(Lane.EVENT, turn, 1_500), entry(Lane.DATA, turn, 500)])
    stats = spool.stats()
    assert stats.dropped[Lane.EVENT] > 1_000
    assert stats.records[Lane.DATA] > 100
    assert stats.records[Lane.EVENT] > 100
    kept = [one.seq for one in all_pending(spool)]
    assert max(kept) == 1_999


def test_a_gap_never_has_more_than_64_ranges() -> None:
    def loss(seq: int) -> Loss:
        at = (BOOT, seq)
        return Loss(
            ordinal=1,
            lane=Lane.DATA,
            reason="cap",
            run=(seq, seq),
            records=1,
            readings=1,
            first=at,
            last=at,
        )

    gap = OpenGap.of(loss(0))
    for seq in range(2, 2 * MOST_RANGES, 2):
        grown = gap.joined(OpenGap.of(loss(seq)))
        assert grown is not None
        gap = grown
    assert len(gap.ranges) == MOST_RANGES
    assert gap.joined(OpenGap.of(loss(500))) is None
    assert (gap.first, gap.last) == ((BOOT, 0), (BOOT, 126))
