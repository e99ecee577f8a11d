"""Supplies are called by what drivers write, and so are conditions about them."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from drivers.printer import supplies as printers
from portal.web.supply_words import COLOURS, supply_words
from portal.web.words import component_words


def test_every_colour_that_the_driver_writes_has_a_word_and_a_bar() -> None:
    """Its table is private: whoever adds a colour there learns of it here."""
    assert {colour for _, colour in printers._COLOURS} <= COLOURS.keys()


@pytest.mark.parametrize(
    ("component", "english", "japanese"),
    [
        ("roll 1", "roll 1", "ロール紙1"),
        ("tray 2", "tray 2", "トレイ2"),
        ("toner black", "Black toner", "ブラックトナー"),
        ("ink light cyan", "Light cyan ink", "ライトシアンインク"),
        ("maintenance tank", "Maintenance tank", "メンテナンスタンク"),
        ("toner teal", "toner teal", "toner teal"),
        ("tonerblack", "tonerblack", "tonerblack"),
        ("l1", "L1", "L1"),
        ("", "", ""),
    ],
)
def test_a_condition_s_part_is_said_as_people_say_it(
    component: str, english: str, japanese: str
) -> None:
    with override("en"):
        assert component_words(component) == english
    with override("ja"):
        assert component_words(component) == japanese


def test_what_is_no_supply_has_no_words() -> None:
    assert supply_words("tray 2") == supply_words("") == ""
