"""The vocabulary: what a device reported, in the words every part of Kanmon shares.

A `Report` is one look at one device::

    Report
    |-- device, at, clock           whose, and when (milliseconds since this boot)
    |-- reachability, state         could we talk to it; what it is doing
    |-- identity                    maker, model, serial, firmware, mac
    |-- readings: Reading*          quantity, part, value (an integer of 10**resolution), quality
    |-- conditions: Condition*      what is wrong with it, gravest first when shown
    |   `-- evidence: Evidence*     the values that say so
    `-- supplies: Supply*           ink, toner, waste: per cent of life left

Three rules hold everywhere:

* A value that could not be had is ``None`` with its `Quality`, never 0.
* Numbers are integers with a decimal exponent from the register to the database, because
  ``raw * 0.1`` and ``raw / 10`` differ for a third of all 16-bit values.
* Times are milliseconds of ``CLOCK_BOOTTIME``; a `Clock` says what they mean in UTC, once known.

Standard library and `console.text` only: importing this module loads no device, network or
validation library.
Quantities are in `drivers.quantity`, conditions in `drivers.condition`; the JSON form is in
`drivers.report_json`.

Sources: design section 2; RFC 3805 (supplies, severities).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import repeat
from typing import Final

from drivers.condition import Code, Condition, Evidence, EvidenceKind, Severity, gravest
from drivers.quantity import PART_VALUES, Kind, PartError, Quantity, check_part

__all__ = [
    "PART_VALUES",
    "Clock",
    "Code",
    "Condition",
    "Evidence",
    "EvidenceKind",
    "Identity",
    "Kind",
    "Observation",
    "PartError",
    "Quality",
    "Quantity",
    "Reachability",
    "Reading",
    "Report",
    "Severity",
    "State",
    "Supply",
    "SupplyState",
    "check_part",
    "gravest",
]


class Quality(StrEnum):
    """Whether a value is one, or why there is none. Everything but ``good`` means value ``None``.

    The member's position is what travels on the wire: append, never reorder.
    """

    GOOD = "good"
    NOT_SUPPORTED = "not_supported"
    """This device has no such value."""
    NOT_AVAILABLE = "not_available"
    """The device has it, but said it has none now (an absent value, a NaN, an SNMP -2)."""
    OUT_OF_RANGE = "out_of_range"
    """What came cannot be: outside the range its profile or its type allows."""
    UNRECONCILED = "unreconciled"
    """A split that does not add up to the device's own total (printers)."""


class State(StrEnum):
    """What the device is doing (requirement E-30)."""

    RUNNING = "running"
    """A printer prints, an inverter generates, a meter measures a load."""
    READY = "ready"
    ERROR = "error"
    OTHER = "other"


class Reachability(StrEnum):
    """Whether we can talk to the device; beside its state, never mixed with it."""

    ONLINE = "online"
    SILENT_AS_EXPECTED = "silent_as_expected"
    """Silent when its profile says it may be: night for PV, sleep for printers."""
    UNREACHABLE = "unreachable"
    NEVER = "never"
    """Has not answered since it was configured (requirement C-17, shown pale)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One value of one quantity.

    Attributes:
        quantity: What it is; its unit and kind come with it.
        value: An integer in units of ``10**resolution`` of the quantity's unit, the words of a
            text quantity, or ``None`` where there is none (``quality`` says why).
        resolution: The decimal exponent of ``value``: -1 means tenths.
        part: Which phase, tariff or slice: ``""``, ``l1``, ``tariff=2`` or
            ``colour=mono,function=copy`` (keys sorted). See `check_part` and `console.part_key`.
        at: Midpoint of the transaction that fetched it, milliseconds since boot.
        quality: ``good``, or why there is no value.
    """

    quantity: Quantity
    value: int | str | None
    at: int
    resolution: int = 0
    part: str = ""
    quality: Quality = Quality.GOOD


_SETTERS: Final = tuple(
    getattr(Reading, name).__set__
    for name in ("quantity", "value", "resolution", "part", "at", "quality")
)
"""Of its slots: what a frozen dataclass uses itself, by name and one by one."""


def readings_of(
    at: int,
    quantities: Sequence[Quantity],
    values: Sequence[int | str],
    resolutions: Sequence[int],
    parts: Sequence[str],
) -> list[Reading]:
    """The good readings of one time, given as columns of one length.

    As `Reading` would make them one by one, in a third of the time: every loop runs in C. A poll
    of 400 registers spends more on making readings than on anything else.
    """
    made = list(map(object.__new__, repeat(Reading, len(values))))
    columns: tuple[Iterable[object], ...] = (
        quantities, values, resolutions, parts, repeat(at), repeat(Quality.GOOD)
    )  # fmt: skip
    for put, column in zip(_SETTERS, columns, strict=True):
        deque(map(put, made, column), maxlen=0)
    return made


class SupplyState(StrEnum):
    """What is known of a supply beside, or instead of, its level (RFC 3805 section 6, -1 to -3)."""

    OK = "ok"
    LOW = "low"
    EMPTY = "empty"
    SOME_LEFT = "some_left"
    UNKNOWN = "unknown"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Something that is used up, or fills up.

    Attributes:
        kind: ``toner``, ``ink``, ``drum``, ``waste``, ``maintenance_tank``, ``funds``, ...
        colour: ``black``, ``light_cyan``, ... or ``""``.
        name: The device's own name for it.
        level: Per cent of life left; for waste, per cent of *space* left. ``None`` with a state
            where it is not known in per cent.
        capacity: In ``unit``, or ``None``.
        unit: Of the capacity: ``impressions``, ``ml``, ``%``, ...
        state: What is known beside the level.
    """

    kind: str
    colour: str = ""
    name: str = ""
    level: int | None = None
    capacity: int | None = None
    unit: str = ""
    state: SupplyState = SupplyState.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a device is. ``""`` where it does not say."""

    maker: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    mac: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The meaning of milliseconds since boot in UTC.

    Attributes:
        boot: The kernel's boot id, 32 hexadecimal digits.
        offset: Milliseconds to add to a boot time to get Unix time; ``None`` while unknown.
    """

    boot: str
    offset: int | None

    def utc_ms(self, at: int) -> int | None:
        """Unix time in milliseconds of a boot time, or ``None`` while that is unknown."""
        return None if self.offset is None else at + self.offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a driver saw in one read: a `Report` without device and reachability.

    ``identity`` and ``state`` are ``None`` when this read did not ask for them; ``conditions``
    and ``supplies`` are ``None`` when it did not, and empty when it did and there are none.
    """

    readings: tuple[Reading, ...] = ()
    state: State | None = None
    identity: Identity | None = None
    conditions: tuple[Condition, ...] | None = None
    supplies: tuple[Supply, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One look at one device, complete in itself: conditions and supplies are the whole sets.

    Attributes:
        device: The installation's name for it (``main-incomer``).
        at: When the poll ended, milliseconds since boot.
        clock: What ``at`` means in UTC.
    """

    device: str
    at: int
    clock: Clock
    reachability: Reachability
    state: State = State.OTHER
    identity: Identity = Identity()
    readings: tuple[Reading, ...] = ()
    conditions: tuple[Condition, ...] = ()
    supplies: tuple[Supply, ...] = ()
