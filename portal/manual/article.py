"""A page's text as HTML.

The texts are Markdown (CommonMark 0.31, with tables), with three conventions::

    ## Recovery codes {#recovery-codes}    the heading's anchor, the same in every language
    [text](security.en.md#recovery-codes)  another page; without a file name: a place on this page
    [text](/help/codes/)                   a page of the portal
    ![words](pictures/home.en.webp)        a picture that `scripts/pictures` made
    **Save**                               words that a page of the portal shows, and nothing else

The first heading is the title, and the paragraph after it, which is plain text, the summary.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from markdown_it.token import Token

TEXTS: Final = Path(__file__).parent / "pages"
LANGUAGES: Final = ("en", "ja")
_ANCHOR: Final = re.compile(r"\s*\{#([a-z0-9-]+)\}$")
_PAGE: Final = re.compile(r"([a-z-]+)\.[a-z]{2}\.md(#[a-z0-9-]+)?")
_PICTURE: Final = re.compile(r"pictures/([a-z-]+\.[a-z]{2}\.webp)")
# No HTML in the texts: what is written is what is shown.
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")


class TextError(ValueError):
    """A text that breaks a convention; a test reads them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading of a page and its anchor."""

    anchor: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A page in one language.

    Attributes:
        summary: One sentence of plain text.
        body: What follows the summary, as HTML.
    """

    title: str
    summary: str
    body: SafeString
    sections: Sequence[Section]


@cache
def article(name: str, language: str) -> Article:
    """The text of a page in a language; raises as `parse`."""
    return parse((TEXTS / f"{name}.{language}.md").read_text(encoding="utf-8"))


def parse(text: str) -> Article:
    """A text as an article.

    Raises:
        TextError: It breaks a convention.
    """
    tokens = _MARKDOWN.parse(text)
    # A heading and a paragraph are three tokens each: opened, inside, closed.
    kinds = [token.type for token in tokens[:4]]
    if kinds != ["heading_open", "inline", "heading_close", "paragraph_open"]:
        raise TextError(f"begins without a title and a summary: {text[:40]}")
    body = tokens[6:]
    sections = [_section(body, at) for at, one in enumerate(body) if one.type == "heading_open"]
    for token in body:
        for child in token.children or ():
            _lead(child)
    html: str = _MARKDOWN.renderer.render(body, _MARKDOWN.options, {})
    return Article(
        title=tokens[1].content,
        summary=tokens[4].content,
        body=SafeString(html),
        sections=sections,
    )


def _section(tokens: Sequence[Token], at: int) -> Section:
    """Move the anchor at the end of a heading to where HTML has it."""
    heading, inside = tokens[at], tokens[at + 1]
    found = _ANCHOR.search(inside.content)
    if found is None or not inside.children:
        raise TextError(f"a heading without an anchor: {inside.content}")
    heading.attrSet("id", found[1])
    last = inside.children[-1]
    last.content = _ANCHOR.sub("", last.content)
    return Section(anchor=found[1], words=_ANCHOR.sub("", inside.content))


def _lead(token: Token) -> None:
    """Let a link or a picture lead to where the portal serves it."""
    if token.type == "link_open":
        token.attrSet("href", _address(str(token.attrs["href"])))
    elif token.type == "image":
        found = _PICTURE.fullmatch(str(token.attrs["src"]))
        if found is None:
            raise TextError(f"not a picture of the manual: {token.attrs['src']}")
        token.attrSet("src", static(f"manual/{found[1]}"))
        token.attrSet("loading", "lazy")


def _address(href: str) -> str:
    if href.startswith(("#", "/")):
        return href
    found = _PAGE.fullmatch(href)
    if found is None:
        raise TextError(f"not a page of the manual: {href}")
    return reverse("manual-page", args=[found[1]]) + (found[2] or "")
