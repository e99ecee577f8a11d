"""Atomic replacement of files: written beside, synchronised, renamed.

At every instant the name holds either the whole old or the whole new content. Source: rename(2),
fsync(2).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

DRAFT: Final = ".new"
"""The suffix of a file that is not complete yet."""


class Disk(Protocol):
    """The operations of a file system that a replacement needs; each may raise ``OSError``."""

    def write(self, path: Path, data: bytes) -> None:
        """Create a file of mode 0600 with ``data`` in it, on the medium when this returns.

        A failure leaves no file. A file that is there already is never opened: others may hold it
        open, or may have made it a link.
        """

    def rename(self, old: Path, new: Path) -> None:
        """Rename ``old`` to ``new``, replacing it atomically."""

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""

    def sync_folder(self, folder: Path) -> None:
        """Synchronise the folder's names with the medium."""


class LocalDisk:
    """`Disk` on the local file system."""

    def write(self, path: Path, data: bytes) -> None:
        """See `Disk.write`."""
        path.unlink(missing_ok=True)  # what an interrupted attempt left
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
        except OSError as error:  # of writing, which does not say where
            raise OSError(error.errno, error.strerror, str(path)) from error

    def rename(self, old: Path, new: Path) -> None:
        """See `Disk.rename`."""
        old.replace(new)

    def remove(self, path: Path) -> None:
        """See `Disk.remove`."""
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """See `Disk.sync_folder`."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def replace_file(disk: Disk, path: Path, data: bytes) -> None:
    """Replace the content of ``path`` by ``data``; on ``OSError`` the old content is unchanged."""
    beside = path.with_name(path.name + DRAFT)
    try:
        disk.write(beside, data)
        disk.rename(beside, path)
    except OSError:
        with suppress(OSError):
            disk.remove(beside)  # on a full disk it would keep the room that is lacking
        raise
    disk.sync_folder(path.parent)
