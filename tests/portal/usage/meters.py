"""A meter whose counter is whatever a test says it showed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from portal.fleet.models import Device, Site
from portal.ingest.models import Series
from portal.ingest.samples import Rows, write_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    series = Series.objects.create(
        device=device, quantity=quantity, part=part, resolution=resolution
    )
    write_rows(
        Rows(
            numbers=[
                (series.pk, at, value, 0 if value is not None else 2, 1) for at, value in samples
            ]
        )
    )
    return series


def steady(start: str, end: str, watts: int, first: int = 1_000_000) -> list[tuple[int, int]]:
    """A reading every minute of a load that never changes, in Wh."""
    begin = ms(start)
    return [(at, first + watts * (at - begin) // HOUR) for at in range(begin, ms(end) + 1, MINUTE)]
