"""What nobody but this account may have had in its hands. Standard library only.

A private key that others could read has to be taken as known to them. Narrowing its mode would hide
that and change nothing, so it is refused until a person has decided.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from provisioning.codes import Code, CodedError


def read(path: Path) -> bytes:
    """A private file's content, from the very file whose owner and mode were looked at.

    Raises:
        CodedError: 2405: another account could have read it, 2406: it is a link or no file.
        OSError: It is not there, or cannot be read.
    """
    # A FIFO or device would keep the opening waiting; a link is an error (ELOOP).
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        _check_file(os.fstat(descriptor), path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def _check_file(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise CodedError(Code.NOT_OURS, f"{path} is no file")
    if found.st_uid != os.geteuid():
        raise CodedError(Code.KEY_EXPOSED, f"{path} belongs to account {found.st_uid}")
    if found.st_mode & 0o077:
        raise CodedError(Code.KEY_EXPOSED, f"{path} has mode {found.st_mode & 0o7777:04o}")


def check_folder(path: Path) -> None:
    """Raises `CodedError` 2406 for a folder that others could fill, and for a link to any."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise CodedError(Code.NOT_OURS, f"{path} is a link, not a folder")
    if found.st_uid != os.geteuid():
        raise CodedError(Code.NOT_OURS, f"{path} belongs to account {found.st_uid}")
    if found.st_mode & 0o022:
        raise CodedError(Code.NOT_OURS, f"{path} has mode {found.st_mode & 0o7777:04o}")
