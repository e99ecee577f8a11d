"""Nothing accepted is lost or doubled: real processes, killed at random, and the books at the end.

``KANMON_LEDGER_SEED`` repeats a run's decisions (not its timing); every run prints its seed.
``KANMON_LEDGER_SECONDS`` is how long the slow one lasts. `tests.e2e.test_ledger_controls` shows
what the same books convict.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests import peers
from tests.e2e.ledger.database import OnPostgres, OnSqlite
from tests.e2e.ledger.run import run, seed
from tests.e2e.ledger.site import Setup
from tests.faults.clockfault import WallClock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.ledger.database import Database
    from tests.e2e.ledger.run import Run
    from tests.peers import Mosquitto

pytestmark = pytest.mark.first

_ONE = "(SELECT series_id FROM ingest_sample WHERE value IS NOT NULL LIMIT 1)"
_ENERGY = "(SELECT id FROM ingest_series WHERE quantity = 'energy.import' LIMIT 1)"
_NUMBER = (
    "(SELECT s.id FROM ingest_series s JOIN ingest_sample x ON x.series_id = s.id "
    "WHERE s.quantity = 'power.active' AND x.value IS NOT NULL LIMIT 1)"
)
TAMPERINGS = (
    ("misdated", f"UPDATE ingest_sample SET at = at + 7 WHERE series_id = {_ENERGY}"),
    ("doubled", f"UPDATE ingest_sample SET at = at + 1 WHERE series_id = {_NUMBER}"),
    ("unexplained", f"UPDATE ingest_sample SET at = at - 1, value = 5 WHERE series_id = {_NUMBER}"),
    ("lost", f"DELETE FROM ingest_sample WHERE series_id = {_ONE}"),
    ("holes", "DELETE FROM ingest_receipt WHERE seq = 7"),
)
"""What each column of the books must notice, one done after the other."""


def _clock(folder: Path) -> Setup:
    return Setup(wall=WallClock(folder=folder))


def _suffer(this: Run, seconds: float, often: int, by: int) -> None:
    """Everything that can happen, and books that balance."""
    print(f"\nledger: seed {by}", flush=True)
    suffered = this.faults.suffer(seconds, often)
    this.site.heal()
    print(f"ledger: {suffered:.0f} s of faults: {dict(this.faults.hits)}", flush=True)
    books = this.books()
    assert {name for name, times in this.faults.hits.items() if times} == this.faults.possible
    assert books.stored > 1_000
    assert books.gapped > 0
    assert books.quarantined > 0
    assert books.sound, str(books)
    assert books.accepted == books.stored + books.gapped + books.quarantined
    assert this.wrong_in_fleet_ledger() == []


def _run(folder: Path, broker: Mosquitto, database: Database, seconds: float, often: int) -> None:
    by = seed()
    with run(folder, broker, database, _clock(folder), by=by) as this:
        _suffer(this, seconds, often, by)


@pytest.mark.peer("mosquitto", "postgres", "libfaketime", "cc")
@pytest.mark.timeout(600)
def test_nothing_accepted_is_lost_or_doubled(tmp_path: Path, broker: Mosquitto) -> None:
    with peers.postgres() as server:  # of its own: it is killed
        _run(tmp_path, broker, OnPostgres(server), 1, often=2)


@pytest.mark.peer("mosquitto", "libfaketime", "cc")
@pytest.mark.timeout(600)
def test_nothing_is_lost_or_doubled_on_sqlite(tmp_path: Path, broker: Mosquitto) -> None:
    database = OnSqlite(tmp_path / "portal")
    by = seed()
    with run(tmp_path, broker, database, _clock(tmp_path), by=by) as this:
        _suffer(this, 1, often=1, by=by)
        for kind, tampering in TAMPERINGS:
            database.execute(tampering)
            books = this.books(f"after {tampering}")
            assert getattr(books, kind) > 0, f"{tampering} went unnoticed"
            assert not books.sound


@pytest.mark.slow
@pytest.mark.peer("mosquitto", "postgres", "libfaketime", "cc")
@pytest.mark.timeout(1_800)
def test_ten_minutes_of_faults(tmp_path: Path, broker: Mosquitto) -> None:
    seconds = float(os.environ.get("KANMON_LEDGER_SECONDS") or 600)
    with peers.postgres() as server:
        _run(tmp_path, broker, OnPostgres(server), seconds, often=3)
