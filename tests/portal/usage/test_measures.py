from __future__ import annotations

import pytest

from drivers.report import Quantity
from portal.usage.measures import Measure, SeriesFact, counter_of


def _series(*rows: tuple[str, str], has: bool = True) -> list[SeriesFact]:
    return [
        SeriesFact(pk=pk, quantity=quantity, part=part, resolution=0, has=has)
        for pk, (quantity, part) in enumerate(rows, 1)
    ]


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        ([("energy.import", "l1"), ("energy.import", ""), ("energy.import", "l2")], [""]),
        ([("energy.import", "l1"), ("energy.import", "l2")], ["l1", "l2"]),
        (
            [("energy.import", "l1"), ("energy.import", "tariff=2"), ("energy.import", "tariff=1")],
            ["tariff=1", "tariff=2"],
        ),
        ([("energy.import", "phase=l1"), ("energy.import", "channel=1")], ["phase=l1"]),
        ([("energy.total", ""), ("energy.export", "")], [""]),
    ],
)
def test_the_whole_is_preferred_then_tariffs_then_phases(
    rows: list[tuple[str, str]], parts: list[str]
) -> None:
    counter = counter_of(_series(*rows), Measure.IMPORT)
    assert counter
    assert [part[0].part for part in counter.parts] == parts


def test_the_total_answers_only_where_no_import_is_counted() -> None:
    rows = _series(("energy.total", ""), ("energy.import", ""))
    for given, quantity in ((rows, Quantity.ENERGY_IMPORT), (rows[:1], Quantity.ENERGY_TOTAL)):
        counter = counter_of(given, Measure.IMPORT)
        assert counter
        assert counter.quantity is quantity


def test_loads_of_their_own_are_never_added_up() -> None:
    assert (
        counter_of(_series(("energy.import", "channel=1"), ("voltage", "")), Measure.IMPORT) is None
    )


@pytest.mark.req("C-20")
def test_what_a_device_says_it_lacks_is_not_counted() -> None:
    lacking = _series(("energy.import", ""), has=False)
    assert counter_of(lacking, Measure.IMPORT) is None
    split = [*lacking, *_series(("energy.import", "l1"), ("energy.import", "l2"))]
    counter = counter_of(split, Measure.IMPORT)
    assert counter
    assert len(counter.parts) == 2


def test_resolutions_of_one_part_are_one_counter() -> None:
    rows = [
        SeriesFact(pk=pk, quantity="energy.heat", part="", resolution=r)
        for pk, r in ((1, 0), (2, 3))
    ]
    counter = counter_of(rows, Measure.HEAT)
    assert counter
    assert len(counter.parts) == 1
    assert counter.finest == 0
    assert [series.pk for series in counter.series] == [1, 2]
