"""The gateway as a service of systemd: the steps that install it, and those that remove it.

::

    /etc/sysusers.d/kanmon.conf      the account, its group, and the serial ports' group
    /etc/tmpfiles.d/kanmon.conf      the state folder, where it is not below /var/lib
    /etc/systemd/system/kanmon.service

Everything is planned first (`install_steps`, `uninstall_steps`) and only what differs is a step:
doing it twice does nothing, and a rehearsal shows exactly what would be done. A unit that somebody
has edited is never replaced silently.

Source: sysusers.d(5), tmpfiles.d(5), systemd.unit(5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from config.store import RUNNING
from gateway.install.machine import Machine, ServiceError
from gateway.install.preconditions import (
    Program,
    check_program,
    check_state_contents,
    check_state_path,
)
from gateway.install.unit import NAME, Unit, is_unedited

UNIT: Final = f"/etc/systemd/system/{NAME}"
SYSUSERS: Final = "/etc/sysusers.d/kanmon.conf"
TMPFILES: Final = "/etc/tmpfiles.d/kanmon.conf"
BACKUP: Final = f"{UNIT}.before"
WANTED: Final = f"/etc/systemd/system/multi-user.target.wants/{NAME}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallRequest:
    """A service to install.

    Attributes:
        unit: The service.
        anyway: Whether a unit that was edited may be replaced.
    """

    unit: Unit
    anyway: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of installing or removing the service.

    Attributes:
        what: The step in words.
        do: Performs it; may raise `ServiceError` and ``OSError``.
        text: The content of the file, where one is written.
    """

    what: str
    do: Callable[[], object]
    text: str = ""


def unit_for(program: Program, *, user: str, serial_group: str, state: Path) -> Unit:
    """Return the unit of a service of this program.

    Raises:
        ServiceError: Such a service could not work, or should not exist.
    """
    check_state_path(state)
    check_program(program)
    folder = PurePosixPath(state)
    return Unit(
        program=program.command,
        user=user,
        serial_group=serial_group,
        state=folder,
        running=folder / RUNNING,
    )


def install_steps(request: InstallRequest, machine: Machine) -> list[Step]:
    """Return the steps that are left to install the service, in order; none when it is installed.

    Raises:
        ServiceError: It cannot be installed here, or somebody has edited the unit.
    """
    unit = request.unit
    if unit.user == "root" or machine.account(unit.user) == 0:
        raise ServiceError(
            f"{unit.user} is root's account",
            why="a program that speaks to devices and the network must not own the machine",
            next_step="choose another --user, or leave it out: one is made",
        )
    if not machine.exists(unit.program[0]):
        raise ServiceError(
            "the program is not there",
            where=unit.program[0],
            next_step="install it there first, or name where it is with --program",
        )
    check_state_contents(unit.state, machine)
    written = list(_unit_file(request, machine))
    # The unit is written after both: as long as it is not there, they may have been interrupted.
    steps = list(_accounts(unit, machine, anew=bool(written)))
    steps += _state_folder(unit, machine, anew=bool(written))
    steps += written
    if not machine.exists(WANTED):
        steps.append(_command(machine, "systemctl", "enable", NAME))
    if machine.booted:
        steps += _start(machine, changed=bool(written))
    return steps


def uninstall_steps(machine: Machine, *, anyway: bool) -> list[Step]:
    """Return the steps that are left to remove the service; the state folder and its account stay.

    Raises:
        ServiceError: Somebody has edited the unit.
    """
    text = machine.read(UNIT)
    steps = []
    if text is not None:
        steps += list(_set_aside(machine, text, anyway=anyway))
    if machine.booted and text is not None:
        steps.append(_command(machine, "systemctl", "stop", NAME))
    if machine.exists(WANTED):
        steps.append(_command(machine, "systemctl", "disable", NAME))
    steps += [
        _removal(machine, path) for path in (UNIT, SYSUSERS, TMPFILES) if machine.exists(path)
    ]
    if machine.booted and text is not None:
        steps.append(_command(machine, "systemctl", "daemon-reload"))
    return steps


def _accounts(unit: Unit, machine: Machine, *, anew: bool) -> Iterator[Step]:
    text = unit.sysusers()
    same = machine.read(SYSUSERS) == text
    if not same:
        yield _writing(machine, SYSUSERS, text)
    if anew or not same or machine.account(unit.user) is None:
        yield _command(machine, "systemd-sysusers", _in(machine, SYSUSERS))


def _state_folder(unit: Unit, machine: Machine, *, anew: bool) -> Iterator[Step]:
    """Make the state folder; below /var/lib systemd does so whenever the service starts."""
    text = unit.tmpfiles()
    if text is None:
        if machine.exists(TMPFILES):
            yield _removal(machine, TMPFILES)
        return
    if machine.read(TMPFILES) != text:
        yield _writing(machine, TMPFILES, text)
    elif not anew and machine.exists(str(unit.state)):
        return
    yield _command(machine, "systemd-tmpfiles", "--create", _in(machine, TMPFILES))


def _unit_file(request: InstallRequest, machine: Machine) -> Iterator[Step]:
    text, there = request.unit.text(), machine.read(UNIT)
    if there == text:
        return
    if there is not None:
        yield from _set_aside(machine, there, anyway=request.anyway)
    yield _writing(machine, UNIT, text)


def _set_aside(machine: Machine, text: str, *, anyway: bool) -> Iterator[Step]:
    """Keep a copy of an edited unit; raise `ServiceError` unless ``anyway``."""
    if is_unedited(text):
        return
    if not text:
        raise ServiceError(
            "the service is masked",
            where=UNIT,
            why="somebody decided that it must not be started",
            next_step="ask who did; `systemctl unmask kanmon` lets it be installed",
        )
    kept = _free_backup(machine, text)
    if not anyway:
        raise ServiceError(
            "the unit was edited since it was installed",
            where=UNIT,
            why="what was changed in it would be lost",
            next_step="move the changes to a drop-in (`systemctl edit kanmon`), which stays, then "
            f"repeat with --anyway; the edited unit is kept as {kept}",
        )
    yield Step(what=f"keep the edited unit as {kept}", do=lambda: machine.write(kept, text))


def _free_backup(machine: Machine, text: str) -> str:
    """Return a path for a copy of an edited unit that no other copy has."""
    names = (BACKUP, *(f"{BACKUP}.{number}" for number in range(2, 1000)))
    return next(name for name in names if machine.read(name) in {None, text})


def _start(machine: Machine, *, changed: bool) -> Iterator[Step]:
    said = machine.run("systemctl", "show", "--property=ActiveState,NeedDaemonReload", NAME)
    # An installation that was interrupted may have left a unit that systemd has not read.
    if changed or "NeedDaemonReload=yes" in said:
        yield _command(machine, "systemctl", "daemon-reload")
        yield _command(machine, "systemctl", "restart", NAME)
        return
    if "ActiveState=active" not in said:
        yield _command(machine, "systemctl", "start", NAME)


def _writing(machine: Machine, path: str, text: str) -> Step:
    return Step(what=f"write {path}", do=lambda: machine.write(path, text), text=text)


def _removal(machine: Machine, path: str) -> Step:
    return Step(what=f"remove {path}", do=lambda: machine.remove(path))


def _command(machine: Machine, *words: str) -> Step:
    return Step(what=f"run {' '.join(words)}", do=lambda: machine.run(*words))


def _in(machine: Machine, path: str) -> str:
    """Return a path as sysusers and tmpfiles take it: below another root, its name only."""
    return PurePosixPath(path).name if machine.is_image else path
