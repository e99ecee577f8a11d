"""`kanmon-portal` as a person runs it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from portal.environment import PACKAGE
from tests import fork_server

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


class Portal:
    """`kanmon-portal` as a person runs it: a process with a state folder of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def __call__(
        self, *words: str, given: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO"))}
        return fork_server.run_text(
            "portal.cli",
            *words,
            given=given,
            cwd=PACKAGE.parent,
            env=environ | {"KANMON_PORTAL_STATE": str(self.state)} | variables,
        )

    def done(self, *words: str, given: str = "", **variables: str) -> str:
        """What a command that must succeed prints."""
        done = self(*words, given=given, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout
