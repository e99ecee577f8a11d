"""Pages in two languages say the same: as many headings, and the same commands, links and rows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.documentation import links, pages, site

JAPANESE = sorted(pages.DOCS.rglob("*.ja.md"))
NEEDED = ("enrol-a-gateway", "install-the-service", "read-a-printer", "read-a-serial-line")
"""How-tos for people at the site, who are not asked to read English."""
_COMMAND = re.compile(r"^(?:sudo |kanmon|scripts/|systemctl|journalctl|export |ls )")
_WIDE = re.compile(r"[ぁ-んァ-ヶ一-龠]")


def english(path: Path) -> Path:
    return path.with_name(path.name.replace(".ja.md", ".md"))


def commands(path: Path) -> list[str]:
    """What is to be typed, without its comments; the language that a page sets is its own."""
    lines = (line for line in path.read_text("utf-8").splitlines() if line.startswith("    "))
    typed = (line.strip().partition("  #")[0].strip() for line in lines)
    return [one for one in typed if _COMMAND.match(one) and "KANMON_LANG" not in one]


def codes(path: Path) -> set[str]:
    """The words in code, which nobody translates: options, settings, URLs, file names."""
    found = re.findall(r"`([^`\n]+)`", path.read_text("utf-8"))
    return {one.replace(".ja.", ".") for one in found if not _WIDE.search(one)}


def targets(path: Path) -> set[str]:
    """Where a page leads, whatever the language of what is there."""
    found = (target.replace(".ja.md", ".md") for target in links.targets(path))
    return {target for target in found if target != english(path).name}


def test_the_pages_for_people_at_the_site_are_in_japanese() -> None:
    there = {english(path).stem for path in JAPANESE}
    assert there >= {*NEEDED, "first-hour"}


@pytest.mark.parametrize("path", JAPANESE, ids=lambda path: path.stem)
def test_both_languages_say_the_same(path: Path) -> None:
    ours, theirs = path.read_text("utf-8"), english(path).read_text("utf-8")
    for what in (r"^(#+) ", r"^\|", r"^(?:- |\d\. )"):  # headings, rows of tables, items
        count = [len(re.findall(what, text, re.MULTILINE)) for text in (ours, theirs)]
        assert count[0] == count[1], what
    assert commands(path) == commands(english(path))
    assert codes(path) == codes(english(path))
    assert targets(path) == targets(english(path))


@pytest.mark.parametrize("path", JAPANESE, ids=lambda path: path.stem)
def test_either_language_leads_to_the_other(path: Path) -> None:
    assert english(path).name in links.targets(path)
    assert path.name in links.targets(english(path))


@pytest.mark.parametrize("path", JAPANESE, ids=lambda path: path.stem)
def test_a_link_from_japanese_stays_in_japanese_where_it_can(path: Path) -> None:
    for target in links.targets(path):
        there = (path.parent / target.partition("#")[0]).resolve()
        if there.suffix == ".md" and there != english(path):
            assert there.name.endswith(".ja.md") or not there.with_suffix(".ja.md").exists()


def test_lines_of_japanese_are_joined_and_nothing_else_is() -> None:
    text = """# 見出し

一行目は、
二行目に続く。`code`は
*強調*もある。

- 項目の
  続き
- 次の項目

    命令の出力
    次の出力

| 表 | の行 |
"""
    assert site.joined(text) == (
        text.replace("は、\n二", "は、二").replace("項目の\n  続き", "項目の続き")
    )
