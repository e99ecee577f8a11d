"""`kanmon-portal` as a person runs it."""

from __future__ import annotations

import atexit
import os
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from portal.environment.state_folder import PACKAGE
from tests import fork_server

if TYPE_CHECKING:
    import subprocess


@cache
def _migrated() -> Path:
    """The state folder of a portal whose database is made and empty."""
    folder = TemporaryDirectory(prefix="kanmon-migrated-")
    atexit.register(folder.cleanup)
    portal = Portal(Path(folder.name) / "state")
    portal.done("migrate")
    assert [path.name for path in portal.state.iterdir()] == ["db.sqlite3"]
    return portal.state


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

    def migrate(self) -> None:
        """What its command of that name does in a state folder without a database.

        That takes most of a second, so that it is done once and copied.
        """
        shutil.copytree(_migrated(), self.state, dirs_exist_ok=True)

    def done(self, *words: str, given: str = "", **variables: str) -> str:
        """What a command that must succeed prints."""
        done = self(*words, given=given, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout
