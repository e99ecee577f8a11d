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
from os.path import realpath
from pathlib import Path, PurePosixPath
from typing import Final

from config.store import PREVIOUS, RUNNING
from console.text import Message, Template
from gateway.install.machine import Machine, ServiceError

HIDDEN_PROGRAM: Final = Template(
    "service.hidden_program", "this kanmon is installed in a folder that services cannot see"
)
HIDDEN_FOLDER: Final = Template(
    "service.hidden_folder",
    "{folder} holds users' files: the sandbox hides it from services, and its owner could change "
    "what the service runs",
)
INSTALL_ELSEWHERE: Final = Template(
    "service.install_elsewhere",
    "install it for the whole machine: run `/usr/bin/python3 -m venv /opt/kanmon`, then "
    "`/opt/kanmon/bin/pip install 'kanmon[gateway]'`, then "
    "`/opt/kanmon/bin/kanmon service install`",
)
STATE_PLACE: Final = Template(
    "service.state_place", "the state folder of a service cannot be at this path"
)
NOT_WRITABLE: Final = Template(
    "service.not_writable", "the service is not allowed to write below {folder}"
)
OWN_FOLDER: Final = Template("service.own_folder", "it must not be a top-level folder")
CHOOSE_STATE: Final = Template(
    "service.choose_state",
    "choose another folder with --state, for example /var/lib/kanmon or /data/kanmon",
)
ROOT_ACCOUNT: Final = Template("service.root_account", "account '{user}' is root's account")
NOT_AS_ROOT: Final = Template(
    "service.not_as_root",
    "a program that talks to devices and the network must not run with root's rights",
)
CHOOSE_USER: Final = Template(
    "service.choose_user", "choose another account with --user, or omit it to have one created"
)
PROGRAM_MISSING: Final = Template("service.program_missing", "kanmon is not installed at this path")
NAME_PROGRAM: Final = Template(
    "service.name_program", "install it there first, or name its path with --program"
)
FOREIGN_FOLDER: Final = Template(
    "service.foreign_folder", "this is not a state folder: it contains other files"
)
GIVEN_TO_SERVICE: Final = Template(
    "service.given_to_service",
    "the service's account would become the owner of all of them, '{file}' included",
)
EMPTY_STATE: Final = Template("service.empty_state", "name an empty or a new folder with --state")
NO_SYSTEMD: Final = Template(
    "service.no_systemd", "systemd is not the service manager of this machine"
)
USE_OTHER_MANAGER: Final = Template(
    "service.use_other_manager",
    "start `kanmon run` with this machine's service manager, or as a container's command; to "
    "prepare a system image, name its folder with --root",
)
UNSUPPORTED_PATH: Final = Template(
    "service.unsupported_path", "the path has characters that systemd would interpret"
)
PLAIN_PROGRAM: Final = Template(
    "service.plain_program",
    "install it at a path of letters, digits, dots, hyphens and underscores",
)
PLAIN_STATE: Final = Template(
    "service.plain_state",
    "choose a path of letters, digits, dots, hyphens and underscores with --state",
)

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
    _check_plain(program.command[0], PLAIN_PROGRAM())
    for folder in program.folders:
        for path in (folder, Path(realpath(folder))):
            hidden = _within(path, HIDDEN_FOLDERS)
            if hidden:
                raise ServiceError(
                    HIDDEN_PROGRAM(),
                    where=str(path),
                    why=HIDDEN_FOLDER(folder=hidden),
                    next_step=INSTALL_ELSEWHERE(),
                )


def check_state_path(state: Path) -> None:
    """Raise `ServiceError` where the service could not write in a state folder at this path."""
    found = (_within(path, _NOT_FOR_STATE) for path in (state, Path(realpath(state))))
    hidden = next(filter(None, found), None)
    if hidden or len(state.parts) < 3:
        raise ServiceError(
            STATE_PLACE(),
            where=str(state),
            why=NOT_WRITABLE(folder=hidden) if hidden else OWN_FOLDER(),
            next_step=CHOOSE_STATE(),
        )
    _check_plain(str(state), PLAIN_STATE())


def check_machine(machine: Machine, *, user: str, program: str, state: PurePosixPath) -> None:
    """Raise `ServiceError` where this account, program or state folder of the machine is unfit.

    The account of the service is given everything that is in the state folder.
    """
    if user == "root" or machine.account(user) == 0:
        raise ServiceError(ROOT_ACCOUNT(user=user), why=NOT_AS_ROOT(), next_step=CHOOSE_USER())
    if not machine.exists(program):
        raise ServiceError(PROGRAM_MISSING(), where=program, next_step=NAME_PROGRAM())
    there = machine.names(str(state)) - {"lost+found"}
    if there and there.isdisjoint(_STATE_FOLDER_NAMES):
        raise ServiceError(
            FOREIGN_FOLDER(),
            where=str(state),
            why=GIVEN_TO_SERVICE(file=min(there)),
            next_step=EMPTY_STATE(),
        )


def check_booted(machine: Machine) -> None:
    """Raise `ServiceError` where the machine is neither an image nor run by systemd."""
    if not (machine.booted or machine.is_image):
        raise ServiceError(NO_SYSTEMD(), next_step=USE_OTHER_MANAGER())


def _check_plain(path: str, step: Message) -> None:
    if not PLAIN_PATH.fullmatch(path):
        raise ServiceError(UNSUPPORTED_PATH(), where=path, next_step=step)


def _within(path: Path, folders: Iterable[str]) -> str | None:
    return next((folder for folder in folders if path.is_relative_to(folder)), None)
