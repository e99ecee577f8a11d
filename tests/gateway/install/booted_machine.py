"""A machine that systemd runs, in a folder: its files are real, what systemd does is imitated."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from console.text import verbatim
from gateway.install.machine import Machine, ServiceError

_UNITS: Final = "/etc/systemd/system"
_WANTS: Final = f"{_UNITS}/multi-user.target.wants"


@dataclass(frozen=True, kw_only=True)
class BootedMachine(Machine):
    """The machine in ``root``.

    Attributes:
        accounts: Numbers by name; ``systemd-sysusers`` makes those of its file.
        owners: The account that ``systemd-tmpfiles`` gave a path to.
        active: Units that run.
        loaded: The units as the service manager has read them.
        started: The units as they were when they were started.
        failing: Words of a command that fails, and what it then says.
    """

    root: Path
    accounts: dict[str, int] = field(default_factory=lambda: {"root": 0})
    owners: dict[str, str] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    loaded: dict[str, str | None] = field(default_factory=dict)
    started: dict[str, str | None] = field(default_factory=dict)
    failing: dict[str, str] = field(default_factory=dict)

    @property
    def is_image(self) -> bool:
        return False

    @property
    def booted(self) -> bool:
        return True

    def files(self) -> set[str]:
        """The path of every file."""
        found = self.root.rglob("*")
        return {f"/{path.relative_to(self.root)}" for path in found if not path.is_dir()}

    def account(self, name: str) -> int | None:
        return self.accounts.get(name)

    def owns(self, name: str, path: str) -> bool:
        return name in self.accounts and self.owners.get(path) == name

    def run(self, *command: str) -> str:
        line = " ".join(command)
        for words, says in self.failing.items():
            if words in line:
                raise ServiceError(verbatim(f"{line} failed with 1"), why=verbatim(says))
        if command[0] == "systemctl":
            return self._control(*command[1:])
        folder = command[0].removeprefix("systemd-")
        for text in (self.read(f"/etc/{folder}.d/{command[-1]}") or "").splitlines():
            kind, *fields = text.split()
            match folder, kind:
                case "sysusers", "u":
                    self.accounts.setdefault(fields[0], 900 + len(self.accounts))
                case "tmpfiles", "d":
                    self.owners[fields[0]] = fields[2]
        return ""

    def _control(self, verb: str, *words: str) -> str:
        unit = words[-1] if words else ""
        path = f"{_UNITS}/{unit}"
        match verb:
            case "enable":
                self.write(f"{_WANTS}/{unit}", "")
            case "disable":
                self.remove(f"{_WANTS}/{unit}")
            case "daemon-reload":
                self.loaded.update({name: self.read(f"{_UNITS}/{name}") for name in self.loaded})
            case "start" | "restart":
                self.active.add(unit)
                # What was never read is read when it is first asked for.
                self.started[unit] = self.loaded.setdefault(unit, self.read(path))
            case "stop":
                self.active.discard(unit)
            case "show":
                state = "active" if unit in self.active else "inactive"
                stale = unit in self.loaded and self.loaded[unit] != self.read(path)
                return f"ActiveState={state}\nNeedDaemonReload={'yes' if stale else 'no'}\n"
        return ""
