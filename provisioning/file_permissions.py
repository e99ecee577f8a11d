"""Checks of owner and mode of private files and their folders. Standard library only.

A private key that others could read has to be taken as known to them. Narrowing its mode would hide
that and change nothing, so it is refused until a user has decided.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from console.templates import enrol
from console.text import NO_MESSAGE, Message
from provisioning.codes import Code, CodedError

ROOT: Final = 0


def read(path: Path) -> bytes:
    """Read a private file; owner and mode are checked on the descriptor that is read from.

    Raises:
        CodedError: 2405: another account could have read it, 2406: it is a link or not a file.
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
        raise _error(Code.UNTRUSTED_PATH, path, enrol.NOT_A_FILE())
    if found.st_uid != os.geteuid():
        raise _error(Code.KEY_EXPOSED, path, enrol.OWNED_BY(account=found.st_uid))
    if found.st_mode & 0o077:
        raise _error(Code.KEY_EXPOSED, path, enrol.HAS_MODE(mode=_mode(found)))


def _error(code: Code, path: Path, why: Message) -> CodedError:
    return CodedError(code, where=str(path), why=why)


def _mode(found: os.stat_result) -> str:
    return f"{found.st_mode & 0o7777:04o}"


def check_folder(path: Path) -> None:
    """Raise `CodedError` 2406 for a folder that other accounts may write in, and for a link."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise _error(Code.UNTRUSTED_PATH, path, enrol.IS_LINK())
    if found.st_uid != os.geteuid():
        raise _error(Code.UNTRUSTED_PATH, path, enrol.OWNED_BY(account=found.st_uid))
    others = untrusted_writers(found, {found.st_uid})
    if others:
        why = enrol.WRITABLE(mode=_mode(found), writers=others)
        raise _error(Code.UNTRUSTED_PATH, path, why)


def untrusted_writers(found: os.stat_result, trusted: AbstractSet[int]) -> Message:
    """Describe who may write in a folder beside root and the trusted accounts.

    Without any such account it is `console.text.NO_MESSAGE`, which is false.

    A group is harmless that is the primary group of a trusted account and has no other members:
    many systems make one for each account.
    """
    if found.st_mode & stat.S_IWOTH:
        return enrol.EVERY_ACCOUNT()
    if not found.st_mode & stat.S_IWGRP:
        return NO_MESSAGE
    known = Accounts(users=tuple(pwd.getpwall()), groups=tuple(grp.getgrall()))
    if known.group_is_trusted(found.st_gid, trusted | {ROOT}):
        return NO_MESSAGE
    return enrol.GROUP_WRITES(group=known.name_of(found.st_gid))


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The machine's users and groups; a directory service may not list all of its own."""

    users: tuple[pwd.struct_passwd, ...]
    groups: tuple[grp.struct_group, ...]

    def group_is_trusted(self, group: int, trusted: AbstractSet[int]) -> bool:
        """Whether ``group`` is a trusted account's primary group without other members."""
        firsts = {one.pw_uid for one in self.users if one.pw_gid == group}
        uids = {one.pw_name: one.pw_uid for one in self.users}
        # A member that is no account now may be one later: -1 is trusted by nobody.
        named = {
            uids.get(name, -1) for one in self.groups if one.gr_gid == group for name in one.gr_mem
        }
        return bool(firsts) and firsts | named <= trusted

    def name_of(self, group: int) -> str:
        """The name of ``group``, else its number."""
        return next((one.gr_name for one in self.groups if one.gr_gid == group), str(group))
