"""The machine that a service is installed on: its files, accounts and service manager.

With a root other than ``/`` the machine is an image that does not run: everything that can be is
done in its files, and what needs a running service manager is left to its first start.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from config.disk import LocalDisk, replace_file

_BOOTED: Final = "/run/systemd/system"
_LIMIT_S: Final = 300.0
"""Longer than a start may take (`gateway.install.unit`)."""


class ServiceError(Exception):
    """A failure about the service.

    Attributes:
        what: What failed, in a sentence.
        where: The path it failed at, or ``""``.
        why: The cause, or ``""``.
        next: What to do next, or ``""``.
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.next = next_step


class Machine(Protocol):
    """The machine that a service is installed on; `fakes.FakeMachine` is one, too."""

    @property
    def is_image(self) -> bool:
        """Whether the machine is an image, which does not run."""

    @property
    def booted(self) -> bool:
        """Whether systemd runs the machine."""

    def read(self, path: str) -> str | None:
        """Return a file's text, ``None`` where there is no file; raises ``OSError``."""

    def write(self, path: str, text: str) -> None:
        """Write a file that everybody may read; raises ``OSError``, having changed nothing."""

    def remove(self, path: str) -> None:
        """Remove a file, where there is one."""

    def exists(self, path: str) -> bool:
        """Whether there is a file, a folder or a link, even one to nothing."""

    def names(self, path: str) -> list[str]:
        """Return the names in a folder; none where it is missing, or may not be read."""

    def account(self, name: str) -> int | None:
        """Return the number of an account, ``None`` where there is no such account."""

    def run(self, *command: str) -> str:
        """Run a program of systemd and return its output; raises `ServiceError`."""


@dataclass(frozen=True, slots=True)
class LocalMachine:
    """This machine, or the image that lies below ``root``."""

    root: Path = Path("/")

    @property
    def is_image(self) -> bool:
        """See `Machine.is_image`."""
        return self.root != Path("/")

    @property
    def booted(self) -> bool:
        """See `Machine.booted`; sd_booted(3)."""
        return not self.is_image and Path(_BOOTED).is_dir()

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def read(self, path: str) -> str | None:
        """See `Machine.read`."""
        try:
            return self._at(path).read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def write(self, path: str, text: str) -> None:
        """See `Machine.write`."""
        target = self._at(path)
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        replace_file(_ReadableDisk(), target, text.encode())

    def remove(self, path: str) -> None:
        """See `Machine.remove`."""
        self._at(path).unlink(missing_ok=True)

    def exists(self, path: str) -> bool:
        """See `Machine.exists`."""
        return os.path.lexists(self._at(path))

    def names(self, path: str) -> list[str]:
        """See `Machine.names`."""
        try:
            return [entry.name for entry in self._at(path).iterdir()]
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return []

    def account(self, name: str) -> int | None:
        """See `Machine.account`; in an image, only its own /etc/passwd is read."""
        if not self.is_image:
            try:
                return pwd.getpwnam(name).pw_uid
            except KeyError:
                return None
        for line in (self.read("/etc/passwd") or "").splitlines():
            fields = line.split(":")
            if fields[0] == name and len(fields) > 2 and fields[2].isdecimal():
                return int(fields[2])
        return None

    def run(self, *command: str) -> str:
        """See `Machine.run`; for an image, the program is given its root."""
        words = [command[0], f"--root={self.root}", *command[1:]] if self.is_image else command
        return _run(words)


class _ReadableDisk(LocalDisk):
    """Files that everybody may read: nothing in a unit is secret."""

    def write(self, path: Path, data: bytes) -> None:
        """See `config.disk.Disk.write`; with mode 0644."""
        super().write(path, data)
        path.chmod(0o644)


def _run(words: Sequence[str]) -> str:
    name = " ".join(words)
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            errors="replace",  # of paths and names, which may be anything
            check=False,
            timeout=_LIMIT_S,
            env={**os.environ, "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"},
        )
    except FileNotFoundError as error:
        raise ServiceError(
            f"{words[0]} is not on this machine",
            why="services are run by systemd here, and it is a part of it",
            next_step="install systemd, or start `kanmon run` by what this machine has instead",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ServiceError(
            f"{name} takes more than {_LIMIT_S:g} s", next_step="see journalctl -u kanmon -n 50"
        ) from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ServiceError(
            f"{name} failed with {done.returncode}",
            why=" ".join(said[:2]),
            next_step="see journalctl -u kanmon -n 50",
        )
    return done.stdout
