"""A database that is damaged or vanished: what is saved of it, and what is announced."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud_link.spool.folder import SpoolFolder
from cloud_link.spool.model import SpoolDamagedError, SpoolError
from cloud_link.spool.schema import SCHEMA_VERSION, connect
from cloud_link.spool.spool import Spool
from cloud_link.wire import VERSION, Ack, Lane
from console.templates import spool as spool_words
from console.text import Message
from tests.faults.spool_child import BOOT, SMALL, all_pending, entry, gaps, in_gap, settle


def _filled(open_spool: Callable[..., Spool]) -> tuple[bytes, int]:
    spool = open_spool()
    for turn in range(10):
        spool.append([entry(Lane.DATA, turn * 10 + i) for i in range(10)])
    settle(spool, Ack(VERSION, spool.epoch, Lane.DATA, ok=((0, 9),)))
    epoch, ordinal = spool.epoch, spool.ordinal
    spool.next_session()
    spool.close()
    return epoch, ordinal


class _Refusing(SpoolFolder):
    """A folder whose file system lets nothing be renamed, for a while."""

    refusals = 0

    def quarantine(self) -> Path:
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.EROFS, "Read-only file system")
        return super().quarantine()


def test_a_replacement_that_the_disk_refuses_is_finished_later(tmp_path: Path) -> None:
    folder = _Refusing(tmp_path / "s")
    spool = Spool(folder, BOOT, SMALL)
    spool.append([entry(Lane.DATA, i) for i in range(50)])
    spool._database.disconnect()
    (tmp_path / "s" / "spool.db").write_bytes(b"no database" * 1000)
    for suffix in ("-wal", "-shm"):
        Path(f"{folder.database}{suffix}").unlink(missing_ok=True)
    folder.refusals = 4
    with pytest.raises(SpoolError, match="read-only file system"):
        spool.append([entry(Lane.DATA, 99)])
    while folder.refusals:
        with pytest.raises(SpoolError):
            spool.stats()
    spool.append([entry(Lane.DATA, 99)])
    assert {gap.reason for gap in gaps(spool)} == {"damaged", "disk"}
    spool.close()


def test_an_unreadable_file_is_set_aside_and_announced(
    open_spool: Callable[..., Spool], tmp_path: Path
) -> None:
    epoch, ordinal = _filled(open_spool)
    (tmp_path / "s" / "spool.db").write_bytes(b"no database" * 1000)
    spool = open_spool()
    assert len(list((tmp_path / "s").glob("damaged-20*.db"))) == 1
    assert spool.ordinal > ordinal
    assert spool.next_session() > 1
    announced = gaps(spool)
    assert {(gap.epoch, gap.reason) for gap in announced} == {(epoch, "damaged")}
    assert spool.append([entry(Lane.DATA, 1)]) == (0,)
    assert not gaps(open_spool())[len(announced) :], "announced once"


@pytest.mark.parametrize(
    ("pragma", "problem", "step"),
    [
        (
            "user_version=9",
            spool_words.OTHER_VERSION(found=9, known=SCHEMA_VERSION),
            spool_words.UPDATE(),
        ),
        ("application_id=7", spool_words.NOT_A_SPOOL(), spool_words.REMOVE_FILE()),
    ],
)
def test_a_database_that_is_not_this_spools_is_set_aside_with_its_reason(
    open_spool: Callable[..., Spool],
    tmp_path: Path,
    pragma: str,
    problem: Message,
    step: Message,
) -> None:
    _filled(open_spool)
    open_spool().close()
    path = tmp_path / "s" / "spool.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA {pragma}")
    with pytest.raises(SpoolDamagedError) as caught:
        connect(path, SMALL)
    assert (caught.value.what, caught.value.next_step) == (problem, step)
    assert not caught.value.why, "no words of SQLite: it found no fault"
    assert open_spool().append([entry(Lane.DATA, 1)]) == (0,)
    assert len(list((tmp_path / "s").glob("damaged-20*.db"))) == 1


@pytest.mark.parametrize("page", range(1, 20))
def test_of_a_partly_damaged_file_what_is_sound_is_saved_and_the_rest_announced(
    open_spool: Callable[..., Spool], tmp_path: Path, page: int
) -> None:
    epoch, _ = _filled(open_spool)
    file = tmp_path / "s" / "spool.db"
    content = bytearray(file.read_bytes())
    content[page * 4096 : page * 4096 + 4096] = os.urandom(4096)
    file.write_bytes(content)
    spool = open_spool()
    list(all_pending(spool))
    announced = gaps(spool)
    found = {one.seq: one.body for one in all_pending(spool) if one.lane is Lane.DATA}
    for seq in range(10, 100):
        told = in_gap(announced, (epoch, Lane.DATA, seq)) or any(
            gap.epoch == epoch and gap.lane == Lane.DATA and not gap.ranges for gap in announced
        )
        assert told or found.get(seq) == entry(Lane.DATA, seq).body
    spool.append([entry(Lane.DATA, 1)])


def test_a_vanished_file_is_announced(open_spool: Callable[..., Spool], tmp_path: Path) -> None:
    epoch, ordinal = _filled(open_spool)
    (tmp_path / "s" / "spool.db").unlink()
    spool = open_spool()
    assert spool.ordinal > ordinal
    assert {gap.epoch for gap in gaps(spool)} == {epoch}


@pytest.mark.parametrize("column", ["body", "at", "readings", "boot", "ordinal", "seq"])
def test_a_record_that_is_not_what_was_accepted_becomes_a_gap(
    open_spool: Callable[..., Spool], column: str
) -> None:
    spool = open_spool()
    spool.append([entry(Lane.DATA, i) for i in range(5)])
    spoil = f"UPDATE record SET {column} = 77 WHERE seq = 2"
    spool._database.db.execute(spoil)
    before = spool.generation
    assert [one.seq for one in all_pending(spool)] == [0, 1, 3, 4]
    assert spool.generation > before
    (gap,) = gaps(spool)
    assert (gap.reason, gap.ranges, gap.records) == ("damaged", ((2, 2),), 1)


def test_a_record_whose_table_is_gone_becomes_a_gap(open_spool: Callable[..., Spool]) -> None:
    spool = open_spool()
    spool.append([entry(Lane.DATA, 1), entry(Lane.EVENT, 2)])
    spool._database.db.execute("DELETE FROM wire_table")
    for lane in (Lane.DATA, Lane.EVENT):
        ack = Ack(VERSION, spool.epoch, lane, need_table=((0, b"12345678"),))
        assert settle(spool, ack)[0].tables == ()
    (gap,) = gaps(spool)
    assert gap.lane == Lane.DATA
    assert spool.stats().records[Lane.EVENT] == 1, "an event needs no table, whatever is asked"
