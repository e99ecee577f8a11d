"""Acting as the owner of a folder: whatever root does in it, it does with that account's rights.

``sudo kanmon ...`` works in a state folder that belongs to the account the gateway runs as, and
that account may put there what it likes: a link in the place of a file or folder would lead root
to write, or to give away, anything on the machine. Looking for links first only races with who
plants them. So root becomes the owner before it touches the folder; what that account may not do
itself then cannot be done for it, and every file that is made is the daemon's from the beginning.

Source: seteuid(2); credentials(7).
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = 0


class NotOursError(PermissionError):
    """Another account than root and the folder's owner decides what is there."""

    def __init__(self, what: str, where: Path) -> None:
        super().__init__(errno.EPERM, what, str(where))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    uid: int
    gid: int
    groups: list[int]


@contextmanager
def as_owner(folder: Path) -> Iterator[None]:
    """With root's rights, have the owner's instead; with any other's, change nothing.

    Where the folder does not exist, its nearest parent's owner is meant. The rights are those of
    the process, all threads included: this is for commands, never for a daemon. Everything that
    is loaded in it has to be readable by the owner.

    Raises:
        NotOursError: A third account could exchange the folder, or write in it.
        OSError: The folder cannot be looked at, or the rights not be changed.
    """
    owner = _owner(folder) if os.geteuid() == ROOT else None
    if owner is None or owner.uid == ROOT:
        yield
        return
    gid, groups = os.getegid(), os.getgroups()
    try:
        # The user last: without root's rights the groups could not be changed any more.
        os.setgroups(owner.groups)
        os.setegid(owner.gid)
        os.seteuid(owner.uid)
        yield
    finally:
        os.seteuid(ROOT)
        os.setegid(gid)
        os.setgroups(groups)


def _owner(folder: Path) -> _Account:
    there = _nearest(folder.absolute())
    found = there.stat()
    trusted = {ROOT, found.st_uid}
    target = there.resolve()
    for path in (there, *there.parents, target, *target.parents):
        _check(path, trusted, is_place=path in {there, target})
    try:
        account = pwd.getpwuid(found.st_uid)
    except KeyError:  # a number only, as in a container
        return _Account(uid=found.st_uid, gid=found.st_gid, groups=[])
    groups = os.getgrouplist(account.pw_name, account.pw_gid)
    return _Account(uid=found.st_uid, gid=account.pw_gid, groups=groups)


def _nearest(folder: Path) -> Path:
    for path in (folder, *folder.parents):
        if path.exists():
            return path
    return folder


def _check(path: Path, trusted: set[int], *, is_place: bool) -> None:
    """Nobody else can put another thing in the place of this part of the way."""
    found = path.lstat()
    if found.st_uid not in trusted:
        raise NotOursError(f"it belongs to another account ({found.st_uid})", path)
    # In a sticky folder, such as /tmp, only the owner of an entry can exchange it.
    harmless = found.st_mode & stat.S_ISVTX and not is_place
    if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_IWOTH and not harmless:
        raise NotOursError("every account can write in it", path)
