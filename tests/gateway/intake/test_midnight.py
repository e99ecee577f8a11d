from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.midnight import MidnightWatch, Side, day_begins

MARGIN = 300_000


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "begins"),
    [
        ("Asia/Tokyo", "2026-11-20T15:00"),
        ("Europe/Berlin", "2026-03-28T23:00"),  # the day of the change to summer time
        ("Europe/Berlin", "2026-03-29T22:00"),  # the day after it: 23 hours later
        ("Europe/Berlin", "2026-10-25T23:00"),  # the day after the change back: 25 hours
        ("America/Havana", "2026-03-08T05:00"),  # midnight is skipped: the day begins at the change
        ("America/Havana", "2026-11-01T04:00"),  # midnight happens twice: the first counts
    ],
)
def test_midnight_where_clocks_change(zone: str, begins: str) -> None:
    watch, at = MidnightWatch(ZoneInfo(zone), MARGIN), utc(begins)
    assert watch.side(at - MARGIN - 1) is Side.FAR
    assert watch.side(at - MARGIN) is Side.BEFORE
    assert watch.side(at - 1) is Side.BEFORE
    assert watch.side(at) is Side.AFTER
    assert watch.side(at + MARGIN) is Side.AFTER
    assert watch.side(at + MARGIN + 1) is Side.FAR


@given(
    st.sampled_from(["Asia/Tokyo", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe"]),
    st.integers(utc("2020-01-01"), utc("2035-01-01")),
    st.integers(-200_000_000, 200_000_000),
)
def test_a_watch_agrees_with_the_calendar_wherever_it_comes_from(
    zone: str, at: int, before: int
) -> None:
    place = ZoneInfo(zone)
    watch = MidnightWatch(place, MARGIN)
    watch.side(at + before)
    today = datetime.fromtimestamp(at / 1000, place).date()
    begins = [day_begins(today + timedelta(days=n), place) for n in (-1, 0, 1, 2)]
    nearest = min(begins, key=lambda b: abs(b - at))
    expected = Side.FAR
    if abs(nearest - at) <= MARGIN:
        expected = Side.AFTER if at >= nearest else Side.BEFORE
    assert watch.side(at) is expected
    assert watch.day(at) == max(b for b in begins if b <= at)
