"""The spool beside the least that could keep a record: a bare SQLite table, synced as often."""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloud_link.spool.model import Entry, SpoolLimits
from cloud_link.spool.spool import Spool
from cloud_link.wire import VERSION, Ack, Lane
from scripts.benchmarks.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Callable

_BODY: Final = bytes(270)
_ROUNDS: Final = 5


def _spool(folder: Path, commits: int, group: int) -> tuple[float, float]:
    """Records a second appended, then drained."""
    spool = Spool.open(folder / "spool", boot=bytes(8), limits=SpoolLimits())
    entry = Entry(lane=Lane.DATA, body=_BODY, at=1, readings=50)
    records = commits * group
    began = time.perf_counter()
    for _ in range(commits):
        spool.append([entry] * group)
    appended = records / (time.perf_counter() - began)
    began, after = time.perf_counter(), 0
    while some := spool.pending(Lane.DATA, after=after, limit_bytes=60_000):
        after = some[-1].id
        run = ((some[0].seq, some[-1].seq),)
        spool.settle(Ack(VERSION, some[0].epoch, Lane.DATA, ok=run))
    drained = records / (time.perf_counter() - began)
    spool.close()
    return appended, drained


def _bare(folder: Path, commits: int, group: int) -> float:
    with closing(sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE record (id INTEGER PRIMARY KEY, body BLOB)")
        began = time.perf_counter()
        for _ in range(commits):
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT INTO record (body) VALUES (?)", [(_BODY,)] * group)
            database.execute("COMMIT")
        return commits * group / (time.perf_counter() - began)


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def measure(scale: float = 1.0) -> list[Figure]:
    """Append and drain, interleaved with the bare table."""
    figures = []
    for group in (1, 10, 100):
        commits = max(2, int(scale * 2000 / max(group // 2, 1)))
        rows = []
        for _ in range(_ROUNDS):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                append, drain = _spool(folder, commits, group)
                rows.append((append, drain, _bare(folder, commits, group)))
        append, drain, ratio = (
            statistics.median(row[0] for row in rows),
            statistics.median(row[1] for row in rows),
            statistics.median(row[0] / row[2] for row in rows),
        )
        figures.append(
            Figure(
                name=f"append, {group} records of {len(_BODY)} bytes a commit",
                value=f"{append:,.0f} records/s; {ratio:.2f} of a bare SQLite insert",
            )
        )
    figures.append(Figure(name="drain: read, acknowledge, delete", value=f"{drain:,.0f} records/s"))
    return figures
