"""Reading profiles: every fault at once, with its place and what to do about it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus.encoding import Encoding, WordOrder
from drivers.modbus.profile_loader import ProfileError, load, names, read
from drivers.report import Quantity, State
from protocols.modbus.planner import Table

GOOD = """\
version: 1
maker: Acme
model: X1
sources: [the maker's map, another]
points:
  - {at: 0, quantity: voltage, scale: 0.1}
"""


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(ProfileError) as error:
        read(text.encode(), "x.yaml")
    return error.value.problems


def with_points(*points: str, head: str = "") -> str:
    start = GOOD.split("points:")[0] + head
    return start + "points:\n" + "".join(f"  - {{{point}}}\n" for point in points)


def test_a_small_profile_is_a_profile() -> None:
    profile = read(GOOD.encode(), "x.yaml")
    (point,) = profile.points
    assert point.quantity is Quantity.VOLTAGE
    assert point.table is Table.HOLDING
    assert point.scale == Decimal("0.1")
    assert profile.periods == {"live": None}


def test_every_fault_is_told_at_once_with_its_line_and_a_suggestion() -> None:
    problems = faults(
        """\
version: 1
makker: Acme
model: X1
sources: [only one]
modbus: {max_registers: 126}
points:
  - {at: 0, quantity: voltge, scale: 0.1}
  - {at: 2, quantity: demand.active, part: n9}
  - {at: 4, type: flaot32, quantity: current}
  - {at: -1, quantity: frequency}
"""
    )
    assert list(problems) == [
        "x.yaml:1:1: maker: 'maker' is missing. Add it to the file.",
        "x.yaml:2:1: makker: there is no setting 'makker' here. Did you mean maker?",
        "x.yaml:4:10: sources: there are too few. At least 2 are needed.",
        "x.yaml:5:25: modbus.max_registers: 126 is too large. It may be 125 at most.",
        "x.yaml:7:23: points[0].quantity: 'voltge' is no quantity. Did you mean voltage?",
        "x.yaml:8:5: points[1]: demand.active has no part 'n9'; it may be l1, l2, l3, n",
        "x.yaml:9:19: points[2].type: 'flaot32' is not one of the choices. Did you mean float32?",
        "x.yaml:10:10: points[3].at: -1 is too small. It must be 0 or more.",
    ]


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (["at: 0"], "a point means one of quantity, identity"),
        (["at: 0, quantity: voltage, identity: serial"], "this: quantity and identity"),
        (["at: 0, identity: serial, scale: 2"], "part and scale belong to a quantity"),
        (["at: 0, quantity: voltage, type: bit"], "bit cannot stand in a holding"),
        (["at: 0, quantity: voltage, table: coil"], "uint16 cannot stand in a coil"),
        (["at: 0, identity: serial, type: string"], "how many registers it takes"),
        (["at: 0, identity: serial, type: wide_string"], "how many registers it takes"),
        (["at: 0, quantity: voltage, registers: 2"], "and only a string"),
        (["at: 65535, quantity: voltage, type: uint32"], "beyond 65535"),
        (["at: 0, type: float32, states: {1: ready}"], "looked up by number"),
        (["at: 0, type: float32, quantity: voltage, resolution: 0, absent: [1]"], "for whole"),
        (["at: 0, type: float32, quantity: voltage"], "needs a resolution"),
        (["at: 0, quantity: voltage, scale: 0"], "makes every value 0"),
        (["at: 0, quantity: voltage, scale: 0.01, resolution: -1"], "cannot hold scale 0.01"),
        (["at: 0, quantity: note"], "note is not written as uint16"),
        (["at: 0, quantity: voltage, type: string, registers: 4"], "not written as string"),
        (["at: 0, quantity: voltage, type: wide_string, registers: 4"], "as wide_string"),
        (["at: 0, type: wide_string, registers: 1, states: {1: ready}"], "looked up by number"),
        (["at: 0, states: {1: redy}"], "Did you mean ready?"),
        (["at: 0, bits: {64: {code: leak, severity: error}}"], "'64' is too large"),
        (["at: 0, bits: {0x40: {code: leak, severity: error}}"], "too large"),
        (["at: 0, bits: {1: {code: leek, severity: error}}"], "Did you mean leak?"),
        (["at: 0, states: {0x1g: ready}"], "'0x1g' is no whole number"),
        (["at: 0, states: {--1: ready}"], "'--1' is no whole number"),
        (["at: 0, states: {16: ready, 0x10: error}"], "16 and 0x10 are the same number"),
        (["at: 0, states: {-1: ready, -01: error}"], "-1 and -01 are the same number"),
        (["at: 0, states: {0x0200: redy}"], "points[0].states.0x0200: 'redy'"),
        (["at: 0, quantity: voltage", "at: 9, quantity: voltage"], "beside the one at 0"),
        (["at: 0, states: {1: ready}", "at: 1, states: {1: ready}"], "a second point is states"),
        (["at: 0, quantity: voltage, group: lvie"], "Did you mean live?"),
    ],
)
def test_what_a_point_cannot_be(points: list[str], words: str) -> None:
    problems = faults(with_points(*points))
    assert any(words in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("forbidden: [{table: holding, first: 0, last: 3}]\n", "lies in what is forbidden, 0..3"),
        (
            "readable: [&ten {table: input, first: 0, last: 9}]\nforbidden: [*ten]\n",
            "0..9 is readable and forbidden",
        ),
        ("readable: [{table: input, first: 9, last: 0}]\n", "last 0 lies before first 9"),
        ("groups: {slow: {every_s: 60}}\n", "no point is in group 'slow'"),
        ("modbus: {max_registers: 1}\n", "takes 2 registers; one read may ask for 1"),
        ("version: 1\n", "the key 'version' is written twice"),
        ("state: running?\n", "Did you mean running?"),
    ],
)
def test_what_a_profile_cannot_say(head: str, words: str) -> None:
    problems = faults(with_points("at: 0, quantity: voltage, type: uint32", head=head))
    assert any(words in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("- 1\n", "the file holds no profile"),
        ("a: [1\n", "this is no YAML"),
        ("points: 5\n", "5 is no list"),
        ("points: [5]\n", "5 is no section"),
        ("defaults: 5\npoints: [{at: 1}]\n", "5 is no section"),
        ("version: 2\n", "2 is not one of the choices"),
    ],
)
def test_what_is_no_profile_at_all(text: str, words: str) -> None:
    problems = faults(text)
    assert any(words in problem for problem in problems), problems


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(ProfileError):
        read(text.encode("utf-8", "replace"), "x.yaml")


def test_defaults_are_for_every_point_that_does_not_say_otherwise() -> None:
    text = with_points(
        "at: 0, quantity: voltage",
        "at: 9, quantity: current, type: uint16, scale: 0.1, group: live",
        "at: 20, identity: serial",
        "at: 30, bits: {0: {code: leak, severity: error}}",
        head="defaults: {table: input, type: uint32, words: low_first, scale: 0.01, group: slow}\n"
        "groups: {slow: {every_s: 60}}\n",
    )
    profile = read(text.encode(), "x.yaml")
    voltage, current, serial, leak = profile.points
    assert (voltage.table, voltage.type, voltage.words) == (
        Table.INPUT,
        Encoding.UINT32,
        WordOrder.LOW_FIRST,
    )
    assert (voltage.scale, current.scale) == (Decimal("0.01"), Decimal("0.1"))
    assert [point.poll_group for point in (voltage, current, serial, leak)] == [
        "slow",
        "live",
        "identity",
        "slow",
    ]
    assert list(profile.periods.items()) == [("identity", 3600.0), ("live", None), ("slow", 60.0)]


# --- finding and bases --------------------------------------------------------------------------


def test_a_profile_is_searched_in_the_folders_first(tmp_path: Path) -> None:
    assert load("eastron-sdm630", (tmp_path,)).maker == "Eastron"
    (tmp_path / "eastron-sdm630.yaml").write_text(GOOD)
    (tmp_path / "acme-x1.yaml").write_text(GOOD)
    assert load("eastron-sdm630", (tmp_path,)).maker == "Acme"
    assert names((tmp_path,)) == sorted({*names(), "acme-x1"})


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "acme-x1.yaml"
    file.write_text(GOOD)
    first = load("acme-x1", (tmp_path,))
    assert load("acme-x1", (tmp_path,)) is first
    file.write_text(GOOD.replace("X1", "X2"))
    assert load("acme-x1", (tmp_path,)).model == "X2"


@pytest.mark.parametrize("name", ["eastron-sdm631", "../secrets", "", "a/b", "EASTRON-SDM630"])
def test_an_unknown_name_is_no_path_and_gets_a_suggestion(name: str) -> None:
    with pytest.raises(ProfileError, match="there is no profile") as error:
        load(name)
    if "sdm63" in name.lower():
        assert "did you mean eastron-sdm630?" in str(error.value)


def test_a_base_is_changed_point_by_point_and_section_by_section(tmp_path: Path) -> None:
    (tmp_path / "acme-x1.yaml").write_text(
        GOOD + "  - {at: 5, quantity: current, scale: 0.01}\n"
        "state: running\nmodbus: {max_registers: 60, timeout_s: 2}\n"
    )
    (tmp_path / "acme-x2.yaml").write_text(
        "version: 1\nbase: acme-x1\nmaker: Acme\nmodel: X2\nsources: [a, b]\n"
        "modbus: {max_registers: 20}\n"
        "points:\n  - {at: 7, quantity: current, scale: 0.001}\n  - {at: 9, identity: serial}\n"
    )
    profile = load("acme-x2", (tmp_path,))
    assert profile.model == "X2"
    assert profile.state is State.RUNNING
    assert (profile.modbus.max_registers, profile.modbus.timeout_s) == (20, 2)
    assert [(point.at, point.target[0]) for point in profile.points] == [
        (0, "quantity"),
        (7, "quantity"),
        (9, "identity"),
    ]


def test_a_fault_is_placed_in_the_file_it_is_written_in(tmp_path: Path) -> None:
    (tmp_path / "acme-x1.yaml").write_text(GOOD)
    (tmp_path / "acme-x2.yaml").write_text(
        "version: 1\nbase: acme-x1\nforbidden: [{table: holding, first: 0, last: 0}]\n"
        "points:\n  - {at: 7, quantity: curent}\n"
    )
    with pytest.raises(ProfileError) as error:
        load("acme-x2", (tmp_path,))
    (problem,) = error.value.problems
    assert problem.startswith(f"{tmp_path}/acme-x2.yaml:5:23: points[0].quantity: 'curent' is no")
    (tmp_path / "acme-x2.yaml").write_text(
        "version: 1\nbase: acme-x1\nforbidden: [{table: holding, first: 0, last: 0}]\n"
    )
    with pytest.raises(ProfileError) as error:
        load("acme-x2", (tmp_path,))
    assert error.value.problems == (
        f"{tmp_path}/acme-x1.yaml:6:5: points[0]: it lies in what is forbidden, 0..0",
    )


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("acme-x2", "cannot be its own base"),
        ("acme-x9", "there is no profile 'acme-x9'"),
        ("acme-x3", "a base has no base of its own"),
        ("acme-x4", "'maker' is missing"),
    ],
)
def test_what_cannot_be_a_base(tmp_path: Path, base: str, words: str) -> None:
    (tmp_path / "acme-x1.yaml").write_text(GOOD)
    (tmp_path / "acme-x2.yaml").write_text(f"version: 1\nbase: {base}\n")
    (tmp_path / "acme-x3.yaml").write_text("version: 1\nbase: acme-x1\n")
    (tmp_path / "acme-x4.yaml").write_text("version: 1\n")
    with pytest.raises(ProfileError, match=words):
        load("acme-x2", (tmp_path,))
