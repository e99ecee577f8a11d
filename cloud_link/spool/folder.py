"""The spool's folder: its lock, its files, its ballast and its note.

::

    spool/            0700
      spool.db        0600   the database; beside it spool.db-wal while it is open
      lock            held (flock) by the one process that uses the spool; names its pid
      ballast         space given up when the disk is full, so that deleting still works
      note.json       epoch and session, written apart, so that damage to the database leaves them
      damaged-<UTC>.db   a damaged database, set aside

Nothing here knows what is in the database.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cloud_link.spool.model import MEBIBYTE, SpoolError, SpoolLocked

_KEEP_DAMAGED: Final = 2
_ALSO: Final = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """What is known of the spool without its database."""

    ordinal: int
    epoch: bytes
    session: int


class Folder:
    """The folder at ``path``, made if absent and held against every other process.

    Raises:
        SpoolLocked: another process holds it.
        SpoolError: it cannot be made or written.
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
                f"the spool's folder {path} cannot be used: {error.strerror}; "
                "check that it is writable"
            ) from error
        self._hold()

    def _hold(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            text = os.pread(self._lock, 32, 0).decode("ascii", "replace").strip()
            os.close(self._lock)
            raise SpoolLocked(str(self.path), int(text) if text.isdigit() else None) from None
        # A full disk refuses the name, not the lock.
        with contextlib.suppress(OSError):
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Let go of the folder. Twice does no harm."""
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
        """What this process may still write to the file system."""
        room = os.statvfs(self.path)
        return room.f_bavail * room.f_frsize

    def set_aside(self) -> Path:
        """Rename the damaged database to say when it was found; the newest two are kept."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        aside = self.path / f"damaged-{stamp}.db"
        for suffix in ("", *_ALSO):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.database}{suffix}").rename(f"{aside}{suffix}")
        for old in sorted(self.path.glob("damaged-*.db"))[:-_KEEP_DAMAGED]:
            for suffix in ("", *_ALSO):
                Path(f"{old}{suffix}").unlink(missing_ok=True)
        self.sync()
        return aside

    def read_note(self) -> Note | None:
        """The note; ``None`` when there is none or it is unreadable."""
        try:
            content = json.loads((self.path / "note.json").read_text("ascii"))
            return Note(
                ordinal=int(content["ordinal"]),
                epoch=bytes.fromhex(content["epoch"]),
                session=int(content["session"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write_note(self, note: Note) -> None:
        """Replace the note. A disk that refuses is left for the database to complain of."""
        content = {"ordinal": note.ordinal, "epoch": note.epoch.hex(), "session": note.session}
        draft = self.path / "note.draft"
        with contextlib.suppress(OSError):
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.write(descriptor, json.dumps(content).encode("ascii"))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            draft.replace(self.path / "note.json")
            self.sync()


class Ballast:
    """Space held in a file of ``size`` bytes, to be given up when the disk is full.

    ``held`` says whether it is there. Without it the spool takes no records, so that what space
    there is serves deleting and accounting.
    """

    def __init__(self, folder: Folder, size: int) -> None:
        self._folder = folder
        self._path = folder.path / "ballast"
        self._size = size
        self.held = self._whole()
        if not self.held:
            self.make()

    def _whole(self) -> bool:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return False
        # A sparse file, as a careless restore makes it, holds nothing.
        return found.st_size == self._size and found.st_blocks * 512 >= self._size

    def give_up(self) -> bool:
        """Free the space; whether there was any to free."""
        gave, self.held = self.held, False
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        return gave

    def make(self) -> bool:
        """Take the space again if the disk has it, and as much again to work in."""
        if not self.held and self._folder.free_bytes() >= self._size + margin(self._size):
            with contextlib.suppress(OSError):
                self._write()
                self.held = True
            if not self.held:
                self.give_up()
        return self.held

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
    """How much must be free beside a ballast of ``size`` before it is taken again."""
    return max(min(size, MEBIBYTE), 64 * 1024)
