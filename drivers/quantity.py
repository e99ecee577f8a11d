"""The closed list of quantities: what can be measured or counted, with unit, kind and parts.

Everything here is also reachable as ``drivers.report.X``, which is where
the other packages import it from.

Sources: design section 2; IEC 62053 for the energy registers; RFC 3805 and PWG 5100.22 for the
printers' counters.
"""

from __future__ import annotations

import re
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

from console import part_key
from console.part_key import Slices
from console.templates import quantity as texts
from console.templates import value as values
from console.text import MessageError

if TYPE_CHECKING:
    from typing import Self


class Kind(StrEnum):
    """How a quantity behaves over time."""

    GAUGE = "gauge"
    """Goes up and down; sent when it changes, and once a heartbeat."""
    COUNTER = "counter"
    """Only grows, except when its register starts anew; every change is sent."""
    TEXT = "text"
    """Words rather than numbers."""


_NONE: frozenset[str] = frozenset()
_PHASES = frozenset({"l1", "l2", "l3", "n"})
_LINES = frozenset({"l1-l2", "l2-l3", "l3-l1"})
_FLOW = frozenset({"tariff", "phase", "string", "channel"})
_PRINT = frozenset({"colour", "function", "size", "side", "duty"})

PART_VALUES: dict[str, re.Pattern[str]] = {
    "tariff": re.compile(r"[1-9][0-9]?"),
    "phase": re.compile(r"l[123]"),
    "string": re.compile(r"[1-9][0-9]?"),
    "channel": re.compile(r"[1-9][0-9]?"),
    "colour": re.compile(r"mono|colour|two|single"),
    "function": re.compile(r"copy|print|receive|scan|send|duplex|list"),
    "size": re.compile(r"[A-Za-z0-9][A-Za-z0-9._+]*"),
    "side": re.compile(r"simplex|duplex"),
    "duty": re.compile(r"[A-E]"),
    "lane": re.compile(r"[a-z]+"),
    "line": re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*"),
}
"""What may follow each key of a part such as ``colour=mono,size=A4``."""


class Quantity(Enum):
    """What is measured or counted. Each member fixes its unit, its kind and the parts it may have.

    The value is the name that travels (``energy.import``); ``unit`` is SI, or the counted thing.
    """

    def __new__(
        cls,
        label: str,
        unit: str = "",
        kind: Kind = Kind.GAUGE,
        tokens: frozenset[str] = _NONE,
        keys: frozenset[str] = _NONE,
    ) -> Self:
        """Make the name the value, so that ``Quantity("power.active")`` finds the member."""
        member = object.__new__(cls)
        member._value_ = label
        member.label, member.unit, member.kind = label, unit, kind
        member.tokens, member.keys = tokens, keys
        return member

    label: str
    unit: str
    kind: Kind
    tokens: frozenset[str]
    keys: frozenset[str]

    # Electricity
    VOLTAGE = "voltage", "V", Kind.GAUGE, _PHASES | _LINES, frozenset({"string"})
    CURRENT = "current", "A", Kind.GAUGE, _PHASES, frozenset({"string", "channel"})
    FREQUENCY = "frequency", "Hz", Kind.GAUGE, _NONE, _NONE
    POWER_ACTIVE = "power.active", "W", Kind.GAUGE, _PHASES, frozenset({"string", "channel"})
    POWER_REACTIVE = "power.reactive", "var", Kind.GAUGE, _PHASES, frozenset({"channel"})
    POWER_APPARENT = "power.apparent", "VA", Kind.GAUGE, _PHASES, frozenset({"channel"})
    POWER_FACTOR = "power_factor", "1", Kind.GAUGE, _PHASES, frozenset({"channel"})
    PHASE_ANGLE = "phase_angle", "deg", Kind.GAUGE, _PHASES | _LINES, _NONE
    THD_VOLTAGE = "thd.voltage", "%", Kind.GAUGE, _PHASES | _LINES, _NONE
    THD_CURRENT = "thd.current", "%", Kind.GAUGE, _PHASES, _NONE
    DEMAND_ACTIVE = "demand.active", "W", Kind.GAUGE, _PHASES, _NONE
    DEMAND_ACTIVE_PEAK = "demand.active.peak", "W", Kind.GAUGE, _PHASES, _NONE
    DEMAND_CURRENT = "demand.current", "A", Kind.GAUGE, _PHASES, _NONE
    DEMAND_CURRENT_PEAK = "demand.current.peak", "A", Kind.GAUGE, _PHASES, _NONE
    ENERGY_IMPORT = "energy.import", "Wh", Kind.COUNTER, _PHASES, _FLOW
    ENERGY_EXPORT = "energy.export", "Wh", Kind.COUNTER, _PHASES, _FLOW
    ENERGY_TOTAL = "energy.total", "Wh", Kind.COUNTER, _PHASES, _FLOW
    ENERGY_NET = "energy.net", "Wh", Kind.GAUGE, _PHASES, _FLOW
    ENERGY_REACTIVE_IMPORT = "energy.reactive.import", "varh", Kind.COUNTER, _PHASES, _FLOW
    ENERGY_REACTIVE_EXPORT = "energy.reactive.export", "varh", Kind.COUNTER, _PHASES, _FLOW
    ENERGY_REACTIVE = "energy.reactive.total", "varh", Kind.COUNTER, _PHASES, _FLOW
    ENERGY_APPARENT = "energy.apparent", "VAh", Kind.COUNTER, _PHASES, _FLOW
    CHARGE = "charge", "Ah", Kind.COUNTER, _PHASES, _FLOW
    # Heat, water, gas, weather
    TEMPERATURE = "temperature", "°C", Kind.GAUGE, _NONE, frozenset({"channel"})
    TEMPERATURE_FLOW = "temperature.flow", "°C", Kind.GAUGE, _NONE, frozenset({"channel"})
    TEMPERATURE_RETURN = "temperature.return", "°C", Kind.GAUGE, _NONE, frozenset({"channel"})
    PRESSURE = "pressure", "Pa", Kind.GAUGE, _NONE, frozenset({"channel"})
    FLOW = "flow", "m³/h", Kind.GAUGE, _NONE, frozenset({"channel"})
    POWER_THERMAL = "power.thermal", "W", Kind.GAUGE, _NONE, frozenset({"channel"})
    ENERGY_HEAT = "energy.heat", "Wh", Kind.COUNTER, _NONE, _FLOW
    ENERGY_COLD = "energy.cold", "Wh", Kind.COUNTER, _NONE, _FLOW
    VOLUME = "volume", "m³", Kind.COUNTER, _NONE, _FLOW
    VOLUME_GAS = "volume.gas", "m³", Kind.COUNTER, _NONE, _FLOW
    VOLUME_WATER = "volume.water", "m³", Kind.COUNTER, _NONE, _FLOW
    IRRADIANCE = "irradiance", "W/m²", Kind.GAUGE, _NONE, _NONE
    # Printers and postage
    IMPRESSIONS = "impressions", "impressions", Kind.COUNTER, _NONE, _PRINT
    SHEETS = "sheets", "sheets", Kind.COUNTER, _NONE, _PRINT
    JOBS = "jobs", "jobs", Kind.COUNTER, _NONE, _PRINT
    AREA = "area", "m²", Kind.COUNTER, _NONE, _PRINT
    LENGTH = "length", "m", Kind.COUNTER, _NONE, _PRINT
    INK = "ink", "l", Kind.COUNTER, _NONE, _PRINT
    PIECES = "pieces", "pieces", Kind.COUNTER, _NONE, _NONE
    FUNDS_REMAINING = "funds.remaining", "1", Kind.GAUGE, _NONE, _NONE
    FUNDS_USED = "funds.used", "1", Kind.COUNTER, _NONE, _NONE
    # Any device
    UPTIME = "uptime", "s", Kind.GAUGE, _NONE, _NONE
    OPERATING_TIME = "operating_time", "s", Kind.COUNTER, _NONE, _NONE
    RESISTANCE = "resistance", "Ω", Kind.GAUGE, _NONE, _NONE
    SIGNAL = "signal", "dBm", Kind.GAUGE, _NONE, _NONE
    NOTE = "note", "", Kind.TEXT, _NONE, frozenset({"channel"})
    # The gateway itself
    SPOOL_RECORDS = "spool.records", "records", Kind.GAUGE, _NONE, frozenset({"lane"})
    SPOOL_BYTES = "spool.bytes", "B", Kind.GAUGE, _NONE, _NONE
    SPOOL_OLDEST = "spool.oldest", "s", Kind.GAUGE, _NONE, _NONE
    SPOOL_DROPPED = "spool.dropped", "records", Kind.COUNTER, _NONE, frozenset({"lane"})
    SPOOL_REJECTED = "spool.rejected", "records", Kind.COUNTER, _NONE, _NONE
    POLLS = "polls", "polls", Kind.COUNTER, _NONE, frozenset({"line"})
    POLLS_FAILED = "polls.failed", "polls", Kind.COUNTER, _NONE, frozenset({"line"})
    POLLS_MISSED = "polls.missed", "polls", Kind.COUNTER, _NONE, frozenset({"line"})
    DISK_FREE = "disk.free", "B", Kind.GAUGE, _NONE, _NONE
    MEMORY_RESIDENT = "memory.resident", "B", Kind.GAUGE, _NONE, _NONE
    CPU_TIME = "cpu.time", "s", Kind.COUNTER, _NONE, _NONE


class PartError(MessageError, ValueError):
    """A part that its quantity does not allow; the next step says what it allows."""


def check_part(quantity: Quantity, part: str) -> None:
    """Raise `PartError` unless ``part`` is one that ``quantity`` may have.

    Its grammar is that of `console.part_key`; the names of slices are sorted.
    """
    if part == "" or part in quantity.tokens:
        return
    found = part_key.read(part)
    pairs = found.pairs if isinstance(found, Slices) else ((part, ""),)
    keys = [key for key, _ in pairs]
    allowed = (*sorted(quantity.tokens), *(f"{key}=..." for key in sorted(quantity.keys)))
    if not allowed:
        what = texts.NO_PARTS(quantity=quantity.value)
        raise PartError(what, next_step=texts.REMOVE_PART())
    if keys != sorted(set(keys)):
        raise PartError(texts.UNSORTED_KEYS(part=part), next_step=texts.SORT_KEYS())
    for key, value in pairs:
        if key not in quantity.keys:
            what = texts.UNKNOWN_PART(quantity=quantity.value, part=part)
            use = values.USE_ONE_OF if len(allowed) > 1 else values.USE
            raise PartError(what, next_step=use(known=allowed))
        if not PART_VALUES[key].fullmatch(value):
            what = texts.UNKNOWN_VALUE(value=value, key=key, part=part)
            raise PartError(what, next_step=texts.CORRECT_VALUE(key=key))
