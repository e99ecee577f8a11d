"""State folders and databases are their owner's alone, however they were made."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from config.private import ExposedError, close_database, close_files, close_folder
from console.templates import system

CONTENTS = frozenset({"db.sqlite3", "config.yaml"})


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as ``mkdir -m 755`` makes it."""
    made = tmp_path / "state"
    made.mkdir()
    made.chmod(0o755)
    return made


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another account than the one that owns what the test makes."""
    other = os.geteuid() + 12345
    monkeypatch.setattr(os, "geteuid", lambda: other)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_what_is_missing_is_made_for_its_owner_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        close_folder(tmp_path / "new" / "state", CONTENTS)
        close_database(tmp_path / "new" / "state" / "db.sqlite3")
    finally:
        os.umask(before)
    assert mode(tmp_path / "new" / "state") == 0o700
    assert mode(tmp_path / "new" / "state" / "db.sqlite3") == 0o600


@pytest.mark.parametrize("open_mode", [0o755, 0o750, 0o711, 0o777, 0o2775, 0o704])
@pytest.mark.parametrize("content", [None, "config.yaml"])
def test_a_folder_of_ours_is_closed(folder: Path, open_mode: int, content: str | None) -> None:
    if content:
        (folder / content).touch()
        (folder / "lost+found").mkdir()
    folder.chmod(open_mode)
    close_folder(folder, CONTENTS)
    assert mode(folder) == 0o700


@pytest.mark.usefixtures("stranger")
def test_another_accounts_folder_is_refused(folder: Path) -> None:
    with pytest.raises(ExposedError) as caught:
        close_folder(folder, CONTENTS)
    error = caught.value
    assert (error.what, error.where) == (system.FOLDER_EXPOSED(mode="0755"), str(folder))
    assert error.why == system.OWNED_BY(account=folder.stat().st_uid)
    assert error.next_step == system.CLOSE_FOLDER()
    assert mode(folder) == 0o755
    folder.chmod(0o700)
    close_folder(folder, CONTENTS)


def test_a_folder_that_holds_other_things_is_not_closed_under_them(folder: Path) -> None:
    (folder / "passwd").touch()
    with pytest.raises(ExposedError) as caught:
        close_folder(folder, CONTENTS)
    assert caught.value.why == system.HOLDS_OTHER_THINGS()
    (folder / "passwd").unlink()
    folder.chmod(0o1777)  # as /tmp is
    with pytest.raises(ExposedError):
        close_folder(folder, CONTENTS)
    assert mode(folder) == 0o1777


def test_a_file_system_without_modes_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fchmod", lambda *_: None)
    with pytest.raises(ExposedError) as caught:
        close_folder(folder, CONTENTS)
    assert caught.value.why == system.MODE_NOT_KEPT()


def test_a_database_and_what_lies_beside_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE record (id INTEGER)")
        files = sorted(tmp_path.iterdir())
        assert [file.name for file in files] == ["db.sqlite3", "db.sqlite3-shm", "db.sqlite3-wal"]
        for file in files:
            file.chmod(0o644)
        close_database(path)
        assert {mode(file) for file in files} == {0o600}


def test_a_new_database_gets_its_mode_before_sqlite_writes(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    close_database(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE record (id INTEGER)")
        assert {mode(file) for file in tmp_path.iterdir()} == {0o600}


HOLDS_THE_LOCK = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
try:
    database.execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError:
    print("locked")
else:
    print("free")
"""


def test_closing_a_database_releases_no_lock_on_it(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("CREATE TABLE record (id INTEGER)")
        database.execute("BEGIN IMMEDIATE")
        path.chmod(0o644)
        close_database(path)
        asked = subprocess.run(
            [sys.executable, "-c", HOLDS_THE_LOCK, str(path)],
            capture_output=True,
            text=True,
            check=True,
        )
    assert asked.stdout == "locked\n"


@pytest.mark.usefixtures("stranger")
def test_another_accounts_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    path.touch()
    path.chmod(0o640)
    with pytest.raises(ExposedError) as caught:
        close_database(path)
    assert caught.value.what == system.FILE_EXPOSED(mode="0640")
    close_files(tmp_path / "missing")
