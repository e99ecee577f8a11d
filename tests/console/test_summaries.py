"""The summary of each command: what `--help` of the group above it says of it."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from console import language
from console.localized import help_text, localized
from console.output import width
from scripts.translation import extraction

LIMIT = 45
"""Characters of an English summary, and cells of a Japanese one."""
IMPERATIVES = frozenset(
    {
        "Accept",
        "Add",
        "Apply",
        "Check",
        "Configure",
        "Create",
        "Enrol",
        "Explain",
        "Install",
        "Issue",
        "Queue",
        "Send",
    }
    | {
        "Keep",
        "List",
        "Manage",
        "Name",
        "Print",
        "Publish",
        "Read",
        "Remove",
        "Revoke",
        "Run",
        "Show",
    }
    | {"Stop", "Store", "Validate", "Write"}
)
"""The verbs that a summary begins with."""
ALL = [
    (path, command)
    for root in extraction.programs().values()
    for path, command in extraction.commands(root)
]
GROUPS = [(path, command) for path, command in ALL if isinstance(command, click.Group)]
each = pytest.mark.parametrize("command", [c for _, c in ALL], ids=[path for path, _ in ALL])


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    language.use("en")


def summary(command: click.Command) -> str:
    return help_text(command).split("\n\n")[0]


@each
def test_an_english_summary_is_a_short_imperative(command: click.Command) -> None:
    said = summary(command)
    assert len(said) <= LIMIT
    assert said.partition(" ")[0].rstrip(",") in IMPERATIVES
    assert said.endswith(".")
    assert said.count(".") == 1, "one sentence, not cut"
    assert command.short_help is None, "the first paragraph is the summary"


@each
def test_a_japanese_summary_is_a_short_polite_sentence(command: click.Command) -> None:
    language.use("ja")
    said = summary(localized(command))
    assert said != summary(command)
    assert width(said) <= LIMIT
    assert said.endswith("ます。")
    assert said.count("。") == 1
    assert localized(command).short_help == said


@pytest.mark.parametrize("tongue", language.LANGUAGES)
@pytest.mark.parametrize("group", [c for _, c in GROUPS], ids=[path for path, _ in GROUPS])
def test_a_help_at_80_columns_shows_each_summary_whole(group: click.Group, tongue: str) -> None:
    language.use(tongue)
    shown = localized(group)
    context = shown.make_context("x", [], resilient_parsing=True, terminal_width=80)
    lines = shown.get_help(context).splitlines()
    assert max(map(width, lines)) <= 80
    for name in shown.list_commands(context):
        found = shown.get_command(context, name)
        assert found is not None
        said = summary(localized(found) if tongue == "ja" else found)
        assert [line.split(maxsplit=1) for line in lines].count([name, said]) == 1
