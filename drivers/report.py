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
The JSON form and its schema are in `drivers.report_json`.

Sources: design section 2; RFC 3805 (supplies, severities).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import repeat
from typing import Final

from console.text import NO_MESSAGE, Message
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


class Severity(StrEnum):
    """How severe a condition is; a device shows its gravest one (requirement C-17)."""

    SERVICE_CALL = "service_call"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """The order of severities: 0 is the most severe."""
        return _SEVERITY_RANK[self]


_SEVERITY_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Code(StrEnum):
    """The closed vocabulary of conditions."""

    MEDIA_JAM = "media.jam"
    MEDIA_EMPTY = "media.empty"
    MEDIA_LOW = "media.low"
    MEDIA_MISMATCH = "media.mismatch"
    OUTPUT_FULL = "output.full"
    OUTPUT_NEAR_FULL = "output.near_full"
    TRAY_MISSING = "tray.missing"
    SUPPLY_LOW = "supply.low"
    SUPPLY_EMPTY = "supply.empty"
    SUPPLY_MISSING = "supply.missing"
    WASTE_NEAR_FULL = "waste.near_full"
    WASTE_FULL = "waste.full"
    COVER_OPEN = "cover.open"
    MAINTENANCE_DUE = "maintenance.due"
    HARDWARE_FAILURE = "hardware.failure"
    TEMPERATURE_HIGH = "temperature.high"
    TEMPERATURE_LOW = "temperature.low"
    GRID_OVERVOLTAGE = "grid.overvoltage"
    GRID_UNDERVOLTAGE = "grid.undervoltage"
    GRID_FREQUENCY = "grid.frequency"
    GRID_LOST = "grid.lost"
    PHASE_LOST = "phase.lost"
    PHASE_SEQUENCE = "phase.sequence"
    OVERCURRENT = "overcurrent"
    OVERLOAD = "overload"
    INSULATION_FAULT = "insulation.fault"
    GROUND_FAULT = "ground.fault"
    SENSOR_FAULT = "sensor.fault"
    LEAK = "leak"
    TAMPER = "tamper"
    BATTERY_LOW = "battery.low"
    MEMORY_FAULT = "memory.fault"
    CLOCK_UNSET = "clock.unset"
    CERTIFICATE_EXPIRING = "certificate.expiring"
    FUNDS_LOW = "funds.low"
    DEVICE_OFFLINE = "device.offline"
    ATTENTION = "attention"
    COMM_UNREACHABLE = "comm.unreachable"
    COMM_TIMEOUT = "comm.timeout"
    COMM_REFUSED = "comm.refused"
    COMM_GARBLED = "comm.garbled"
    IDENTITY_CHANGED = "identity.changed"
    DRIVER_FAULT = "driver.fault"
    POLL_LATE = "poll.late"
    SPOOL_FULL = "spool.full"
    SPOOL_FAULT = "spool.fault"
    DISK_FULL = "disk.full"
    SERVICE_REQUESTED = "service.requested"
    NOTICE = "notice"
    """Nothing is wrong: a printer tells that it warms up, sleeps, was restarted."""


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


class EvidenceKind(StrEnum):
    """Where a value stands that a condition is based on."""

    OID = "oid"
    """In an SNMP object."""
    REGISTER = "register"
    """In a Modbus register or bit."""
    KEYWORD = "keyword"
    """Under a keyword, as IEC 62056-21, IPP or a device's own texts have them."""
    EXCHANGE = "exchange"
    """Nowhere: a poll failed."""
    GATEWAY = "gateway"
    """In the gateway's own counters, files or clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One value that a condition is based on.

    Attributes:
        kind: Where the value stands.
        address: The place within that: an OID, ``holding 40001``, a keyword, or the line and unit
            of a poll; ``""`` where there is none.
        label: What the place is called: ``prtAlertCode``; ``""`` if it has no name.
        value: The value as it came, as text; ``""`` where nothing came.
        meaning: What the value was read as; `NO_MESSAGE` if it stands for itself.
        profile: The profile that says what the value means; ``""`` where a standard does.
    """

    kind: EvidenceKind
    address: str = ""
    label: str = ""
    value: str = ""
    meaning: Message = NO_MESSAGE
    profile: str = ""

    def __str__(self) -> str:
        """The entry in English: ``prtAlertCode 1.3.6.1... = 8 (jam, class STOP)``."""
        where = " ".join(filter(None, (self.label, self.address)))
        fact = " = ".join(filter(None, (where, self.value)))
        profile = f"profile {self.profile}" if self.profile else ""
        notes = ", ".join(filter(None, (str(self.meaning), profile)))
        return f"{fact} ({notes})" if fact and notes else fact or notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that is so, and that somebody may have to see to.

    Identity is (device, code, component); a change of severity is an edge.

    Attributes:
        code: From the closed vocabulary.
        severity: How severe it is.
        component: Which part of the device: ``tray 2``, ``l1``, ``""`` for the whole. Its
            grammar is in `console.component_key`.
        message: The device's own words, or ours, for a person.
        evidence: The values that it is based on, the most severe first.
        next_step: What to do about this cause; `NO_MESSAGE` where the code says enough.
        since: When it was first seen, milliseconds since boot; ``None`` if before this boot.
    """

    code: Code
    severity: Severity
    component: str = ""
    message: Message = NO_MESSAGE
    evidence: tuple[Evidence, ...] = ()
    next_step: Message = NO_MESSAGE
    since: int | None = None

    @property
    def key(self) -> tuple[Code, str]:
        """What makes it the same condition as before, within one device."""
        return (self.code, self.component)

    @property
    def source(self) -> str:
        """The evidence as one English text, for people and for readers that know no fields."""
        return "; ".join(map(str, self.evidence))


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


def gravest(conditions: tuple[Condition, ...]) -> Condition | None:
    """The one condition a device shows: the gravest, the oldest among equals (C-17)."""
    if not conditions:
        return None
    return min(conditions, key=lambda c: (c.severity.rank, c.since if c.since is not None else -1))
