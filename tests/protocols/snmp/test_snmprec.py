"""Walks as text, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.snmp.model import oid_key
from protocols.snmp.snmprec import Walk, WalkError

OIDS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=12).map(
    lambda arcs: ".".join(map(str, [1, 3, *arcs]))
)
VALUES = (
    st.integers(-(2**31), 2**64 - 1)
    | st.binary(max_size=60)
    | OIDS.filter(lambda oid: oid.count(".") > 3)
    | st.ip_addresses(v=4).map(str)
)


@given(st.dictionaries(OIDS, VALUES, max_size=20))
def test_what_is_written_is_read_again(rows: dict[str, int | bytes | str]) -> None:
    walk = Walk.parse(Walk(rows).text())

    assert walk.rows == rows
    assert list(walk.rows) == sorted(rows, key=oid_key)


def test_types_of_simulators_are_known() -> None:
    walk = Walk.parse(
        "# ours\n"
        "1.3.1|2|-3\n1.3.2|4|a|b \n1.3.3|4x|00FF\n1.3.4|6|1.3.6\n1.3.5|64|192.0.2.1\n"
        "1.3.6|64x|c0000201\n1.3.7|65|1\n1.3.8|66|2\n1.3.9|67|3\n1.3.10|70|4\n1.3.11|5|\n\n"
    )

    assert walk.rows == {
        "1.3.1": -3,
        "1.3.2": b"a|b ",
        "1.3.3": b"\x00\xff",
        "1.3.4": "1.3.6",
        "1.3.5": "192.0.2.1",
        "1.3.6": "192.0.2.1",
        "1.3.7": 1,
        "1.3.8": 2,
        "1.3.9": 3,
        "1.3.10": 4,
    }


@pytest.mark.parametrize(
    "line",
    ["1.3.1|2", "1.3.x|2|1", "1.3.1|2|one", "1.3.1|4x|zz", "1.3.1|2:numeric|rate=1", "words"],
)
def test_what_is_no_variable_is_told_with_its_line(line: str) -> None:
    with pytest.raises(WalkError, match="line 2: "):
        Walk.parse(f"1.3.1|2|1\n{line}\n")


def test_what_is_below_is_below_and_nothing_else() -> None:
    walk = Walk.parse("1.3.1|2|0\n1.3.1.1|2|1\n1.3.1.10.2|2|2\n1.3.10|2|3\n1.3.2|2|4\n")

    assert walk.below("1.3.1") == {"1.3.1.1": 1, "1.3.1.10.2": 2}
    assert walk.below("1.3.1.1") == {}
    assert list(walk.below("1.3")) == ["1.3.1", "1.3.1.1", "1.3.1.10.2", "1.3.2", "1.3.10"]
