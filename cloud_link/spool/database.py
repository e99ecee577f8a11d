"""The spool's database, whose disk may be full, fail or return damaged data.

`Database.commit` is the only place where the spool changes; SQLite's errors become ours here,
once::

    SQLITE_FULL                        SpoolFullError    the reserve file is released, the work
                                                         done again
    SQLITE_CORRUPT, SQLITE_NOTADB      SpoolDamagedError
    SQLITE_IOERR, SQLITE_READONLY ...  SpoolDiskError
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import msgspec
import structlog

from cloud_link.spool.folder import ReserveFile, SpoolFolder
from cloud_link.spool.losses import Losses
from cloud_link.spool.model import (
    SpoolDamagedError,
    SpoolDiskError,
    SpoolError,
    SpoolFullError,
    SpoolLimits,
)
from cloud_link.spool.records import RecordStore
from cloud_link.spool.retention import Retention
from cloud_link.spool.schema import PAGE, connect, log_pages
from cloud_link.wire import Lane
from console.templates import spool, system

T = TypeVar("T")

_ROW_BYTES: Final = 64
"""Bytes that a gap's row takes beside its content."""

log = structlog.get_logger(__name__)


class Database:
    """The open database in ``folder``.

    Raises:
        SpoolDamagedError: The file is not a spool.
        SpoolFullError: The disk does not even let it be opened.
    """

    def __init__(self, folder: SpoolFolder, limits: SpoolLimits) -> None:
        self._folder = folder
        self._limits = limits
        self.reserve_file = ReserveFile(folder, limits.reserve_file_bytes)
        self._usable = False
        self._connect()

    def _connect(self) -> None:
        try:
            with translate_errors():
                self._open()
        except SpoolFullError:
            if not self.reserve_file.release():
                raise
            with translate_errors():
                self._open()

    def _ensure(self) -> None:
        if not self._usable:
            self._connect()

    def _open(self) -> None:
        self._folder.prepare()
        self.db = connect(self._folder.database, self._limits)
        self.records = RecordStore(self.db)
        self.losses = Losses(self.db, self.records)
        self.retention = Retention(self.db, self.records, self._limits)
        self._usable = True

    def close(self) -> None:
        """Copy the log back, if the disk lets us, and close."""
        with contextlib.suppress(sqlite3.Error):
            self.db.close()

    def disconnect(self) -> None:
        """Close; the next use connects again, to the file that is there then."""
        self.close()
        self._usable = False

    # Transactions

    def commit(self, work: Callable[[], T], *, use_reserve: bool = True) -> T:
        """Do ``work`` in one transaction and return when it is on the disk.

        With ``use_reserve`` the work may use the space of the reserve file: to delete and account,
        not to accept records. On any error nothing of it has happened.
        """
        try:
            result = self._transact(work)
        except SpoolDiskError:
            raise
        except SpoolFullError:
            if not self.reserve_file.release():
                raise
            log.warning("spool_disk_full", folder=str(self._folder.path))
            if not use_reserve:
                raise
            result = self._transact(work)
        self._bound_log()
        return result

    def read(self, work: Callable[[], T]) -> T:
        """Return the result of ``work``, which changes nothing."""
        self._ensure()
        with translate_errors():
            return work()

    def _transact(self, work: Callable[[], T]) -> T:
        self._ensure()
        with translate_errors():
            try:
                self.db.execute("BEGIN IMMEDIATE")
                result = work()
                self.db.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
        return result

    def _roll_back(self) -> None:
        if not self.db.in_transaction:
            return
        try:
            self.db.execute("ROLLBACK")
        except sqlite3.Error:
            # Its state is unknown now: a new connection will read what is really on the disk.
            self.disconnect()

    def _bound_log(self) -> None:
        """Copy the log back if SQLite has not: it keeps silent when that fails."""
        if self._folder.log_bytes() <= log_pages(self._limits) * PAGE * 5 // 4:
            return
        # Not tenacity's: the second try does not wait but has the room that the reserve file
        # leaves, and a log that stays long is tried again after the next commit.
        for _ in range(2):
            try:
                with translate_errors():
                    self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except SpoolFullError as error:
                if isinstance(error, SpoolDiskError) or not self.reserve_file.release():
                    return
            except SpoolDamagedError:
                return  # what was committed is committed; the next to read or write finds it
            else:
                return

    # Small facts

    def fact(self, key: str) -> bytes | None:
        """The value kept under ``key``, or ``None``."""
        row = self.db.execute("SELECT value FROM fact WHERE key = ?", (key,)).fetchone()
        return bytes(row[0]) if row else None

    def set_fact(self, key: str, value: bytes) -> None:
        """Keep ``value`` under ``key``; inside a transaction."""
        self.db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (key, value))

    # Room

    def has_room(self, size: int) -> bool:
        """Whether ``size`` more bytes may be taken: the reserve file is there, or can be again.

        While it is not, the pages that deleting has freed inside the file still serve.
        """
        self._ensure()
        if self.reserve_file.allocated or self.reserve_file.allocate():
            return True
        return self._pragma("freelist_count") * PAGE > 4 * (size + log_pages(self._limits) * PAGE)

    def used_bytes(self) -> int:
        """Bytes of the database's pages that hold something. Constant time."""
        return (self._pragma("page_count") - self._pragma("freelist_count")) * PAGE

    def excess(self) -> int:
        """Bytes used beyond the cap, the reserve being left to gaps. Constant time.

        The log counts with the size it may have, not the size it happens to have.
        """
        over = self.used_bytes() - self.room_bytes()
        if over <= 0:
            return over
        return over - min(self._gap_bytes(), self._limits.gap_reserve_bytes)

    def room_bytes(self) -> int:
        """Bytes of the cap that records other than gaps may use."""
        limits = self._limits
        return limits.cap_bytes - limits.gap_reserve_bytes - log_pages(limits) * PAGE

    def _gap_bytes(self) -> int:
        records, size = self.db.execute(
            "SELECT records, bytes FROM lane WHERE lane = ?", (Lane.GAP,)
        ).fetchone()
        rows, ranges = self.db.execute(
            "SELECT count(*), coalesce(sum(length(ranges)), 0) FROM gap"
        ).fetchone()
        return int(size + ranges + (records + rows) * _ROW_BYTES)

    def _pragma(self, name: str) -> int:
        return int(self.db.execute(f"PRAGMA {name}").fetchone()[0])


@contextlib.contextmanager
def translate_errors() -> Iterator[None]:
    """Raise SQLite's and the system's errors as `cloud_link.spool.model.SpoolError`."""
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise
    except sqlite3.Error as error:
        raise _spool_error(error) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SpoolDamagedError(
            spool.DAMAGED(), why=spool.UNREADABLE_ROW(), next_step=spool.CHECK_DISK()
        ) from error
    except OSError as error:
        raise SpoolDiskError(
            spool.DISK_FAILED(),
            where=str(error.filename or ""),
            why=system.reason(error),
            next_step=spool.CHECK_DISK(),
        ) from error


def _spool_error(error: sqlite3.Error) -> SpoolError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_NOTADB) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return SpoolFullError(spool.DISK_FULL(), next_step=spool.FREE_SPACE())
    why, step = spool.SQLITE_REASON(reason=str(error)), spool.CHECK_DISK()
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return SpoolDamagedError(spool.DAMAGED(), why=why, next_step=step)
    return SpoolDiskError(spool.DISK_FAILED(), why=why, next_step=step)
