"""The machine that a service is installed on: its files, accounts and service manager.

With a root other than ``/`` the machine is an image that does not run: everything that can be is
done in its files, and what needs a running service manager is left to its first start. Links within
the image lead where they lead on the machine that will run it, as with chroot(2): an absolute one
begins at the root of the image, and ``..`` does not leave it. Nothing outside is read or written.
"""

from __future__ import annotations

import errno
import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.disk import LocalDisk, replace_file
from console.text import Duration, MessageError, Template, verbatim

NO_PROGRAM: Final = Template("service.no_program", "'{program}' is not installed on this machine")
PART_OF_SYSTEMD: Final = Template(
    "service.part_of_systemd", "it is part of systemd, which runs the services"
)
INSTALL_SYSTEMD: Final = Template(
    "service.install_systemd",
    "install systemd, or start `kanmon run` with this machine's own service manager",
)
TOO_SLOW: Final = Template("service.too_slow", "'{command}' did not finish within {limit}")
COMMAND_FAILED: Final = Template(
    "service.command_failed", "'{command}' failed with exit code {code}"
)
SEE_JOURNAL: Final = Template("service.see_journal", "see `journalctl -u kanmon -n 50`")

_BOOTED: Final = Path("/run/systemd/system")
_LIMIT_S: Final = 300.0
"""Longer than a start may take (``TimeoutStartSec=`` of the unit)."""
_LINKS: Final = 40
"""Links that a path may lead through, as for Linux itself; path_resolution(7)."""
_MASK: Final = "/dev/null"
"""What a masked unit is a link to; an image may lack it."""


class ServiceError(MessageError):
    """A failure about the service."""


@dataclass(frozen=True)
class Machine:
    """This machine, or the image that lies below ``root``; paths are those of the machine."""

    root: Path = Path("/")

    @property
    def is_image(self) -> bool:
        """Whether the machine is an image, which does not run."""
        return self.root != Path("/")

    @property
    def booted(self) -> bool:
        """Whether systemd runs the machine; sd_booted(3)."""
        return not self.is_image and _BOOTED.is_dir()

    def at(self, path: str, *, follow: bool = False) -> Path:
        """Return where a path of the machine is to be found; raises ``OSError`` for a circle.

        Args:
            path: Absolute, of the machine.
            follow: Whether a link at the end of the path is followed, too.
        """
        if self.root == Path("/"):
            return self.root / path.lstrip("/")
        return _below(self.root, path, follow=follow)

    def read(self, path: str) -> str | None:
        """Return a file's text, ``None`` where there is no file; raises ``OSError``."""
        link = self.at(path)
        if link.is_symlink() and link.readlink() == Path(_MASK):
            return ""
        try:
            return self.at(path, follow=True).read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def write(self, path: str, text: str) -> None:
        """Write a file that everybody may read; raises ``OSError``, having changed nothing."""
        target = self.at(path)
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        replace_file(_ReadableDisk(), target, text.encode())

    def remove(self, path: str) -> None:
        """Remove a file, where there is one."""
        self.at(path).unlink(missing_ok=True)

    def exists(self, path: str) -> bool:
        """Whether there is a file, a folder or a link, even one to nothing."""
        return os.path.lexists(self.at(path))

    def names(self, path: str) -> set[str]:
        """Return the names in a folder; none where it is missing, or may not be read."""
        try:
            return {entry.name for entry in self.at(path, follow=True).iterdir()}
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return set()

    def account(self, name: str) -> int | None:
        """Return the number of an account; in an image, only its own /etc/passwd is read."""
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

    def owns(self, name: str, path: str) -> bool:
        """Whether there is such an account, and it owns what is there."""
        there = self.at(path, follow=True)
        return there.exists() and there.stat().st_uid == self.account(name)

    def run(self, *command: str) -> str:
        """Run a program of systemd, for an image with its root, and return its output.

        Raises:
            ServiceError: It is not on this machine, it failed, or it takes too long.
        """
        return _run([command[0], f"--root={self.root}", *command[1:]] if self.is_image else command)


class _ReadableDisk(LocalDisk):
    """Files that everybody may read: nothing in a unit is secret."""

    def write(self, path: Path, data: bytes) -> None:
        """See `config.disk.Disk.write`; with mode 0644."""
        super().write(path, data)
        path.chmod(0o644)


def _below(root: Path, path: str, *, follow: bool) -> Path:
    """The place of ``path`` below ``root``; no link on the way leads out of it."""
    found, links = root, 0
    rest = _names(path)
    while rest:
        name = rest.pop()
        if name == "..":
            found = found if found == root else found.parent
            continue
        there = found / name
        if not there.is_symlink() or not (rest or follow):
            found = there
            continue
        links += 1
        if links > _LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(there))
        target = str(there.readlink())
        found = root if target.startswith("/") else found
        rest += _names(target)
    return found


def _names(path: str) -> list[str]:
    """The names that a path leads through, the last one first."""
    return [name for name in reversed(path.split("/")) if name not in {"", "."}]


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
            NO_PROGRAM(program=words[0]), why=PART_OF_SYSTEMD(), next_step=INSTALL_SYSTEMD()
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ServiceError(
            TOO_SLOW(command=name, limit=Duration(_LIMIT_S)), next_step=SEE_JOURNAL()
        ) from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ServiceError(
            COMMAND_FAILED(command=name, code=done.returncode),
            why=verbatim(" ".join(said[:2])),
            next_step=SEE_JOURNAL(),
        )
    return done.stdout
