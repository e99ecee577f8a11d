"""Nothing is shown that has no Japanese, and nothing is kept that nobody says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from console.catalogue import Entry
from tests.console import texts

PLACE = re.compile(r"\{(\w*)(?:![rs])?(?::[^{}]*)?\}|%\((\w+)\)s")
SHOWING = {"say", "echo", "confirm", "prompt", "add_column", "secho"}


def names(text: str) -> set[str]:
    return {a or b for a, b in PLACE.findall(text)}


@pytest.mark.parametrize(
    ("domain", "found"), [("kanmon", texts.interface_texts()), ("messages", texts.messages())]
)
def test_every_text_has_a_japanese_one(domain: str, found: dict[str, str]) -> None:
    known = texts.catalogue_of(domain)
    missing = {k: v for k, v in found.items() if not (k in known and known[k].translated)}
    assert not missing, "python -m tests.console.texts adds them, to be translated"


@pytest.mark.parametrize(
    ("domain", "found"), [("kanmon", texts.interface_texts()), ("messages", texts.messages())]
)
def test_nothing_is_translated_that_nobody_says(domain: str, found: dict[str, str]) -> None:
    assert not texts.catalogue_of(domain).keys() - found.keys()


@pytest.mark.parametrize("domain", ["kanmon", "messages"])
def test_values_keep_their_places(domain: str) -> None:
    def same(entry: Entry) -> bool:
        said = set().union(*map(names, entry.translations))
        wanted = names(entry.key)
        return said == wanted if "\x00" not in entry.key else said <= wanted

    wrong = [entry.key for entry in texts.catalogue_of(domain).values() if not same(entry)]
    assert not wrong


def test_a_pattern_has_words_to_know_it_by() -> None:
    """A pattern of places alone would take every text for its own."""
    bare = [k for k in texts.messages() if len(re.sub(r"\{\d+\}|\W", "", k)) < 2]
    assert not bare


@pytest.mark.parametrize("path", texts.command_lines(), ids=lambda path: path.stem)
def test_a_command_shows_no_text_of_its_own(path: Path) -> None:
    """What `say` and its like are given comes from `tr` and `plural`, never from a literal."""
    offences = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and texts.called(node.func) in SHOWING and node.args:
            text = texts.pattern(node.args[0])
            if text and re.search(r"[A-Za-z]{2}", re.sub(r"\{\d+\}", "", text)):
                offences.append(f"line {node.lineno}: {text!r}")
    assert not offences


def test_the_lists_of_what_is_passed_over_are_not_out_of_date() -> None:
    assert [name for name in texts.EXCLUDED if not (texts.ROOT / name).exists()] == []
