from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.nearest import nearest

NAMES = ("pump", "roof-meter", "main-incomer", "Line A")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("pumpp", "pump"),
        ("PUMP", "pump"),
        (" pump ", "pump"),
        ("\N{FULLWIDTH LATIN SMALL LETTER P}ump", "pump"),
        ("roofmeter", "roof-meter"),
        ("line a", "Line A"),
        ("roof", "roof-meter"),
        ("in", None),  # of two names, and too short
        ("boiler", None),
        ("", None),
        ("pump" * 1_000, None),
    ],
)
def test_the_nearest_name(given: str, meant: str | None) -> None:
    assert nearest(given, NAMES) == meant


@given(st.text(max_size=100), st.lists(st.text(max_size=100)))
def test_it_is_one_of_the_names_or_none(given: str, names: list[str]) -> None:
    assert nearest(given, names) in (*names, None)


def test_nothing_is_near_where_there_is_nothing() -> None:
    assert nearest("pump", ()) is None
