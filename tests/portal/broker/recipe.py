"""The commands of ``docs/how-to/revoke-and-reissue.md``, run as they stand there.

What is tested is the document: its command lines are taken from it, its stand-ins (``FOLDER``,
``/var/lib/kanmon``) are replaced, and bash runs them. ``sudo`` and the ownership that ``install``
gives are left out, because there is one account here; stopping and starting the daemon is the
test's.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from portal.environment.state_folder import PACKAGE
from tests import fork_server

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE: Final = PACKAGE.parent / "docs" / "how-to" / "revoke-and-reissue.md"
_PROGRAMS: Final = ("kanmon-portal ", "sudo ", "mv ", "rm ")
_INSTALL: Final = '#!/bin/sh\n# -d -o kanmon -g kanmon -m MODE FOLDER\nexec mkdir -m "$7" "$8"\n'
_SUDO: Final = '#!/bin/sh\n[ "$1" = -u ] && shift 2\nexec "$@"\n'


def commands(heading: str) -> list[str]:
    """The command lines below a heading, without the remarks behind them."""
    text = PAGE.read_text("utf-8")
    _, found, rest = text.partition(f"\n## {heading}\n")
    assert found, f"{PAGE} has no heading {heading!r}"
    section = rest.partition("\n## ")[0]
    lines = [line[4:] for line in section.splitlines() if line.startswith("    ")]
    told = [re.sub(r"\s+# .*", "", line) for line in lines if line.startswith(_PROGRAMS)]
    assert told, f"{heading!r} has no commands"
    return told


class Shell:
    """Runs them, for a portal and a box."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._bin = folder / "bin"
        self._bin.mkdir()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO"))}
        path = {"PATH": f"{self._bin}{os.pathsep}{kept['PATH']}", "PYTHONPATH": str(PACKAGE.parent)}
        self._environment = kept | path | dict(environment)
        fork_server.write_programs(self._bin, self._environment)
        for name, text in {"sudo": _SUDO, "install": _INSTALL}.items():
            (self._bin / name).write_text(text)
            (self._bin / name).chmod(0o700)

    def run(self, line: str, stand_ins: Mapping[str, str]) -> str:
        """What a command line prints; fails where it fails."""
        for name, meant in stand_ins.items():
            line = line.replace(name, meant)
        done = subprocess.run(
            ["bash", "-euc", line],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout
