"""The gateway as a service of systemd: what is written and done to install it, and to remove it.

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

import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from config.store import PREVIOUS, RUNNING
from gateway.install.machine import Machine, ServiceError
from gateway.install.unit import NAME, PLAIN_PATH, Unit, untouched

UNIT: Final = f"/etc/systemd/system/{NAME}"
SYSUSERS: Final = "/etc/sysusers.d/kanmon.conf"
TMPFILES: Final = "/etc/tmpfiles.d/kanmon.conf"
BACKUP: Final = f"{UNIT}.before"
WANTED: Final = f"/etc/systemd/system/multi-user.target.wants/{NAME}"
HIDDEN: Final = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 # names, not used
"""What the service cannot see: ProtectHome=yes and PrivateTmp=yes."""
_NOT_FOR_STATE: Final = (*HIDDEN, "/boot", "/dev", "/efi", "/etc", "/proc", "/sys", "/usr")
_OF_A_STATE: Final = frozenset(
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
"""Of these there is one in every state folder that was used."""
_PROPERTIES: Final = (
    "ActiveState",
    "SubState",
    "Result",
    "MainPID",
    "NRestarts",
    "MemoryCurrent",
    "ActiveEnterTimestamp",
    "UnitFileState",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be installed.

    Attributes:
        unit: The service.
        anyway: Whether a unit that was edited may be replaced.
    """

    unit: Unit
    anyway: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that is done.

    Attributes:
        what: What it is called.
        do: Does it; may raise `ServiceError` and ``OSError``.
        text: What is written, where it is a file.
    """

    what: str
    do: Callable[[], object]
    text: str = ""


def unit_for(program: Program, *, user: str, serial_group: str, state: Path) -> Unit:
    """The unit for these wishes.

    Raises:
        ServiceError: Such a service could not work, or should not.
    """
    _check_state(state)
    _check_program(program)
    folder = PurePosixPath(state)
    return Unit(
        program=program.command,
        user=user,
        serial_group=serial_group,
        state=folder,
        running=folder / RUNNING,
    )


def install_steps(wish: Wish, machine: Machine) -> list[Step]:
    """What is left to do, in order; empty when all is as it should be.

    Raises:
        ServiceError: It cannot be done here, or somebody has edited the unit.
    """
    unit = wish.unit
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
    _check_own(unit.state, machine)
    written = list(_unit_file(wish, machine))
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
    """What is left to do so that no service is there; the state folder and its account stay.

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


def status(machine: Machine) -> dict[str, Any]:
    """How the service is, as JSON values.

    Raises:
        ServiceError: It is not installed, or the service manager does not say.
    """
    check_booted(machine)
    text = machine.read(UNIT)
    if text is None:
        raise ServiceError(
            "the service is not installed",
            where=UNIT,
            next_step="install it: sudo kanmon service install",
        )
    found: dict[str, Any] = {
        "unit": UNIT,
        "masked": not text,
        "edited": bool(text) and not untouched(text),
        "drop_ins": machine.exists(f"{UNIT}.d"),
        "enabled": machine.exists(WANTED),
    }
    if machine.booted:
        wanted = ",".join(_PROPERTIES)
        said = machine.run("systemctl", "show", f"--property={wanted}", NAME)
        found |= _properties(line.partition("=") for line in said.splitlines())
    return found


def _properties(pairs: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    said = {name: value for name, _, value in pairs}
    return {
        "active": said.get("ActiveState", ""),
        "detail": said.get("SubState", ""),
        "result": said.get("Result", ""),
        "pid": _number(said.get("MainPID")) or None,
        "restarts": _number(said.get("NRestarts")),
        "memory_bytes": _number(said.get("MemoryCurrent")),
        "since": said.get("ActiveEnterTimestamp") or None,
    }


def _number(text: str | None) -> int | None:
    """``[not set]`` and the largest number both mean that nobody knows."""
    if text is None or not text.isdecimal() or int(text) >= 2**64 - 1:
        return None
    return int(text)


def check_booted(machine: Machine) -> None:
    """Raise `ServiceError` where no systemd runs the machine, which is no image either."""
    if not (machine.booted or machine.is_image):
        raise ServiceError(
            "this machine is not run by systemd",
            why="its services are started by something else",
            next_step="let that start `kanmon run` (in a container it is the command); to prepare "
            "an image of another machine, name its folder with --root",
        )


# --- what could not work --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How this ``kanmon`` is run.

    Attributes:
        command: Absolute path and arguments.
        folders: What it loads itself from.
    """

    command: tuple[str, ...]
    folders: tuple[Path, ...]

    @classmethod
    def this(cls) -> Program:
        """The one that runs now."""
        script = Path(sys.prefix) / "bin" / "kanmon"
        known = sysconfig.get_paths()
        here = Path(__file__).parents[2]
        folders = [Path(known[name]) for name in ("stdlib", "purelib", "platlib")]
        folders += [Path(sys.prefix), Path(sys.executable), here]
        command = (str(script),) if script.exists() else (sys.executable, "-P", "-m", "gateway.cli")
        return cls(command=command, folders=tuple(dict.fromkeys(folders)))

    @classmethod
    def at(cls, path: PurePosixPath) -> Program:
        """The ``kanmon`` at an absolute path of the machine."""
        return cls(command=(str(path),), folders=(Path(path),))


def _check_program(program: Program) -> None:
    _check_plain(program.command[0], "install it elsewhere")
    for folder in program.folders:
        for path in (folder, folder.resolve()):
            hidden = _within(path, HIDDEN)
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


def _check_state(state: Path) -> None:
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


def _check_own(state: PurePosixPath, machine: Machine) -> None:
    """The service's account is given all that is in its state folder: it must be a gateway's."""
    there = set(machine.names(str(state))) - {"lost+found"}
    if there and there.isdisjoint(_OF_A_STATE):
        raise ServiceError(
            "the state folder holds something else",
            where=str(state),
            why=f"the service would be given all of it, {min(there)} among them",
            next_step="name an empty folder, or one that does not exist, with --state",
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


# --- steps ----------------------------------------------------------------------------------------


def _accounts(unit: Unit, machine: Machine, *, anew: bool) -> Iterator[Step]:
    text = unit.accounts()
    same = machine.read(SYSUSERS) == text
    if not same:
        yield _writing(machine, SYSUSERS, text)
    if anew or not same or machine.account(unit.user) is None:
        yield _command(machine, "systemd-sysusers", _in(machine, SYSUSERS))


def _state_folder(unit: Unit, machine: Machine, *, anew: bool) -> Iterator[Step]:
    """Below /var/lib systemd does this itself whenever the service starts."""
    text = unit.folder()
    if text is None:
        if machine.exists(TMPFILES):
            yield _removal(machine, TMPFILES)
        return
    if machine.read(TMPFILES) != text:
        yield _writing(machine, TMPFILES, text)
    elif not anew and machine.exists(str(unit.state)):
        return
    yield _command(machine, "systemd-tmpfiles", "--create", _in(machine, TMPFILES))


def _unit_file(wish: Wish, machine: Machine) -> Iterator[Step]:
    text, there = wish.unit.text(), machine.read(UNIT)
    if there == text:
        return
    if there is not None:
        yield from _set_aside(machine, there, anyway=wish.anyway)
    yield _writing(machine, UNIT, text)


def _set_aside(machine: Machine, text: str, *, anyway: bool) -> Iterator[Step]:
    """Keep a unit that is not as we wrote it; refuse to touch it without being told to."""
    if untouched(text):
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
    """Where an edited unit is kept: never in the place of another one."""
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
    """How sysusers and tmpfiles take it: below another root they look up a bare name only."""
    return PurePosixPath(path).name if machine.is_image else path
