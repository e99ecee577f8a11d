"""The keys of components: writer and reader are inverse, whatever a name holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import component_key as keys
from console.component_key import Component, Conductor, Name, SupplyItem, Unit
from tests.console.hostile import HOSTILE

EVERY_SUPPLY = [
    SupplyItem(kind=kind, colour=colour) for kind in keys.SUPPLIES for colour in ("", *keys.COLOURS)
]
EVERY_UNIT = [Unit(kind=kind, number=number) for kind in keys.UNITS for number in (None, 0, 1, 12)]
EVERY_CONDUCTOR = [Conductor(name) for name in keys.CONDUCTORS]

EVERY: list[Component] = [*EVERY_SUPPLY, *EVERY_UNIT, *EVERY_CONDUCTOR]

almost_keys = st.sampled_from([keys.write(one) for one in EVERY]).flatmap(
    lambda key: st.sampled_from(
        [key, f"{key} ", f" {key}", f"{key} 01", f"{key}\n", key.upper(), f"{key} teal", f"{key} 1"]
    )
)
texts = st.one_of(st.text(), almost_keys, st.sampled_from(HOSTILE))
components: st.SearchStrategy[Component] = st.one_of(
    st.sampled_from(EVERY_SUPPLY),
    st.builds(
        Unit,
        kind=st.sampled_from(keys.UNITS),
        number=st.none() | st.integers(min_value=0, max_value=10**24 - 1),
    ),
    st.sampled_from(EVERY_CONDUCTOR),
    texts.map(keys.read),
)


@given(components)
def test_a_component_is_read_as_it_was_written(component: Component) -> None:
    assert keys.read(keys.write(component)) == component


@given(texts)
def test_every_text_is_a_key_that_is_written_as_it_was_read(key: str) -> None:
    assert keys.write(keys.read(key)) == key


def test_no_two_components_have_one_key() -> None:
    assert len({keys.write(one) for one in EVERY}) == len(EVERY)
    assert [keys.read(keys.write(one)) for one in EVERY] == EVERY


@pytest.mark.parametrize(
    ("key", "component"),
    [
        ("", Name("")),
        ("l1", Conductor("l1")),
        ("L1", Name("L1")),
        ("tray 2", Unit(kind="tray", number=2)),
        ("tray 02", Name("tray 02")),
        ("tray ２", Name("tray ２")),
        ("tray -1", Name("tray -1")),
        ("tray " + "9" * 5000, Name("tray " + "9" * 5000)),
        ("cover", Unit(kind="cover")),
        ("cover sheet", SupplyItem(kind="cover_sheet")),
        ("finisher supply 3", Unit(kind="finisher supply", number=3)),
        ("fuser oil", SupplyItem(kind="fuser_oil")),
        ("ink light cyan", SupplyItem(kind="ink", colour="light_cyan")),
        ("ink light_cyan", Name("ink light_cyan")),
        ("toner teal", Name("toner teal")),
        ("tray 2\n", Name("tray 2\n")),
    ],
)
def test_the_form_of_a_key(key: str, component: Component) -> None:
    assert keys.read(key) == component


@pytest.mark.parametrize(
    "made",
    [
        lambda: Name("tray 2"),
        lambda: Name("l1"),
        lambda: Name("toner"),
        lambda: Conductor("l4"),
        lambda: Unit(kind="boiler"),
        lambda: Unit(kind="tray", number=-1),
        lambda: Unit(kind="tray", number=10**24),
        lambda: SupplyItem(kind="toner", colour="teal"),
        lambda: SupplyItem(kind="fuser oil"),
    ],
)
def test_a_component_that_would_be_read_as_another_is_not_made(made: object) -> None:
    assert callable(made)
    with pytest.raises(ValueError, match=r"key of another form|is not"):
        made()


@pytest.mark.parametrize(
    ("key", "kind"),
    [("input 2", "input"), ("input", "input"), ("toner black", "toner"), ("l1", ""), ("pid", "")],
)
def test_the_kind_of_a_key(key: str, kind: str) -> None:
    assert keys.kind(key) == kind
