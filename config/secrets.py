"""The secrets behind ``secret:NAME``: one file each below ``STATE/secrets``, mode 0600.

The folder belongs to the account that the gateway runs as, and root reads in it, too, for a
technician: so links are not followed, a FIFO or device is not waited for, and no more is read than
a secret can be. The value of ``secret:NAME`` leaves the box as a password.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from config.disk import DRAFT, Disk, replace_file
from config.finding import ConfigError, Finding
from config.model import SECRET_REFERENCE
from console.templates import secret as messages
from console.templates import system
from console.text import NO_MESSAGE, Message

FOLDER: Final = "secrets"
LIMIT: Final = 4096
"""The most bytes of a secret."""
_PRIVATE: Final = 0o700
_LINKS: Final = frozenset({errno.ELOOP, errno.ENOTDIR})
"""Errors of opening a link without following it, or a folder that is not one."""


def store(disk: Disk, state: Path, name: str, value: str) -> Path:
    """Store ``value`` as ``secret:NAME``.

    Returns:
        The file that holds it.

    Raises:
        ConfigError: The name cannot be a secret's, or the value is empty or too long.
        OSError: It cannot be written; an earlier value is unchanged.
    """
    if not SECRET_REFERENCE.fullmatch(f"secret:{name}"):
        raise _error(messages.INVALID_NAME(name=name), step=messages.NAME_FORM())
    _check_value(value)
    folder = state / FOLDER
    _make(folder)
    replace_file(disk, folder / name, f"{value}\n".encode())
    return folder / name


def _check_value(value: str) -> None:
    if not value:
        what = messages.EMPTY_VALUE()
    # Checked first: a text that is not printable may not be encodable either.
    elif not value.isprintable():
        what = messages.UNPRINTABLE_VALUE()
    elif len(value.encode()) > LIMIT:
        what = messages.LONG_VALUE(limit=LIMIT)
    else:
        return
    raise _error(what, step=messages.ONE_LINE())


def _error(what: Message, *, why: Message = NO_MESSAGE, step: Message) -> ConfigError:
    return ConfigError((Finding(what=what, why=why, next=step),))


def _make(folder: Path) -> None:
    """Make the folder, for its owner alone; raises ``OSError``."""
    if not folder.is_symlink() and not folder.exists():
        folder.mkdir(mode=_PRIVATE)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    if found.st_mode & 0o077:
        folder.chmod(_PRIVATE)


def names(state: Path) -> list[str]:
    """The names of all stored secrets; raises ``OSError`` where the folder cannot be read."""
    folder = state / FOLDER
    if not folder.exists():
        return []
    kept = (path.name for path in folder.iterdir() if stat.S_ISREG(path.lstat().st_mode))
    return sorted(name for name in kept if SECRET_REFERENCE.fullmatch(f"secret:{name}"))


def remove(state: Path, name: str) -> bool:
    """Remove ``secret:NAME`` and any draft of it; returns whether there was one.

    Raises:
        OSError: It cannot be removed.
    """
    path = state / FOLDER / name
    if not SECRET_REFERENCE.fullmatch(f"secret:{name}"):
        return False
    path.with_name(name + DRAFT).unlink(missing_ok=True)
    if not path.is_symlink() and not path.is_file():
        return False
    path.unlink()
    return True


def read_secret(state: Path, reference: str) -> str:
    """The value a reference stands for, without a trailing newline.

    Raises:
        ConfigError: It is no reference, or there is no such secret; the value is never named.
    """
    if not SECRET_REFERENCE.fullmatch(reference):
        raise _error(messages.NOT_A_REFERENCE(), step=messages.WRITE_REFERENCE())
    name = reference.removeprefix("secret:")
    try:
        value = _content(state / FOLDER / name).decode().rstrip("\r\n")
    except OSError as error:
        why = _reason(error)
    except UnicodeDecodeError:
        why = messages.NOT_UTF8()
    else:
        if value:
            return value
        why = messages.EMPTY()
    step = messages.SET_AGAIN(name=name)
    raise _error(messages.UNREADABLE(name=name), why=why, step=step)


def _reason(error: OSError) -> Message:
    if error.errno in _LINKS:
        return messages.LINK()
    if error.errno == errno.EINVAL:
        return messages.NOT_A_FILE()
    if error.errno == errno.EFBIG:
        return messages.LONG(limit=LIMIT)
    return system.reason(error)


def _content(path: Path) -> bytes:
    """The content of a plain file; raises ``OSError`` for anything else."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    folder = os.open(path.parent, flags | os.O_DIRECTORY)
    try:
        descriptor = os.open(path.name, flags | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
        data = os.read(descriptor, LIMIT + 3)
    finally:
        os.close(descriptor)
    if len(data.rstrip(b"\r\n")) > LIMIT:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return data


def no_secrets(reference: str) -> str:
    """Raise `ConfigError`: the source of secrets where there is no state folder."""
    raise _error(
        messages.UNREADABLE(name=reference.removeprefix("secret:")),
        why=messages.NO_STATE_FOLDER(),
        step=messages.NAME_STATE_FOLDER(),
    )
