from __future__ import annotations

from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.finding import ConfigError
from config.reading import read
from config.time_zone import is_time_zone, suggestions


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("JST", "Asia/Tokyo"),
        ("jst", "Asia/Tokyo"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER J}ST", "Asia/Tokyo"),
        ("日本標準時", "Asia/Tokyo"),
        ("CET", "Europe/Berlin"),
        ("CEST", "Europe/Berlin"),
        ("MEZ", "Europe/Berlin"),
        ("MESZ", "Europe/Berlin"),
        ("KST", "Asia/Seoul"),
        ("IST", "Asia/Kolkata, Europe/Dublin, Asia/Jerusalem"),
        ("PST", "America/Los_Angeles"),
        ("PDT", "America/Los_Angeles"),
        ("EST5EDT", "America/New_York"),
        ("EAT", "Africa/Addis_Ababa"),
        ("GMT", "Europe/London, UTC"),
        ("GMT+9", "Asia/Tokyo"),
        ("UTC+9", "Asia/Tokyo"),
        ("UTC+09:00", "Asia/Tokyo"),
        ("+0900", "Asia/Tokyo"),
        ("UTC-5", "America/New_York"),
        ("UTC+5:30", "Asia/Kolkata"),
        ("utc", "UTC"),
        ("Tokyo", "Asia/Tokyo"),
        ("Tokio", "Asia/Tokyo"),
        ("asia/tokyo", "Asia/Tokyo"),
        ("Asia/Tokio", "Asia/Tokyo"),
        ("Asai/Tokyo", "Asia/Tokyo"),
        ("Asia/Tokyo ", "Asia/Tokyo"),
        ("right/Asia/Tokyo", "Asia/Tokyo"),
        ("Osaka", "Asia/Tokyo"),
        ("japan", "Japan"),
        ("new york", "America/New_York"),
        ("Germany", "Europe/Berlin"),
    ],
)
def test_what_a_name_that_is_refused_means(given: str, meant: str) -> None:
    assert not is_time_zone(given)
    assert suggestions(given) == tuple(meant.split(", "))
    assert all(is_time_zone(zone) for zone in suggestions(given))


@pytest.mark.parametrize(
    "given",
    [
        *("", "XYZ", "localtime", "Factory", "Europe/Muenchen", "a" * 300),
        *("posixrules", "/etc/localtime", "posix", "UTC+999", "+9:99", "UTC+25"),
        *("Asia", "asia/", "America", "Europe", "Indian", "Arctic", "Etc"),
    ],
)
def test_what_resembles_nothing_has_no_suggestion(given: str) -> None:
    assert not is_time_zone(given)
    assert suggestions(given) == ()


def test_every_place_of_the_database_is_a_zone() -> None:
    places = {zone for zone in available_timezones() if "/" in zone}
    assert len(places) > 400
    assert all(is_time_zone(zone) for zone in (*places, "Japan", "Singapore", "UTC"))


@given(st.text(max_size=40))
def test_a_suggestion_is_a_zone_whatever_was_given(given: str) -> None:
    assert all(is_time_zone(zone) for zone in suggestions(given))


@pytest.mark.parametrize(
    ("zone", "step"),
    [
        ("JST", "did you mean Asia/Tokyo?"),
        ("IST", "write one of these time zones: Asia/Kolkata, Europe/Dublin and Asia/Jerusalem"),
        ("Asia", "write a city too, such as Asia/Tokyo"),
        ("europe", "write a city too, such as Europe/Berlin"),
        (
            "XYZ",
            "write a name from the IANA time zone database, such as Asia/Tokyo, or UTC",
        ),
    ],
)
def test_a_configuration_says_which_zone_is_meant(zone: str, step: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(f"version: 1\nsite: {{time_zone: {zone}}}\n".encode(), "f")
    (finding,) = caught.value.findings
    assert str(finding.next) == step
    assert finding.path == "site.time_zone"
