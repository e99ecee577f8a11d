"""Names of time zones: which ones a site may have, and what another one most likely means.

A site's zone is named by a place of the IANA database, or UTC. The database also has names such as
EST and CET, kept for old files: they are refused, since some of them never change to summer time,
and none says whose rules it follows. Source: IANA time zone database, ``backward`` and ``theory``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from console.nearest import nearest
from console.templates import config as messages
from console.templates.control import DID_YOU_MEAN
from console.text import Message

_NO_PLACE: Final = frozenset(
    {"CET", "EET", "EST", "GMT", "GMT+0", "GMT-0", "GMT0", "HST", "MET", "MST", "WET"}
    | {"CST6CDT", "EST5EDT", "MST7MDT", "PST8PDT", "Factory", "localtime", "posixrules"}
)
"""Names of the database that name no place; two of them, in lower case, are the system's files."""
_ABBREVIATIONS: Final = {
    "ACST": ("Australia/Adelaide",),
    "AEST": ("Australia/Sydney",),
    "AKST": ("America/Anchorage",),
    "AST": ("America/Halifax",),
    "AWST": ("Australia/Perth",),
    "BRT": ("America/Sao_Paulo",),
    "BST": ("Europe/London",),
    "CAT": ("Africa/Johannesburg",),
    "CET": ("Europe/Berlin",),
    "CST": ("America/Chicago", "Asia/Shanghai"),
    "EET": ("Europe/Helsinki",),
    "EST": ("America/New_York",),
    "GMT": ("Europe/London", "UTC"),
    "GST": ("Asia/Dubai",),
    "HKT": ("Asia/Hong_Kong",),
    "HST": ("Pacific/Honolulu",),
    "ICT": ("Asia/Bangkok",),
    "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "JST": ("Asia/Tokyo",),
    "KST": ("Asia/Seoul",),
    "MET": ("Europe/Berlin",),
    "MEZ": ("Europe/Berlin",),
    "MSK": ("Europe/Moscow",),
    "MST": ("America/Denver", "America/Phoenix"),
    "MYT": ("Asia/Kuala_Lumpur",),
    "NST": ("America/St_Johns",),
    "NZST": ("Pacific/Auckland",),
    "PHT": ("Asia/Manila",),
    "PKT": ("Asia/Karachi",),
    "PST": ("America/Los_Angeles",),
    "SAST": ("Africa/Johannesburg",),
    "SGT": ("Asia/Singapore",),
    "UTC": ("UTC",),
    "WET": ("Europe/Lisbon",),
    "WIB": ("Asia/Jakarta",),
    "Z": ("UTC",),
}
"""Places by the abbreviation of their standard time."""
_SUMMER: Final = {"CEST": "CET", "EEST": "EET", "WEST": "WET", "MESZ": "MEZ", "NZDT": "NZST"}
_COUNTRIES: Final = {
    "日本": "Asia/Tokyo",
    "日本時間": "Asia/Tokyo",
    "日本標準時": "Asia/Tokyo",
    "東京": "Asia/Tokyo",
    "大阪": "Asia/Tokyo",
    "osaka": "Asia/Tokyo",
    "korea": "Asia/Seoul",
    "taiwan": "Asia/Taipei",
    "china": "Asia/Shanghai",
    "beijing": "Asia/Shanghai",
    "vietnam": "Asia/Ho_Chi_Minh",
    "thailand": "Asia/Bangkok",
    "india": "Asia/Kolkata",
    "germany": "Europe/Berlin",
    "france": "Europe/Paris",
    "uk": "Europe/London",
}
"""Places that people look for, and that the database has no name for."""
_BY_OFFSET: Final = {
    -480: "America/Los_Angeles",
    -420: "America/Denver",
    -360: "America/Chicago",
    -300: "America/New_York",
    -180: "America/Sao_Paulo",
    0: "UTC",
    60: "Europe/Berlin",
    120: "Europe/Helsinki",
    180: "Europe/Istanbul",
    240: "Asia/Dubai",
    300: "Asia/Karachi",
    330: "Asia/Kolkata",
    345: "Asia/Kathmandu",
    360: "Asia/Dhaka",
    390: "Asia/Yangon",
    420: "Asia/Bangkok",
    480: "Asia/Singapore",
    540: "Asia/Tokyo",
    570: "Australia/Darwin",
    600: "Australia/Brisbane",
    720: "Pacific/Auckland",
}
"""A well-known place by its standard time, in minutes east of UTC."""
_OFFSET: Final = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?", re.IGNORECASE)
_BOTH_CLOCKS: Final = re.compile(r"^([A-Z]{3,4})\d.*")
_REGIONS: Final = {
    "africa": "Africa/Johannesburg",
    "america": "America/New_York",
    "antarctica": "Antarctica/Palmer",
    "arctic": "Arctic/Longyearbyen",
    "asia": "Asia/Tokyo",
    "atlantic": "Atlantic/Reykjavik",
    "australia": "Australia/Sydney",
    "etc": "Etc/UTC",
    "europe": "Europe/Berlin",
    "indian": "Indian/Maldives",
    "pacific": "Pacific/Auckland",
}
"""A zone of each region of the database."""
_ALIKE: Final = 0.75
"""How much of a city's name must be as given: among 400 names, less resembles one by chance."""
_CONTINENTS: Final = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Pacific")


def is_time_zone(name: str) -> bool:
    """Whether a site may have the zone ``name``: a place of the IANA database, or UTC."""
    if name in _NO_PLACE or name.startswith(("posix/", "right/")):
        return False  # "right" counts leap seconds: its days begin half a minute late
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # no such file, no such form, no such zone
        return False
    return True


def suggestions(given: str) -> tuple[str, ...]:
    """The zones that ``given`` most likely means: one, several, or none."""
    word = "_".join(unicodedata.normalize("NFKC", given).split())
    if several := _by_abbreviation(word.upper()):
        return several
    one = _by_offset(word) or _by_place(word)
    return (one,) if one else ()


def suggestion(given: str) -> Message:
    """What to write instead of ``given``, as the next step of an error."""
    if example := zone_of_region(given):
        return messages.CITY(zone=example)
    zones = suggestions(given)
    if len(zones) > 1:
        return messages.TIME_ZONES(zones=zones)
    return DID_YOU_MEAN(name=zones[0]) if zones else messages.IANA()


def zone_of_region(given: str) -> str | None:
    """A zone of the region that ``given`` names without a city, as in ``Asia``; else ``None``."""
    word = unicodedata.normalize("NFKC", given).strip().strip("/").casefold()
    return _REGIONS.get(word)


def _by_abbreviation(word: str) -> tuple[str, ...]:
    """Zones by an abbreviation of their clock, as JST, or by both, as PST8PDT."""
    word = _BOTH_CLOCKS.sub(r"\1", word)
    standard = _SUMMER.get(word) or re.sub("DT$", "ST", word)
    found = _ABBREVIATIONS.get(standard, ())
    if not found and re.fullmatch("[A-Z]{3,5}", word):
        found = tuple(zone for zone in _places() if word in _abbreviations_of(zone))[:1]
    return found


def _abbreviations_of(zone: str) -> Iterator[str]:
    """The abbreviations of a zone's standard and summer time."""
    moment = datetime(2025, 1, 15, tzinfo=UTC)
    for days in (0, 182):
        yield ((moment + timedelta(days=days)).astimezone(ZoneInfo(zone)).tzname() or "").upper()


def _by_offset(word: str) -> str | None:
    found = _OFFSET.fullmatch(word)
    if found is None:
        return None
    minutes = 60 * int(found[2]) + int(found[3] or 0)
    return _BY_OFFSET.get(minutes if found[1] == "+" else -minutes)


def _by_place(word: str) -> str | None:
    """A zone by its name or the last part of it, however it is written, or nearly so."""
    city = word.rpartition("/")[2]
    known = _COUNTRIES.get(city.casefold())
    if known is not None:
        return known
    if city in _NO_PLACE or zone_of_region(word):
        return None
    whole = {zone.casefold(): zone for zone in _places()}
    if word.casefold() in whole:
        return whole[word.casefold()]
    cities = {zone.rpartition("/")[2]: zone for zone in reversed(_places())}
    return cities.get(nearest(city, cities, alike=_ALIKE) or "")


@cache
def _places() -> Sequence[str]:
    """The zones of this machine that a site may have, the usual names first. Takes 13 ms."""
    given = available_timezones() - _NO_PLACE
    zones = (zone for zone in given if not zone.startswith("Etc/"))
    return sorted(zones, key=lambda zone: (not zone.startswith(_CONTINENTS), zone))
