"""Control characters and marks of direction are in no page as they are."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.fleet.models import Device
from portal.web.visible import visible

if TYPE_CHECKING:
    from django.test import Client

    from tests.portal.web.seed import SeedIds

DIRECTIONS = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
MARKS = {"\u061c", "\u200e", "\u200f", "\u2028", "\u2029"}


def is_hidden(character: str) -> bool:
    """By the Unicode database: a control character, or what turns a direction or breaks a line."""
    control = unicodedata.category(character) == "Cc" and character not in "\t\n\r"
    return control or unicodedata.bidirectional(character) in DIRECTIONS or character in MARKS


@given(st.text() | st.text(st.characters(max_codepoint=0x2100)))
def test_what_cannot_be_seen_is_a_number_and_all_else_is_as_it_was(text: str) -> None:
    shown = visible(text.encode()).decode()
    expected = "".join(ascii(one)[1:-1] if is_hidden(one) else one for one in text)
    assert shown == expected


def test_each_of_them_is_a_number() -> None:
    for code in [*range(0xD800), *range(0xE000, 0x110000)]:
        one = chr(code)
        assert (visible(one.encode()) != one.encode()) == is_hidden(one), hex(code)


@pytest.mark.parametrize("address", ["/", "/devices/", "/devices/{meter}/"])
def test_a_label_with_marks_is_shown_with_their_numbers(
    address: str, owner: Client, seeded: SeedIds
) -> None:
    Device.objects.filter(pk=seeded.meter).update(label="main\x9b31m \u202egnivom")
    page = owner.get(address.format(meter=seeded.meter))
    assert "main\\x9b31m \\u202egnivom" in page.content.decode()
    assert page.headers.get("Content-Length", str(len(page.content))) == str(len(page.content))
