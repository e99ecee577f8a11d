from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.usage.bars import HEAD, HEIGHT, Value, bars, tick_step

AMOUNTS = st.decimals(0, 10**9, places=3)


def _values(*amounts: Decimal | None) -> list[Value]:
    return [
        Value(amount=amount, title=str(amount), label=str(index), look="complete")
        for index, amount in enumerate(amounts)
    ]


@pytest.mark.parametrize(
    ("largest", "step"),
    [("0", "1"), ("0.3", "0.1"), ("5", "1"), ("9.6", "2"), ("427.5", "100"), ("11707", "2500")],
)
def test_steps_are_numbers_people_count_in(largest: str, step: str) -> None:
    assert tick_step(Decimal(largest)) == Decimal(step)


@given(st.lists(st.none() | AMOUNTS, min_size=1, max_size=60))
def test_every_bar_stands_on_the_axis_and_under_the_top(amounts: list[Decimal | None]) -> None:
    chart = bars(_values(*amounts))
    assert 2 <= len(chart.ticks) <= 6
    assert float(chart.ticks[0].y) == HEAD + HEIGHT
    assert float(chart.ticks[-1].y) == HEAD
    for bar, amount in zip(chart.bars, amounts, strict=True):
        top, height = float(bar.y), float(bar.height)
        assert HEAD <= top <= HEAD + HEIGHT
        assert top + height + 0.11 >= HEAD + HEIGHT
        assert height >= 0
        assert amount or not height
    assert sum(float(bar.column_width[:-1]) for bar in chart.bars) == pytest.approx(100, abs=0.05)


def test_what_is_unknown_has_no_bar_and_the_peak_is_pointed_out() -> None:
    chart = bars(_values(Decimal(4), None, Decimal(8)), peak=2)
    assert [float(bar.height) for bar in chart.bars] == pytest.approx([100, 0, 200], abs=0.2)
    assert [bar.is_peak for bar in chart.bars] == [False, False, True]


def test_a_line_goes_through_what_is_known_and_is_broken_where_nothing_is() -> None:
    looks = ["missing", "complete", "incomplete", "missing", "complete", "open", "ahead"]
    drawn = bars([Value(amount=Decimal(1), title=look, label="", look=look) for look in looks])
    assert [bar.title for bar in drawn.points] == ["complete", "incomplete", "complete", "open"]
    assert [(a.title, b.title) for a, b in drawn.strokes] == [
        ("complete", "incomplete"),
        ("complete", "open"),
    ]


def test_labels_leave_room_for_each_other() -> None:
    assert sum(bool(bar.label) for bar in bars(_values(*[Decimal(1)] * 48)).bars) == 12
