"""Runs as the owner of a folder: whatever root does in it is done with that account's rights.

``sudo kanmon ...`` works in a state folder that belongs to the account the gateway runs as, and
that account may put there what it likes: a link in the place of a file or folder would lead root
to write, or to give away, anything on the machine. Looking for links first only races with who
plants them. So root becomes the owner before it touches the folder; what that account may not do
itself then cannot be done for it, and every file that is made is the daemon's from the beginning.

Source: seteuid(2); credentials(7).
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from console.text import Message, MessageError, Template
from provisioning.file_permissions import ROOT, untrusted_writers
from provisioning.state_folder import close_state

UNTRUSTED_PATH: Final = Template(
    "cli.untrusted_path", "kanmon does not use this path with root's rights"
)
OTHER_ACCOUNT: Final = Template("cli.other_account", "it belongs to another account ({uid})")
RESTRICT: Final = Template(
    "cli.restrict", "make root or the user that the gateway runs as its only owner and writer"
)
UNREADABLE_PROGRAM: Final = Template(
    "cli.unreadable_program", "the owner of the state folder, account {uid}, cannot read kanmon"
)
INSTALL_READABLE: Final = Template(
    "cli.install_readable",
    "install kanmon in a folder that every account can read, such as /opt/kanmon; the daemon reads "
    "it, too",
)
FOREIGN_STATE: Final = Template(
    "cli.foreign_state", "root does not run the gateway in the state folder of another account"
)
RUN_AS_OWNER: Final = Template(
    "cli.run_as_owner",
    "run it as the user that owns the folder, or let systemd run it: `kanmon service install`",
)
PROGRAM: Final = Path(__file__).resolve().parents[2]
"""The folder that this program is installed in."""


class UntrustedPathError(MessageError):
    """An account other than root and the folder's owner controls a part of the path."""

    def __init__(self, why: Message, where: Path) -> None:
        super().__init__(UNTRUSTED_PATH(), where=str(where), why=why, next_step=RESTRICT())


class UnreadableProgramError(MessageError):
    """A module of this program was to be loaded, and the folder's owner may not read it."""

    def __init__(self, uid: int, where: Path) -> None:
        super().__init__(
            UNREADABLE_PROGRAM(uid=uid), where=str(where), next_step=INSTALL_READABLE()
        )


class ForeignStateError(MessageError):
    """Root was to run the daemon in a folder that belongs to another account."""

    def __init__(self, uid: int, where: Path) -> None:
        why = OTHER_ACCOUNT(uid=uid)
        super().__init__(FOREIGN_STATE(), where=str(where), why=why, next_step=RUN_AS_OWNER())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    uid: int
    gid: int
    groups: list[int]


@contextmanager
def run_as_owner(folder: Path) -> Iterator[None]:
    """Make the folder where it is missing; root then runs with the rights of its owner.

    The rights of any other account stay. A folder that is missing is made with mode 0700, for the
    owner of the one it lies in. The rights are those of the process, all threads included: this
    is for commands, never for a daemon. Everything that is loaded meanwhile has to be readable by
    the owner; what can be is better loaded before.

    Raises:
        UntrustedPathError: A third account could exchange the folder, or write in it, also by a
            group.
        ExposedError: Other accounts can look into it, and its owner may not close it.
        UnreadableProgramError: A module was loaded meanwhile that the owner may not read.
        OSError: The folder cannot be made or looked at, or the rights not be changed.
    """
    if os.geteuid() != ROOT:
        close_state(folder)
        yield
        return
    folder = folder.absolute()
    if not folder.exists():
        with _with_rights_of(_owner(folder, _nearest(folder))):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Looked at only now: whoever was quicker to make it, it is theirs.
    owner = _owner(folder, folder)
    try:
        with _with_rights_of(owner):
            close_state(folder)
            yield
    except ImportError as error:
        if owner.uid == ROOT:
            raise
        raise UnreadableProgramError(owner.uid, PROGRAM) from error


def refuse_foreign_state(folder: Path) -> None:
    """Refuse to run the daemon as root where another account owns its state folder.

    The files that it makes would be root's: the owner's own daemon could not open the spool again.

    Raises:
        ForeignStateError: This is root, and the folder belongs to another account.
        OSError: It cannot be looked at.
    """
    if os.geteuid() != ROOT or not folder.exists():
        return
    owner = folder.stat().st_uid
    if owner != ROOT:
        raise ForeignStateError(owner, folder)


@contextmanager
def _with_rights_of(owner: _Account) -> Iterator[None]:
    if owner.uid == ROOT:
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


def _owner(folder: Path, there: Path) -> _Account:
    """Return the account that owns ``there``, which is the folder or the nearest one above it."""
    found = there.stat()
    trusted = {ROOT, found.st_uid}
    target = there.resolve()
    for path in (there, *there.parents, target, *target.parents):
        _check(path, trusted, is_folder=there == folder and path in {there, target})
    try:
        account = pwd.getpwuid(found.st_uid)
    except KeyError:  # a number only, as in a container
        return _Account(uid=found.st_uid, gid=found.st_gid, groups=[])
    groups = os.getgrouplist(account.pw_name, account.pw_gid)
    return _Account(uid=found.st_uid, gid=account.pw_gid, groups=groups)


def _nearest(folder: Path) -> Path:
    return next(path for path in folder.parents if path.exists())


def _check(path: Path, trusted: set[int], *, is_folder: bool) -> None:
    """Raise `UntrustedPathError` where a third account could replace this part of the path."""
    found = path.lstat()
    if found.st_uid not in trusted:
        raise UntrustedPathError(OTHER_ACCOUNT(uid=found.st_uid), path)
    # In a sticky folder, such as /tmp, only the owner of an entry can exchange it.
    harmless = found.st_mode & stat.S_ISVTX and not is_folder
    if stat.S_ISDIR(found.st_mode) and not harmless:
        others = untrusted_writers(found, trusted)
        if others:
            raise UntrustedPathError(others, path)
