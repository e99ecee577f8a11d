"""How much one gateway may name in all: a budget alone would only make it slower.

What is beyond a bound is refused, and named in the log; the records that need it go to quarantine,
from where they can be stored once the bound is higher or something was removed.

Source: ADR 0024.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from cloud_link.validation import Flaw
from cloud_link.wire import RejectCode
from portal.fleet.models import Device
from portal.ingest.models import Series, WireTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloud_link.records import Table
    from portal.fleet.models import Box

DEVICES_MOST: Final = 1_000
"""Devices of a gateway: a large site has 250."""
TABLES_MOST: Final = 10_000
"""Tables of a box: one for each set of values that each of its devices has ever reported."""
SERIES_MOST: Final = 100_000
"""Series of a gateway: 10 units of 400 registers have 4,000, and 50 printers fewer."""


def device_flaw(gateway: int, name: str) -> Flaw | None:
    """Why a gateway may not have a device of this name, if it has none and may not."""
    if Device.objects.filter(gateway=gateway, name=name).exists():
        return None
    if Device.objects.filter(gateway=gateway).count() < DEVICES_MOST:
        return None
    return _flaw(DEVICES_MOST, "devices")


def admitted_devices(gateway: int, names: Iterable[str]) -> list[str]:
    """Those of the names that are devices of a gateway, or still may become ones."""
    wanted = list(dict.fromkeys(names))[:DEVICES_MOST]
    rows = Device.objects.filter(gateway=gateway, name__in=wanted)
    known = set(rows.values_list("name", flat=True))
    room = DEVICES_MOST - Device.objects.filter(gateway=gateway).count()
    fresh = [name for name in wanted if name not in known][: max(0, room)]
    return [*known, *fresh]


class TableBounds:
    """The bounds of the gateways whose new tables are looked at in a transaction."""

    def __init__(self) -> None:
        self._devices: dict[int, set[str]] = {}
        self._series: Counter[int] = Counter()
        self._tables: Counter[int] = Counter()

    def flaw(self, box: Box, table: Table) -> Flaw | None:
        """Why a new table may not be stored, if it may not; it counts from then on if it may."""
        gateway = box.gateway_id
        if gateway not in self._devices:
            names = Device.objects.filter(gateway=gateway).values_list("name", flat=True)
            self._devices[gateway] = set(names)
            self._series[gateway] = Series.objects.filter(device__gateway=gateway).count()
        if box.pk not in self._tables:
            self._tables[box.pk] = WireTable.objects.filter(box=box).count()
        devices = self._devices[gateway]
        if table.device not in devices and len(devices) >= DEVICES_MOST:
            return _flaw(DEVICES_MOST, "devices")
        if self._series[gateway] + len(table.columns) > SERIES_MOST:
            return _flaw(SERIES_MOST, "series")
        if self._tables[box.pk] >= TABLES_MOST:
            return _flaw(TABLES_MOST, "tables")
        devices.add(table.device)
        self._series[gateway] += len(table.columns)
        self._tables[box.pk] += 1
        return None


def _flaw(most: int, what: str) -> Flaw:
    detail = f"the gateway has {most:,} {what}, the most that it may have"
    return Flaw(code=RejectCode.REFUSED, detail=detail)
