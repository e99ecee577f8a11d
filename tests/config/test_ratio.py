"""Ratios of transformers, as configurations write them."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from config.model import canonical
from config.ratio import parse_ratio
from config.reading import read
from tests.config.readings import GOOD, findings


@pytest.mark.parametrize(
    ("given", "ratio", "written"),
    [
        ("200/5", Fraction(40), "40"),
        ("'200 / 5'", Fraction(40), "40"),
        ("40", Fraction(40), "40"),
        ("'40'", Fraction(40), "40"),
        ("12.50", Fraction("12.5"), "12.5"),
        ("0.05", Fraction("0.05"), "0.05"),
        ("0.00001", Fraction("0.00001"), "0.00001"),
        ("6600/110", Fraction(60), "60"),
        ("13.8/0.12", Fraction(115), "115"),
        ("100/3", Fraction(100, 3), "100/3"),
        ("10000/110", Fraction(1000, 11), "1000/11"),
        ("1000000", Fraction(1_000_000), "1000000"),
    ],
)
def test_a_ratio_is_a_number_or_as_on_the_nameplate(
    given: str, ratio: Fraction, written: str
) -> None:
    text = GOOD.replace("current_ratio: 0.1", f"current_ratio: {given}")
    configuration = read(text.encode(), "f")
    assert configuration.devices[0].current_ratio == ratio
    assert json.loads(canonical(configuration))["devices"][0]["current_ratio"] == written
    assert parse_ratio(written) == ratio


@pytest.mark.parametrize(
    ("given", "what", "step"),
    [
        ("200/0", "the ratio '200/0' has 0 as its secondary value", "200/5"),
        ("200:5", "'200:5' is not a ratio", "200/5"),
        ("-200/5", "the ratio '-200/5' is not greater than 0", "reversed"),
        ("200/-5", "'200/-5' is not a ratio", "200/5"),
        ("200/5/1", "'200/5/1' is not a ratio", "200/5"),
        ("'200/5 A'", "'200/5 A' is not a ratio", "200/5"),
        ("0", "the ratio 0 is not greater than 0", "200/5"),
        ("1.0e-13", "the ratio 1e-13 is too small", "200/5"),
        ("-1.0e-13", "the ratio -1e-13 is not greater than 0", "200/5"),
        ("1000001", "the ratio 1000001 is greater than 1000000", "200/5"),
        ("/5", "'/5' is not a ratio", "200/5"),
        ("''", "'' is not a ratio", "200/5"),
        ("", "the setting 'current_ratio' has no value", "its value"),
        ("true", "true is not a ratio", "200/5"),
        ("[200, 5]", "a list is not a ratio", "200/5"),
        (".nan", "'.nan' is not a ratio", "200/5"),
        ("２/5", "'２' is a full-width character", "write '2/5' instead"),
    ],
)
def test_what_is_not_a_ratio_is_refused_with_its_next_step(
    given: str, what: str, step: str
) -> None:
    (finding,) = findings(GOOD.replace("current_ratio: 0.1", f"current_ratio: {given}"))
    assert what in str(finding.what)
    assert step in str(finding.next)
    assert finding.path == "devices[0].current_ratio"
