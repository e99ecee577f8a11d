"""A spool at work in a process of its own, to be starved, killed, or watched by a faulty disk.

::

    python -m tests.faults.spool_child record FOLDER JOURNAL SYNCHRONOUS
    python -m tests.faults.spool_child starve FOLDER KIND WIDTH STRIDE
    python -m tests.faults.spool_child endless FOLDER
"""

from __future__ import annotations

import random
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cloud_link.spool.model import Entry, SpoolFullError, SpoolLimits, SpoolRecord
from cloud_link.spool.spool import Spool
from cloud_link.wire import VERSION, Ack, Column, GapRecord, Lane, Table, decode_record
from tests.faults.diskfault import Shim

BOOT = b"bootboot"
SMALL = SpoolLimits(cap_bytes=256 * 1024, gap_reserve_bytes=64 * 1024, reserve_file_bytes=64 * 1024)
LANES = (Lane.EVENT, Lane.BOUNDARY, Lane.DATA)
TABLES = tuple(Table(f"meter-{i}", (Column("voltage", "l1", -1),)) for i in range(4))

Name = tuple[bytes, int, int]
"""(epoch, lane, seq)."""


def entry(lane: Lane, serial: int, size: int = 270) -> Entry:
    """A record whose body no other has."""
    body = (b"%d %d " % (lane, serial)).ljust(size, b"x")
    table = TABLES[serial % len(TABLES)] if lane is not Lane.EVENT else None
    return Entry(lane=lane, body=body, at=serial, readings=2, table=table)


def everything(spool: Spool) -> Iterator[SpoolRecord]:
    """Every pending record, lane by lane, in steps small enough to need several."""
    for lane in Lane:
        after = 0
        while some := spool.pending(lane, after=after, limit_bytes=20_000):
            yield from some
            after = some[-1].id


def gaps(spool: Spool) -> list[GapRecord]:
    """Every gap, sealed."""
    spool.seal_gaps()
    records = [decode_record(one.body) for one in everything(spool) if one.lane is Lane.GAP]
    return [one for one in records if isinstance(one, GapRecord)]


def in_gap(announced: list[GapRecord], name: Name) -> bool:
    """Whether ``name`` is announced as dropped."""
    epoch, lane, seq = name
    return any(
        gap.epoch == epoch and gap.lane == lane and any(a <= seq <= b for a, b in gap.ranges)
        for gap in announced
    )


def acknowledgement(epoch: bytes, lane: Lane, seqs: list[int]) -> Ack:
    return Ack(VERSION, epoch, lane, ok=tuple((seq, seq) for seq in seqs))


def record(folder: Path, journal: Path, synchronous: str) -> None:
    """Append and settle, noting in the journal what was accepted, and before settling it."""
    shim = Shim()
    shim.watch(folder, journal)
    spool = Spool.open(folder, boot=BOOT, limits=SMALL)
    spool._database.db.execute(f"PRAGMA synchronous={synchronous}")
    chance = random.Random(7)
    held: list[tuple[Lane, int]] = []
    for turn in range(130):
        lane = chance.choices(LANES, (2, 1, 6))[0]
        batch = [entry(lane, turn * 100 + i) for i in range(chance.randint(1, 12))]
        seqs = spool.append(batch)
        for seq, one in zip(seqs, batch, strict=True):
            shim.note(f"accepted {spool.epoch.hex()} {lane:d} {seq} {one.at}")
            held.append((lane, seq))
        if turn % 9 == 8:
            chosen = [held.pop(chance.randrange(len(held))) for _ in range(12)]
            for lane in LANES:
                mine = [seq for of, seq in chosen if of is lane]
                shim.note(f"settling {spool.epoch.hex()} {lane:d} {' '.join(map(str, mine))}")
                spool.settle(acknowledgement(spool.epoch, lane, mine))
        if turn % 40 == 39:
            spool.seal_gaps()
            spool.next_session()
    shim.note("end")


class Starved:
    """One life of a spool whose disk fails in the middle; `problems` says what it lost."""

    def __init__(self, shim: Shim, folder: Path) -> None:
        self._shim = shim
        self._folder = folder
        self.pending: dict[Name, bytes] = {}
        self.refused = 0
        self.gone: set[Name] = set()

    def live(self, kind: int, after: int, width: int) -> int:
        """Let calls ``after`` to ``after + width`` fail; returns how many did."""
        self._shim.arm(kind, after, width)
        spool = self._opened()
        if spool is not None:
            self._work(spool)
        fired = self._shim.fired()
        self._shim.disarm()
        if spool is not None:
            spool.close()
        return fired

    def _opened(self) -> Spool | None:
        try:
            return Spool.open(self._folder, boot=BOOT, limits=SMALL)
        except SpoolFullError:
            return None

    def _work(self, spool: Spool) -> None:
        for turn in range(14):
            lane = LANES[turn % 3]
            batch = [entry(lane, turn * 10 + i, 1500) for i in range(4)]
            try:
                seqs = spool.append(batch)
            except SpoolFullError:
                self.refused += len(batch)
            else:
                for seq, one in zip(seqs, batch, strict=True):
                    self.pending[spool.epoch, lane, seq] = one.body
            if turn % 3 == 2 and self.pending:
                self._settle(spool, next(iter(self.pending)))

    def _settle(self, spool: Spool, name: Name) -> None:
        epoch, lane, seq = name
        try:
            settled = spool.settle(acknowledgement(epoch, Lane(lane), [seq]))
        except SpoolFullError:
            return
        if settled.ok:
            self.gone.add(name)
            del self.pending[name]

    def problems(self) -> list[str]:
        """What is not as it must be, once the disk is well again."""
        spool = Spool.open(self._folder, boot=BOOT, limits=SMALL)
        spool.append([entry(Lane.DATA, 9_999)])
        announced = gaps(spool)
        found = {(one.epoch, int(one.lane), one.seq): one.body for one in everything(spool)}
        spool.close()
        problems = [
            f"lost {name[1:]}"
            for name, body in self.pending.items()
            if found.get(name) != body and not in_gap(announced, name)
        ]
        problems += [f"settled twice {name[1:]}" for name in self.gone if name in found]
        if any(gap.reason == "damaged" for gap in announced):
            problems.append("a failing write became damage")
        told = sum(gap.records for gap in announced if gap.reason == "disk")
        if told != self.refused:
            problems.append(f"{self.refused} refused, {told} announced")
        return problems


def starve(folder: Path, kind: int, width: int, stride: int) -> None:
    """Fail every call in turn; print what was lost, then how many lives and failures there were."""
    shim = Shim()
    total: Counter[str] = Counter()
    after = 0
    while True:
        place = folder / "spool"
        shim.watch(place)
        life = Starved(shim, place)
        fired = life.live(kind, after, width)
        for problem in life.problems():
            print(f"problem after {after}: {problem}")
        shutil.rmtree(place)
        if not fired and after > 60:
            break
        total["lives"] += 1
        total["failures"] += fired
        total["refused"] += life.refused
        after += stride
    print(f"total: lives {total['lives']} failures {total['failures']} refused {total['refused']}")


def endless(folder: Path) -> None:
    """Append until killed, printing each record's name once it is accepted."""
    spool = Spool.open(folder, boot=BOOT, limits=SpoolLimits(reserve_file_bytes=64 * 1024))
    serial = 0
    while True:
        lane = LANES[serial % 3]
        batch = [entry(lane, serial + i) for i in range(5)]
        serial += 5
        for seq in spool.append(batch):
            sys.stdout.write(f"{spool.epoch.hex()} {lane:d} {seq}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    what, where = sys.argv[1], Path(sys.argv[2])
    if what == "record":
        record(where, Path(sys.argv[3]), sys.argv[4])
    elif what == "starve":
        starve(where, *(int(word) for word in sys.argv[3:6]))
    else:
        endless(where)
