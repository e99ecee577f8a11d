"""Levels, kinds and colours of supplies."""

from __future__ import annotations

import pytest

from drivers.printer import supplies
from drivers.printer.mib import SUPPLIES as SUPPLIES_TABLE
from drivers.report import SupplyState
from protocols.snmp.model import Value


def one_supply(**columns: int | bytes) -> supplies.SupplyRow:
    found: dict[str, Value] = {
        f"{SUPPLIES_TABLE.entry}.{name[1:]}.1.1": value for name, value in columns.items()
    }
    (seen,) = supplies.supply_rows(found, 1, None)
    return seen


@pytest.mark.req("C-20", "E-32")
@pytest.mark.parametrize(
    ("level", "capacity", "percent", "said"),
    [
        (50, 100, 50, SupplyState.OK),
        (7500, 15000, 50, SupplyState.OK),
        (10, 100, 10, SupplyState.LOW),
        (1, 30000, 1, SupplyState.LOW),
        (0, 100, 0, SupplyState.EMPTY),
        (99999, 100000, 99, SupplyState.OK),
        (105, 100, 100, SupplyState.OK),
        (500, 100, None, SupplyState.UNKNOWN),
        (0, -2, None, SupplyState.UNKNOWN),
        (9, -2, None, SupplyState.UNKNOWN),
        (-1, 100, None, SupplyState.UNKNOWN),
        (-2, 100, None, SupplyState.UNKNOWN),
        (-3, -2, None, SupplyState.SOME_LEFT),
        (-3, 100, None, SupplyState.SOME_LEFT),
    ],
)
def test_a_level_is_per_cent_or_a_word_and_never_0_for_unknown(
    level: int, capacity: int, percent: int | None, said: SupplyState
) -> None:
    supply = one_supply(c5=3, c6=b"Toner", c8=capacity, c9=level).supply

    assert (supply.level, supply.state) == (percent, said)
    assert supply.capacity == (capacity if capacity > 0 else None)


def test_a_level_in_per_cent_needs_no_capacity() -> None:
    assert one_supply(c5=9, c7=19, c8=-2, c9=9).supply.level == 9


def test_of_a_receptacle_it_is_the_space_that_is_left() -> None:
    waste = one_supply(c4=4, c5=4, c6=b"Waste", c7=19, c8=100, c9=67)

    assert (waste.supply.kind, waste.supply.level) == ("waste", 67)
    assert one_supply(c4=4, c5=8, c6=b"Box", c8=100, c9=1).supply.kind == "maintenance_tank"


def test_what_is_filled_is_waste_where_neither_type_nor_name_says_so() -> None:
    assert one_supply(c4=4, c5=1, c6=b"WT-861", c8=100, c9=0).supply.kind == "waste"
    assert one_supply(c4=3, c5=1, c6=b"XT-861", c8=100, c9=0).supply.kind == "other"


@pytest.mark.parametrize(
    ("name", "kind", "colour"),
    [
        ("Toner (Cyan)", "toner", "cyan"),
        ("Black Drum Cartridge", "drum", "black"),
        ("廃トナーボックス", "waste", ""),
        ("マゼンタインク", "ink", "magenta"),
        ("Image Transfer Belt Unit", "transfer_unit", ""),
        ("HP CF410A", "other", ""),
    ],
)
def test_where_the_type_is_not_told_the_name_is_asked(name: str, kind: str, colour: str) -> None:
    supply = one_supply(c6=name.encode(), c8=100, c9=50).supply

    assert (supply.kind, supply.colour) == (kind, colour)


@pytest.mark.parametrize(
    ("name", "colorant", "colour"),
    [
        ("Light Cyan Ink", "", "light_cyan"),
        ("Photo Black", "black", "photo_black"),
        ("Ink 3", "Photo-Black", "photo_black"),
        ("Light Gray", "", "light_gray"),
        ("Grey Toner", "", "gray"),
        ("T02", "lightMagenta", "light_magenta"),
        ("TK-8527C", "cyan", "cyan"),
        ("Black Toner", "other", "black"),
        ("Orange Ink", "unknown", "orange"),
        ("Infrared sensor kit", "", ""),
        ("Cyan", "magenta", "magenta"),  # the colorant's row is meant for it
    ],
)
def test_colours_are_of_a_closed_vocabulary(name: str, colorant: str, colour: str) -> None:
    found: dict[str, Value] = {
        f"{SUPPLIES_TABLE.entry}.5.1.1": 5,
        f"{SUPPLIES_TABLE.entry}.6.1.1": name.encode(),
        f"{SUPPLIES_TABLE.entry}.3.1.1": 1,
    }
    if colorant:
        found["1.3.6.1.2.1.43.12.1.1.4.1.1"] = colorant.encode()

    (seen,) = supplies.supply_rows(found, 1, None)

    assert seen.supply.colour == colour
    assert seen.component == f"ink {colour.replace('_', ' ')}".strip()


def test_two_supplies_that_are_called_alike_are_told_apart_by_number() -> None:
    found: dict[str, Value] = {
        f"{SUPPLIES_TABLE.entry}.5.1.{row}": kind for row, kind in ((1, 3), (2, 3), (7, 9))
    }

    assert [one.component for one in supplies.supply_rows(found, 1, None)] == [
        "supply 1",
        "supply 2",
        "drum",
    ]
