"""Whether every link in the documentation leads somewhere: files and headings, not the network.

Headings are named as GitHub and the site do: lower case, punctuation left out, blanks as hyphens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER: Final = MarkdownIt("commonmark").enable("table")
_OUTSIDE: Final = {"http", "https", "mailto"}


def sources(root: Path) -> list[Path]:
    """Every page of the documentation."""
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]


def targets(path: Path) -> Iterator[str]:
    """Everything a page links to, pictures too."""
    for token in _inline(path):
        for name in ("href", "src"):
            if name in token.attrs:
                yield str(token.attrs[name])


def dead(root: Path) -> list[str]:
    """What is wrong with the links of every page, a line each."""
    return [
        f"{path.relative_to(root)}: {trouble}"
        for path in sources(root)
        for target in targets(path)
        if (trouble := _trouble(root, path, target))
    ]


def _trouble(root: Path, path: Path, target: str) -> str:
    parts = urlsplit(target)
    if parts.scheme:
        known = parts.scheme in _OUTSIDE and (parts.netloc or parts.scheme == "mailto")
        return "" if known else f"{target} is not an address"
    there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not there.is_relative_to(root):
        return f"{target} leads out of the project"
    if not there.exists():
        return f"{target} leads to nothing"
    if parts.fragment and unquote(parts.fragment) not in anchors(there):
        return f"{target}: there is no such heading"
    return ""


@cache
def anchors(path: Path) -> frozenset[str]:
    """The names of a page's headings; a second of the same name gets a number."""
    if path.suffix != ".md":
        return frozenset()
    found: list[str] = []
    tokens = _PARSER.parse(path.read_text("utf-8"))
    for before, token in pairwise(tokens):
        if before.type == "heading_open":
            found.append(_slug("".join(t.content for t in token.children or ())))
    names = [
        f"{slug}-{n}" if (n := found[:i].count(slug)) else slug for i, slug in enumerate(found)
    ]
    return frozenset(names)


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _inline(path: Path) -> Iterator[Token]:
    for token in _PARSER.parse(path.read_text("utf-8")):
        yield from token.children or ()
