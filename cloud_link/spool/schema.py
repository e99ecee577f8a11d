"""The spool's tables, and the settings of its one connection.

::

    record    id -> one accepted record; id = lane * 2**56 + n, and n = counter.base + seq
    counter   (ordinal, lane) -> base, next        the source of every seq
    lane      lane -> newest id given out, records and bytes pending, records dropped, records and
              bytes retained
    settled   runs of ids that are not pending     what of them is still here is retained
    epoch     ordinal -> name                      kept while a record or gap refers to it, and the
              newest in any case
    wire_table  id -> encoded table, refs          kept while a record refers to it
    gap       open gaps: what was dropped and not yet announced
    fact      small persisted facts

A record's id is derived from its number, never the other way round: SQLite gives a deleted row's
id out again. With ids in order of sending inside each lane, reading, settling a range and
dropping the oldest are each one walk along one B-tree, without a second index to keep. A record
that is settled stays where it is: only a run of ``settled`` grows.

Sources: https://sqlite.org/wal.html, https://sqlite.org/pragma.html
"""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path
from typing import Final
from zlib import crc32

from cloud_link.spool.model import SpoolDamagedError, SpoolLimits
from cloud_link.wire import Lane
from console.templates import spool

APPLICATION: Final = 0x4B4E4D53
"""Marks the file as ours: "KNMS"."""
SCHEMA_VERSION: Final = 2
PAGE: Final = 4096
LANE_SHIFT: Final = 56

_SCHEMA: Final = (
    """CREATE TABLE record (
        id INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL, seq INTEGER NOT NULL,
        boot BLOB NOT NULL, at INTEGER NOT NULL, readings INTEGER NOT NULL,
        table_id BLOB, checksum INTEGER NOT NULL, body BLOB NOT NULL)""",
    """CREATE TABLE counter (
        ordinal INTEGER NOT NULL, lane INTEGER NOT NULL, base INTEGER NOT NULL,
        next INTEGER NOT NULL, PRIMARY KEY (ordinal, lane)) WITHOUT ROWID""",
    """CREATE TABLE lane (
        lane INTEGER PRIMARY KEY, newest INTEGER NOT NULL, records INTEGER NOT NULL,
        bytes INTEGER NOT NULL, dropped INTEGER NOT NULL, kept_records INTEGER NOT NULL,
        kept_bytes INTEGER NOT NULL)""",
    """CREATE TABLE settled (
        first INTEGER PRIMARY KEY, last INTEGER NOT NULL, checksum INTEGER NOT NULL)""",
    "CREATE TABLE epoch (ordinal INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE)",
    """CREATE TABLE wire_table (
        id BLOB PRIMARY KEY, refs INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE gap (
        key INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL, lane INTEGER NOT NULL,
        reason TEXT NOT NULL, ranges BLOB NOT NULL, records INTEGER NOT NULL,
        readings INTEGER NOT NULL, first_boot BLOB NOT NULL, first_at INTEGER NOT NULL,
        last_boot BLOB NOT NULL, last_at INTEGER NOT NULL)""",
    "CREATE TABLE fact (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
)

_pack_head = struct.Struct("<qqqqq8s").pack


def first_id(lane: Lane) -> int:
    """The least id a record of ``lane`` may have."""
    return (lane << LANE_SHIFT) + 1


def last_id(lane: Lane) -> int:
    """The greatest id a record of ``lane`` may have."""
    return ((lane + 1) << LANE_SHIFT) - 1


def checksum(
    number: tuple[int, int, int], when: tuple[bytes, int], readings: int, table: bytes, body: bytes
) -> int:
    """The CRC-32 of a record's row; ``number`` is (id, ordinal, seq), ``when`` is (boot, at)."""
    head = _pack_head(*number, when[1], readings, when[0])
    return crc32(body, crc32(table, crc32(head)))


def run_checksum(first: int, last: int) -> int:
    """The CRC-32 of a run of settled ids."""
    return crc32(struct.pack("<qq", first, last))


def log_pages(limits: SpoolLimits) -> int:
    """After how many pages the log is copied back.

    At most an eighth of the cap, and a quarter of the reserve file: released, it must make room for
    both a full log and the growth of the database that copying it back may cause.
    """
    bound = limits.cap_bytes // 8
    if limits.reserve_file_bytes:
        bound = min(bound, limits.reserve_file_bytes // 4)
    return max(8, min(1000, bound // PAGE))


def connect(path: Path, limits: SpoolLimits) -> sqlite3.Connection:
    """Open ``path`` (which exists, perhaps empty) as a spool, making its tables if it is empty.

    ``synchronous=FULL`` is what makes a returned commit survive a power cut: in WAL mode with
    NORMAL the log is only synced when it is copied back. ``locking_mode=EXCLUSIVE`` keeps the
    log's index in memory: no third file, nothing mapped that a full disk could make vanish.

    Raises:
        SpoolDamagedError: The file belongs to another program, or has another version.
        sqlite3.Error: SQLite cannot open it.
    """
    db = sqlite3.connect(path, isolation_level=None, timeout=1.0, cached_statements=256)
    try:
        db.execute(f"PRAGMA page_size={PAGE}")
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA cell_size_check=ON")
        db.execute("PRAGMA temp_store=MEMORY")
        pages = log_pages(limits)
        db.execute(f"PRAGMA wal_autocheckpoint={pages}")
        db.execute(f"PRAGMA journal_size_limit={pages * PAGE}")
        db.execute("PRAGMA cache_size=-256")
        _check_version(db)
    except BaseException:
        db.close()
        raise
    return db


def _check_version(db: sqlite3.Connection) -> None:
    """Make the tables of an empty file; raise for a file that is not a spool of this version."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if (version, application, tables) == (0, 0, 0):
        _create(db)
    elif application != APPLICATION:
        raise SpoolDamagedError(spool.NOT_A_SPOOL(), next_step=spool.REMOVE_FILE())
    elif version == SCHEMA_VERSION and not _is_schema(db):
        raise SpoolDamagedError(
            spool.DAMAGED(), why=spool.UNREADABLE_ROW(), next_step=spool.CHECK_DISK()
        )
    elif version != SCHEMA_VERSION:
        raise SpoolDamagedError(
            spool.OTHER_VERSION(found=version, known=SCHEMA_VERSION), next_step=spool.UPDATE()
        )


def _is_schema(db: sqlite3.Connection) -> bool:
    """Whether the tables are those that were made: a damaged definition changes what rows mean."""
    query = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
    return tuple(sql for (sql,) in db.execute(query)) == _SCHEMA


def create_tables(db: sqlite3.Connection) -> None:
    """Make the spool's tables in an empty database: always at the same pages."""
    for statement in _SCHEMA:
        db.execute(statement)


def _create(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        create_tables(db)
        db.executemany(
            "INSERT INTO lane VALUES (?, ?, 0, 0, 0, 0, 0)",
            [(lane, first_id(lane) - 1) for lane in Lane],
        )
        db.execute(f"PRAGMA application_id={APPLICATION}")
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
