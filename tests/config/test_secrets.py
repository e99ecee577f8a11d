"""What `secret:NAME` may be read from, and what is left where keeping one fails."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config import secrets
from config.disk import LocalDisk
from config.finding import ConfigError

NAME = "printers"


def folder(state: Path) -> Path:
    made = state / secrets.FOLDER
    made.mkdir(mode=0o700, exist_ok=True)
    return made


def why(state: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        secrets.read_secret(state, f"secret:{NAME}")
    return str(caught.value.findings[0].why)


# --- read ---------------------------------------------------------------------------------------


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Root reads for a technician in a folder that another account owns."""
    other = tmp_path / "other"
    other.write_text("not theirs to tell\n")
    (folder(tmp_path) / NAME).symlink_to(other)

    assert why(tmp_path) == "its file is a symbolic link"


def test_a_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / NAME).write_text("not theirs to tell\n")
    (tmp_path / secrets.FOLDER).symlink_to(tmp_path / "other")

    assert why(tmp_path) == "its file is a symbolic link"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(folder(tmp_path) / NAME)

    assert why(tmp_path) == "it is not stored in a regular file"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "its file is empty"),
        (b"\n", "its file is empty"),
        (b"x" * 5_000_000, f"its file has more than {secrets.LIMIT} bytes"),
        (b"\xff\xfe\n", "its file is not encoded in UTF-8"),
    ],
)
def test_what_can_be_no_secret_is_none(tmp_path: Path, content: bytes, reason: str) -> None:
    (folder(tmp_path) / NAME).write_bytes(content)

    assert why(tmp_path) == reason


def test_a_missing_one_says_what_to_do(tmp_path: Path) -> None:
    assert why(tmp_path) == "no such file or folder"
    (folder(tmp_path) / NAME).mkdir()
    assert why(tmp_path) == "it is not stored in a regular file"


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_the_longest_is_read_whole(tmp_path: Path, ending: str) -> None:
    value = "x" * secrets.LIMIT
    (folder(tmp_path) / NAME).write_text(value + ending, newline="")

    assert secrets.read_secret(tmp_path, f"secret:{NAME}") == value


# --- keep ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["", "a\udcffb", "a\x1bb", "a\nb", "x" * (secrets.LIMIT + 1), "é" * 3000]
)
def test_a_value_that_cannot_be_kept_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError):
        secrets.store(LocalDisk(), tmp_path, NAME, value)

    assert not (tmp_path / secrets.FOLDER).exists()


def test_a_folder_that_others_can_look_into_is_closed(tmp_path: Path) -> None:
    folder(tmp_path).chmod(0o777)

    kept = secrets.store(LocalDisk(), tmp_path, NAME, "hunter2")

    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["link", "file", "nowhere"])
def test_a_folder_that_is_none_is_told(tmp_path: Path, kind: str) -> None:
    place = tmp_path / secrets.FOLDER
    (tmp_path / "other").mkdir()
    match kind:
        case "link":
            place.symlink_to(tmp_path / "other")
        case "nowhere":
            place.symlink_to(tmp_path / "nowhere")
        case _:
            place.write_text("")

    with pytest.raises(NotADirectoryError):
        secrets.store(LocalDisk(), tmp_path, NAME, "hunter2")
    assert not list((tmp_path / "other").iterdir())


KEEP = """
import resource, signal, sys
from pathlib import Path
from config import secrets
from config.disk import LocalDisk
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4, 4))
try:
    secrets.store(LocalDisk(), Path(sys.argv[1]), "printers", "another-value")
except OSError as error:
    sys.exit(error.errno)
"""


def test_a_disk_that_takes_no_more_leaves_the_old_one_and_nothing_beside(tmp_path: Path) -> None:
    """A limit of the process stands for a full disk: the write fails after four bytes."""
    secrets.store(LocalDisk(), tmp_path, NAME, "hunter2")

    done = subprocess.run([sys.executable, "-c", KEEP, str(tmp_path)], check=False)

    assert done.returncode == errno.EFBIG
    assert secrets.read_secret(tmp_path, f"secret:{NAME}") == "hunter2"
    assert [path.name for path in (tmp_path / secrets.FOLDER).iterdir()] == [NAME]


AGAIN = """
import sys
from pathlib import Path
from config import secrets
from config.disk import LocalDisk
number = 0
while True:
    secrets.store(LocalDisk(), Path(sys.argv[1]), "printers", f"value-{number}-" + "x" * 3000)
    number += 1
    if number == 1:
        print("ready", flush=True)
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_whole_value(tmp_path: Path) -> None:
    for _ in range(8):
        command = [sys.executable, "-c", AGAIN, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            process.kill()
        value = secrets.read_secret(tmp_path, f"secret:{NAME}")
        assert value.startswith("value-")
        assert value.endswith("x" * 3000)
        assert secrets.names(tmp_path) == [NAME]
    secrets.store(LocalDisk(), tmp_path, NAME, "hunter2")
    assert [path.name for path in (tmp_path / secrets.FOLDER).iterdir()] == [NAME]


# --- forget and list ----------------------------------------------------------------------------


def test_what_an_interrupted_one_left_goes_with_it(tmp_path: Path) -> None:
    kept = secrets.store(LocalDisk(), tmp_path, NAME, "hunter2")
    kept.with_name(f"{NAME}.new").write_text("hun")

    assert secrets.remove(tmp_path, NAME)
    assert not list(kept.parent.iterdir())
    assert not secrets.remove(tmp_path, NAME)


def test_only_plain_files_are_listed_and_a_link_can_be_removed(tmp_path: Path) -> None:
    (folder(tmp_path) / "link").symlink_to("/etc/hostname")
    (folder(tmp_path) / "dir").mkdir()
    secrets.store(LocalDisk(), tmp_path, NAME, "hunter2")

    assert secrets.names(tmp_path) == [NAME]
    assert secrets.remove(tmp_path, "link")
    assert not secrets.remove(tmp_path, "dir")
    assert Path("/etc/hostname").exists()
