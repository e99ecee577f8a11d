"""`scripts/test` does what its help says: nothing, a part, or everything."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.installed import named_in

ROOT = Path(__file__).parents[1]


def script(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "test", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=120,
    )


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_is_printed_and_nothing_is_run(word: str) -> None:
    done = script("tests/portal", word)
    assert done.returncode == 0
    assert done.stdout.startswith("Run the tests")
    assert "scripts/test PATH..." in done.stdout
    assert "set -uo" not in done.stdout
    assert "==" not in done.stdout, "no step has begun"


def test_a_path_runs_its_tests_and_nothing_else() -> None:
    done = script("tests/console/test_output.py", "-q", "-k", "nothing_of_that_name")
    assert "deselected" in done.stdout
    assert "== checks" not in done.stdout
    assert done.returncode == 5, "as pytest says: nothing was collected"


@pytest.mark.parametrize("before", [[], ["-x"], ["tests/console"], ["-k", "tests"]])
def test_a_path_that_is_not_there_runs_nothing(before: list[str]) -> None:
    done = script(*before, "tests/no-such-part")
    assert done.returncode == 2
    assert "no tests/no-such-part here" in done.stderr
    assert done.stdout == ""


def test_only_peers_that_a_part_names_are_needed(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(
        'A = pytest.mark.peer("cc", "socat")\n@pytest.mark.peer("no-such-peer")\n'
    )
    (tmp_path / "test_other.py").write_text("@pytest.mark.peer('snmpd')\n")
    assert named_in([tmp_path / "test_some.py"]) == {"cc", "socat"}
    assert named_in([tmp_path]) == {"cc", "socat", "snmpd"}


def test_whatever_the_ingest_stores_is_tried_on_both_databases() -> None:
    """By file: one that asks for a database anywhere is marked as a whole, or each of its tests."""
    unmarked = []
    for path in sorted((ROOT / "tests" / "portal" / "ingest").glob("test_*.py")):
        text = path.read_text("utf-8")
        if (
            re.search(r"django_db\b|transactional_db|def test_.*dated", text)
            and "mark.database" not in text
        ):
            unmarked.append(path.name)
    assert unmarked == []
