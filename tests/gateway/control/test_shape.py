from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.results import RESULTS, check_result
from gateway.control.shape import Shape, mismatch

SHAPE: Shape = {"name": str, "rows": [{"n": (None, int)}], "late": (..., float), "by": {str: bool}}
GOOD: dict[str, Any] = {"name": "x", "rows": [{"n": 1}, {"n": None}], "late": 2, "by": {"a": True}}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({}, None),
        ({"more": 5}, None),
        ({"late": 0.5}, None),
        ({"name": 5}, "r.name"),
        ({"rows": {}}, "r.rows"),
        ({"rows": [{"n": 1}, {}]}, "r.rows[1].n"),
        ({"rows": [{"n": True}]}, "r.rows[0].n"),
        ({"rows": [{"n": 2**63}]}, "r.rows[0].n"),
        ({"rows": [{"n": 1.0}]}, "r.rows[0].n"),
        ({"late": None}, "r.late"),
        ({"by": {"a": True, "b": 1}}, "r.by.b"),
    ],
)
def test_the_first_place_that_differs_is_named(change: dict[str, Any], place: str | None) -> None:
    assert mismatch({**GOOD, **change}, SHAPE, "r") == place


def test_a_member_that_may_be_missing_may_be_missing() -> None:
    assert mismatch({k: v for k, v in GOOD.items() if k != "late"}, SHAPE) is None


@given(
    st.sampled_from(sorted(RESULTS)), st.none() | st.integers() | st.text() | st.lists(st.none())
)
def test_no_result_is_a_single_value(method: str, result: Any) -> None:
    if result == [] and isinstance(RESULTS[method], list):
        return
    with pytest.raises(ValueError, match="result"):
        check_result(method, result)
