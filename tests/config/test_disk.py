"""A file that takes another's place, where there is no room for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REPLACING = """
import sys
from pathlib import Path
from config.disk import LocalDisk, replace_file
try:
    replace_file(LocalDisk(), Path(sys.argv[1]), b"new" * 10_000)
except OSError as error:
    print(error.filename)
"""


def test_what_could_not_be_written_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_bytes(b"old")
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 1; exec "$@"', "-", sys.executable, "-c", REPLACING, str(file)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"{file}.new"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert file.read_bytes() == b"old"
