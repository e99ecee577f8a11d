from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.usage.periods import Bucket, PeriodError, Window, month_after, window

TODAY = date(2026, 11, 21)
HOUR = 3_600_000
ZONES = ["Asia/Tokyo", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe",
         "America/Santiago", "America/Havana", "Pacific/Apia", "Africa/Casablanca"]  # fmt: skip


def _day(zone: str, day: date, by: Bucket = Bucket.HOUR) -> list[int]:
    return list(Window(bucket=by, first=day, stop=day + timedelta(days=1)).edges(ZoneInfo(zone)))


def _local(edge: int, zone: str) -> datetime:
    return datetime.fromtimestamp(edge / 1000, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Asia/Tokyo", date(2026, 3, 29), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Santiago", date(2026, 9, 6), 23),  # begins at 01:00: there is no midnight
    ],
)
def test_days_have_the_hours_that_the_sites_clock_shows(zone: str, day: date, hours: int) -> None:
    assert len(_day(zone, day)) == hours + 1
    assert len(_day(zone, day, Bucket.DEMAND)) == 2 * hours + 1


def test_in_a_zone_of_half_hours_a_bucket_begins_at_the_clocks_full_hour() -> None:
    edges = _day("Asia/Kolkata", date(2026, 5, 4))
    assert datetime.fromtimestamp(edges[0] / 1000, UTC).minute == 30
    assert len(edges) == 25


def test_where_a_clock_moves_by_half_an_hour_one_hour_is_shorter() -> None:
    day = date(2026, 10, 4)
    lengths = {b - a for a, b in pairwise(_day("Australia/Lord_Howe", day))}
    assert lengths == {HOUR, HOUR // 2}
    assert {b - a for a, b in pairwise(_day("Australia/Lord_Howe", day, Bucket.DEMAND))} == {
        HOUR // 2
    }


def test_a_day_that_a_zone_left_out_has_no_bucket() -> None:
    assert len(_day("Pacific/Apia", date(2011, 12, 30))) == 1
    assert len(_day("Pacific/Apia", date(2011, 12, 30), Bucket.DAY)) == 1


@given(st.sampled_from(ZONES), st.dates(date(2000, 1, 1), date(2098, 12, 30)))
def test_days_follow_each_other_and_are_cut_at_full_hours(zone: str, day: date) -> None:
    edges, after = _day(zone, day), _day(zone, day + timedelta(days=1))
    assert edges[-1] == after[0]
    assert edges == sorted(set(edges))
    assert all(_local(edge, zone).minute in {0, 30} for edge in edges[1:-1])
    assert all(_local(edge, zone).date() == day for edge in edges[:-1])
    assert set(edges) <= set(_day(zone, day, Bucket.DEMAND))


@given(st.sampled_from(ZONES), st.dates(date(2000, 1, 1), date(2097, 12, 1)))
def test_months_are_made_of_days_and_days_of_half_hours(zone: str, day: date) -> None:
    first = day.replace(day=1)
    by_day = Window(bucket=Bucket.DAY, first=first, stop=month_after(first, 1)).edges(
        ZoneInfo(zone)
    )
    by_month = Window(bucket=Bucket.MONTH, first=first, stop=month_after(first, 12)).edges(
        ZoneInfo(zone)
    )
    assert (by_day[0], by_day[-1]) == (by_month[0], by_month[1])
    assert len(by_month) == 13


@pytest.mark.parametrize(
    ("by", "on", "until", "first", "stop"),
    [
        (Bucket.HOUR, "", "", TODAY, date(2026, 11, 22)),
        (Bucket.DEMAND, "2026-02-28", "", date(2026, 2, 28), date(2026, 3, 1)),
        (Bucket.DAY, "", "", date(2026, 11, 1), date(2026, 12, 1)),
        (Bucket.DAY, "2026-03-14", "", date(2026, 3, 1), date(2026, 4, 1)),
        (Bucket.DAY, "2026-11", "2027-01", date(2026, 11, 1), date(2027, 2, 1)),
        (Bucket.MONTH, "", "", date(2026, 1, 1), date(2027, 1, 1)),
        (Bucket.MONTH, "2025", "", date(2025, 1, 1), date(2026, 1, 1)),
        (Bucket.MONTH, "2025-04", "", date(2025, 4, 1), date(2026, 4, 1)),
        (Bucket.MONTH, "2025-04", "2025-06", date(2025, 4, 1), date(2025, 7, 1)),
    ],
)
def test_an_address_names_a_window(
    by: Bucket, on: str, until: str, first: date, stop: date
) -> None:
    assert window(by, on, until, TODAY) == Window(bucket=by, first=first, stop=stop)


@pytest.mark.req("C-22")
@pytest.mark.parametrize(
    ("by", "on", "until", "fault"),
    [
        (Bucket.HOUR, "2026-13-01", "", "date"),
        (Bucket.HOUR, "2026-02-30", "", "date"),
        (Bucket.HOUR, "yesterday", "", "date"),
        (Bucket.HOUR, "２０２６-01-01", "", "date"),
        (Bucket.HOUR, "2026-01-01\n", "", "date"),
        (Bucket.HOUR, "2026-01", "", "day"),
        (Bucket.DAY, "2026", "", "month"),
        (Bucket.HOUR, "2026-01-01", "2026-01-02", "until"),
        (Bucket.DAY, "9999-12", "", "year"),
        (Bucket.MONTH, "0001", "", "year"),
        (Bucket.DAY, "2026-01", "2026-04", "length"),
        (Bucket.DAY, "2026-03", "2026-01", "order"),
        (Bucket.MONTH, "2025-04", "2026-04", "length"),
    ],
)
def test_an_address_that_names_none_says_what_is_wrong(
    by: Bucket, on: str, until: str, fault: str
) -> None:
    with pytest.raises(PeriodError) as told:
        window(by, on, until, TODAY)
    assert told.value.fault == fault


@given(st.text(max_size=12), st.text(max_size=12), st.sampled_from(Bucket))
def test_any_text_is_a_window_or_a_period_error(on: str, until: str, by: Bucket) -> None:
    try:
        found = window(by, on, until, TODAY)
    except PeriodError:
        return
    assert found.first < found.stop


@given(st.sampled_from(Bucket), st.dates(date(2001, 1, 1), date(2097, 1, 1)), st.integers(-12, 12))
def test_stepping_there_and_back_is_where_one_was(by: Bucket, day: date, steps: int) -> None:
    here = window(by, day.isoformat(), "", TODAY)
    there = here.shift(steps)
    if there is not None:
        assert there.shift(-steps) == here
        assert there.months == here.months or by.in_a_day


def test_there_is_an_end_to_stepping() -> None:
    assert window(Bucket.HOUR, "2000-01-01", "", TODAY).shift(-1) is None
    assert window(Bucket.MONTH, "2098-01", "", TODAY).shift(1) is None
