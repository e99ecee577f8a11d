"""Nothing accepted is lost or doubled: real processes, killed at random, and the books at the end.

``KANMON_LEDGER_SEED`` repeats a run's decisions (not its timing); every run prints its seed.
``KANMON_LEDGER_SECONDS`` is how long the slow one lasts.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from typing import TYPE_CHECKING

import pytest

from tests import peers
from tests.e2e.ledger import journal
from tests.e2e.ledger.balance import Balance, Holdings, balance
from tests.e2e.ledger.database import OnPostgres, OnSqlite
from tests.e2e.ledger.site import Site, site

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.ledger.database import Database
    from tests.peers import Mosquitto

pytestmark = pytest.mark.first

FAULTS = {
    "gateway killed",
    "broker killed",
    "ingest killed",
    "database connection cut",
    "acknowledged by the broker, then dropped",
    "byte cap overflowed",
    "old spool restored",
    "spool cloned",
    "tables lost",
}

CARELESS = ("synchronous_commit=off",)
"""A server that confirms at once and writes later."""
SERVER_FAULTS = {"database server killed"}
"""What can happen to a database that is a server."""

_ONE = "(SELECT series_id FROM ingest_sample WHERE value IS NOT NULL LIMIT 1)"
TAMPERINGS = (
    ("doubled", f"UPDATE ingest_sample SET at = at + 1 WHERE series_id = {_ONE}"),
    ("unexplained", f"UPDATE ingest_sample SET at = at - 1, value = 5 WHERE series_id = {_ONE}"),
    ("lost", f"DELETE FROM ingest_sample WHERE series_id = {_ONE}"),
    ("holes", "DELETE FROM ingest_receipt WHERE seq = 7"),
)
"""What each column of the books must notice, one done after the other."""


def _seed() -> int:
    return int(os.environ.get("KANMON_LEDGER_SEED") or secrets.randbelow(2**32))


def _suffer(place: Site, rng: random.Random, seconds: float) -> None:
    """Every fault at least once, in any order, and on until the time is over."""
    until = time.monotonic() + seconds
    todo = place.everything
    rng.shuffle(todo)
    while todo or time.monotonic() < until:
        if not todo:
            todo = place.everything
            rng.shuffle(todo)
        todo.pop()()
        place.lull()


def _books(folder: Path, database: Database, place: Site) -> Balance:
    return balance(journal.read(folder), Holdings(database), place.following)


def _run(folder: Path, broker: Mosquitto, database: Database, seconds: float) -> Site:
    seed = _seed()
    rng = random.Random(seed)
    print(f"\nledger: seed {seed}", flush=True)
    with site(Site(folder, broker, database, rng)) as place:
        began = time.monotonic()
        _suffer(place, rng, seconds)
        suffered = time.monotonic() - began
        place.heal()
    books = _books(folder, database, place)
    print(f"ledger: {suffered:.0f} s of faults: {dict(place.faults)}\nledger: {books}", flush=True)
    expected = FAULTS | SERVER_FAULTS if database.server else FAULTS
    assert {name for name, times in place.faults.items() if times} == expected
    assert books.stored > 1_000
    assert books.gapped > 0
    assert books.quarantined > 0
    assert books.sound, str(books)
    assert books.accepted == books.stored + books.gapped + books.quarantined
    return place


@pytest.mark.peer("mosquitto", "postgres")
@pytest.mark.timeout(600)
def test_nothing_accepted_is_lost_or_doubled(tmp_path: Path, broker: Mosquitto) -> None:
    with peers.postgres() as server:  # of its own: it is killed
        _run(tmp_path, broker, OnPostgres(server), 60)


@pytest.mark.peer("mosquitto")
@pytest.mark.timeout(600)
def test_nothing_is_lost_or_doubled_on_sqlite(tmp_path: Path, broker: Mosquitto) -> None:
    database = OnSqlite(tmp_path / "portal")
    place = _run(tmp_path, broker, database, 1)
    for kind, tampering in TAMPERINGS:
        database.execute(tampering)
        books = _books(tmp_path, database, place)
        assert getattr(books, kind) > 0, f"{tampering} went unnoticed"
        assert not books.sound


@pytest.mark.slow
@pytest.mark.peer("mosquitto", "postgres")
@pytest.mark.timeout(1_800)
def test_ten_minutes_of_faults(tmp_path: Path, broker: Mosquitto) -> None:
    with peers.postgres() as server:
        _run(
            tmp_path,
            broker,
            OnPostgres(server),
            float(os.environ.get("KANMON_LEDGER_SECONDS") or 600),
        )


@pytest.mark.peer("mosquitto")
@pytest.mark.timeout(600)
def test_the_same_books_convict_a_gateway_that_deletes_on_puback(
    tmp_path: Path, broker: Mosquitto
) -> None:
    """The control: the loss is forced, so books that balance here would be worthless."""
    database = OnSqlite(tmp_path / "portal")
    with site(Site(tmp_path, broker, database, random.Random(0), puback=True)) as place:
        place.strand()
        place.heal()
    books = _books(tmp_path, database, place)
    print(f"\nledger, deleting on PUBACK: {books}", flush=True)
    assert books.lost > 0
    assert not books.sound
    assert books.stored > 0


@pytest.mark.peer("mosquitto", "postgres")
@pytest.mark.timeout(600)
def test_the_same_books_convict_a_server_that_confirms_before_it_writes(
    tmp_path: Path, broker: Mosquitto
) -> None:
    """The control of `portal.durability`: without it this server is used as it comes."""
    with peers.postgres(settings=CARELESS) as server:
        database = OnPostgres(server)
        portal = "tests.e2e.ledger.careless_portal"
        with site(Site(tmp_path, broker, database, random.Random(0), portal=portal)) as place:
            database.write_only_for_those_who_wait()
            place.stored_then_killed(200)
            place.heal()
        books = _books(tmp_path, database, place)
    print(f"\nledger, confirming before writing: {books}", flush=True)
    assert books.lost > 20
    assert not books.sound
    assert books.stored > 0


@pytest.mark.peer("mosquitto", "postgres")
@pytest.mark.timeout(600)
def test_the_portal_makes_the_same_server_write_first(tmp_path: Path, broker: Mosquitto) -> None:
    with peers.postgres(settings=CARELESS) as server:
        database = OnPostgres(server)
        with site(Site(tmp_path, broker, database, random.Random(0))) as place:
            database.write_only_for_those_who_wait()
            place.stored_then_killed(200)
            place.heal()
        books = _books(tmp_path, database, place)
    print(f"\nledger, made to write first: {books}", flush=True)
    assert books.sound, str(books)
    assert books.stored > 200
