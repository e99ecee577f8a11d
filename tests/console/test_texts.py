"""Every text that a person reads has its Japanese, and no translation is left over."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from scripts.translation import catalogues, extraction

SHOWING = {"say", "echo", "confirm", "prompt", "add_column", "secho"}
COMMAND_LINES = [
    path
    for folder in ("gateway/cli", "portal/cli", "console")
    for path in sorted((extraction.ROOT / folder).glob("*.py"))
]


@pytest.mark.parametrize("domain", catalogues.PATHS)
def test_the_catalogue_holds_what_the_sources_say(domain: str) -> None:
    found = extraction.extracted(domain)
    assert len(found) > 300, "the extraction finds the texts"
    assert not catalogues.mistakes(domain, found), "scripts/texts adds and removes them"


@pytest.mark.parametrize("domain", catalogues.PATHS)
def test_a_missing_a_wrong_and_a_left_over_text_are_found(
    domain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a catalogue in which one of each was planted."""
    found = extraction.extracted(domain)
    catalogue = catalogues.read(catalogues.PATHS[domain])
    gone = next(one for one in catalogue if one.id and one.string and "{" not in str(one.id))
    catalogue.delete(gone.id)
    catalogue.add("a text of {nobody}", "{somebody}の文")
    po = tmp_path / "planted.po"
    catalogues.write(catalogue, po)
    monkeypatch.setitem(catalogues.PATHS, domain, po)
    mistakes = catalogues.mistakes(domain, found)
    assert len(mistakes) == 3
    assert any(f"without a translation: {gone.id!r}" in one for one in mistakes)


@pytest.mark.parametrize("path", COMMAND_LINES, ids=lambda path: path.stem)
def test_a_command_shows_no_text_of_its_own(path: Path) -> None:
    """What `say` and its like are given comes from `tr`, `plural` and messages, not a literal."""
    offences = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and _name(node.func) in SHOWING and node.args:
            text = _literal(node.args[0])
            if text and re.search(r"[A-Za-z]{2}", text):
                offences.append(f"line {node.lineno}: {text!r}")
    assert not offences


def _name(function: ast.expr) -> str:
    return str(getattr(function, "attr", None) or getattr(function, "id", ""))


def _literal(node: ast.expr) -> str:
    """What a literal says beside its values."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(one.value) for one in parts if isinstance(one, ast.Constant))
