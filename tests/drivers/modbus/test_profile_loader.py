"""Reading profiles: every fault at once, with its place and what to do about it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.templates import profile as texts
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
    return tuple(map(str, error.value.findings))


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
        "x.yaml:1:1: maker: the setting 'maker' is missing. Add it to the file.",
        "x.yaml:2:1: makker: the setting 'makker' is unknown. Did you mean maker?",
        "x.yaml:4:10: sources: the list has too few entries. Write at least 2 entries.",
        "x.yaml:5:25: modbus.max_registers: 126 is too large. Write 125 or less.",
        "x.yaml:7:23: points[0].quantity: 'voltge' is not a known quantity. Did you mean voltage?",
        "x.yaml:8:5: points[1]: demand.active has no part 'n9'. Use one of l1, l2, l3 and n.",
        (
            "x.yaml:9:19: points[2].type: 'flaot32' is not one of the possible values. "
            "Did you mean float32?"
        ),
        "x.yaml:10:10: points[3].at: -1 is too small. Write 0 or more.",
    ]


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (["at: 0"], "Give exactly one of quantity, identity"),
        (["at: 0, quantity: voltage, identity: serial"], "several meanings: quantity and identity"),
        (["at: 0, identity: serial, scale: 2"], "part and scale require a quantity"),
        (["at: 0, quantity: voltage, type: bit"], "the type bit does not fit the table holding"),
        (["at: 0, quantity: voltage, table: coil"], "the type uint16 does not fit the table coil"),
        (["at: 0, identity: serial, type: string"], "a text requires registers"),
        (
            ["at: 0, bits: {1: {code: attention, severity: info, component: 'dc  arc'}}"],
            "'dc  arc' cannot be the name of a component. Use at most 100 characters in one line",
        ),
        (
            [f"at: 0, values: {{1: {{code: attention, severity: info, component: {'c' * 101}}}}}"],
            f"'{'c' * 101}' cannot be the name of a component",
        ),
        (["at: 0, identity: serial, type: wide_string"], "a text requires registers"),
        (["at: 0, quantity: voltage, registers: 2"], "registers is for texts only, not for uint16"),
        (["at: 65535, quantity: voltage, type: uint32"], "the last register is 65535"),
        (["at: 0, type: float32, states: {1: ready}"], "a whole number, not float32"),
        (
            ["at: 0, type: float32, quantity: voltage, resolution: 0, absent: [1]"],
            "absent requires a whole number, not float32",
        ),
        (["at: 0, type: float32, quantity: voltage"], "float32 requires a resolution"),
        (["at: 0, quantity: voltage, scale: 0"], "would make every value 0"),
        (
            ["at: 0, quantity: voltage, scale: 0.01, resolution: -1"],
            "resolution -1 is too coarse for scale 0.01",
        ),
        (["at: 0, quantity: note"], "note cannot have the type uint16"),
        (
            ["at: 0, quantity: voltage, type: string, registers: 4"],
            "voltage cannot have the type string",
        ),
        (
            ["at: 0, quantity: voltage, type: wide_string, registers: 4"],
            "voltage cannot have the type wide_string",
        ),
        (
            ["at: 0, type: wide_string, registers: 1, states: {1: ready}"],
            "a whole number, not wide_string",
        ),
        (["at: 0, states: {1: redy}"], "Did you mean ready?"),
        (["at: ３, quantity: voltage"], "'３' is a full-width character. Write '3' instead"),
        (["at: 0, bits: {64: {code: leak, severity: error}}"], "'64' is too large"),
        (["at: 0, bits: {0x40: {code: leak, severity: error}}"], "too large"),
        (["at: 0, bits: {1: {code: leek, severity: error}}"], "Did you mean leak?"),
        (["at: 0, states: {0x1g: ready}"], "a whole number is expected here, not '0x1g'"),
        (["at: 0, states: {--1: ready}"], "a whole number is expected here, not '--1'"),
        (["at: 0, states: {16: ready, 0x10: error}"], "16 and 0x10 are the same number"),
        (["at: 0, states: {-1: ready, -01: error}"], "-1 and -01 are the same number"),
        (["at: 0, states: {0x0200: redy}"], "points[0].states.0x0200: 'redy'"),
        (
            ["at: 0, quantity: voltage", "at: 9, quantity: voltage"],
            "quantity voltage is already read by the point at 0",
        ),
        (
            ["at: 0, states: {1: ready}", "at: 1, states: {1: ready}"],
            "states is already read by the point at 0",
        ),
        (["at: 0, quantity: voltage, group: lvie"], "Did you mean live?"),
    ],
)
def test_what_a_point_cannot_be(points: list[str], words: str) -> None:
    problems = faults(with_points(*points))
    assert all(problem.count(". ") or problem.endswith("?") for problem in problems), "a next step"
    assert any(words in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("forbidden: [{table: holding, first: 0, last: 3}]\n", "the forbidden range 0 to 3"),
        (
            "readable: [&ten {table: input, first: 0, last: 9}]\nforbidden: [*ten]\n",
            "0 to 9 is both readable and forbidden",
        ),
        ("readable: [{table: input, first: 9, last: 0}]\n", "last 0 is before first 9"),
        ("groups: {slow: {every_s: 60}}\n", "the group 'slow' has no points"),
        ("modbus: {max_registers: 1}\n", "takes 2 registers, and max_registers allows 1"),
        ("version: 1\n", "the setting 'version' occurs twice"),
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
        ("- 1\n", "the file does not contain a profile"),
        ("a: [1\n", "the bracket [ that opens here is not closed"),
        ("points: 5\n", "a list is expected here, not 5"),
        ("points: [5]\n", "a section is expected here, not 5"),
        ("defaults: 5\npoints: [{at: 1}]\n", "a section is expected here, not 5"),
        ("version: 2\n", "2 is not one of the possible values"),
    ],
)
def test_what_is_no_profile_at_all(text: str, words: str) -> None:
    problems = faults(text)
    assert any(words in problem for problem in problems), problems


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(ProfileError):
        read(text.encode("utf-8", "replace"), "x.yaml")


def test_one_cause_is_one_finding_with_all_its_places() -> None:
    points = [f"at: {n}, quantity: voltage, part: l{n}, type: uint17" for n in (1, 2, 3)]
    with pytest.raises(ProfileError) as error:
        read(with_points(*points).encode(), "x.yaml")
    (finding,) = error.value.findings
    assert [place.path for place in finding.places] == [f"points[{n}].type" for n in range(3)]


def test_a_full_width_character_is_found_where_it_stands() -> None:
    (found,) = faults(GOOD.replace("version: 1", 'version: "1０"'))
    assert found.startswith("x.yaml:1:12: version: "), found


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
    with pytest.raises(ProfileError, match="does not exist") as error:
        load(name)
    if "sdm63" in name.lower():
        assert "Did you mean eastron-sdm630?" in str(error.value)


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
    (finding,) = error.value.findings
    assert finding.where == f"{tmp_path}/acme-x2.yaml:5:23: points[0].quantity"
    assert finding.what == texts.UNKNOWN_QUANTITY(name="curent")
    (tmp_path / "acme-x2.yaml").write_text(
        "version: 1\nbase: acme-x1\nforbidden: [{table: holding, first: 0, last: 0}]\n"
    )
    with pytest.raises(ProfileError) as error:
        load("acme-x2", (tmp_path,))
    (finding,) = error.value.findings
    assert finding.where == f"{tmp_path}/acme-x1.yaml:6:5: points[0]"
    assert finding.what == texts.FORBIDDEN(first=0, last=0)


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("acme-x2", "cannot be its own base"),
        ("acme-x9", "the profile 'acme-x9' does not exist"),
        ("acme-x3", "acme-x3.yaml:2:1: base: a profile with a base cannot be the base"),
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
