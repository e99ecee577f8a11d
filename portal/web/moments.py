"""Moments for people to read, on a site's clock; nothing that a database can hold makes it raise.

A stored moment is a `datetime` in UTC, or an integer of Unix milliseconds, which may lie beyond
what a `datetime` can say (the years 1 to 9999). On a page it is never replaced by a nearer one:
what cannot be said on the site's clock is said in UTC, and what has no date at all is shown as
such. `datetime_of` is the one place that turns milliseconds into a time, exactly and never by way
of a float.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

AHEAD_MS: Final = 300_000
"""A reading that is dated later than the portal's own time by more is dated by a wrong clock."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_UTC: Final = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteMoment:
    """A moment on a site's clock.

    Attributes:
        ms: Unix milliseconds.
        utc: The moment in UTC; ``None`` outside of the years 1 to 9999.
        local: On the site's clock; in UTC where that clock would show another year than these.
        zone: The name of the zone that ``local`` is in.
    """

    ms: int
    utc: datetime | None
    local: datetime | None
    zone: str


def site_moment(at: datetime | int, zone: str) -> SiteMoment:
    """A stored moment on the clock of ``zone``, an IANA name."""
    utc = datetime_of(at) if isinstance(at, int) else at
    ms = at if isinstance(at, int) else milliseconds(at)
    clock = zone_of(zone)
    if utc is None:
        return SiteMoment(ms=ms, utc=None, local=None, zone=clock.key)
    try:
        return SiteMoment(ms=ms, utc=utc, local=utc.astimezone(clock), zone=clock.key)
    except OverflowError:
        return SiteMoment(ms=ms, utc=utc, local=utc.astimezone(UTC), zone=_UTC.key)


def datetime_of(ms: int) -> datetime | None:
    """Unix milliseconds as a moment in UTC; ``None`` outside of the years 1 to 9999."""
    try:
        return _EPOCH + ms * _MILLISECOND
    except OverflowError:
        return None


def nearest_datetime(ms: int) -> datetime:
    """Unix milliseconds as a moment in UTC; before the year 1 the first one, after 9999 the last.

    For limits of a query, and for times that were found plausible before.
    """
    found = datetime_of(ms)
    if found is None:
        return _FIRST if ms < 0 else _LAST
    return found


def milliseconds(at: datetime) -> int:
    """A moment as Unix milliseconds, rounded down."""
    return (at - _EPOCH) // _MILLISECOND


def zone_of(name: str) -> ZoneInfo:
    """The time zone of this IANA name; UTC where this machine knows no such zone."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return _UTC
