"""SQLite's log is moved into the database beside the transactions that write it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler
from django.utils.connection import ConnectionProxy
from pytest_django import DjangoDbBlocker

from portal.environment.database_url import DATABASE, sqlite
from portal.ingest import checkpoints
from portal.ingest.checkpoints import Checkpoints

T = TypeVar("T")
PAGE = 4_096
SIDE_BY_SIDE = 2_000
"""Bytes of a row, of which no three fit one page."""


class Writer:
    """The thread that writes, and the files it writes to."""

    def __init__(self, folder: Path, connection: BaseDatabaseWrapper) -> None:
        self._thread = ThreadPoolExecutor(1)
        self.connection = connection
        self.database, self.log = folder / DATABASE, folder / f"{DATABASE}-wal"
        self.checkpoints = Checkpoints(self.run)

    async def run(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def write(self, rows: int) -> int:
        self.checkpoints.adopt()
        with self.connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS filling (content BLOB)")
            cursor.execute("BEGIN")
            cursor.executemany(
                "INSERT INTO filling VALUES (zeroblob(%s))", [(SIDE_BY_SIDE,)] * rows
            )
            cursor.execute("COMMIT")
        return rows

    def close(self) -> None:
        self.checkpoints.close()
        self._thread.submit(self.connection.close)
        self._thread.shutdown(wait=True)


@pytest.fixture
def writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, django_db_blocker: DjangoDbBlocker
) -> Iterator[Writer]:
    tmp_path.chmod(0o700)
    handler = ConnectionHandler({"default": sqlite(tmp_path)})
    proxy: Any = ConnectionProxy(handler, "default")
    monkeypatch.setattr(checkpoints, "connections", handler)
    monkeypatch.setattr(checkpoints, "connection", proxy)
    found = Writer(tmp_path, proxy)
    with django_db_blocker.unblock():  # it is another database than that of the tests
        yield found
        found.close()


def test_no_commit_moves_the_log(writer: Writer) -> None:
    async def work() -> None:
        await writer.run(lambda: writer.write(1))
        await writer.checkpoints.move()
        before = writer.database.stat().st_size
        for _ in range(5):
            await writer.run(lambda: writer.write(1_000))
        assert writer.log.stat().st_size > 2_000 * PAGE
        assert writer.database.stat().st_size == before
        await writer.checkpoints.move()
        assert writer.database.stat().st_size > before + 5_000 * SIDE_BY_SIDE

    asyncio.run(work())


def test_the_log_stays_short_beside_a_writer_without_a_pause(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "LOG_PAGES", 400)

    async def work() -> None:
        running = asyncio.create_task(writer.checkpoints.run(every_s=0))
        for _ in range(200):
            await writer.run(lambda: writer.write(100))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(work())
    written = 200 * 100 * SIDE_BY_SIDE
    assert writer.database.stat().st_size > written / 2
    assert writer.log.stat().st_size < written / 2


def test_a_log_that_cannot_begin_anew_is_moved_between_two_transactions(writer: Writer) -> None:
    between: list[int] = []

    async def count(function: Callable[[], int]) -> int:
        between.append(await writer.run(function))
        return between[-1]

    async def work() -> None:
        moving = Checkpoints(count)
        await writer.run(lambda: writer.write(2 * checkpoints.LOG_PAGES))
        with closing(sqlite3.connect(writer.database, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM filling")
            await writer.run(lambda: writer.write(2 * checkpoints.LOG_PAGES))
            await moving.move()
        moving.close()

    asyncio.run(work())
    assert len(between) == 1


def test_a_connection_that_is_opened_again_is_adopted_again(writer: Writer) -> None:
    def pages() -> tuple[int, ...]:
        found = []
        with writer.connection.cursor() as cursor:
            for name in ("wal_autocheckpoint", "cache_size"):
                cursor.execute(f"PRAGMA {name}")
                found += cursor.fetchone()
        return tuple(found)

    def lose() -> int:
        writer.connection.close()
        return writer.write(1)

    async def work() -> None:
        await writer.run(lambda: writer.write(1))
        assert await writer.run(pages) == (0, -checkpoints.CACHE_KB)
        await writer.run(lose)
        assert await writer.run(pages) == (0, -checkpoints.CACHE_KB)

    asyncio.run(work())


def test_a_move_that_fails_is_told_once_and_tried_again(
    writer: Writer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        await writer.run(lambda: writer.write(500))
        with monkeypatch.context() as patch:
            patch.setattr(checkpoints, "_move", fail)
            await writer.checkpoints.move()
            await writer.checkpoints.move()
        before = writer.database.stat().st_size
        await writer.checkpoints.move()
        assert writer.database.stat().st_size > before

    asyncio.run(work())
    failures = [one for one in caplog.messages if one.startswith("maintenance_failed")]
    assert len(failures) == 1


def fail() -> int:
    raise OperationalError("database or disk is full")
