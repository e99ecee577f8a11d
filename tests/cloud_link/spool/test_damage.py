"""Damage at every page of a spool with records in every lane: no number is left unaccounted."""

from __future__ import annotations

import itertools
import random
import shutil
import sqlite3
from collections import defaultdict
from pathlib import Path
from typing import Final

import pytest

from cloud_link.ranges import runs_of
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
from cloud_link.wire import VERSION, Ack, Lane

BOOT: Final = b"12345678"
LIMITS: Final = SpoolLimits(
    cap_bytes=400 * 1024, gap_reserve_bytes=100 * 1024, reserve_file_bytes=64 * 1024
)
PAGE: Final = 4096
UNKNOWN: Final = -1
"""Stands for the numbers of a gap that does not name them."""
Key = tuple[bytes, Lane]
Numbers = dict[Key, set[int]]


def _table(index: int) -> Table:
    return Table(f"meter {index}", (Column("power.active", "l1", index % 3),))


def _entry(lane: Lane, at: int, choice: random.Random) -> Entry:
    if lane is Lane.EVENT:
        body = encode_record(ClockRecord(at, choice.randrange(2**40), synchronised=True))
        return Entry(lane=lane, body=body, at=at, readings=0)
    table = _table(choice.randrange(40))
    values: list[int | str | None] = [choice.randrange(2**60) for _ in range(60)]
    body = encode_record(DataRecord(table_id(table), at, values))
    return Entry(lane=lane, body=body, at=at, readings=60, table=table)


class _Past:
    """A spool's past: which numbers were given out, and which of them were acknowledged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.given: Numbers = defaultdict(set)
        self.acknowledged: Numbers = defaultdict(set)
        self.choice = random.Random(5)
        self._at = 0

    def open(self) -> Spool:
        return Spool.open(self.folder, boot=BOOT, limits=LIMITS)

    def append(self, spool: Spool, lane: Lane, count: int) -> None:
        self._at += count
        entries = [_entry(lane, self._at + n, self.choice) for n in range(count)]
        self.given[spool.epoch, lane] |= set(spool.append(entries))

    def deliver(self, spool: Spool, lane: Lane, count: int) -> None:
        """Acknowledge the oldest records of a lane."""
        for record in spool.pending(lane, after=0, limit_bytes=1 << 30)[:count]:
            spool.settle(Ack(VERSION, record.epoch, lane, ok=((record.seq, record.seq),)))
            self.given[record.epoch, lane].add(record.seq)
            self.acknowledged[record.epoch, lane].add(record.seq)
            if lane is Lane.GAP:
                _name_gap(self.acknowledged, record.body)

    def live(self, epochs: int = 3, rounds: int = 5, polls: int = 130) -> None:
        """Some epochs; records pending in every lane; gaps acknowledged, sealed and open."""
        for _ in range(epochs):
            spool = self.open()
            for round_ in range(rounds):
                for lane, count in ((Lane.EVENT, 8), (Lane.BOUNDARY, 2), (Lane.DATA, polls)):
                    self.append(spool, lane, count)
                if round_ % 2:
                    spool.seal_gaps()
                    self.deliver(spool, Lane.GAP, 1)
                    spool.pending(Lane.GAP, after=0, limit_bytes=1 << 30)
                    self.deliver(spool, Lane.DATA, 5)
                    self.deliver(spool, Lane.EVENT, 2)
            for key, numbers in _pending(spool).items():
                self.given[key] |= numbers  # those of lane GAP: the spool gave them out itself
            spool.close()


def _name_gap(numbers: Numbers, body: bytes) -> None:
    record = decode_record(body)
    assert isinstance(record, GapRecord)
    if not record.ranges:
        numbers[record.epoch, Lane(record.lane)].add(UNKNOWN)
    for first, last in record.ranges:
        numbers[record.epoch, Lane(record.lane)] |= set(range(first, last + 1))


def _pending(spool: Spool, gaps: Numbers | None = None) -> Numbers:
    """The numbers of all pending records; adds what pending gap records name to ``gaps``."""
    found: Numbers = defaultdict(set)
    for lane in Lane:
        for record in spool.pending(lane, after=0, limit_bytes=1 << 30):
            found[record.epoch, lane].add(record.seq)
            if lane is Lane.GAP and gaps is not None:
                _name_gap(gaps, record.body)
    return found


def _unaccounted(
    past: _Past, folder: Path, *, unknown: bool = False
) -> dict[tuple[str, str], list[int]]:
    """Numbers neither here nor acknowledged nor in a gap; with ``unknown``, in one that says so."""
    spool = Spool.open(folder, boot=BOOT, limits=LIMITS)
    try:
        gaps: Numbers = defaultdict(set)
        delivered = _pending(spool, gaps)  # finds what is damaged
        for (epoch, lane), numbers in delivered.items():
            spool.settle(Ack(VERSION, epoch, lane, ok=tuple(runs_of(sorted(numbers)))))
        _pending(spool)  # finds what damage hides
        spool.seal_gaps()
        here = _pending(spool, gaps)
    finally:
        spool.close()
    lost = {
        key: numbers - here[key] - gaps[key] - delivered[key] - past.acknowledged[key]
        for key, numbers in past.given.items()
        if not (unknown and UNKNOWN in gaps[key])
    }
    return {(key[0].hex(), key[1].name): sorted(some) for key, some in lost.items() if some}


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> _Past:
    past = _Past(tmp_path_factory.mktemp("spool") / "spool")
    past.live()
    return past


def test_an_undamaged_spool_accounts_for_every_number(past: _Past, tmp_path: Path) -> None:
    shutil.copytree(past.folder, tmp_path / "spool")
    assert not _unaccounted(past, tmp_path / "spool")
    lanes = {lane for (_, lane), numbers in past.given.items() if numbers}
    assert lanes == set(Lane), "every lane has pending records"


@pytest.mark.parametrize("kind", ["random", "zero", "bit"])
def test_damage_at_every_page_leaves_no_number_unaccounted(
    past: _Past, memory: Path, kind: str
) -> None:
    raw = (past.folder / "spool.db").read_bytes()
    choice = random.Random(11)
    failures = {}
    for page in range(len(raw) // PAGE):
        folder = memory / f"page-{page}"
        shutil.copytree(past.folder, folder)
        damaged = bytearray(raw)
        start = page * PAGE
        if kind == "random":
            damaged[start : start + PAGE] = choice.randbytes(PAGE)
        elif kind == "zero":
            damaged[start : start + PAGE] = bytes(PAGE)
        else:
            damaged[start + choice.randrange(PAGE)] ^= 1 << choice.randrange(8)
        (folder / "spool.db").write_bytes(damaged)
        lost = _unaccounted(past, folder)
        if lost:
            failures[page + 1] = lost
        shutil.rmtree(folder)
    assert not failures, _explain(past.folder / "spool.db", failures)


def test_what_is_not_on_the_damaged_page_is_sent(memory: Path) -> None:
    """Whichever leaf of a table is damaged: that after the many numbers that were dropped, too."""
    past = _Past(memory / "past")
    past.live(epochs=1, rounds=1, polls=2_500)
    raw = (past.folder / "spool.db").read_bytes()
    leaf, page_of_events = 0x0D, 80
    pages = [page for page in range(1, len(raw) // PAGE) if raw[page * PAGE] == leaf]
    carried = {}
    for page in [None, *pages]:
        folder = memory / f"page-{page}"
        shutil.copytree(past.folder, folder)
        damaged = bytearray(raw)
        if page is not None:
            damaged[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
        (folder / "spool.db").write_bytes(damaged)
        spool = Spool.open(folder, boot=BOOT, limits=LIMITS)
        _pending(spool)  # finds what is damaged
        carried[page] = sum(map(len, _pending(spool).values()))
        spool.close()
        shutil.rmtree(folder)
    whole = carried.pop(None)
    assert len(carried) > 20
    assert min(carried.values()) > whole - page_of_events, carried


@pytest.mark.parametrize(
    ("polls", "most"), [(12, None), (130, 60)], ids=["every pair of a small spool", "some of more"]
)
def test_damage_at_two_pages_leaves_no_number_unaccounted(
    memory: Path, polls: int, most: int | None
) -> None:
    """What cannot be known any more is announced as not known, and that is rare."""
    past = _Past(memory / "past")
    past.live(epochs=2, rounds=3, polls=polls)
    raw = (past.folder / "spool.db").read_bytes()
    choice = random.Random(17)
    pairs = list(itertools.combinations(range(len(raw) // PAGE), 2))
    failures, unknown = {}, 0
    chosen = pairs if most is None else choice.sample(pairs, most)
    for pair in chosen:
        folder = memory / "damaged"
        shutil.copytree(past.folder, folder)
        damaged = bytearray(raw)
        for page in pair:
            damaged[page * PAGE : (page + 1) * PAGE] = choice.randbytes(PAGE)
        (folder / "spool.db").write_bytes(damaged)
        kept = _copied(folder, memory / "kept")
        if lost := _unaccounted(past, folder, unknown=True):
            failures[pair] = lost
        unknown += bool(_unaccounted(past, kept))
        for used in (folder, kept):
            shutil.rmtree(used)
    assert not failures
    assert unknown <= len(chosen) // 50


def _copied(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    return to


def _explain(path: Path, failures: dict[int, dict[tuple[str, str], list[int]]]) -> str:
    db = sqlite3.connect(path)
    try:
        roots = dict(db.execute("SELECT rootpage, name FROM sqlite_schema").fetchall())
    finally:
        db.close()
    parts = (
        f"page {page} ({roots.get(page, 'not a root')}): "
        + ", ".join(f"{key[1]} {len(numbers)}" for key, numbers in lost.items())
        for page, lost in failures.items()
    )
    return "\n".join(parts)
