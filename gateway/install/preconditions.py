"""What a service of systemd needs of its program and its state folder.

A service that could not work, or should not be given a folder, is refused before anything is
planned or written.

Source: systemd.exec(5), ``ProtectHome=``, ``PrivateTmp=``, ``ProtectSystem=``.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from config.store import PREVIOUS, RUNNING
from gateway.install.machine import Machine, ServiceError

ACCOUNT: Final = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
"""A name that every tool takes for a user or a group."""
PLAIN_PATH: Final = re.compile(r"(/[A-Za-z0-9._-]+)+")
"""A path that means the same to systemd, to its sysusers and tmpfiles, and to a shell."""
HIDDEN_FOLDERS: Final = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 # names, not used
"""Folders that the service cannot see: ProtectHome=yes and PrivateTmp=yes."""
_NOT_FOR_STATE: Final = (*HIDDEN_FOLDERS, "/boot", "/dev", "/efi", "/etc", "/proc", "/sys", "/usr")
_STATE_FOLDER_NAMES: Final = frozenset(
    {
        RUNNING,
        PREVIOUS,
        "audit.jsonl",
        "box.json",
        "control.sock",
        "identity",
        "profiles",
        "secrets",
        "spool",
    }
)
"""Every state folder that was used holds one of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A ``kanmon`` that a service can run.

    Attributes:
        command: Absolute path and arguments.
        folders: The folders that it is loaded from.
    """

    command: tuple[str, ...]
    folders: tuple[Path, ...]

    @classmethod
    def current(cls) -> Program:
        """Return the program that runs now."""
        script = Path(sys.prefix) / "bin" / "kanmon"
        known = sysconfig.get_paths()
        here = Path(__file__).parents[2]
        folders = [Path(known[name]) for name in ("stdlib", "purelib", "platlib")]
        folders += [Path(sys.prefix), Path(sys.executable), here]
        command = (str(script),) if script.exists() else (sys.executable, "-P", "-m", "gateway.cli")
        return cls(command=command, folders=tuple(dict.fromkeys(folders)))

    @classmethod
    def at(cls, path: PurePosixPath) -> Program:
        """Return the program at an absolute path of the machine."""
        return cls(command=(str(path),), folders=(Path(path),))


def check_program(program: Program) -> None:
    """Raise `ServiceError` where the service could not see or name the program."""
    _check_plain(program.command[0], "install it elsewhere")
    for folder in program.folders:
        for path in (folder, folder.resolve()):
            hidden = _within(path, HIDDEN_FOLDERS)
            if hidden:
                raise ServiceError(
                    "this kanmon is installed where a service cannot see it",
                    where=str(path),
                    why=f"{hidden} belongs to people: services are kept out of it, and whoever "
                    "owns it could change what the service runs",
                    next_step="install it for the machine: /usr/bin/python3 -m venv /opt/kanmon, "
                    "then /opt/kanmon/bin/pip install 'kanmon[gateway]', then "
                    "/opt/kanmon/bin/kanmon service install",
                )


def check_state_path(state: Path) -> None:
    """Raise `ServiceError` where the service could not write in a state folder at this path."""
    found = (_within(path, _NOT_FOR_STATE) for path in (state, state.resolve()))
    hidden = next(filter(None, found), None)
    if hidden or len(state.parts) < 3:
        raise ServiceError(
            "the state folder cannot be there",
            where=str(state),
            why=f"the service cannot write below {hidden}" if hidden else "it needs one of its own",
            next_step="choose another with --state, such as /var/lib/kanmon or /data/kanmon",
        )
    _check_plain(str(state), "choose another with --state")


def check_machine(machine: Machine, *, user: str, program: str, state: PurePosixPath) -> None:
    """Raise `ServiceError` where this account, program or state folder of the machine is unfit.

    The account of the service is given everything that is in the state folder.
    """
    if user == "root" or machine.account(user) == 0:
        raise ServiceError(
            f"{user} is root's account",
            why="a program that speaks to devices and the network must not own the machine",
            next_step="choose another --user, or leave it out: one is made",
        )
    if not machine.exists(program):
        raise ServiceError(
            "the program is not there",
            where=program,
            next_step="install it there first, or name where it is with --program",
        )
    there = machine.names(str(state)) - {"lost+found"}
    if there and there.isdisjoint(_STATE_FOLDER_NAMES):
        raise ServiceError(
            "the state folder holds something else",
            where=str(state),
            why=f"the service would be given all of it, {min(there)} among them",
            next_step="name an empty folder, or one that does not exist, with --state",
        )


def check_booted(machine: Machine) -> None:
    """Raise `ServiceError` where the machine is neither an image nor run by systemd."""
    if not (machine.booted or machine.is_image):
        raise ServiceError(
            "this machine is not run by systemd",
            why="its services are started by something else",
            next_step="let that start `kanmon run` (in a container it is the command); to prepare "
            "an image of another machine, name its folder with --root",
        )


def _check_plain(path: str, step: str) -> None:
    if not PLAIN_PATH.fullmatch(path):
        raise ServiceError(
            "a path has characters that systemd reads otherwise",
            where=path,
            next_step=f"{step}; its path may have letters, digits, dots, - and _",
        )


def _within(path: Path, folders: Iterable[str]) -> str | None:
    return next((folder for folder in folders if path.is_relative_to(folder)), None)
