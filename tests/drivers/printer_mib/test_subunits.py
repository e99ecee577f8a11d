"""What a printer's parts are called."""

from __future__ import annotations

from drivers.printer_mib.subunits import numbered


def test_trays_go_by_the_number_printed_on_them_in_any_language() -> None:
    places = {"input 1": "Bypass tray", "input 2": "Tray 1", "input 3": "給紙カセット2"}
    assert numbered(places) == {"input 2": "tray 1", "input 3": "tray 2"}


def test_a_number_that_is_missing_or_ambiguous_leaves_the_index() -> None:
    assert numbered({"input 1": "", "input 2": "Cassette"}) == {}
    assert numbered({"input 1": "Tray 1", "input 2": "Cassette 1"}) == {}
    assert numbered({"input 1": "LCF 3 of 4"}) == {}
    assert numbered({"cover 1": "Cover 1", "output 1": "Bin 2"}) == {}
