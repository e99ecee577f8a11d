"""A meter whose counter is whatever a test says it showed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from portal.fleet.models import Device, Site
from tests.portal.web.seed_rows import add_series

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portal.ingest.models import Series

TOKYO = ZoneInfo("Asia/Tokyo")
MINUTE = 60_000
HOUR = 60 * MINUTE


def ms(text: str, zone: ZoneInfo = TOKYO) -> int:
    """Unix milliseconds of a local time such as ``2026-05-04 10:30``."""
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def noon_zone(now: datetime) -> str:
    """A time zone in which it is between 12 and 13 o'clock: the last hours are all of today."""
    return f"Etc/GMT{now.astimezone(UTC).hour - 12:+d}"


def meter(site: int, name: str) -> Device:
    """A new device at a seeded site."""
    gateway = Site.objects.get(pk=site).gateways.all()[0]
    return Device.objects.create(gateway=gateway, name=name, label=name, reachability="online")


def counted(  # the columns of a series
    device: Device,
    samples: Iterable[tuple[int, int | None]],
    quantity: str = "energy.import",
    part: str = "",
    resolution: int = 0,
) -> Series:
    """A counter of a device, with what it showed."""
    return add_series(device, quantity, part, resolution, samples)


def steady(start: str, end: str, watts: int, first: int = 1_000_000) -> list[tuple[int, int]]:
    """A reading every minute of a load that never changes, in Wh."""
    begin = ms(start)
    return [(at, first + watts * (at - begin) // HOUR) for at in range(begin, ms(end) + 1, MINUTE)]
