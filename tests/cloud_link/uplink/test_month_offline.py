"""What a month without a portal costs, in simulated time: polls go on, and so do the attempts."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tenacity import AsyncRetrying, RetryCallState

from cloud_link.records import GapRecord, decode_record
from cloud_link.spool.model import Entry, SpoolLimits
from cloud_link.spool.spool import Spool
from cloud_link.uplink.model import ConnectionSettings
from cloud_link.uplink.start import SessionStart
from cloud_link.uplink.uplink import reconnect_wait
from cloud_link.wire import Lane
from tests.cloud_link.uplink.harness import BOOT, data, event

DAY_MS: Final = 86_400_000
POLL_MS: Final = 300_000
LIMITS: Final = SpoolLimits(
    cap_bytes=400 * 1024, gap_reserve_bytes=100 * 1024, reserve_file_bytes=0
)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder on a file system in memory where there is one: it is written to 50,000 times."""
    base = Path("/dev/shm")  # noqa: S108 - a folder of our own is made inside
    with tempfile.TemporaryDirectory(dir=base if base.is_dir() else None) as folder:
        yield Path(folder)


def attempts(until: int) -> Iterator[int]:
    """The milliseconds at which an uplink that never gets through tries to connect."""
    wait = reconnect_wait(ConnectionSettings())
    state = RetryCallState(AsyncRetrying(), None, (), {})
    now = 0.0
    while now < until:
        yield int(now)
        now += wait(state) * 1_000
        state.attempt_number += 1


def poll(now: int) -> list[Entry]:
    """Twenty wide polls and, twice a day, a midnight and an event."""
    batch = [data(now + n, width=60) for n in range(20)]
    if now % (DAY_MS // 2) == 0:
        batch.append(event(now))
        batch.append(Entry(lane=Lane.BOUNDARY, body=batch[0].body, at=now, readings=60))
    return batch


MONTH = pytest.param(30, marks=[pytest.mark.slow, pytest.mark.timeout(900)])


@pytest.mark.parametrize("days", [1, MONTH])
def test_a_month_offline_costs_one_gap_record_a_span(memory: Path, days: int) -> None:
    spool = Spool.open(memory / "spool", boot=BOOT, limits=LIMITS)
    polls = iter(range(0, days * DAY_MS, POLL_MS))
    following: int | None = next(polls)
    tried, most = 0, 0
    for now in attempts(days * DAY_MS):
        while following is not None and following <= now:
            spool.append(poll(following))
            following = next(polls, None)
        SessionStart.begin(spool)
        tried += 1
        most = max(most, spool.stats().bytes)
    assert tried > days * 1_400, "about one attempt a minute"
    assert most <= LIMITS.cap_bytes
    dropped = spool.stats().dropped
    assert dropped[Lane.DATA] > 1_000
    assert spool.stats().open_gaps == sum(count > 0 for count in dropped.values())
    assert not spool.announces(), "there was no portal to be told"
    spool.seal_gaps()
    bodies = [one.body for one in spool.pending(Lane.GAP, after=0, limit_bytes=1 << 20)]
    gaps = [record for body in bodies if isinstance(record := decode_record(body), GapRecord)]
    assert Counter(gap.lane for gap in gaps) == {
        lane: 1 for lane, count in dropped.items() if count
    }
    assert all(len(gap.ranges) == 1 for gap in gaps)
    assert sum(map(len, bodies)) < 300
    spool.close()
