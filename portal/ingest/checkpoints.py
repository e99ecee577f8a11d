"""SQLite's log is moved into the database beside the transactions, not by one of them.

SQLite leaves that to the commit by which the log (``-wal``) reaches a thousand pages: a hundred
messages of a box with many series make fifty such commits, and each of them takes two to three
times as long for the boxes that wait. Here a thread with a connection of its own moves it::

    transactions   |--|-|---|--|--|-|--|--|---|-|
    log moved           [=====]     [=====]         beside them: waits for no reader, no writer
                                           []       the rest, between two, once the log is long

The log begins again only when all of it has been moved, which never happens while messages are
stored without a pause. Beyond `LOG_PAGES` the little that is left is moved between two
transactions. Other processes, which write rarely, keep SQLite's own rule. PostgreSQL has a process
for the same purpose, and nothing is done here.

Source: SQLite, "Write-Ahead Logging", "Avoiding Excessively Large WAL Files", and the pragma
``wal_checkpoint``.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.db import connection, connections

from portal.ingest import sql
from portal.ingest.alarms import detail_of
from portal.logs import event_log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = event_log(__name__)

LOG_PAGES: Final = 4_000
"""Pages of the log beyond which the rest of it is moved between two transactions."""
CACHE_KB: Final = 32_000
"""Kilobytes of pages that the connection of transactions keeps in memory: a message of 500 series
writes as many pages, and the usual 2 MB do not hold them."""
_EVERY_S: Final = 0.2


class Checkpoints:
    """Moves the log of a database that transactions of another thread write.

    Args:
        between: Runs a function between two of those transactions.
    """

    def __init__(self, between: Callable[[Callable[[], int]], Awaitable[int]]) -> None:
        self._between = between
        self._thread = ThreadPoolExecutor(1, "checkpoints")
        self._adopted: Any = None
        self._written = False
        self._fails = False

    def adopt(self) -> None:
        """Take over the log of this thread's connection before it writes; keep more in memory."""
        if not _has_log():
            return
        connection.ensure_connection()
        if connection.connection is not self._adopted:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA wal_autocheckpoint = 0")
                cursor.execute(f"PRAGMA cache_size = -{CACHE_KB}")
            self._adopted = connection.connection
        self._written = True

    async def run(self, every_s: float = _EVERY_S) -> None:
        """Move the log every ``every_s`` seconds in which something was written."""
        while True:
            await asyncio.sleep(every_s)
            if self._written:
                self._written = False
                await self.move()

    async def move(self) -> None:
        """Move what is in the log now."""
        loop = asyncio.get_running_loop()
        try:
            if await loop.run_in_executor(self._thread, _move) > LOG_PAGES:
                await self._between(_move)
        except sql.OUTAGES as error:  # the log keeps everything, and the next one moves it
            if not self._fails:
                log.error("maintenance_failed", work="checkpoint", error=detail_of(error))
            self._fails = True
        else:
            self._fails = False

    def close(self) -> None:
        """Close this one's connection, once the move under way has ended."""
        self._thread.submit(connections.close_all)
        self._thread.shutdown(wait=True)


def _has_log() -> bool:
    return not sql.postgres() and Path(str(connection.settings_dict["NAME"])).is_absolute()


def _move() -> int:
    """Move what is in the log by now; returns how many pages it has."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        _, pages, _ = cursor.fetchone()
    return int(pages)
