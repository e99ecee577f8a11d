"""The whole gateway on a disk that is full for a while: nothing accepted is lost unannounced."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_link.ranges import Range, clamp, complement
from cloud_link.records import GapRecord, decode_record
from cloud_link.spool.model import SpoolLimits, SpoolRecord
from cloud_link.spool.spool import Spool
from cloud_link.wire import Lane
from gateway.control.client import call
from tests.gateway.box import Box, wait_for
from tests.gateway.meter import Meter, meter

Name = tuple[bytes, Lane, int]
Records = dict[Name, SpoolRecord]

SETTINGS = """\
version: 1
site: {{time_zone: Asia/Tokyo}}
gateway: {{label: Plant room}}
cloud: {{broker: "mqtt://127.0.0.1:9"}}
spool: {{cap_mb: 16, reserve_file_mb: 1}}
devices:
  - name: main
    url: "modbus-tcp://127.0.0.1:{port}/?unit=1&profile=eastron-sdm630"
    every_s: 0.1
"""


@pytest.fixture
def device() -> Iterator[Meter]:
    with meter() as running:
        yield running


@pytest.fixture(params=["tmpfs", "ext4"])
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of a few megabytes: in memory, or in a file."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(place)]
    if request.param == "ext4":
        image = tmp_path / "image"
        with image.open("wb") as file:
            file.truncate(16 * 1024 * 1024)
        # Debian keeps it in sbin, which is not on everybody's PATH.
        make = shutil.which("mkfs.ext4", path=os.pathsep.join([os.defpath, "/usr/sbin", "/sbin"]))
        if (
            make is None
            or subprocess.run([make, "-q", "-F", image], capture_output=True).returncode
        ):
            pytest.skip("no ext4 can be made here: the daemon on one that is full was NOT tried")
        mount = ["mount", "-o", "loop", str(image), str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here: the daemon on a full disk was NOT tried")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def box(disk: Path, tmp_path: Path) -> Iterator[Box]:
    made = Box(disk / "state")
    yield made
    if made.process:
        made.process.kill()
        made.process.wait()


@pytest.mark.parametrize("killed", [False, True])
def test_a_full_disk_loses_nothing_accepted_and_announces_the_rest(
    box: Box, disk: Path, device: Meter, killed: bool
) -> None:
    settings = disk.parent / "gateway.yaml"
    settings.write_text(SETTINGS.format(port=device.port))
    assert box.kanmon("config", "apply", str(settings)).returncode == 0
    log = disk.parent / "daemon.log"
    box.start(log)
    wait_for("readings", lambda: outbox(box)["waiting"]["data"] >= 10)

    filler = fill(disk)
    wait_for("a full disk", lambda: outbox(box)["full"])
    wait_for("refusals", lambda: "spool_write_failed" in log.read_text())
    reads = device.reads
    wait_for("polls meanwhile", lambda: device.reads > reads + 10)
    assert box.device("main")["reachability"] == "online"
    before = outbox(box)["waiting"]
    if killed:
        assert box.end(signal.SIGKILL) == -signal.SIGKILL
        log = disk.parent / "daemon-2.log"
    filler.unlink()
    if killed:
        box.start(log)
    wait_for("room", lambda: not outbox(box)["full"])
    after = outbox(box)["waiting"]["data"]
    assert after >= before["data"]
    wait_for("readings", lambda: outbox(box)["waiting"]["data"] > after + 5)
    assert killed or "spool_writable" in log.read_text()
    waiting = outbox(box)["waiting"]
    assert box.end() == 0

    seal(box)
    records = box.records()
    for lane, count in waiting.items():
        assert sum(name[1] is Lane[lane.upper()] for name in records) >= count
    assert unaccounted(records) == {}
    refused = [gap for gap in gaps_of(records) if gap.reason == "disk"]
    assert killed or sum(gap.records for gap in refused) > 0


def outbox(box: Box) -> dict[str, Any]:
    found: dict[str, Any] = call(box.state, "outbox")
    return found


def seal(box: Box) -> None:
    """Make records of what is announced as lost, as a session with a portal would."""
    spool = Spool.open(box.state / "spool", boot=bytes(8), limits=SpoolLimits())
    spool.seal_gaps()
    spool.close()


def fill(disk: Path) -> Path:
    """Take all that is free on the disk."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler


def gaps_of(records: Records) -> list[GapRecord]:
    decoded = (decode_record(one.body) for one in records.values())
    return [one for one in decoded if isinstance(one, GapRecord)]


def unaccounted(records: Records) -> dict[tuple[bytes, Lane], list[Range]]:
    """The numbers below the newest of each epoch and lane that neither came nor are in a gap."""
    known: dict[tuple[bytes, Lane], list[Range]] = defaultdict(list)
    for epoch, lane, seq in records:
        known[epoch, lane].append((seq, seq))
    for gap in gaps_of(records):
        known[gap.epoch, Lane(gap.lane)] += gap.ranges
    found = {}
    for key, ranges in known.items():
        newest = max(last for _, last in ranges) + 1
        if lost := complement(clamp(ranges, newest), newest):
            found[key] = lost
    return found
