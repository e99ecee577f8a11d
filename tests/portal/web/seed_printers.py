"""Printers of the fleet that tests look at: supplies, and what they printed in a month."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.portal.web.seed_rows import DAY, HOUR, MINUTE, add_device, add_series, milliseconds

if TYPE_CHECKING:
    from datetime import datetime


SUPPLIES = (
    ("ink", "black", "", 12, "low"),
    ("ink", "cyan", "", 64, "ok"),
    ("ink", "magenta", "", None, "some_left"),
    ("ink", "yellow", "", None, "unknown"),
    ("maintenance_tank", "", "T6997", 41, "ok"),
)


def add_printers(gateway: int, now: datetime) -> None:
    from portal.fleet.models import DeviceSupply

    label = add_device(
        gateway, "label-printer", "Label printer", now, ("Example", "LX-900", "LX9-00412")
    )
    copier = add_device(
        gateway,
        "copier",
        "3F copier",
        now,
        ("Example", "Copier C450", "CP-0457781"),
        state="running",
    )
    for printer in (label, copier):
        for kind, colour, name, level, state in SUPPLIES:
            DeviceSupply.objects.create(
                device=printer, kind=kind, colour=colour, name=name, level=level, state=state
            )
        add_series(printer, "jobs", "", 0, _prints(now, 8_114, 3))
    add_series(label, "area", "", -4, _prints(now, 12_345_678, 5_210))
    add_series(copier, "impressions", "", 0, _prints(now, 184_220, 17))


def _prints(now: datetime, last: int, each: int) -> list[tuple[int, int | None]]:
    """What a printer counted for a month of office hours; every five minutes of the last day."""
    end = milliseconds(now) - MINUTE
    hours = range(end - 31 * DAY, end - 26 * HOUR, HOUR)
    times = [at for at in hours if 7 <= _hour(at) <= 21]
    times += range(end - 26 * HOUR, end + 1, 5 * MINUTE)
    steps = [
        each * random.randrange(4) * ((at - before) // (5 * MINUTE)) if 9 <= _hour(at) < 19 else 0
        for before, at in pairwise(times)
    ]
    value = last - sum(steps)
    samples: list[tuple[int, int | None]] = []
    for at, step in zip(times, [0, *steps], strict=True):
        value += step
        samples.append((at, value))
    return samples


def _hour(at: int) -> int:
    return (at // HOUR + 9) % 24
