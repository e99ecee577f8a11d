"""What printers have counted, in the unit that they count in."""

from __future__ import annotations

import pytest

from drivers.printer import counters
from drivers.printer.mib import Index, Row
from drivers.report import Quantity
from protocols.snmp.model import Value


def counted(*markers: tuple[int | None, int, int]) -> list[tuple[str, str, int | None, int, str]]:
    """Of markers as (unit, count, colorants)."""
    table: dict[Index, Row] = {}
    for number, (unit, count, colorants) in enumerate(markers, 1):
        row = Row({4: count, 6: colorants})
        table[(1, number)] = row if unit is None else Row(row | {3: unit})
    return [
        (r.quantity.value, r.part, r.value if isinstance(r.value, int) else None, r.resolution,
         r.quality.value)
        for r in counters.readings(table, 5)
    ]  # fmt: skip


@pytest.mark.req("C-20")
def test_a_count_has_the_unit_that_the_printer_says() -> None:
    assert counted((7, 12, 4)) == [("impressions", "", 12, 0, "good")]
    assert counted((8, 12, 4)) == [("sheets", "", 12, 0, "good")]
    assert counted((17, 12, 4)) == [("length", "", 12, 0, "good")]
    assert counted((16, 10, 1)) == [("length", "", 30480, -4, "good")]
    assert counted((3, 10_000, 1)) == [("length", "", 2_540_000, -8, "good")]
    assert counted((11, 2, 1)) == [("operating_time", "", 7200, 0, "good")]


@pytest.mark.req("C-20")
def test_a_count_without_a_unit_is_not_guessed() -> None:
    missing = [("impressions", "", None, 0, "not_available")]

    assert counted((None, 12, 4)) == counted((2, 12, 4)) == missing
    assert counted((6, 12, 4)) == []  # lines, which we do not count
    assert counted() == []


@pytest.mark.req("C-20")
def test_a_count_below_nothing_is_none() -> None:
    assert counted((7, -1, 4)) == [("impressions", "", None, 0, "out_of_range")]


def test_two_markers_told_apart_by_colorants_count_mono_and_colour() -> None:
    assert counted((7, 100, 4), (7, 30, 1)) == [
        ("impressions", "", 130, 0, "good"),
        ("impressions", "colour=mono", 30, 0, "good"),
        ("impressions", "colour=colour", 100, 0, "good"),
    ]
    assert counted((7, 100, 4), (7, 30, 4)) == [("impressions", "", 130, 0, "good")]
    assert len(counted((7, 1, 1), (7, 2, 1), (7, 3, 4))) == 1


def test_epson_s_lengths_and_areas_are_metres() -> None:
    base = counters.EPSON_TOTALS
    found: dict[str, Value] = {
        f"{base}.3.1.1": 14, f"{base}.4.1.1": 127_934, f"{base}.3.1.2": 17, f"{base}.4.1.2": 780_040
    }  # fmt: skip

    length, area = counters.epson_readings(found, 1)

    assert (length.quantity, length.value, length.resolution) == (Quantity.LENGTH, 127_934, -3)
    assert (area.quantity, area.value, area.resolution) == (Quantity.AREA, 780_040, -4)


@pytest.mark.req("C-20")
def test_a_count_below_nothing_spoils_a_sum() -> None:
    assert counted((7, -2, 4), (7, 100, 4)) == [("impressions", "", None, 0, "out_of_range")]
