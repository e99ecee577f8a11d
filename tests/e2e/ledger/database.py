"""The portal's database for the ledger: queries, lost connections, lost tables."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import psycopg

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers import Postgres

# As the portal would never do it: a table that a record still waits to be read with stays. The
# boxes are locked first, as the ingest does, so that no such record comes in between.
_LOSE = "DELETE FROM ingest_wiretable WHERE NOT EXISTS (SELECT 1 FROM ingest_pendingclock)"


class Database(Protocol):
    """A database of the portal; `OnPostgres` and `OnSqlite` are the two kinds."""

    url: str
    """For ``KANMON_DATABASE_URL``."""
    workers: int
    """How many ingest workers share it."""
    server: bool
    """Whether it is a server of its own, which can be killed."""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows that ``query`` returns."""

    def disturb(self) -> int:
        """Interrupt the workers' connections; returns how many were met."""

    def lose_tables(self) -> int:
        """Delete the boxes' tables from the database; returns how many."""

    def kill(self) -> bool:
        """End the server with all that it has in memory; whether that hit a running one."""

    def start(self) -> None:
        """Start a server that was killed; it recovers from its log."""


class OnPostgres:
    """A cluster of the test's own."""

    workers = 2
    server = True

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self.url = server.url

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def disturb(self) -> int:
        return self._server.kill_connections()

    def kill(self) -> bool:
        hit = self._server.running
        self._server.kill()
        return hit

    def start(self) -> None:
        self._server.start()

    def write_only_for_those_who_wait(self) -> None:
        """Bring everything to the disk; from then on a session that does not wait loses its own."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        self._server.pause_log_writer()

    def lose_tables(self) -> int:
        with psycopg.connect(self.url) as connection:
            connection.execute("SELECT id FROM fleet_box ORDER BY id FOR NO KEY UPDATE")
            return connection.execute(_LOSE).rowcount


class OnSqlite:
    """The file in the portal's state folder."""

    workers = 1
    server = False
    url = ""

    def __init__(self, state: Path) -> None:
        self._path = state / "db.sqlite3"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(self._connect()) as connection:
            return connection.execute(query).fetchall()

    def disturb(self) -> int:
        """Hold the write lock for a while: the workers find it busy."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(1)  # the length of the fault itself
            connection.execute("ROLLBACK")
        return 1

    def lose_tables(self) -> int:
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            lost = connection.execute(_LOSE).rowcount
            connection.execute("COMMIT")
            return lost

    def kill(self) -> bool:
        return False

    def start(self) -> None:
        """Without a server there is nothing to start."""

    def execute(self, statement: str) -> None:
        """Tamper with what is stored."""
        with closing(self._connect()) as connection:
            connection.execute(statement)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=30, isolation_level=None)


def unix_ms(moment: datetime | str) -> int:
    """A time as either database gives it, in Unix milliseconds."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000
