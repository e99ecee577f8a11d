"""The spool on disks that lose power, fill up, fail, or have the process shot above them."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from cloud_link.spool.model import SpoolFullError
from cloud_link.spool.spool import Spool
from cloud_link.wire import Lane
from tests.faults.diskfault import PowerCut, Shim, Step, build, environment, journal
from tests.faults.spool_child import (
    BOOT,
    SMALL,
    RecordKey,
    acknowledgement,
    all_pending,
    announced_by,
    entry,
    gaps,
    in_gap,
    settle,
)

ROOT = Path(__file__).parents[3]
CHILD = [sys.executable, "-m", "tests.faults.spool_child"]


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = build(tmp_path_factory.mktemp("shim"))
    assert built is not None, "a test that needs the shim is marked with peer('cc')"
    return built


def _recorded(shim: Path, memory: Path, synchronous: str) -> list[Step]:
    log = memory / "journal"
    command = [*CHILD, "record", str(memory / "spool"), str(log), synchronous]
    subprocess.run(command, check=True, env=environment(shim, ROOT), timeout=120)
    steps = list(journal(log))
    assert any(step.data == b"end" for step in steps), "the child did not reach its end"
    kinds = {step.kind for step in steps}
    assert {"W", "S", "C", "N"} <= kinds, "the shim saw nothing: is SQLite linked statically?"
    return steps


class _Promises:
    """What had been accepted when the power went, less what was being settled."""

    def __init__(self) -> None:
        self.kept: dict[RecordKey, int] = {}

    def hear(self, note: str) -> None:
        word, *rest = note.split()
        if word == "end":
            return
        epoch, lane = bytes.fromhex(rest[0]), int(rest[1])
        if word == "accepted":
            self.kept[epoch, lane, int(rest[2])] = int(rest[3])
        else:
            for seq in rest[2:]:
                self.kept.pop((epoch, lane, int(seq)), None)


def _broken_after(cut: PowerCut, promises: _Promises, place: Path, kept: float, seed: int) -> int:
    """How many promises a spool breaks that comes up after a cut."""
    place.mkdir()
    cut.cut(place, random.Random(seed), kept)
    spool = Spool.open(place, boot=BOOT, limits=SMALL)
    try:
        used = {name[0] for name in promises.kept}
        assert spool.epoch not in used
        spool.append([entry(Lane.EVENT, 1)])
        spool.seal_gaps()
        records = list(all_pending(spool))
    finally:
        spool.close()
        shutil.rmtree(place)
    announced = announced_by(records)
    assert not promises.kept or all(gap.reason == "cap" for gap in announced)
    found = {(one.epoch, int(one.lane), one.seq): one.body for one in records}
    return sum(
        found.get(name) != _body(name[1], at) and not in_gap(announced, name)
        for name, at in promises.kept.items()
    )


@cache
def _body(lane: int, serial: int) -> bytes:
    return entry(Lane(lane), serial).body


def _broken(steps: list[Step], memory: Path, stride: int, shares: tuple[float, ...]) -> int:
    cut = PowerCut(memory / "spool")
    promises = _Promises()
    broken = cuts = 0
    for number, step in enumerate(steps):
        if step.kind == "N":
            promises.hear(step.data.decode())
        else:
            cut.take(step)
        noted = step.kind == "N" and number + 1 < len(steps) and steps[number + 1].kind == "N"
        if number % stride == 0 and not noted:  # the next note promises more of the same disk
            share = shares[cuts % len(shares)]
            broken += _broken_after(cut, promises, memory / "after", share, number)
            cuts += 1
    assert cuts > 100
    assert len(promises.kept) > 300
    return broken


@pytest.mark.peer("cc")
def test_a_power_cut_at_any_point_loses_nothing_accepted(shim: Path, memory: Path) -> None:
    steps = _recorded(shim, memory, "FULL")
    assert _broken(steps, memory, stride=5, shares=(0.0, 0.5, 1.0, 0.8)) == 0


@pytest.mark.slow
@pytest.mark.timeout(1_800)  # some 4,000 spools are opened, each with its files and their syncs
@pytest.mark.peer("cc")
@pytest.mark.parametrize("shares", [(0.0,), (1.0,), (0.3,), (0.7,), (0.9, 0.5)])
def test_a_power_cut_at_every_single_write_loses_nothing_accepted(
    shim: Path, memory: Path, shares: tuple[float, ...]
) -> None:
    steps = _recorded(shim, memory, "FULL")
    assert _broken(steps, memory, stride=1, shares=shares) == 0


@pytest.mark.peer("cc")
def test_the_control_without_full_syncing_does_lose_accepted_records(
    shim: Path, memory: Path
) -> None:
    steps = _recorded(shim, memory, "NORMAL")
    assert _broken(steps, memory, stride=11, shares=(0.0,)) > 0


@pytest.mark.peer("cc")
@pytest.mark.parametrize(
    ("kind", "width", "stride"),
    [
        (Shim.ENOSPC, 1, 2),
        (Shim.ENOSPC, 8, 5),
        (Shim.ENOSPC, 10_000, 7),
        (Shim.EIO_SYNC, 1, 1),
        (Shim.EIO_WRITE, 1, 4),
        (Shim.EIO_WRITE, 30, 9),
    ],
)
def test_whichever_write_fails_nothing_is_lost_unannounced(
    shim: Path, memory: Path, kind: int, width: int, stride: int
) -> None:
    command = [*CHILD, "fail", str(memory), str(kind), str(width), str(stride)]
    run = subprocess.run(
        command, env=environment(shim, ROOT), timeout=120, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-2000:]
    lines = run.stdout.splitlines()
    assert [line for line in lines if line.startswith("problem")] == []
    words = lines[-1].split()
    assert int(words[2]) > 10, "too few lives"
    assert int(words[4]) > 10, "too few failures"


def test_kill_minus_nine_at_random_points_loses_nothing_accepted(tmp_path: Path) -> None:
    chance = random.Random(3)
    promised: set[RecordKey] = set()
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(5):
        with subprocess.Popen(
            [*CHILD, "endless", str(tmp_path / "s")], stdout=subprocess.PIPE, env=environ, text=True
        ) as child:
            assert child.stdout is not None
            for _ in range(chance.randrange(20, 400)):
                epoch, lane, seq = child.stdout.readline().split()
                promised.add((bytes.fromhex(epoch), int(lane), int(seq)))
            child.send_signal(signal.SIGKILL)
            for line in child.stdout:
                epoch, lane, seq = line.split()
                promised.add((bytes.fromhex(epoch), int(lane), int(seq)))
    spool = Spool.open(tmp_path / "s", boot=BOOT, limits=SMALL)
    found = {(one.epoch, int(one.lane), one.seq) for one in all_pending(spool)}
    assert promised <= found
    spool.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here: a really full disk was NOT tried")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_really_full_disk_is_survived_announced_and_recovered_from(tiny_disk: Path) -> None:
    spool = Spool.open(tiny_disk / "spool", boot=BOOT, limits=SMALL)
    accepted = set(spool.append([entry(Lane.DATA, i) for i in range(100)]))
    filler = tiny_disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    generation = spool.generation
    refused = 0
    for turn in range(100):
        try:
            accepted.update(spool.append([entry(Lane.DATA, 1000 + turn, 3000)]))
        except SpoolFullError:
            refused += 1
    assert refused > 10
    assert spool.stats().full
    (settled,) = settle(spool, acknowledgement(spool.epoch, Lane.DATA, list(range(50))))
    assert settled.ok == 50, "deleting must work on a full disk"
    spool.seal_gaps()
    filler.unlink()
    accepted.update(spool.append([entry(Lane.DATA, 5000)]))
    assert not spool.stats().full
    assert spool.generation > generation
    announced = gaps(spool)
    assert sum(gap.records for gap in announced) == refused
    assert {gap.reason for gap in announced} == {"disk"}
    found = {one.seq for one in all_pending(spool) if one.lane is Lane.DATA}
    assert found == accepted - set(range(50))
    numbers = range(spool.next_seqs()[Lane.DATA])
    missing = [seq for seq in numbers if seq not in accepted]
    assert all(in_gap(announced, (spool.epoch, Lane.DATA, seq)) for seq in missing)
    assert len(missing) == refused
    spool.close()
