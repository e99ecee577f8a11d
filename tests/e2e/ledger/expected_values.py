"""The values of the ledger's devices, each a known function of (device, n). Pure.

``n`` counts polls and is never used twice for a device: each process that makes reports gets a
range of its own. A reading's time follows from ``n`` too, so that every stored value can be checked
without a record of the values that were sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloud_link.columns import QUALITIES
from console.text import verbatim
from drivers.quantity import Quantity
from drivers.report import (
    Clock,
    Code,
    Condition,
    Identity,
    Quality,
    Reachability,
    Reading,
    Report,
    Severity,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Callable

BOX: Final = "b-ledger"
DEVICES: Final = ("meter-a", "meter-b", "meter-c", "meter-d")
STEP_MS: Final = 100
"""Milliseconds between two polls of a device, in the devices' own time."""
OFFSET: Final = 20_620 * 86_400_000
"""From boot to Unix time; n = 0 is a midnight, and days after the gateway's release: a wall clock
before that is unset (`gateway.clock.RELEASE_MS`)."""
RANGE: Final = 432_000
"""Polls of one process: half a day, so that every second process begins in `Lane.BOUNDARY`."""
HEARTBEAT_MS: Final = 20_000
CLOCK_AFTER: Final = 20
"""Polls a process makes before it knows the time."""
POISON_EVERY: Final = 200

Value = tuple[int | None, int]
"""A value and the position of its quality in `cloud_link.columns.QUALITIES`."""
_GOOD: Final = QUALITIES.index(Quality.GOOD)
_ABSENT: Final = QUALITIES.index(Quality.NOT_AVAILABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One value of every device: its quantity, its offset within a poll, and its function of n."""

    quantity: Quantity
    part: str
    resolution: int
    offset_ms: int
    value: Callable[[int, int], int | None]


def _noise(device: int, n: int) -> int:
    return (n * 7_919 + device * 104_729) % 200_001 - 100_000


COLUMNS: Final = (
    Column(
        quantity=Quantity.ENERGY_IMPORT,
        part="",
        resolution=0,
        offset_ms=0,
        value=lambda device, n: device * 10**9 + n * 7,
    ),
    Column(
        quantity=Quantity.ENERGY_EXPORT,
        part="",
        resolution=1,
        offset_ms=0,
        value=lambda device, n: device * 10**6 + n // 8,
    ),
    Column(quantity=Quantity.POWER_ACTIVE, part="l1", resolution=-1, offset_ms=3, value=_noise),
    Column(
        quantity=Quantity.POWER_ACTIVE,
        part="l2",
        resolution=-1,
        offset_ms=3,
        value=lambda device, n: None if n % 16 == 5 else _noise(device + 9, n // 3),
    ),
)
_BY_NAME: Final = {(c.quantity.value, c.part, c.resolution): c for c in COLUMNS}


def report(device: str, n: int, clock: Clock) -> Report:
    """The report of the ``n``-th poll of ``device``."""
    at, index = n * STEP_MS, DEVICES.index(device)
    return Report(
        device=device,
        at=at + 5,
        clock=clock,
        reachability=Reachability.ONLINE,
        state=state(n),
        identity=Identity(maker="Ledger", model="M1", serial=f"{index:04}"),
        readings=tuple(_reading(column, index, n) for column in COLUMNS),
        conditions=_conditions(n),
    )


def state(n: int) -> State:
    """The state of a device at its ``n``-th poll."""
    return State.RUNNING if n // 50 % 2 else State.READY


def _conditions(n: int) -> tuple[Condition, ...]:
    if n // 70 % 2:
        return ()
    return (
        Condition(code=Code.HARDWARE_FAILURE, severity=Severity.ERROR, message=verbatim("as told")),
    )


def _reading(column: Column, index: int, n: int) -> Reading:
    value = column.value(index, n)
    return Reading(
        quantity=column.quantity,
        part=column.part,
        resolution=column.resolution,
        value=value,
        at=n * STEP_MS + column.offset_ms,
        quality=Quality.NOT_AVAILABLE if value is None else Quality.GOOD,
    )


@dataclass(frozen=True, slots=True, order=True)
class SamplePoint:
    """A point of a series, to which exactly one value belongs."""

    device: str
    quantity: str
    part: str
    resolution: int
    at: int
    """Unix milliseconds."""


def expected(point: SamplePoint) -> Value | None:
    """The value that belongs to ``point``; ``None`` where none was ever read."""
    column = _BY_NAME.get((point.quantity, point.part, point.resolution))
    if column is None or point.device not in DEVICES:
        return None
    n, rest = divmod(point.at - OFFSET - column.offset_ms, STEP_MS)
    if rest or n < 0:
        return None
    value = column.value(DEVICES.index(point.device), n)
    return value, _ABSENT if value is None else _GOOD


def true_time(point: SamplePoint, value: int | None) -> int | None:
    """When this value was read, in Unix milliseconds, by itself; ``None`` where it does not say.

    Every poll of a device reads another count of imported energy.
    """
    known = (point.quantity, point.part) == (Quantity.ENERGY_IMPORT.value, "")
    if not known or value is None or point.device not in DEVICES:
        return None
    n, rest = divmod(value - DEVICES.index(point.device) * 10**9, 7)
    return None if rest else OFFSET + n * STEP_MS


def poll_of(reported_at: int) -> int | None:
    """The ``n`` of the report made at this Unix millisecond; ``None`` if there is none."""
    n, rest = divmod(reported_at - OFFSET - 5, STEP_MS)
    return None if rest else n
