from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from drivers.report import Quantity
from portal.ingest.models import Series
from portal.monitoring.series_chart import SeriesChart
from portal.web.chart import LIMIT, Line, Point, Span, Window, line, merge_spans

WINDOW = Window(start=1_000, end=11_000, hold=450)


def _points(drawn: Line) -> list[tuple[int, int | None]]:
    return [(point.at, point.value) for point in drawn.points]


def test_a_sample_stands_until_the_next_and_no_longer_than_its_hold() -> None:
    drawn = line([(1_000, 5), (1_300, 6), (9_000, 7)], WINDOW)
    assert _points(drawn) == [
        (1_000, 5),
        (1_300, 6),
        (1_750, None),
        (9_000, 7),
        (9_450, None),
    ]
    assert list(drawn.voids) == [Span(1_750, 9_000), Span(9_450, 11_000)]


def test_a_sample_from_before_the_window_stands_into_it() -> None:
    drawn = line([(800, 5), (1_200, 6)], WINDOW)
    assert _points(drawn)[:2] == [(1_000, 5), (1_200, 6)]
    assert drawn.voids[0].start == 1_650


def test_a_missing_value_ends_the_line_at_once() -> None:
    drawn = line([(1_000, 5), (1_100, None), (1_200, 6)], WINDOW)
    assert _points(drawn)[:3] == [(1_000, 5), (1_100, None), (1_200, 6)]
    assert drawn.voids[0] == Span(1_100, 1_200)


def test_the_last_sample_reaches_the_right_edge_while_it_stands() -> None:
    drawn = line([(10_800, 5)], WINDOW)
    assert _points(drawn) == [(10_800, 5), (11_000, 5)]
    assert list(drawn.voids) == [Span(1_000, 10_800)]


def test_nothing_known_is_one_void() -> None:
    drawn = line([], WINDOW)
    assert (list(drawn.points), list(drawn.voids)) == ([], [Span(1_000, 11_000)])
    assert drawn.lowest is drawn.highest is drawn.last is None


def test_a_day_of_seconds_becomes_few_points_that_keep_every_extreme() -> None:
    window = Window(start=0, end=86_400_000, hold=450_000)
    samples = [(second * 1000, 100 + second % 7) for second in range(86_400)]
    samples[40_000] = (40_000_000, 9_999)
    samples[60_000] = (60_000_000, -3)
    drawn = line(samples, window)
    assert len(drawn.points) <= LIMIT + 10
    values = {point.value for point in drawn.points}
    assert {9_999, -3} <= values
    assert drawn.highest == Point(40_000_000, 9_999)
    assert drawn.lowest == Point(60_000_000, -3)


SAMPLES = st.lists(
    st.tuples(st.integers(0, 100_000), st.none() | st.integers(-1000, 1000)),
    max_size=300,
    unique_by=lambda sample: sample[0],
).map(sorted)


def _value_at(drawn: Line, at: int) -> int | None:
    known: int | None = None
    for point in drawn.points:
        if point.at > at:
            break
        known = point.value
    return known


@given(samples=SAMPLES, hold=st.integers(1, 20_000), moments=st.lists(st.integers(10_000, 90_000)))
def test_the_line_says_at_every_moment_what_the_samples_say(
    samples: list[tuple[int, int | None]], hold: int, moments: list[int]
) -> None:
    window = Window(start=10_000, end=90_000, hold=hold)
    inside = [sample for sample in samples if sample[0] >= window.start - hold]
    drawn = line(inside, window, limit=10_000)
    for at in moments:
        before = [sample for sample in samples if sample[0] <= at]
        told = before[-1] if before else None
        stands = told is not None and told[1] is not None and at - told[0] < hold
        if told is not None and told[1] is not None and at - told[0] == hold:
            continue  # the very moment at which it stops standing
        assert _value_at(drawn, at) == (told[1] if stands and told else None)
        inside_void = any(void.start <= at < void.end for void in drawn.voids)
        assert inside_void == (not stands) or at == window.end


@given(samples=SAMPLES, limit=st.integers(50, 100))
def test_thinning_keeps_order_extremes_and_the_limit(
    samples: list[tuple[int, int | None]], limit: int
) -> None:
    window = Window(start=0, end=100_000, hold=3_000)
    full = line(samples, window, limit=10**6)
    thin = line(samples, window, limit=limit)
    assert len(thin.points) <= limit + 5
    assert [p.at for p in thin.points] == sorted(p.at for p in thin.points)
    assert set(thin.points) <= set(full.points)
    assert (thin.lowest, thin.highest, thin.last) == (full.lowest, full.highest, full.last)
    known = {p.value for p in thin.points if p.value is not None}
    if full.lowest and full.highest:
        assert {full.lowest.value, full.highest.value} <= known


def test_spans_that_touch_become_one() -> None:
    assert merge_spans([Span(5, 7), Span(1, 3), Span(3, 4), Span(6, 9)]) == [Span(1, 4), Span(5, 9)]


def test_two_hours_of_one_name_are_two_rows() -> None:
    """On 25 October 2026 clocks in Germany go from 3:00 back to 2:00."""
    first = int(datetime(2026, 10, 24, 23, 30, tzinfo=UTC).timestamp() * 1000)
    points = [Point(first + step * 1_800_000, 10 * step) for step in range(6)]
    chart = SeriesChart(
        series=Series(quantity="power.active", part="", resolution=0),
        quantity=Quantity.POWER_ACTIVE,
        zone="Europe/Berlin",
        window=Window(start=first, end=points[-1].at, hold=3_600_000),
        line=Line(points=points, voids=[], lowest=points[0], highest=points[-1], last=points[-1]),
        voids=[],
    )
    assert [(hour.start.hour, hour.lowest.text, hour.highest.text) for hour in chart.hours] == [
        (23, "0", "0"),
        (0, "10", "20"),
        (1, "30", "40"),
        (2, "50", "50"),
    ]
