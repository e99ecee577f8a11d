"""The manual's texts: in both languages, with the same anchors, sound links and real words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from django.urls import resolve

from portal.manual.article import LANGUAGES, TEXTS, TextError, article, parse
from portal.manual.contents import PAGES
from portal.manual.help import HELP
from portal.permissions import ACCESS, Audience
from scripts.translation import catalogues

BOLD = re.compile(r"\*\*(.+?)\*\*")
PICTURE = re.compile(r'src="[^"]*/manual/([a-z-]+)\.[a-z]{2}\.[0-9a-f]*\.?webp"')
EVERY = [(name, language) for name in PAGES for language in LANGUAGES]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.hrefs.append(dict(attrs)["href"] or "")


def links(name: str, language: str) -> list[str]:
    """Where the links of a page lead."""
    found = _Links()
    found.feed(article(name, language).body)
    return found.hrefs


def anchors(name: str, language: str) -> list[str]:
    return [section.anchor for section in article(name, language).sections]


@pytest.mark.req("C-4")
def test_every_page_is_in_both_languages_and_every_text_is_a_page() -> None:
    files = {path.name for path in TEXTS.glob("*.md")}
    assert files == {f"{name}.{language}.md" for name, language in EVERY}
    assert len(PAGES) >= 15


@pytest.mark.req("C-4")
@pytest.mark.parametrize("name", PAGES)
def test_the_headings_have_the_same_anchors_in_both(name: str) -> None:
    english, japanese = (anchors(name, language) for language in ("en", "ja"))
    assert english == japanese
    assert len(set(english)) == len(english) >= 2


@pytest.mark.parametrize("name", PAGES)
def test_the_two_texts_are_not_one(name: str) -> None:
    english, japanese = (article(name, language) for language in ("en", "ja"))
    for one, other in zip(english.sections, japanese.sections, strict=True):
        assert one.words != other.words
    assert not re.search(r"[\u3040-\u30ff]", english.summary)
    assert re.search(r"[\u3040-\u30ff]", japanese.summary)


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_the_summary_is_plain_and_nothing_is_left_unformatted(name: str, language: str) -> None:
    found = article(name, language)
    assert not re.search(r"[*`\[\]{}]", found.title + found.summary)
    assert not re.search(r"\*\*|\{#|\]\(", found.body)


def _problem(name: str, href: str, language: str) -> str:
    """What is wrong with a link of a page; "" where it leads somewhere."""
    path, _, anchor = href.partition("#")
    match = resolve(path) if path else None
    if match and match.url_name != "manual-page":
        access = ACCESS[match.url_name or ""].audience
        closed = PAGES[name].is_open and access is not Audience.EVERYBODY
        return "needs a session" if closed else ""
    target = match.kwargs["page"] if match else name
    if target not in PAGES:
        return "no such page"
    if PAGES[name].is_open and not PAGES[target].is_open:
        return "needs a session"
    return "" if not anchor or anchor in anchors(target, language) else "no such place"


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_every_link_leads_somewhere(name: str, language: str) -> None:
    problems = {href: _problem(name, href, language) for href in links(name, language)}
    assert not {href: problem for href, problem in problems.items() if problem}


@pytest.mark.parametrize("name", PAGES)
def test_both_languages_link_to_the_same_places(name: str) -> None:
    assert sorted(links(name, "en")) == sorted(links(name, "ja"))


@pytest.mark.req("C-4")
def test_the_pictures_are_there_in_both_languages_and_small() -> None:
    used = {
        language: [one for name in PAGES for one in PICTURE.findall(article(name, language).body)]
        for language in LANGUAGES
    }
    assert used["en"] == used["ja"]
    assert len(used["en"]) >= 6
    names = {f"{name}.{language}.webp" for language, found in used.items() for name in found}
    files = {path.name: path.read_bytes() for path in (TEXTS / "pictures").iterdir()}
    assert files.keys() == names
    for name, content in files.items():
        assert (content[:4], content[8:12]) == (b"RIFF", b"WEBP"), name
        assert len(content) <= 60_000, name


def test_the_links_are_found() -> None:
    """The control: there are many, and a wrong one is told apart."""
    assert sum(len(links(name, "en")) for name in PAGES) > 20
    assert _problem("home", "/manual/faults/#attention", "en") == ""
    assert _problem("home", "/manual/faults/#no-such", "en") == "no such place"
    assert _problem("home", "/manual/no-such/", "en") == "no such page"
    assert _problem("sign-in", "/manual/security/", "en") == "needs a session"
    assert _problem("sign-in", "/devices/", "en") == "needs a session"


def _words() -> dict[str, set[str]]:
    """What the portal shows, in English, with its Japanese."""
    found: dict[str, set[str]] = {}
    for path in catalogues.PATHS.values():
        for message in catalogues.read(path):
            if isinstance(message.id, str) and message.id:
                translated = found.setdefault(message.id, set())
                translated.add(str(message.string))
    return found | {word[:1].upper() + word[1:]: found[word] for word in list(found)}


def _quoted(name: str, language: str) -> Iterator[str]:
    return iter(BOLD.findall((TEXTS / f"{name}.{language}.md").read_text("utf-8")))


@pytest.mark.parametrize("name", PAGES)
def test_what_the_manual_quotes_is_what_the_pages_show(name: str) -> None:
    words = _words()
    english, japanese = set(_quoted(name, "en")), set(_quoted(name, "ja"))
    assert not {word for word in english if word not in words}
    shown = {word: words[word] for word in english}
    assert not {word for word, forms in shown.items() if not forms & japanese}
    assert japanese <= set().union(*shown.values())


@pytest.mark.req("C-4")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_help_of_every_page_exists(language: str) -> None:
    assert HELP.keys() <= ACCESS.keys()
    for name, place in HELP.items():
        page, _, anchor = place.partition("#")
        assert not page or page in PAGES, name
        assert not anchor or anchor in anchors(page, language), name


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Text\n\nMore\n", "a title"),
        ("# Title\n\n## Head {#head}\n", "a title"),
        ("# Title\n\nSummary\n\n## Head\n", "without an anchor: Head"),
        ("# Title\n\nSummary\n\n[a](https://example.com/)\n", "not a page of the manual"),
        ("# Title\n\nSummary\n\n[a](devices.md)\n", "not a page of the manual"),
        ("# Title\n\nSummary\n\n![a](/a.png)\n", "not a picture of the manual"),
    ],
)
def test_a_text_that_breaks_a_convention_is_refused(text: str, problem: str) -> None:
    with pytest.raises(TextError, match=problem):
        parse(text)


def test_a_text_holds_no_html() -> None:
    found = parse("# Title\n\nSummary\n\n<b>a</b> [x](javascript:alert)\n")
    assert "&lt;b&gt;" in found.body
    assert "<a" not in found.body
