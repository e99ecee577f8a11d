"""What the ledger's books convict: a gateway, a server or a portal that lacks one safeguard.

Beside each control the sound one passes the same, here or in `tests.e2e.test_ledger`.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests import peers
from tests.e2e.ledger.database import OnPostgres, OnSqlite
from tests.e2e.ledger.faults import HOUR_S
from tests.e2e.ledger.processes import Program, quote_logs
from tests.e2e.ledger.run import run
from tests.e2e.ledger.site import Setup
from tests.faults.clockfault import WallClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.peers import Mosquitto

pytestmark = [pytest.mark.first, pytest.mark.timeout(600)]

EARLY = ("synchronous_commit=off",)
"""A server that confirms at once and writes later."""


def _broken(fault: str) -> Setup:
    return Setup(portal=("tests.e2e.ledger.broken_portal", fault))


# A broker that loses what it acknowledged


@pytest.mark.peer("mosquitto")
def test_the_same_books_convict_a_gateway_that_deletes_on_puback(
    tmp_path: Path, broker: Mosquitto
) -> None:
    """The control: the loss is forced, so books that balance here would be worthless."""
    setup = Setup(gateway=("--puback",), answered=False)
    with run(tmp_path, broker, OnSqlite(tmp_path / "portal"), setup) as this:
        this.faults.strand()
        this.site.heal()
        books = this.books("deleting on PUBACK")
        assert books.lost > 0
        assert not books.sound
        assert books.stored > 0


# A database server that is killed


@pytest.mark.peer("mosquitto", "postgres")
@pytest.mark.parametrize("sound", [True, False], ids=["made to write first", "as it comes"])
def test_the_same_books_convict_a_server_that_confirms_before_it_writes(
    tmp_path: Path, broker: Mosquitto, *, sound: bool
) -> None:
    """The control of `portal.durability`: without it this server is used as it comes."""
    setup = None if sound else _broken("confirms_before_writing")
    with peers.postgres(settings=EARLY) as server:
        database = OnPostgres(server)
        with run(tmp_path, broker, database, setup) as this:
            database.write_only_for_those_who_wait()
            this.faults.stored_then_killed(200)
            this.site.heal()
            books = this.books("a server that confirms early")
            assert books.stored > 200
            assert books.sound == sound, str(books)
            assert (books.lost > 20) == (not sound)


# A portal that is restored from a backup


@pytest.mark.peer("mosquitto")
@pytest.mark.parametrize("kept", [True, False], ids=["retained", "not retained"])
def test_a_restored_portal_gets_back_what_the_box_has_and_is_told_the_rest(
    tmp_path: Path, broker: Mosquitto, *, kept: bool
) -> None:
    setup = None if kept else Setup(gateway=("--no-retain",))
    with run(tmp_path, broker, OnSqlite(tmp_path / "portal"), setup) as this:
        this.faults.back_up()
        this.site.progress("records that will be forgotten", 200)
        this.faults.bring_back()
        this.site.heal()
        books = this.books("restored")
        assert books.sound, str(books)
        assert books.stored > 100
        assert (books.gapped > 100) == (not kept)
        assert not (kept and books.gapped)
        assert this.wrong_in_fleet_ledger() == []


@pytest.mark.peer("mosquitto")
def test_the_same_books_convict_a_portal_that_forgets_what_it_lost(
    tmp_path: Path, broker: Mosquitto
) -> None:
    setup = _broken("forgets_what_it_lost")
    with run(tmp_path, broker, OnSqlite(tmp_path / "portal"), setup) as this:
        this.faults.back_up()
        this.site.progress("records that will be forgotten", 200)
        this.faults.bring_back()
        this.site.heal()
        books = this.books("a portal that forgets")
        assert books.lost > 100
        assert not books.sound
        assert books.stored > 0


# Two workers


@pytest.mark.peer("mosquitto", "postgres")
def test_the_same_books_convict_workers_that_answer_before_they_commit(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with peers.postgres() as server:
        setup = _broken("answers_before_commit")
        with run(tmp_path, broker, OnPostgres(server), setup) as this:
            for worker in this.site.workers * 2:
                this.site.progress("records answered", 60)
                worker.kill()
                worker.start()
            this.site.progress("records after both were killed")
            this.site.heal()
            books = this.books("answering before commit")
            assert books.lost > 0
            assert not books.sound
            assert books.stored > 100


@pytest.mark.peer("mosquitto", "postgres")
def test_the_same_books_convict_workers_that_store_what_another_has(
    tmp_path: Path, broker: Mosquitto
) -> None:
    setup = _broken("stores_again")
    with peers.postgres() as server, run(tmp_path, broker, OnPostgres(server), setup) as this:
        this.faults.part_workers()
        this.site.heal()
        books = this.books("storing again")
        assert books.doubled > 0
        assert not books.sound
        assert books.stored > 100


def _between_statements(worker: psycopg.Connection) -> None:
    worker.execute("SELECT 1")


def _after_a_failed_one(worker: psycopg.Connection) -> None:
    worker.execute("SAVEPOINT one")  # without it, nothing is locked any longer
    with pytest.raises(psycopg.errors.DivisionByZero):
        worker.execute("SELECT 1 / 0")


def _in_a_copy(worker: psycopg.Connection) -> None:
    worker.execute("CREATE TEMPORARY TABLE half (n int)")
    worker.pgconn.send_query(b"COPY half FROM STDIN")
    assert worker.pgconn.get_result() is not None


@pytest.mark.peer("postgres")
@pytest.mark.parametrize("paused", [_between_statements, _after_a_failed_one, _in_a_copy])
def test_a_worker_that_is_paused_in_a_transaction_is_found(
    paused: Callable[[psycopg.Connection], None],
) -> None:
    """Wherever that was: the other one waits for it in vain."""
    with peers.postgres() as server:
        database = OnPostgres(server)
        assert not database.waits()
        with psycopg.connect(database.url) as worker:
            paused(worker)
            end = time.monotonic() + 30
            while not database.waits():
                assert time.monotonic() < end
                time.sleep(0.1)  # a poll: PostgreSQL sends no event for this
            worker.close()


# A clock that jumps


@pytest.mark.peer("mosquitto", "libfaketime", "cc")
@pytest.mark.parametrize("sound", [True, False], ids=["sound", "credulous"])
def test_the_same_books_convict_a_gateway_that_takes_any_time_as_vouched_for(
    tmp_path: Path, broker: Mosquitto, *, sound: bool
) -> None:
    setup = Setup(wall=WallClock(folder=tmp_path), gateway=() if sound else ("--credulous",))
    with run(tmp_path, broker, OnSqlite(tmp_path / "portal"), setup) as this:
        this.faults.make_wrong(27 * HOUR_S)
        this.faults.set_right()
        this.site.reboot()  # another gateway of this boot would date all of it again
        this.site.heal()
        books = this.books("a jump of the clock")
        assert books.stored > 50
        assert books.sound == sound, str(books)
        assert (books.misdated > 10) == (not sound)


# What a failure says


def test_a_failure_quotes_what_each_process_logged(tmp_path: Path) -> None:
    programs = [
        Program(command=[sys.executable, "-c", f"print('said by {name}')"], log=tmp_path / name)
        for name in ("one", "two", "silent")
    ]
    for program in programs[:2]:
        program.start()
        assert program.process is not None
        program.process.wait(30)
    said = quote_logs(programs)
    assert said == "--- one\nsaid by one\n--- two\nsaid by two\n--- silent\n(nothing)"
