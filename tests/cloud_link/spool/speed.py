"""How fast the spool is. ``python -m tests.cloud_link.spool.speed [FOLDER]`` prints it.

Call `append_speed` and `drain_speed` with an empty folder on the disk that is to be measured.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cloud_link.spool.model import SpoolLimits
from cloud_link.spool.spool import Spool
from cloud_link.wire import VERSION, Ack, Lane
from tests.faults.spool_child import BOOT, entry

BODY_BYTES = 270


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """Records a second of wall time, and microseconds of CPU a record."""

    records_per_s: float
    cpu_us_per_record: float


def _measured(records: int, work: Callable[[], None]) -> Speed:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Speed(records_per_s=records / wall, cpu_us_per_record=cpu / records * 1e6)


def append_speed(folder: Path, *, commits: int = 200, group: int = 100) -> Speed:
    """Accept ``commits`` groups of ``group`` records of `BODY_BYTES` bytes, each synced."""
    batches = [
        [entry(Lane.DATA, start * group + i, BODY_BYTES) for i in range(group)]
        for start in range(commits)
    ]
    spool = Spool.open(folder, boot=BOOT, limits=SpoolLimits())

    def work() -> None:
        for batch in batches:
            spool.append(batch)

    speed = _measured(commits * group, work)
    spool.close()
    return speed


def drain_speed(folder: Path, *, message_bytes: int = 60_000) -> Speed:
    """Read everything in `folder` by messages and settle each one."""
    spool = Spool.open(folder, boot=BOOT, limits=SpoolLimits())
    records = spool.stats().records[Lane.DATA]

    def work() -> None:
        after = 0
        while some := spool.pending(Lane.DATA, after=after, limit_bytes=message_bytes):
            after = some[-1].id
            done = ((some[0].seq, some[-1].seq),)
            spool.settle(Ack(VERSION, some[0].epoch, Lane.DATA, ok=done))

    speed = _measured(records, work)
    assert spool.stats().records[Lane.DATA] == 0
    spool.close()
    return speed


if __name__ == "__main__":
    base = sys.argv[1] if len(sys.argv) > 1 else None
    for group in (1, 10, 100):
        with tempfile.TemporaryDirectory(dir=base) as name:
            print(f"append, {group} a commit:", append_speed(Path(name) / "s", group=group))
            print("drain:", drain_speed(Path(name) / "s"))
