"""The conditions of a device: what is wrong with it, how severe it is, and the values that say so.

Everything here is also reachable as ``drivers.report.X``, which is where
the other packages import it from.

Sources: design section 2; RFC 3805 (severities); requirement C-17.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from console.text import NO_MESSAGE, Message


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
    DATA_NOT_SENT = "data.not_sent"
    SPOOL_FULL = "spool.full"
    SPOOL_FAULT = "spool.fault"
    DISK_FULL = "disk.full"
    SERVICE_REQUESTED = "service.requested"
    NOTICE = "notice"
    """Nothing is wrong: a printer tells that it warms up, sleeps, was restarted."""


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


def gravest(conditions: tuple[Condition, ...]) -> Condition | None:
    """The one condition a device shows: the gravest, the oldest among equals (C-17)."""
    if not conditions:
        return None
    return min(conditions, key=lambda c: (c.severity.rank, c.since if c.since is not None else -1))
