"""What a printer's parts are called."""

from __future__ import annotations

from drivers.printer.subunits import numbered


def test_trays_go_by_the_number_printed_on_them_in_any_language() -> None:
    places = {"input 1": "Bypass tray", "input 2": "Tray 1", "input 3": "給紙カセット2"}
    assert numbered(places) == {"input 2": "tray 1", "input 3": "tray 2"}


def test_a_number_that_is_missing_or_ambiguous_leaves_the_index() -> None:
    assert numbered({"input 1": "", "input 2": "Cassette"}) == {}
    assert numbered({"input 1": "Tray 1", "input 2": "Cassette 1"}) == {}
    assert numbered({"input 1": "LCF 3 of 4"}) == {}
    assert numbered({"cover 1": "Cover 1", "output 1": "Bin 2"}) == {}


def test_sizes_and_capacities_are_not_printed_on_a_tray() -> None:
    assert numbered({"input 1": "A4", "input 2": "500-sheet feeder", "input 3": "B5 tray"}) == {}
    assert numbered({"input 1": "Tray 2 (A4)", "input 3": "Cassette 3, 550 sheets"}) == {
        "input 1": "tray 2",
        "input 3": "tray 3",
    }
    assert numbered({"input 2": "TRAY1", "input 3": "トレイ２"}) == {
        "input 2": "tray 1",
        "input 3": "tray 2",
    }


def test_a_roll_is_no_tray() -> None:
    places = {"input 1": "Tray 1", "input 2": "Roll Unit 1", "input 3": "ロール紙2"}

    assert numbered(places) == {"input 1": "tray 1", "input 2": "roll 1", "input 3": "roll 2"}
