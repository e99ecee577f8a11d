"""The threat model and the promises name tests; each of them is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


@pytest.mark.parametrize(
    ("page", "least"), [("security.md", 30), ("explanation/exactly-once.md", 20)]
)
def test_every_test_that_a_page_names_is_there(page: str, least: int) -> None:
    named = NAMED.findall((ROOT / "docs" / page).read_text("utf-8"))
    assert len(named) > least
    missing = [f"{file}::{name}" for file, name in named if name not in names_in(ROOT / file)]
    assert missing == []


def test_every_promise_names_one() -> None:
    page = (ROOT / "docs" / "explanation" / "exactly-once.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    silent = [
        row for row in rows if not row.startswith(("| Event", "| ---")) and not NAMED.search(row)
    ]
    assert len(rows) > 12
    assert silent == []


def test_every_threat_names_one() -> None:
    page = (ROOT / "docs" / "security.md").read_text("utf-8")
    model = page[page.index("## Threat model") : page.index("### What they can still do")]
    threats = [line for line in model.splitlines() if line.startswith("| ")]
    silent = [
        line
        for line in threats
        if not line.startswith(("| Who could", "| ---")) and not NAMED.search(line)
    ]
    assert silent == []
