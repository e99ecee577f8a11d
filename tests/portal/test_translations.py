from __future__ import annotations

import gettext
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import catalogue
from console.catalogue import CatalogueError, Entry
from drivers.report import Code, Quality, Quantity, Reachability, Severity, State
from portal.environment import PACKAGE
from portal.web import words
from tests.portal.messages import messages

PO = PACKAGE / "locale" / "ja" / "LC_MESSAGES" / "django.po"


@pytest.fixture(scope="module")
def japanese() -> dict[str, Entry]:
    return {entry.key: entry for entry in catalogue.parse(PO.read_text("utf-8"))}


def test_every_message_has_a_japanese_one(japanese: dict[str, Entry]) -> None:
    missing = [
        f"{key!r} ({', '.join(files)})"
        for key, files in messages().items()
        if key not in japanese or not japanese[key].translated
    ]
    assert not missing


def test_the_catalogue_holds_nothing_that_nobody_says(japanese: dict[str, Entry]) -> None:
    assert not japanese.keys() - messages().keys() - {""}


def test_placeholders_survive_translation(japanese: dict[str, Entry]) -> None:
    for key, entry in japanese.items():
        names = set(re.findall(r"%\(\w+\)s", key))
        assert all(set(re.findall(r"%\(\w+\)s", t)) == names for t in entry.translations), key


@pytest.mark.parametrize(
    ("vocabulary", "said"),
    [
        (Quantity, words.QUANTITIES),
        (Code, words.CODES),
        (State, words.STATES),
        (Severity, words.SEVERITIES),
        (Reachability, words.REACHABILITIES),
        (Quality, words.QUALITIES),
    ],
)
def test_the_whole_vocabulary_has_words(vocabulary: type, said: dict[object, object]) -> None:
    assert set(vocabulary) == set(said)  # type: ignore[call-overload] # an enum class is iterable


@pytest.mark.parametrize(
    ("part", "said"), [("", ""), ("l1-l2", "L1-L2"), ("tariff=2", "tariff 2"), ("n", "N")]
)
def test_parts_are_said_as_people_say_them(part: str, said: str) -> None:
    assert words.part_words(part) == said


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00\x04"), min_size=1)


@given(st.dictionaries(TEXT, TEXT, max_size=20))
def test_the_standard_library_reads_what_is_compiled(pairs: dict[str, str]) -> None:
    head = Entry({"msgid": "", "msgstr": "Content-Type: text/plain; charset=UTF-8\n"})
    entries = [head, *(Entry({"msgid": k, "msgstr": v}) for k, v in pairs.items())]
    read = gettext.GNUTranslations(io.BytesIO(catalogue.compiled(entries)))
    assert {key: read.gettext(key) for key in pairs} == pairs


def test_fuzzy_and_empty_entries_are_left_out_and_bad_lines_named() -> None:
    entries = catalogue.parse('#, fuzzy\nmsgid "a"\nmsgstr "b"\n\nmsgid "c"\nmsgstr ""\n')
    assert [entry.translated for entry in entries] == [False, False]
    with pytest.raises(CatalogueError, match="line 2"):
        catalogue.parse('msgid "a"\nmsgid-ish nonsense\n')
