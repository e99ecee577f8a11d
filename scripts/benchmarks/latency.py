"""From a register's change to the commit in the portal's database, at a poll a second."""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scripts.benchmarks.figures import Figure
from scripts.benchmarks.whole_path import Site

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOOK_S: Final = 0.002


def _delays(site: Site, changes: int) -> list[float]:
    """Seconds from each change (its moment is the value: the plant's step) to its commit."""
    path = f"file:{site.folder / 'portal' / 'db.sqlite3'}?mode=ro"
    delays: list[float] = []
    with closing(sqlite3.connect(path, uri=True)) as database:
        seen = _value(database)
        while len(delays) < changes:
            time.sleep(_LOOK_S)
            value = _value(database)
            if value != seen:
                seen = value
                changed = float((site.folder / "changes" / str(value)).read_text())
                delays.append(time.time() - changed)
    return delays


def _value(database: sqlite3.Connection) -> int:
    row = database.execute(
        "SELECT l.value FROM ingest_latest l JOIN ingest_series s ON s.id = l.series_id "
        "WHERE s.quantity = 'current' AND s.part = 'channel=1'"
    ).fetchone()
    return -1 if row is None else int(row[0])


def _percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def measure(scale: float = 1.0) -> list[Figure]:
    """The median and the 99th percentile."""
    changes = max(3, int(100 * scale))
    with tempfile.TemporaryDirectory() as folder:
        site = Site(folder=Path(folder), units=1)
        (Path(folder) / "changes").mkdir()
        try:
            site.start()
            delays = _delays(site, changes)
        finally:
            site.children.stop()
    return [
        Figure(name="register change to database commit, p50, polled each second",
               value=f"{statistics.median(delays) * 1000:,.0f} ms"),
        Figure(name="the same, p99", value=f"{_percentile(delays, 0.99) * 1000:,.0f} ms"),
    ]  # fmt: skip
