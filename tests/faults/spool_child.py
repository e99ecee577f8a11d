"""A spool in a process of its own, whose disk calls are recorded or fail, or that is killed.

::

    python -m tests.faults.spool_child record FOLDER JOURNAL SYNCHRONOUS
    python -m tests.faults.spool_child fail FOLDER KIND WIDTH STRIDE
    python -m tests.faults.spool_child endless FOLDER
"""

from __future__ import annotations

import random
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from cloud_link.records import (
    Column,
    GapRecord,
    Table,
    decode_record,
)
from cloud_link.spool.model import Entry, SettleResult, SpoolFullError, SpoolLimits, SpoolRecord
from cloud_link.spool.spool import Spool
from cloud_link.wire import VERSION, Ack, Lane
from tests.faults.diskfault import Shim

BOOT = b"bootboot"
SMALL = SpoolLimits(cap_bytes=256 * 1024, gap_reserve_bytes=64 * 1024, reserve_file_bytes=64 * 1024)
LANES = (Lane.EVENT, Lane.BOUNDARY, Lane.DATA)
TABLES = tuple(Table(f"meter-{i}", (Column("voltage", "l1", -1),)) for i in range(4))

RecordKey = tuple[bytes, int, int]
"""(epoch, lane, seq)."""


def entry(lane: Lane, serial: int, size: int = 270) -> Entry:
    """A record with a unique body."""
    body = (b"%d %d " % (lane, serial)).ljust(size, b"x")
    table = TABLES[serial % len(TABLES)] if lane is not Lane.EVENT else None
    return Entry(lane=lane, body=body, at=serial, readings=2, table=table)


def all_pending(spool: Spool) -> Iterator[SpoolRecord]:
    """Every pending record, lane by lane, in steps small enough to need several."""
    for lane in Lane:
        after = 0
        while some := spool.pending(lane, after=after, limit_bytes=20_000):
            yield from some
            after = some[-1].id


def settle(spool: Spool, *acks: Ack) -> list[SettleResult]:
    """Read every pending record, as an uplink does to send it, and settle what is acknowledged."""
    for _ in all_pending(spool):
        pass
    return spool.settle_all(acks)


def gaps(spool: Spool) -> list[GapRecord]:
    """All gaps of the spool, after sealing them."""
    spool.seal_gaps()
    return announced_by(all_pending(spool))


def announced_by(pending: Iterable[SpoolRecord]) -> list[GapRecord]:
    """The gaps that those of lane GAP announce."""
    records = [decode_record(one.body) for one in pending if one.lane is Lane.GAP]
    return [one for one in records if isinstance(one, GapRecord)]


def in_gap(announced: list[GapRecord], name: RecordKey) -> bool:
    """Whether ``name`` is announced as dropped."""
    epoch, lane, seq = name
    return any(
        gap.epoch == epoch and gap.lane == lane and any(a <= seq <= b for a, b in gap.ranges)
        for gap in announced
    )


def acknowledgement(epoch: bytes, lane: Lane, seqs: list[int]) -> Ack:
    return Ack(VERSION, epoch, lane, ok=tuple((seq, seq) for seq in seqs))


def record(folder: Path, journal: Path, synchronous: str) -> None:
    """Append and settle; the journal notes each accepted record, and each before it is settled."""
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
                settle(spool, acknowledgement(spool.epoch, lane, mine))
        if turn % 40 == 39:
            spool.seal_gaps()
            spool.next_session()
    shim.note("end")


class FailingDiskRun:
    """One run of a spool whose disk fails for a while; `problems` lists what went wrong."""

    def __init__(self, shim: Shim, folder: Path) -> None:
        self._shim = shim
        self._folder = folder
        self.pending: dict[RecordKey, bytes] = {}
        self.refused = 0
        self.gone: set[RecordKey] = set()

    def run(self, kind: int, after: int, width: int) -> int:
        """Use the spool while calls ``after`` to ``after + width`` fail; returns how many did."""
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

    def _settle(self, spool: Spool, name: RecordKey) -> None:
        epoch, lane, seq = name
        try:
            (settled,) = settle(spool, acknowledgement(epoch, Lane(lane), [seq]))
        except SpoolFullError:
            return
        if settled.ok:
            self.gone.add(name)
            del self.pending[name]

    def problems(self) -> list[str]:
        """Descriptions of all errors, checked once the disk works again."""
        spool = Spool.open(self._folder, boot=BOOT, limits=SMALL)
        spool.append([entry(Lane.DATA, 9_999)])
        announced = gaps(spool)
        found = {(one.epoch, int(one.lane), one.seq): one.body for one in all_pending(spool)}
        spool.close()
        problems = [
            f"lost {name[1:]}"
            for name, body in self.pending.items()
            if found.get(name) != body and not in_gap(announced, name)
        ]
        problems += [f"settled twice {name[1:]}" for name in self.gone if name in found]
        if any(gap.reason == "damaged" for gap in announced):
            problems.append("a failing write became damage")
        announced_count = sum(gap.records for gap in announced if gap.reason == "disk")
        if announced_count != self.refused:
            problems.append(f"{self.refused} refused, {announced_count} announced")
        return problems


def fail_each(folder: Path, kind: int, width: int, stride: int) -> None:
    """Fail every call in turn; print the problems, then the numbers of runs and failures."""
    shim = Shim()
    total: Counter[str] = Counter()
    after = 0
    while True:
        place = folder / "spool"
        shim.watch(place)
        run = FailingDiskRun(shim, place)
        fired = run.run(kind, after, width)
        for problem in run.problems():
            print(f"problem after {after}: {problem}")
        shutil.rmtree(place)
        if not fired and after > 60:
            break
        total["runs"] += 1
        total["failures"] += fired
        total["refused"] += run.refused
        after += stride
    print(f"total: runs {total['runs']} failures {total['failures']} refused {total['refused']}")


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
    elif what == "fail":
        fail_each(where, *(int(word) for word in sys.argv[3:6]))
    else:
        endless(where)
