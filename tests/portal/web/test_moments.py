"""Moments on a site's clock: whatever is stored is shown, and never as another moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from portal.web.moments import datetime_of, milliseconds, nearest_datetime, site_moment, zone_of
from portal.web.templatetags.kanmon import clock, moment, when

ZONES = st.sampled_from(sorted(available_timezones())) | st.text(max_size=20)
STORED = st.integers(-(2**63), 2**63 - 1) | st.datetimes(
    min_value=datetime(1, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(9999, 12, 31, 23, 59, 59, 999_999),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(STORED, ZONES, st.booleans())
def test_no_moment_and_no_zone_raises(at: datetime | int, zone: str, relative: bool) -> None:
    found = site_moment(at, zone)
    assert found.local is None or found.local == found.utc
    for shown in (when(at, zone, relative=relative), clock(at, zone), moment(at, zone)):
        assert shown
        assert (found.utc is None) == ("outside the years" in shown)


@given(st.integers(-(2**63), 2**63 - 1))
def test_milliseconds_are_exact_both_ways(ms: int) -> None:
    at = datetime_of(ms)
    assert at is None or milliseconds(at) == ms
    nearest = nearest_datetime(ms)
    assert nearest == at if at else nearest.year == (1 if ms < 0 else 9999)


@pytest.mark.parametrize(
    ("at", "zone", "said"),
    [
        (datetime(9999, 12, 31, 23, 30, tzinfo=UTC), "Asia/Tokyo", "31 Dec 9999, 23:30 UTC"),
        (datetime(9999, 12, 31, 23, 30, tzinfo=UTC), "Pacific/Pago_Pago", "31 Dec 9999, 12:30"),
        (datetime(1, 1, 1, 0, 30, tzinfo=UTC), "America/New_York", "1 Jan 0001, 00:30 UTC"),
        (datetime(2020, 1, 1, tzinfo=UTC), "No/Such", "1 Jan 2020, 00:00 UTC"),
        (2**63 - 1, "Asia/Tokyo", 'title="9,223,372,036,854,775,807 ms of Unix time"'),
    ],
)
def test_what_a_site_cannot_say_is_said_in_utc_or_as_it_is(
    at: datetime | int, zone: str, said: str
) -> None:
    assert said in when(at, zone)


def test_what_is_ahead_is_dated_and_no_script_makes_it_now() -> None:
    ahead = timezone.now() + timedelta(days=3)
    shown = when(ahead, "Asia/Tokyo", relative=True)
    assert "data-relative" not in shown
    assert f"{ahead.astimezone(zone_of('Asia/Tokyo')):%b}" in shown
    assert f"{ahead.astimezone(zone_of('Asia/Tokyo')):%b %Y}, " in shown
    past = when(timezone.now() - timedelta(days=3), "Asia/Tokyo")
    assert f"{(timezone.now() - timedelta(days=3)).astimezone(zone_of('Asia/Tokyo')):%b}, " in past
    recent = when(timezone.now() - timedelta(seconds=3), "Asia/Tokyo", relative=True)
    assert "data-relative" in recent
