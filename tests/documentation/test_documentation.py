"""The documentation is what the code says, leads nowhere dead, and can be read on a console."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.reading import read
from portal.environment.model import NAMES
from scripts.documentation import links, pages, site
from tests import peers

MANUALS = sorted((pages.DOCS / "man").glob("*.1"))


@pytest.mark.parametrize("name", pages.PAGES)
def test_a_page_is_what_the_code_says_now(name: str) -> None:
    assert (pages.DOCS / name).read_text("utf-8") == pages.PAGES[name](), "run scripts/docs --write"


def test_every_link_leads_somewhere() -> None:
    assert links.dead(pages.ROOT) == []


_PATH_NAMED = re.compile(
    r"`((?:gateway|drivers|protocols|cloud_link|provisioning|config|console|portal|scripts|tests"
    r"|docs)/[\w/.-]+)"
)
_EXAMPLES = {"drivers/FAMILY/", "protocols/FAMILY/", "tests/gateway/__init__.py", "tests/x.py"}
"""Paths that pages name although they are not there: placeholders, and a file that must not be."""


def test_every_path_that_a_page_names_is_there() -> None:
    pages_of_ours = [*pages.DOCS.rglob("*.md"), *pages.ROOT.glob("*.md")]
    named = {
        (page.name, path)
        for page in pages_of_ours
        for path in _PATH_NAMED.findall(page.read_text("utf-8"))
    }
    assert len(named) > 100
    missing = {
        (page, path)
        for page, path in named
        if path not in _EXAMPLES and not (pages.ROOT / path.rstrip(".")).exists()
    }
    assert missing == set()


def test_dead_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(
        "# One\n## Two words, and `code`\n## One\n[a](#two-words-and-code) [b](#one-1) [c](docs)\n"
        "[d](#three) [e](nothing.md) ![f](/etc/passwd) [g](ftp:x) [h](https://example.com/x)\n"
        "```\n[i](nothing.md)\n```\n`[j](nothing.md)`\n\n[k]: nowhere.md\n[k]\n"
    )
    found = [line.removeprefix("README.md: ").split()[0] for line in links.dead(tmp_path)]
    assert found == ["#three:", "nothing.md", "/etc/passwd", "ftp:x", "nowhere.md"]


def test_the_example_has_every_setting_and_can_be_used() -> None:
    text = (pages.REFERENCE / "gateway.example.yaml").read_bytes()
    read(text, "gateway.example.yaml")
    schema = json.loads((pages.REFERENCE / "config.schema.json").read_text("utf-8"))
    assert list(_lacking(yaml.safe_load(text), schema, schema["$defs"], "")) == []


def _lacking(value: Any, schema: dict[str, Any], known: dict[str, Any], path: str) -> Iterator[str]:
    """Every setting below ``schema`` that ``value`` does not have."""
    if "$ref" in schema:
        schema = known[schema["$ref"].rpartition("/")[2]]
    for one in schema.get("anyOf", ()):
        yield from _lacking(value, one, known, path)
    if isinstance(value, list) and value and schema.get("items"):
        yield from _lacking(value[0], schema["items"], known, f"{path}[0]")
    for name, one in schema.get("properties", {}).items():
        if not isinstance(value, dict) or name not in value:
            yield f"{path}.{name}"
        else:
            yield from _lacking(value[name], one, known, f"{path}.{name}")


@pytest.mark.peer("groff")
@pytest.mark.parametrize("path", MANUALS, ids=lambda path: path.stem)
def test_a_manual_page_is_set_without_a_warning(path: Path) -> None:
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Kutf8", "-Tutf8", str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 0
    assert done.stderr == ""
    bare = re.sub(r".\x08", "", done.stdout)  # bold is a letter over itself
    assert "EXIT STATUS" in bare or "終了ステータス" in bare


@pytest.mark.peer("mandoc")
@pytest.mark.parametrize("path", MANUALS, ids=lambda path: path.stem)
def test_a_manual_page_is_well_formed(path: Path) -> None:
    mandoc = peers.find("mandoc")
    assert mandoc is not None
    done = subprocess.run(
        [mandoc, "-Tlint", "-Wwarning", str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""


def test_the_site_has_a_place_for_every_page() -> None:
    globs = [glob for entries in site.SECTIONS.values() for glob in entries]
    placed = {
        path.resolve()
        for glob in globs
        for path in (pages.DOCS / Path(glob).parent).resolve().glob(f"{Path(glob).name}.md")
    }
    assert set(links.sources(pages.ROOT)) - placed == {pages.DOCS / "index.md"}


@pytest.mark.parametrize("tongue", ["", ".ja"])
@pytest.mark.parametrize(
    ("program", "folders"),
    [
        ("kanmon", ["gateway", "provisioning", "cloud_link", "drivers", "protocols", "config"]),
        ("kanmon-portal", ["portal"]),
    ],
)
def test_every_variable_of_the_environment_is_documented(
    program: str, folders: list[str], tongue: str
) -> None:
    sources = [p for folder in folders for p in (pages.ROOT / folder).rglob("*.py")]
    read_there = re.compile(r"""(?:\bget\(|envvar=|environ\[|VARIABLE: Final = )"(KANMON_\w+)\"""")
    found = {n for path in sources for n in read_there.findall(path.read_text("utf-8"))}
    found.add("KANMON_LANG")  # of both
    if program == "kanmon-portal":
        found.update(NAMES)
    page = (pages.REFERENCE / f"{program}{tongue}.md").read_text("utf-8")
    documented = re.findall(r"^`(KANMON_\w+)`\n: ", page, re.MULTILINE)
    assert set(documented) == found
    assert len(documented) == len(found)
