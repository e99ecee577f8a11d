"""A database that may lose what it confirmed is refused; each session waits for the disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import connections
from django.db.utils import ConnectionHandler

from portal.durability import NotDurableError, make_durable
from portal.environment.database_url import postgresql
from tests import peers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper
    from pytest_django import DjangoDbBlocker

    from tests.peers import Postgres

pytestmark = pytest.mark.peer("postgres")

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def database_access(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """These connections are their own, and no test database is made for them."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def hasty() -> Iterator[Postgres]:
    """A server whose default is to confirm before anything is on the disk."""
    with peers.postgres(settings=["synchronous_commit=off"], in_memory=True) as server:
        yield server


@contextmanager
def _connection(url: str) -> Iterator[BaseDatabaseWrapper]:
    """A connection as the portal makes it."""
    defaults = connections.settings["default"]
    made = ConnectionHandler({"default": {**defaults, **postgresql(url)}})["default"]
    try:
        yield made
    finally:
        made.close()


def _commits(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("option", "expected"),
    [("", "on"), ("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")],
)
def test_a_session_waits_for_the_disk(hasty: Postgres, option: str, expected: str) -> None:
    query = f"?options=-c%20synchronous_commit%3D{option}" if option else ""
    with _connection(hasty.url + query) as connection:
        assert _commits(connection) == expected


def test_a_role_cannot_weaken_it(hasty: Postgres) -> None:
    with psycopg.connect(hasty.url, autocommit=True) as administrator:
        administrator.execute("CREATE ROLE hasty LOGIN SUPERUSER")
        administrator.execute("ALTER ROLE hasty SET synchronous_commit = off")
    with _connection(hasty.url.replace("kanmon@", "hasty@")) as connection:
        assert _commits(connection) == "on"


@pytest.mark.parametrize("off", [("fsync",), ("full_page_writes",), ("fsync", "full_page_writes")])
def test_a_server_that_may_lose_what_it_confirmed_is_refused(
    hasty: Postgres, off: tuple[str, ...]
) -> None:
    with _server_without(hasty, off), _connection(hasty.url) as connection:
        for _ in range(2):  # a refused connection is not used by the next query
            with pytest.raises(NotDurableError) as refused:
                _commits(connection)
            assert refused.value.settings == off
    with _connection(hasty.url) as connection:
        assert _commits(connection) == "on"


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(
    "command",
    [["ingest"], ["migrate"], ["serve", "--bind", "BIND"], ["key", "list"]],
    ids=lambda command: command[0],
)
def test_every_command_says_what_to_switch_on(
    hasty: Postgres, tmp_path: Path, command: list[str], language: str
) -> None:
    with _server_without(hasty, ("fsync",)):
        done = subprocess.run(
            [sys.executable, "-m", "portal.cli", "--lang", language]
            + [f"127.0.0.1:{peers.free_port()}" if one == "BIND" else one for one in command],
            cwd=ROOT,
            env=os.environ
            | {
                "DJANGO_SETTINGS_MODULE": "portal.settings",
                "KANMON_PORTAL_STATE": str(tmp_path),
                "KANMON_DATABASE_URL": hasty.url,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "postgresql.conf" in done.stderr
    assert "fsync" in done.stderr
    assert "full_page_writes" not in done.stderr


def test_sqlite_needs_no_question(tmp_path: Path) -> None:
    entry = {**connections.settings["default"], "ENGINE": "django.db.backends.sqlite3"}
    entry |= {"NAME": tmp_path / "db.sqlite3", "OPTIONS": {}}
    make_durable(ConnectionHandler({"default": entry})["default"])


@contextmanager
def _server_without(server: Postgres, settings: tuple[str, ...]) -> Iterator[None]:
    """The same server with ``settings`` switched off by a reload, as an administrator does it."""
    _alter(server, [f"ALTER SYSTEM SET {name} = off" for name in settings], settings, "off")
    try:
        yield
    finally:
        _alter(server, [f"ALTER SYSTEM RESET {name}" for name in settings], settings, "on")


def _alter(server: Postgres, statements: list[str], names: tuple[str, ...], state: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as administrator:
        for statement in statements:
            administrator.execute(statement.encode())
        administrator.execute("SELECT pg_reload_conf()")
    for _ in range(1_000):  # each a connection: the server does not say when it has read them
        with psycopg.connect(server.url) as asking:
            rows = asking.execute(
                "SELECT setting FROM pg_settings WHERE name = ANY (%s)", [list(names)]
            ).fetchall()
        if json.dumps(rows) == json.dumps([[state]] * len(names)):
            return
    raise AssertionError(f"{names} did not become {state}")
