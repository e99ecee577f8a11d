"""Budgets of boxes, in virtual time and without a database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.ingest.budget import ALLOWANCES, BOXES_KEPT, LONGEST_S, SHORTEST_S, Budgets, Resource


def test_a_box_within_its_budget_is_never_asked_to_pause() -> None:
    """A large box: 10 units of 400 registers each second, in 25 kB, for ten minutes."""
    budgets = Budgets()
    for second in range(600):
        cost = {Resource.ROWS: 4_020.0, Resource.BYTES: 25_000.0, Resource.SECONDS: 0.1}
        assert budgets.take("b-1", cost, second) is None


def test_a_box_over_its_budget_pauses_until_it_has_enough_again() -> None:
    budgets = Budgets()
    all_of_it = {Resource.ROWS: ALLOWANCES[Resource.ROWS].burst}
    assert budgets.take("b-1", all_of_it, 0) is None
    assert budgets.take("b-1", {Resource.ROWS: 100_000}, 0) is Resource.ROWS
    wait = budgets.pause_left("b-1", 0)
    assert wait == pytest.approx(100_000 / (ALLOWANCES[Resource.ROWS].per_minute / 60))
    assert budgets.lacking("b-1", wait - 0.01) is Resource.ROWS
    assert budgets.lacking("b-1", wait) is None
    assert budgets.take("b-1", {Resource.ROWS: 100_000}, wait) is None
    assert budgets.take("b-2", all_of_it, 0) is None, "another box has its own"


def test_what_costs_more_than_a_burst_is_taken_once_there_is_a_whole_one() -> None:
    budgets = Budgets()
    huge = {Resource.CLOCKS: 10 * ALLOWANCES[Resource.CLOCKS].burst}
    assert budgets.take("b-1", huge, 0) is None
    assert budgets.take("b-1", {Resource.CLOCKS: 1}, 60) is Resource.CLOCKS
    assert budgets.pause_left("b-1", 60) == LONGEST_S


def test_seconds_are_charged_afterwards_and_hold_what_comes_next() -> None:
    budgets = Budgets()
    budgets.charge("b-1", {Resource.SECONDS: 36.0}, 0)
    assert budgets.take("b-1", {Resource.SECONDS: 0.0}, 0) is Resource.SECONDS
    assert budgets.pause_left("b-1", 0) == LONGEST_S
    assert budgets.take("b-1", {Resource.SECONDS: 0.0}, 90) is None


def test_the_factor_scales_every_allowance() -> None:
    budgets = Budgets(0.5)
    for resource, allowance in ALLOWANCES.items():
        box = f"b-{resource.value}"
        assert budgets.take(box, {resource: allowance.burst / 2}, 0) is None
        assert budgets.take(box, {resource: allowance.burst / 100}, 0) is resource


def test_names_cost_something_the_first_time_only() -> None:
    budgets = Budgets()
    names = frozenset({1, 2, 3})
    assert budgets.unknown("b-1", names, 0) == 3
    budgets.remember("b-1", names, 0)
    assert budgets.unknown("b-1", names | {4}, 0) == 1
    assert budgets.unknown("b-2", names, 0) == 3


def test_invented_boxes_take_no_memory_without_bound() -> None:
    budgets = Budgets()
    for number in range(BOXES_KEPT + 100):
        budgets.take(f"b-{number}", {Resource.ROWS: 1}, 0)
    assert len(budgets._accounts) == BOXES_KEPT


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 2_000_000), st.floats(0, 30, allow_subnormal=False)), max_size=80
    )
)
def test_no_box_gets_more_than_its_burst_and_rate_and_every_one_gets_on(
    steps: list[tuple[int, float]],
) -> None:
    budgets, allowance = Budgets(), ALLOWANCES[Resource.ROWS]
    now, taken, largest = 0.0, 0.0, 0
    for rows, pause in steps:
        now += pause
        if budgets.lacking("b-1", now) is not None:
            continue
        lacking = budgets.take("b-1", {Resource.ROWS: rows}, now)
        if lacking is None:
            taken, largest = taken + rows, max(largest, rows)
        else:
            assert SHORTEST_S - 1e-6 <= budgets.pause_left("b-1", now) <= LONGEST_S + 1e-6
    most = allowance.burst + now * allowance.per_minute / 60
    assert taken <= most + max(0.0, largest - allowance.burst) + 1
    for _ in range(10):
        now += LONGEST_S
        if budgets.take("b-1", {Resource.ROWS: 2_000_000}, now) is None:
            return
    pytest.fail("never taken")
