"""A machine in memory, shipped so that anybody can test what is installed on one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from gateway.install.machine import ServiceError

_FOLDER: Final = "/etc/systemd/system"


def _path(unit: str) -> str:
    return f"{_FOLDER}/{unit}"


def _units(files: Mapping[str, str]) -> list[str]:
    return [path for path in files if path.startswith(_FOLDER) and path.endswith(".service")]


@dataclass
class FakeMachine:
    """A `gateway.install.machine.Machine` that records its changes.

    Attributes:
        files: The texts of its files, by path.
        accounts: Numbers by name; ``systemd-sysusers`` makes the first one it is asked for.
        enabled: Units that start with the machine.
        active: Units that run.
        loaded: The units as the service manager has read them.
        running: The units as they were when they were started.
        ran: Every command, in order.
        failing: Words of a command that fails, and what it then says.
    """

    is_image: bool = False
    booted: bool = True
    files: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=lambda: {"root": 0})
    enabled: set[str] = field(default_factory=set)
    active: set[str] = field(default_factory=set)
    loaded: dict[str, str] = field(default_factory=dict)
    running: dict[str, str] = field(default_factory=dict)
    ran: list[tuple[str, ...]] = field(default_factory=list)
    failing: dict[str, str] = field(default_factory=dict)

    def read(self, path: str) -> str | None:
        """Return a file's text; see `gateway.install.machine.Machine.read`."""
        return self.files.get(path)

    def write(self, path: str, text: str) -> None:
        """Keep a file's text."""
        self.files[path] = text

    def remove(self, path: str) -> None:
        """Remove a file."""
        self.files.pop(path, None)

    def exists(self, path: str) -> bool:
        """Whether a file is at this path or below it."""
        return any(PurePosixPath(name).is_relative_to(path) for name in self.files)

    def names(self, path: str) -> list[str]:
        """Return the names of files and folders in a folder."""
        below = (name for name in self.files if name.startswith(f"{path}/"))
        return list({name.removeprefix(f"{path}/").partition("/")[0] for name in below})

    def account(self, name: str) -> int | None:
        """Return the number of an account, as in ``accounts``."""
        return self.accounts.get(name)

    def run(self, *command: str) -> str:
        """Do what the program of systemd would do to this machine."""
        self.ran.append(command)
        line = " ".join(command)
        for words, says in self.failing.items():
            if words in line:
                raise ServiceError(f"{line} failed with 1", why=says)
        unit = command[-1]
        match command[:2]:
            case ("systemd-sysusers", path):
                self._make_accounts(self.files[path])
            case ("systemctl", "enable"):
                self.enabled.add(unit)
                self.files[f"/etc/systemd/system/multi-user.target.wants/{unit}"] = ""
            case ("systemctl", "disable"):
                self.enabled.discard(unit)
                self.remove(f"/etc/systemd/system/multi-user.target.wants/{unit}")
            case ("systemctl", "daemon-reload"):
                self.loaded = {path: self.files[path] for path in _units(self.files)}
            case ("systemctl", "start" | "restart"):
                self.active.add(unit)
                # What was never read is read when it is first asked for.
                self.running[unit] = self.loaded.setdefault(_path(unit), self.files[_path(unit)])
            case ("systemctl", "stop"):
                self.active.discard(unit)
            case ("systemctl", "show"):
                state = "active" if unit in self.active else "inactive"
                read = self.loaded.get(_path(unit))
                stale = read is not None and read != self.files.get(_path(unit))
                said = "yes" if stale else "no"
                return f"ActiveState={state}\nNeedDaemonReload={said}\n"
        return ""

    def _make_accounts(self, text: str) -> None:
        for line in text.splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "u":
                self.accounts.setdefault(rest.split()[0], 900 + len(self.accounts))
