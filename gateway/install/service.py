"""The gateway as a service of systemd: three packaged files, and the steps that install them.

::

    files/kanmon.sysusers.conf  ->  /etc/sysusers.d/kanmon.conf         account and serial group
    files/kanmon.tmpfiles.conf  ->  /etc/tmpfiles.d/kanmon.conf         state folder
    files/kanmon.service        ->  /etc/systemd/system/kanmon.service  unit

The files are copied with ``@PROGRAM@``, ``@STATE@``, ``@USER@`` and ``@SERIAL_GROUP@`` filled in;
systemd's own programs do the rest. Everything is planned first and only what differs is a step:
installing twice does nothing, and a rehearsal shows exactly what would be done. A unit that has
been edited is never replaced silently.

Source: sysusers.d(5), tmpfiles.d(5), systemd.unit(5).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Final

from config.store import RUNNING
from console.text import Message, Template
from gateway.install.machine import Machine, ServiceError
from gateway.install.preconditions import (
    Program,
    check_machine,
    check_program,
    check_state_path,
)

MASKED: Final = Template("service.masked", "the service is masked")
MASKED_ON_PURPOSE: Final = Template(
    "service.masked_on_purpose", "an administrator decided that it must not be started"
)
UNMASK: Final = Template(
    "service.unmask",
    "ask the administrator who masked it; after `systemctl unmask kanmon`, it can be installed",
)
EDITED: Final = Template("service.edited", "the unit file was edited since it was installed")
EDITS_LOST: Final = Template("service.edits_lost", "installing it again would discard the changes")
KEEP_EDITS: Final = Template(
    "service.keep_edits",
    "move the changes to a drop-in (`systemctl edit kanmon`), which is kept, then repeat with "
    "--anyway; the edited unit is saved as {backup}",
)
SAVE_EDITED: Final = Template("service.save_edited", "save the edited unit as {path}")
WRITE_FILE: Final = Template("service.write_file", "write {path}")
REMOVE_FILE: Final = Template("service.remove_file", "remove {path}")
RUN_COMMAND: Final = Template("service.run_command", "run `{command}`")

NAME: Final = "kanmon.service"
UNIT: Final = f"/etc/systemd/system/{NAME}"
SYSUSERS: Final = "/etc/sysusers.d/kanmon.conf"
TMPFILES: Final = "/etc/tmpfiles.d/kanmon.conf"
BACKUP: Final = f"{UNIT}.before"
WANTED: Final = f"/etc/systemd/system/multi-user.target.wants/{NAME}"
_CONF: Final = "kanmon.conf"
"""How sysusers and tmpfiles find their file, on a machine and in an image."""
_FILES: Final = Path(__file__).with_name("files")
_DIGEST: Final = re.compile("^# digest ([0-9a-f]{32})$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The service of one installation.

    Attributes:
        program: The command that runs ``kanmon``: a plain path, and plain arguments.
        user: The account it runs as, and its group of the same name.
        serial_group: The group that may open serial ports.
        state: The state folder, a plain path.
    """

    program: tuple[str, ...]
    user: str
    serial_group: str
    state: PurePosixPath

    @classmethod
    def of(cls, program: Program, *, user: str, serial_group: str, state: Path) -> Service:
        """Return the service of a program; raises `ServiceError` where it could not work."""
        check_state_path(state)
        check_program(program)
        folder = PurePosixPath(state)
        return cls(program=program.command, user=user, serial_group=serial_group, state=folder)

    @property
    def running(self) -> PurePosixPath:
        """The running configuration; without it the service is not started."""
        return self.state / RUNNING

    def unit(self) -> str:
        """Return the unit, with its own digest in it.

        Whether it has been edited since can be told from the file alone (`is_unedited`).
        """
        text = self._rendered("kanmon.service")
        return text.replace("@DIGEST@", _digest(text))

    def sysusers(self) -> str:
        """Return the file by which systemd makes the accounts."""
        return self._rendered("kanmon.sysusers.conf")

    def tmpfiles(self) -> str:
        """Return the file by which systemd makes the state folder and gives it to the account."""
        return self._rendered("kanmon.tmpfiles.conf")

    def _rendered(self, name: str) -> str:
        text = (_FILES / name).read_text("utf-8")
        for placeholder, value in (
            ("@PROGRAM@", " ".join(self.program)),
            ("@STATE@", str(self.state)),
            ("@USER@", self.user),
            ("@SERIAL_GROUP@", self.serial_group),
        ):
            text = text.replace(placeholder, value)
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of installing or removing the service.

    Attributes:
        what: The step in words.
        do: Performs it; may raise `ServiceError` and ``OSError``.
        text: The content of the file, where one is written.
    """

    what: Message
    do: Callable[[], object]
    text: str = ""


def is_unedited(text: str) -> bool:
    """Whether a unit is as `Service.unit` of any version made it."""
    found = _DIGEST.search(text)
    return found is not None and found[1] == _digest(text.replace(found[1], "@DIGEST@"))


def install_steps(service: Service, machine: Machine, *, anyway: bool = False) -> list[Step]:
    """Return the steps that are left to install the service, in order; none when it is installed.

    Raises:
        ServiceError: It cannot be installed here; or somebody has edited the unit, and not
            ``anyway``; or it is masked.
    """
    check_machine(machine, user=service.user, program=service.program[0], state=service.state)
    unit, before = service.unit(), machine.read(UNIT)
    stale = before != unit
    accounts = [
        _writing(machine, path, text)
        for path, text in ((SYSUSERS, service.sysusers()), (TMPFILES, service.tmpfiles()))
        if machine.read(path) != text
    ]
    # The unit is written after both: as long as it is not there, they may have been interrupted.
    if accounts or stale or not machine.owns(service.user, str(service.state)):
        accounts.append(_command(machine, "systemd-sysusers", _CONF))
        accounts.append(_command(machine, "systemd-tmpfiles", "--create", _CONF))
    steps = accounts
    if stale:
        steps += [*_set_aside(machine, before, anyway=anyway), _writing(machine, UNIT, unit)]
    if not machine.exists(WANTED):
        steps.append(_command(machine, "systemctl", "enable", NAME))
    return steps + _start(machine, stale=stale)


def uninstall_steps(machine: Machine, *, anyway: bool = False) -> list[Step]:
    """Return the steps that are left to remove the service; the state folder and its account stay.

    Raises:
        ServiceError: Somebody has edited the unit, and not ``anyway``; or it is masked.
    """
    unit = machine.read(UNIT)
    steps = _set_aside(machine, unit, anyway=anyway)
    if machine.booted and unit is not None:
        steps.append(_command(machine, "systemctl", "stop", NAME))
    if machine.exists(WANTED):
        steps.append(_command(machine, "systemctl", "disable", NAME))
    files = [path for path in (UNIT, SYSUSERS, TMPFILES) if machine.exists(path)]
    steps += [_removal(machine, path) for path in files]
    if machine.booted and unit is not None:
        steps.append(_command(machine, "systemctl", "daemon-reload"))
    return steps


def _set_aside(machine: Machine, unit: str | None, *, anyway: bool) -> list[Step]:
    """Keep a copy of an edited unit; raise `ServiceError` unless ``anyway``."""
    if unit is None or is_unedited(unit):
        return []
    if not unit:
        raise ServiceError(MASKED(), where=UNIT, why=MASKED_ON_PURPOSE(), next_step=UNMASK())
    names = (BACKUP, *(f"{BACKUP}.{number}" for number in range(2, 1000)))
    kept = next(name for name in names if machine.read(name) in {None, unit})
    if not anyway:
        raise ServiceError(
            EDITED(), where=UNIT, why=EDITS_LOST(), next_step=KEEP_EDITS(backup=kept)
        )
    return [Step(what=SAVE_EDITED(path=kept), do=lambda: machine.write(kept, unit))]


def _start(machine: Machine, *, stale: bool) -> list[Step]:
    if not machine.booted:
        return []
    said = machine.run("systemctl", "show", "--property=ActiveState,NeedDaemonReload", NAME)
    # An installation that was interrupted may have left a unit that systemd has not read.
    if stale or "NeedDaemonReload=yes" in said:
        reload = _command(machine, "systemctl", "daemon-reload")
        return [reload, _command(machine, "systemctl", "restart", NAME)]
    return [] if "ActiveState=active" in said else [_command(machine, "systemctl", "start", NAME)]


def _writing(machine: Machine, path: str, text: str) -> Step:
    return Step(what=WRITE_FILE(path=path), do=lambda: machine.write(path, text), text=text)


def _removal(machine: Machine, path: str) -> Step:
    return Step(what=REMOVE_FILE(path=path), do=lambda: machine.remove(path))


def _command(machine: Machine, *words: str) -> Step:
    return Step(what=RUN_COMMAND(command=" ".join(words)), do=lambda: machine.run(*words))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
