"""What is simulated agrees with itself: power with energy, history with what is read now."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from protocols.modbus.planner import Table
from scripts.demonstration.history import moments, watt_hours
from scripts.demonstration.loads import DAY_S, hour_of, rests, winter
from scripts.demonstration.meter import MeterUnit
from scripts.demonstration.sites import (
    COPIER,
    DAYS,
    METERS,
    Meter,
    Past,
    Register,
    pages,
    printed,
    registers,
)

NOW = 1_795_000_000


@pytest.fixture(scope="module")
def past() -> Past:
    return Past.begin(NOW)


@pytest.fixture(scope="module")
def places(past: Past) -> dict[int, Register]:
    return dict(registers(past))


def test_days_are_those_of_japan() -> None:
    monday = 1_795_359_600  # 2026-11-23 00:00 in Japan
    assert hour_of(monday) == 0
    assert [rests(monday + day * DAY_S) for day in range(7)] == [False] * 5 + [True] * 2
    assert winter(1_768_900_000) > 0.99  # 20 January
    assert winter(1_784_600_000) < -0.99  # 21 July


@pytest.mark.parametrize("meter", METERS, ids=lambda meter: meter.name)
def test_energy_is_the_integral_of_power(meter: Meter, places: dict[int, Register]) -> None:
    load, start = places[meter.unit].load, NOW - 3 * DAY_S
    step = 60
    watts = [load.power_w(start + step / 2 + n * step) for n in range(DAY_S // step)]
    before, after = load.energy_kwh(start), load.energy_kwh(start + DAY_S)
    taken, given = after[0] - before[0], after[1] - before[1]
    assert taken - given == pytest.approx(sum(watts) * step / 3.6e6, rel=1e-3)
    assert load.energy_kwh(start + 1800.5) >= load.energy_kwh(start + 1800)


def test_a_roof_gives_by_day_only_and_more_in_summer(places: dict[int, Register]) -> None:
    load = places[4].load
    midnight = 1_784_559_600  # 21 July
    assert load.power_w(midnight) > 0
    assert min(load.power_w(midnight + hour * 3600) for hour in range(24)) < -2_000
    assert max(-load.power_w(t) for t in range(midnight - 30 * DAY_S, midnight, 900)) < 9_900


def test_counters_only_grow_but_where_a_meter_was_exchanged(
    past: Past, places: dict[int, Register]
) -> None:
    for unit, place in places.items():
        at = list(moments(past, NOW * 1000, past.outage))
        read = [watt_hours(place.counters_kwh(moment)[0]) for moment in at]
        falls = [moment for moment, a, b in zip(at[1:], read, read[1:], strict=False) if b < a]
        assert len(falls) == (1 if unit == 3 else 0)
        assert all(moment - 1800 <= past.exchanges[3][0] <= moment for moment in falls)
    cold = places[3]
    exchanged = past.exchanges[3][0]
    assert cold.serial(exchanged - 1) != cold.serial(exchanged)
    assert cold.counters_kwh(exchanged)[0] == 0


def test_the_history_has_thirteen_months_one_outage_and_a_dense_day(past: Past) -> None:
    at = list(moments(past, NOW * 1000 + 400, past.outage))
    assert at == sorted(set(at))
    assert (at[0], at[-1] < NOW) == (past.since, True)
    assert 395 < (at[-1] - at[0]) / DAY_S < DAYS + 1
    steps = {b - a for a, b in pairwise(at)}
    begin, end = past.outage
    assert max(steps) == pytest.approx(end - begin, abs=3600)
    assert sorted(steps)[-2] <= 1800
    recent = [moment for moment in at if moment > NOW - DAY_S]
    assert max(b - a for a, b in pairwise(recent)) == 10
    assert all(moment % 1800 == 0 for moment in at if moment < NOW - 2 * DAY_S), "on full buckets"


def test_what_is_read_now_goes_on_where_history_ends(places: dict[int, Register]) -> None:
    for unit, place in places.items():
        meter = MeterUnit(place=place)
        meter.show(NOW)
        low, high = (meter.registers.tables[Table.INPUT][a] for a in (72, 73))
        assert (low, high) != (0, 0)
        before = watt_hours(place.counters_kwh(NOW - 1)[0])
        after = watt_hours(place.counters_kwh(NOW)[0])
        assert 0 <= after - before <= 40, unit


def test_pages_grow_in_office_hours(past: Past) -> None:
    office = pages(past)
    wednesday = 1_795_532_400 - 7 * DAY_S
    night = printed(COPIER, office, wednesday + 3 * 3600)
    assert printed(COPIER, office, wednesday) == night
    day = [printed(COPIER, office, wednesday + 9 * 3600 + step) for step in range(0, 3600, 60)]
    assert day == sorted(day)
    assert day[-1] > day[0]


def test_a_past_is_begun_once_and_kept(tmp_path: Path) -> None:
    first = Past.read(tmp_path)
    first.exchanges[1] = [first.since + 5]
    first.write(tmp_path)
    again = Past.read(tmp_path)
    assert (again.since, again.exchanges) == (first.since, first.exchanges)
