from __future__ import annotations

import re

import pytest
from django.utils.translation import override

from portal.environment.state_folder import PACKAGE
from portal.web import words


@pytest.mark.parametrize(
    ("language", "part", "word", "supply"),
    [
        ("en", "tariff 2", "Paper jam", "Black toner"),
        ("ja", "料金区分2", "用紙詰まり", "ブラックトナー"),
    ],
)
def test_the_words_of_reports_are_in_the_language_of_the_page(
    language: str, part: str, word: str, supply: str
) -> None:
    with override(language):
        assert words.part_words("tariff=2") == part
        assert words.code_words("media.jam") == word
        assert words.component_words("toner black") == supply


BARE = re.compile(r"[A-Za-z]{2,}")
MAY_STAND_BARE = {
    "Kanmon": "the product's name",
    "English": "a language's name, in that language",
    "kanmon enroll KEY": "a command, as it is typed",
    "xx": "stands for the digits of a code",
}
_LEFT_OUT = re.compile(
    r"\{#.*?#\}"
    r"|\{%\s*comment\b.*?\bendcomment\s*%\}"
    r"|\{%\s*blocktrans(?:late)?\b.*?\bendblocktrans(?:late)?\s*%\}"
    r"|<!--.*?-->"
    r"|<(script|style)\b.*?</\1>",
    re.DOTALL,
)
_CODE = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_TAG = re.compile(r"""<[^>"']*(?:"[^"]*"[^>"']*|'[^']*'[^>"']*)*>""")
_SAID_IN_A_TAG = re.compile(
    r"""\b(?:aria-(?:label|description|roledescription|valuetext)|title|placeholder|alt|data-lost)"""
    r"""=(?:"([^"]*)"|'([^']*)')"""
)


def bare(template: str) -> list[str]:
    """What a template says, as text or in an attribute, without asking for a translation."""
    left = _CODE.sub("\x00", _LEFT_OUT.sub("\x00", template))
    said = [one or other for one, other in _SAID_IN_A_TAG.findall(left)]
    said += _TAG.sub("\x00", left).split("\x00")
    words = [text.strip(" \t\r\n·") for part in said for text in part.split("\x00")]
    return [text for text in words if BARE.search(text) and text not in MAY_STAND_BARE]


def test_no_template_says_anything_in_one_language_only() -> None:
    found = {
        str(path.relative_to(PACKAGE)): words
        for ending in ("html", "txt")
        for path in sorted(PACKAGE.rglob(f"templates/**/*.{ending}"))
        if (words := bare(path.read_text("utf-8")))
    }
    assert not found


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>{% translate 'Well said' %} · Kanmon</p>", []),
        ("{# a note #}<!-- another --><script>let it = 1</script><b>{{ it }}</b>", []),
        ("{% blocktranslate trimmed %}All of {{ it }}{% endblocktranslate %}", []),
        ('<a class="quiet wide" href="{% url \'sites\' %}" title="{{ it }}">{{ it }}</a>', []),
        ('<p class="{% if a > b %}quiet{% endif %}">Bare</p>', ["Bare"]),
        ("<p>{{ n }} devices, {% translate 'of' %} all</p>", ["devices,", "all"]),
        ('<nav aria-label="Places"></nav>', ["Places"]),
        ("<input placeholder='{{ n }} rows' title=\"Rows\">", ["rows", "Rows"]),
        ('<img alt="A door">', ["A door"]),
    ],
)
def test_the_search_for_bare_words_finds_them_and_nothing_else(
    template: str, found: list[str]
) -> None:
    """The control: text, attributes, and what stands between two pieces of code."""
    assert bare(template) == found
