"""When records were made that damage took, as far as the records around them tell."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import pytest

from cloud_link.records import ClockRecord, GapRecord, decode_record, encode_record
from cloud_link.spool.gaps import UNKNOWN_TIME
from cloud_link.spool.model import Entry, SpoolLimits
from cloud_link.spool.spool import Spool
from cloud_link.wire import Lane

BOOT: Final = b"12345678"
LATER_BOOT: Final = b"87654321"
LIMITS: Final = SpoolLimits(reserve_file_bytes=0)
PAGE: Final = 4096


def event(at: int) -> Entry:
    body = encode_record(ClockRecord(at, 1 << 40, synchronised=True)) + bytes(200)
    return Entry(lane=Lane.EVENT, body=body, at=at, readings=0)


def announced(spool: Spool) -> list[GapRecord]:
    for lane in Lane:
        spool.pending(lane, after=0, limit_bytes=1 << 30)  # finds what is damaged
    spool.seal_gaps()
    records = spool.pending(Lane.GAP, after=0, limit_bytes=1 << 30)
    found = [decode_record(one.body) for one in records]
    return [one for one in found if isinstance(one, GapRecord) and one.reason == "damaged"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spool of two boots, with a record each ten milliseconds."""
    for boot in (BOOT, LATER_BOOT):
        spool = Spool.open(tmp_path / "spool", boot=boot, limits=LIMITS)
        for at in range(10, 2_010, 10):
            spool.append([event(at)])
        spool.close()
    return tmp_path / "spool"


def spoil(folder: Path, *numbers: int, ordinal: int = 1) -> None:
    """Overwrite what rows say of their time."""
    with sqlite3.connect(folder / "spool.db") as db:
        for seq in numbers:
            db.execute(
                "UPDATE record SET at = 1 << 40, boot = x'ff' WHERE ordinal = ? AND seq = ?",
                (ordinal, seq),
            )
    db.close()


def test_a_damaged_row_was_made_between_its_neighbours(folder: Path) -> None:
    spoil(folder, 50, 51, 120)
    spool = Spool.open(folder, boot=LATER_BOOT, limits=LIMITS)
    (gap,) = announced(spool)
    assert gap.ranges == ((50, 51), (120, 120))
    assert (gap.first, gap.last) == ((BOOT, 500), (BOOT, 1_220))
    spool.close()


def test_the_first_and_the_last_row_have_one_neighbour(folder: Path) -> None:
    spoil(folder, 0)
    spoil(folder, 0, 199, ordinal=2)
    spool = Spool.open(folder, boot=LATER_BOOT, limits=LIMITS)
    first, other = sorted(announced(spool), key=lambda one: one.ordinal)
    assert (first.first, first.last) == (UNKNOWN_TIME, (BOOT, 20))
    assert (other.first, other.last) == ((BOOT, 2_000), UNKNOWN_TIME)
    spool.close()


def test_records_of_a_damaged_page_were_made_between_those_around_it(folder: Path) -> None:
    raw = bytearray((folder / "spool.db").read_bytes())
    leaf = 0x0D
    pages = [n for n in range(1, len(raw) // PAGE) if raw[n * PAGE] == leaf]
    bounded = 0
    for page in pages:
        spoiled = bytearray(raw)
        spoiled[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
        for path in folder.iterdir():
            path.unlink()
        (folder / "spool.db").write_bytes(spoiled)
        spool = Spool.open(folder, boot=LATER_BOOT, limits=LIMITS)
        for gap in announced(spool):
            first, last = gap.ranges[0][0], gap.ranges[-1][1]
            boot = BOOT if gap.ordinal == 1 else LATER_BOOT
            if gap.lane == Lane.EVENT and first > 0 and last < 199 and len(gap.ranges) == 1:
                assert (gap.first, gap.last) == ((boot, first * 10), (boot, last * 10 + 20))
                bounded += 1
        spool.close()
    assert bounded > 10
