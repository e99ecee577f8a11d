"""The portal's database for the ledger: queries, lost connections, lost tables, backups."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import psycopg

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.ledger.processes import Logging
    from tests.peers import Postgres

_WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE xact_start IS NOT NULL "
    # Between two statements, after one that failed, or in the middle of a COPY.
    "AND (state LIKE 'idle in transaction%' OR wait_event_type = 'Client') "
    "AND state_change < clock_timestamp() - interval '1 second'"
)
_DATABASE, _BACKUP = "kanmon", "kanmon_backup"

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

    def waits(self) -> bool:
        """Whether a session has let others wait for its transaction for a second."""

    def lose_tables(self) -> int:
        """Delete the boxes' tables from the database; returns how many."""

    def kill(self) -> bool:
        """End the server with all that it has in memory; whether that hit a running one."""

    def start(self) -> None:
        """Start a server that was killed; it recovers from its log."""

    def back_up(self) -> None:
        """Keep a copy of the whole database, in place of an earlier one; no worker may run."""

    def restore(self) -> None:
        """Put the copy in the database's place, and keep it; no worker may run."""

    @property
    def processes(self) -> tuple[Logging, ...]:
        """The processes that log beside the workers."""


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

    def waits(self) -> bool:
        return self.rows(_WAITING) != [(0,)]

    def kill(self) -> bool:
        hit = self._server.running
        self._server.kill()
        return hit

    def start(self) -> None:
        self._server.start()

    def back_up(self) -> None:
        self._copy(_DATABASE, _BACKUP)

    def restore(self) -> None:
        self._copy(_BACKUP, _DATABASE)

    def _copy(self, source: str, target: str) -> None:
        self._server.kill_connections()
        with psycopg.connect(self._server.url_of("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {target} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {target} TEMPLATE {source}".encode())
            # A sequence says how many of its next values are in the log already; in a copy they are
            # not, and a server that is killed would hand them out twice. It forgets that here.
            connection.execute("CHECKPOINT")

    @property
    def processes(self) -> tuple[Logging, ...]:
        return (self._server,)

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
        self._backup = state.with_name(f"{state.name}-backup")

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

    def waits(self) -> bool:
        return False

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

    def back_up(self) -> None:
        shutil.rmtree(self._backup, ignore_errors=True)
        self._backup.mkdir()
        for path in self._files():
            shutil.copy2(path, self._backup)

    def restore(self) -> None:
        for path in self._files():
            path.unlink()
        for path in self._backup.iterdir():
            shutil.copy2(path, self._path.parent)

    def _files(self) -> list[Path]:
        """The database, and its write-ahead log where a worker was killed."""
        return list(self._path.parent.glob(f"{self._path.name}*"))

    @property
    def processes(self) -> tuple[Logging, ...]:
        return ()

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
