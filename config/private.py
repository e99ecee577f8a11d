"""State folders and databases that only their owner can read, however they were made.

A folder that an administrator made with ``mkdir``, or a file that an older umask left open, is
closed where it is ours; where it is not ours to close, it is refused. A folder that holds other
things, too, is refused instead of closed: it may be ``/etc``. Standard library only.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from typing import Final

from console.templates import system
from console.text import Message, MessageError

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
_OTHERS: Final = 0o077
_ROOT: Final = 0

_creation = threading.Lock()


class ExposedError(MessageError):
    """A folder or file that other accounts can read, and that is not ours to close."""


def close_folder(path: Path, contents: AbstractSet[str]) -> None:
    """Make a folder of mode 0700 where it is missing, and give it that mode where it has another.

    Args:
        path: The folder; a link is followed.
        contents: Names of which at least one is in a folder of ours that is not empty.

    Raises:
        ExposedError: Other accounts can look into it, and it is another account's, or holds
            other things, or the file system keeps no modes.
        OSError: It cannot be made or looked at.
    """
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not found.st_mode & _OTHERS:
            return
        if not _is_ours(found):
            raise _exposed(path, found, system.OWNED_BY(account=found.st_uid))
        names = {one.name for one in path.iterdir()}
        if found.st_mode & stat.S_ISVTX or (names and not names & contents):
            raise _exposed(path, found, system.HOLDS_OTHER_THINGS())
        with suppress(OSError):
            os.fchmod(descriptor, FOLDER_MODE)
        found = os.fstat(descriptor)
        if found.st_mode & _OTHERS:
            raise _exposed(path, found, system.MODE_NOT_KEPT())
    finally:
        os.close(descriptor)


def close_database(path: Path) -> None:
    """Give a database of SQLite and the files beside it mode 0600; an empty one is made.

    A database that is there is not opened: closing it would release SQLite's locks on it, which
    belong to the process. Safe for threads.

    Raises:
        ExposedError: Other accounts can read a file that is not ours, or the file system keeps no
            modes.
        OSError: It cannot be made or looked at.
    """
    with _creation:
        try:
            descriptor = os.open(
                path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE
            )
        except FileExistsError:
            pass
        else:
            try:
                _give_to_owner(descriptor, path.parent)
            finally:
                os.close(descriptor)
    close_files(path, *(Path(f"{path}{ending}") for ending in ("-wal", "-shm", "-journal")))


def close_files(*paths: Path) -> None:
    """Give those of some files that are there mode 0600; raises as `close_database` does."""
    for path in paths:
        with suppress(FileNotFoundError):
            _close_file(path)


def _close_file(path: Path) -> None:
    found = path.stat()
    if not found.st_mode & _OTHERS:
        return
    if not _is_ours(found):
        raise _exposed(path, found, system.OWNED_BY(account=found.st_uid))
    with suppress(PermissionError):
        path.chmod(FILE_MODE)
    found = path.stat()
    if found.st_mode & _OTHERS:
        raise _exposed(path, found, system.MODE_NOT_KEPT())


def _is_ours(found: os.stat_result) -> bool:
    return os.geteuid() in {found.st_uid, _ROOT}


def _give_to_owner(descriptor: int, folder: Path) -> None:
    """Give a file that root has made to the owner of its folder, who will use it."""
    owner = folder.stat()
    if os.geteuid() == _ROOT and owner.st_uid != _ROOT:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _exposed(path: Path, found: os.stat_result, why: Message) -> ExposedError:
    folder = stat.S_ISDIR(found.st_mode)
    mode = f"{found.st_mode & 0o7777:04o}"
    what = system.FOLDER_EXPOSED(mode=mode) if folder else system.FILE_EXPOSED(mode=mode)
    step = system.CLOSE_FOLDER() if folder else system.CLOSE_FILE()
    return ExposedError(what, where=str(path), why=why, next_step=step)
