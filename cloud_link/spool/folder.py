"""The spool's folder: its lock, its files, its reserve file and its epoch marker.

::

    spool/            0700
      spool.db        0600   the database; beside it spool.db-wal while it is open
      lock            held (flock) by the one process that uses the spool; names its pid
      reserve         space that is released when the disk is full, so that deleting still works
      epoch.json      epochs and session, written apart, so that damage to the database leaves them
      damaged-<UTC>.db   a quarantined copy of a damaged database; with its own first page
                      beside it, if that had to be replaced to read the rest

Nothing here knows what is in the database.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cloud_link.spool.model import MEBIBYTE, SpoolError, SpoolLockedError
from console.templates import spool, system

_QUARANTINE_LIMIT: Final = 2
FIRST_PAGE: Final = "-page1"
"""What the first page of a quarantined database is kept under, where recovery had to replace it."""
_SUFFIXES: Final = ("-wal", "-shm", "-journal", FIRST_PAGE)


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochMarker:
    """The newest epoch and session number, readable without the database.

    Attributes:
        ordinal: The epoch's ordinal.
        epoch: Its name.
        session: The session number given out last.
        names: The names of the newest epochs, by ordinal: without its name, no record of an epoch
            can be sent and no loss of one be announced.
    """

    ordinal: int
    epoch: bytes
    session: int
    names: Mapping[int, bytes] = field(default_factory=dict)


class SpoolFolder:
    """The folder at ``path``, made if absent and held against every other process.

    Raises:
        SpoolLockedError: Another process holds it.
        SpoolError: It cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "spool.db"
        self.log = path / "spool.db-wal"
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SpoolError(
                spool.FOLDER_UNUSABLE(),
                where=str(path),
                why=system.reason(error),
                next_step=spool.CHECK_FOLDER(),
            ) from error
        self._acquire_lock()

    def _acquire_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            text = os.pread(self._lock, 32, 0).decode("ascii", "replace").strip()
            os.close(self._lock)
            raise SpoolLockedError(str(self.path), int(text) if text.isdigit() else None) from None
        # A full disk refuses the name, not the lock.
        with contextlib.suppress(OSError):
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Release the lock; a second call has no effect."""
        held, self._lock = self._lock, -1
        if held >= 0:
            os.close(held)

    def prepare(self) -> None:
        """Make the database's file, empty, if it is not there: readable by its owner only."""
        descriptor = os.open(self.database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fchmod(descriptor, 0o600)
        os.close(descriptor)
        self.sync()

    def sync(self) -> None:
        """Make names in this folder, and the folder's own, survive a power cut."""
        for path in (self.path, self.path.parent):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def log_bytes(self) -> int:
        """The size of the write-ahead log."""
        try:
            return self.log.stat().st_size
        except FileNotFoundError:
            return 0

    def free_bytes(self) -> int:
        """Bytes that this process may still write to the file system."""
        room = os.statvfs(self.path)
        return room.f_bavail * room.f_frsize

    def quarantine(self) -> Path:
        """Rename the damaged database after the time it was found; return its new path.

        The newest two such copies are kept.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        quarantined = self.path / f"damaged-{stamp}.db"
        for suffix in ("", *_SUFFIXES):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.database}{suffix}").rename(f"{quarantined}{suffix}")
        for old in sorted(self.path.glob("damaged-*.db"))[:-_QUARANTINE_LIMIT]:
            for suffix in ("", *_SUFFIXES):
                Path(f"{old}{suffix}").unlink(missing_ok=True)
        self.sync()
        return quarantined

    def read_marker(self) -> EpochMarker | None:
        """The epoch marker; ``None`` when there is none or it is unreadable."""
        try:
            content = json.loads((self.path / "epoch.json").read_text("ascii"))
            return EpochMarker(
                ordinal=int(content["ordinal"]),
                epoch=bytes.fromhex(content["epoch"]),
                session=int(content["session"]),
                names={
                    int(ordinal): bytes.fromhex(name)
                    for ordinal, name in content.get("names", {}).items()
                },
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write_marker(self, marker: EpochMarker) -> None:
        """Replace the epoch marker; where the disk refuses, the database will say so."""
        content = {
            "ordinal": marker.ordinal,
            "epoch": marker.epoch.hex(),
            "session": marker.session,
            "names": {str(ordinal): name.hex() for ordinal, name in marker.names.items()},
        }
        draft = self.path / "epoch.draft"
        with contextlib.suppress(OSError):
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.write(descriptor, json.dumps(content).encode("ascii"))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            draft.replace(self.path / "epoch.json")
            self.sync()


class ReserveFile:
    """A file of ``size`` bytes that is released when the disk is full.

    Without it the spool takes no records, so that the space that is left serves deleting and
    accounting.

    Attributes:
        allocated: Whether the file is there.
    """

    def __init__(self, folder: SpoolFolder, size: int) -> None:
        self._folder = folder
        self._path = folder.path / "reserve"
        self._size = size
        self.allocated = self._whole()
        if not self.allocated:
            self.allocate()

    def _whole(self) -> bool:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return False
        # A sparse file, as a careless restore makes it, holds nothing.
        return found.st_size == self._size and found.st_blocks * 512 >= self._size

    def release(self) -> bool:
        """Free the space; returns whether there was any to free."""
        was_allocated, self.allocated = self.allocated, False
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        return was_allocated

    def allocate(self) -> bool:
        """Allocate the file if the disk has room for it and a margin; returns `allocated`."""
        if not self.allocated and self._folder.free_bytes() >= self._size + margin(self._size):
            with contextlib.suppress(OSError):
                self._write()
                self.allocated = True
            if not self.allocated:
                self.release()
        return self.allocated

    def _write(self) -> None:
        self._path.unlink(missing_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if self._size:
                os.posix_fallocate(descriptor, 0, self._size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def margin(size: int) -> int:
    """Bytes that must be free beside a reserve file of ``size`` before it is allocated again."""
    return max(min(size, MEBIBYTE), 64 * 1024)
