"""The portal's state folder and database are closed by every command that uses them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.environment.state_folder import PACKAGE
from tests.portal.program import Portal


def modes(state: Path) -> set[tuple[str, int]]:
    return {(path.name, path.stat().st_mode & 0o777) for path in [state, *state.iterdir()]}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A folder as ``mkdir -m 755`` makes it."""
    made = tmp_path / "state"
    made.mkdir()
    made.chmod(0o755)
    return made


@pytest.mark.parametrize("program", ["portal.cli", "django"])
def test_a_folder_that_was_made_open_is_closed(state: Path, program: str) -> None:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO"))} | {
        "KANMON_PORTAL_STATE": str(state),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    subprocess.run(
        [sys.executable, "-m", program, "migrate"],
        cwd=PACKAGE.parent,
        env=environ,
        check=True,
        capture_output=True,
        umask=0o022,
    )
    assert modes(state) == {("state", 0o700), ("db.sqlite3", 0o600)}


def test_what_was_opened_later_is_closed_by_the_next_command(state: Path) -> None:
    portal = Portal(state)
    portal.migrate()
    for name in ("db.sqlite3-wal", "secret.key"):
        (state / name).touch()
    for path in [*state.iterdir(), state]:
        path.chmod(0o755)
    assert portal("key", "list").returncode == 0
    assert {mode for _, mode in modes(state)} == {0o700, 0o600}


def test_a_folder_of_others_is_refused(state: Path) -> None:
    (state / "fstab").touch()
    done = Portal(state)("migrate")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("kanmon-portal: other accounts can look into the folder")
    assert "chmod 700" in done.stderr
    assert modes(state) == {("state", 0o755), ("fstab", (state / "fstab").stat().st_mode & 0o777)}
