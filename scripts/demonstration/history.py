"""Thirteen simulated months before what was read, straight into the portal's tables. A process.

    python -m scripts.demonstration.history FOLDER      prints {"samples": 278123, "seconds": 2.9}

Counters every half hour, and the last day as densely as a gateway sends, up to the first sample
that was read: there they go on, because both come from the same functions of time (`loads`). A
second run adds nothing. The portal marks what was made up (`portal.simulation`).
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scripts.demonstration.loads import Pages
from scripts.demonstration.sites import (
    GATEWAYS,
    PLANT,
    PRINTERS,
    Gateway,
    Past,
    Register,
    pages,
    printed,
    registers,
)

if TYPE_CHECKING:
    from portal.ingest.models import Series

SPARSE_S: Final = 1800
DENSE_S: Final = 10
"""The heartbeat of the demonstration's gateways: at that pace a chart has no gap."""
_DAY_S: Final = 25 * 3600
_AT_ONCE: Final = 20_000
BOOT: Final = b"made up\0"
"""Stands for the id of the boot whose clock dates these samples."""

Counter = Callable[[float], int]


def fill(folder: Path) -> dict[str, Any]:
    """Write the history that is missing; returns how many samples it has and how long it took."""
    from portal.simulation.models import SimulatedHistory

    began, past = time.monotonic(), Past.read(folder)
    known = set(SimulatedHistory.objects.values_list("gateway__name", flat=True))
    count = sum(_of_gateway(gateway, past) for gateway in GATEWAYS if gateway.name not in known)
    return {"samples": count, "seconds": round(time.monotonic() - began, 2)}


def _of_gateway(gateway: Gateway, past: Past) -> int:
    from django.db.models import Min

    from portal.fleet.models import Box
    from portal.ingest.models import BootClock, Sample, Series
    from portal.simulation.actions import mark_simulated

    counters = {device.name: _counters(device.name, past) for device in gateway.devices}
    rows = Series.objects.filter(device__gateway__name=gateway.name, device__name__in=counters)
    series = [
        one for one in rows.select_related("device") if _key(one) in counters[one.device.name]
    ]
    starts = dict(
        Sample.objects.filter(series__in=series).values_list("series").annotate(Min("at"))
    )
    box = Box.objects.filter(gateway__name=gateway.name).latest("pk")
    clock, _ = BootClock.objects.get_or_create(
        box=box, boot=BOOT, order=0,
        defaults={"since_boot_ms": 0, "offset_ms": 0, "synchronised": True},
    )  # fmt: skip
    outage = past.outage if gateway is PLANT else (0, 0)
    count, end = 0, min(starts.values(), default=int(time.time() * 1000))
    for one in series:
        count += _write(
            one.pk, clock.pk, moments(past, end, outage), counters[one.device.name][_key(one)]
        )
    mark_simulated(box.gateway, past.since * 1000, end)
    return count


def moments(past: Past, end_ms: int, outage: tuple[int, int]) -> Iterator[int]:
    """The moments of the samples, in Unix seconds."""
    end = (end_ms - 1) // 1000
    dense = end - _DAY_S
    for at in range(past.since, dense, SPARSE_S):
        if not outage[0] <= at < outage[1]:
            yield at
    yield from range(dense - dense % DENSE_S + DENSE_S, end, DENSE_S)


def _write(series: int, clock: int, moments: Iterator[int], value: Counter) -> int:
    from cloud_link.columns import QUALITIES
    from drivers.report import Quality
    from portal.ingest import samples

    good, count = QUALITIES.index(Quality.GOOD), 0
    while batch := list(islice(moments, _AT_ONCE)):
        rows = [(series, at * 1000, value(at), good, clock) for at in batch]
        samples.write_rows(samples.Rows(numbers=rows))
        count += len(rows)
    return count


def _key(series: Series) -> tuple[str, str]:
    return (series.quantity, series.part)


def _counters(name: str, past: Past) -> dict[tuple[str, str], Counter]:
    """The value of each of a device's series at a moment, as the integer that is stored."""
    for place in registers(past).values():
        if place.meter.name == name:
            return _of_meter(place)
    office = pages(past)
    return next(_of_printer(one, office) for one in PRINTERS if one.name == name)


def _of_meter(place: Register) -> dict[tuple[str, str], Counter]:
    def counter(which: int) -> Counter:
        return lambda at: watt_hours(place.counters_kwh(at)[which])

    return {
        ("energy.import", ""): counter(0),
        ("energy.export", ""): counter(1),
        ("power.active", ""): lambda at: round(place.power_w(at) * 10),
    }


def _of_printer(printer: Any, office: Pages) -> dict[tuple[str, str], Counter]:
    return {("impressions", ""): lambda at: printed(printer, office, at)}


def watt_hours(kwh: float) -> int:
    """The watt hours read of a counter in kWh in a 32-bit float, rounded down."""
    (held,) = struct.unpack(">f", struct.pack(">f", kwh))
    return int(held * 1000)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    json.dump(fill(Path(sys.argv[1])), sys.stdout)
