"""The vocabulary of `drivers.report` in both languages; a test holds that no word is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from drivers.report import Code, Quality, Quantity, Reachability, Severity, State
from portal.web.supply_words import supply_words

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

STATES: Final[dict[State, _StrPromise]] = {
    State.RUNNING: later("Running"),
    State.READY: later("Ready"),
    State.ERROR: later("Error"),
    State.OTHER: later("Other"),
}
REACHABILITIES: Final[dict[Reachability, _StrPromise]] = {
    Reachability.ONLINE: later("Online"),
    Reachability.SILENT_AS_EXPECTED: later("Resting"),
    Reachability.UNREACHABLE: later("Unreachable"),
    Reachability.NEVER: later("Never heard"),
}
SEVERITIES: Final[dict[Severity, _StrPromise]] = {
    Severity.SERVICE_CALL: later("Service call"),
    Severity.ERROR: later("Error"),
    Severity.WARNING: later("Warning"),
    Severity.INFO: later("Information"),
}
QUALITIES: Final[dict[Quality, _StrPromise]] = {
    Quality.GOOD: later("Good"),
    Quality.NOT_SUPPORTED: later("This device has no such value"),
    Quality.NOT_AVAILABLE: later("The device gave no value"),
    Quality.OUT_OF_RANGE: later("The value was outside its possible range"),
    Quality.UNRECONCILED: later("The parts do not add up to the device's total"),
}
CODES: Final[dict[Code, _StrPromise]] = {
    Code.MEDIA_JAM: later("Paper jam"),
    Code.MEDIA_EMPTY: later("Out of paper"),
    Code.MEDIA_LOW: later("Paper low"),
    Code.MEDIA_MISMATCH: later("Wrong paper"),
    Code.OUTPUT_FULL: later("Output full"),
    Code.OUTPUT_NEAR_FULL: later("Output nearly full"),
    Code.TRAY_MISSING: later("Tray missing"),
    Code.SUPPLY_LOW: later("Supply low"),
    Code.SUPPLY_EMPTY: later("Supply empty"),
    Code.SUPPLY_MISSING: later("Supply missing"),
    Code.WASTE_NEAR_FULL: later("Waste nearly full"),
    Code.WASTE_FULL: later("Waste full"),
    Code.COVER_OPEN: later("Cover open"),
    Code.MAINTENANCE_DUE: later("Maintenance due"),
    Code.HARDWARE_FAILURE: later("Hardware failure"),
    Code.TEMPERATURE_HIGH: later("Temperature high"),
    Code.TEMPERATURE_LOW: later("Temperature low"),
    Code.GRID_OVERVOLTAGE: later("Grid overvoltage"),
    Code.GRID_UNDERVOLTAGE: later("Grid undervoltage"),
    Code.GRID_FREQUENCY: later("Grid frequency out of range"),
    Code.GRID_LOST: later("Grid lost"),
    Code.PHASE_LOST: later("Phase lost"),
    Code.PHASE_SEQUENCE: later("Wrong phase sequence"),
    Code.OVERCURRENT: later("Overcurrent"),
    Code.OVERLOAD: later("Overload"),
    Code.INSULATION_FAULT: later("Insulation fault"),
    Code.GROUND_FAULT: later("Ground fault"),
    Code.SENSOR_FAULT: later("Sensor fault"),
    Code.LEAK: later("Leak"),
    Code.TAMPER: later("Tampering"),
    Code.BATTERY_LOW: later("Battery low"),
    Code.MEMORY_FAULT: later("Memory fault"),
    Code.CLOCK_UNSET: later("Clock not set"),
    Code.CERTIFICATE_EXPIRING: later("Certificate at its end"),
    Code.FUNDS_LOW: later("Funds low"),
    Code.DEVICE_OFFLINE: later("Device offline"),
    Code.ATTENTION: later("Needs attention"),
    Code.COMM_UNREACHABLE: later("No connection"),
    Code.COMM_TIMEOUT: later("No answer"),
    Code.COMM_REFUSED: later("Request refused"),
    Code.COMM_GARBLED: later("Answer not understood"),
    Code.IDENTITY_CHANGED: later("Another device at this address"),
    Code.DRIVER_FAULT: later("Driver fault"),
    Code.POLL_LATE: later("Reading takes too long"),
    Code.SPOOL_FULL: later("Buffer full"),
    Code.SPOOL_FAULT: later("Buffer fault"),
    Code.DISK_FULL: later("Disk full"),
    Code.SERVICE_REQUESTED: later("Service requested"),
    Code.NOTICE: later("Notice"),
}
QUANTITIES: Final[dict[Quantity, _StrPromise]] = {
    Quantity.VOLTAGE: later("Voltage"),
    Quantity.CURRENT: later("Current"),
    Quantity.FREQUENCY: later("Frequency"),
    Quantity.POWER_ACTIVE: later("Active power"),
    Quantity.POWER_REACTIVE: later("Reactive power"),
    Quantity.POWER_APPARENT: later("Apparent power"),
    Quantity.POWER_FACTOR: later("Power factor"),
    Quantity.PHASE_ANGLE: later("Phase angle"),
    Quantity.THD_VOLTAGE: later("Voltage distortion (THD)"),
    Quantity.THD_CURRENT: later("Current distortion (THD)"),
    Quantity.DEMAND_ACTIVE: later("Power demand"),
    Quantity.DEMAND_ACTIVE_PEAK: later("Peak power demand"),
    Quantity.DEMAND_CURRENT: later("Current demand"),
    Quantity.DEMAND_CURRENT_PEAK: later("Peak current demand"),
    Quantity.ENERGY_IMPORT: later("Energy imported"),
    Quantity.ENERGY_EXPORT: later("Energy exported"),
    Quantity.ENERGY_TOTAL: later("Energy, total"),
    Quantity.ENERGY_NET: later("Energy, net"),
    Quantity.ENERGY_REACTIVE_IMPORT: later("Reactive energy imported"),
    Quantity.ENERGY_REACTIVE_EXPORT: later("Reactive energy exported"),
    Quantity.ENERGY_REACTIVE: later("Reactive energy, total"),
    Quantity.ENERGY_APPARENT: later("Apparent energy"),
    Quantity.CHARGE: later("Charge"),
    Quantity.TEMPERATURE: later("Temperature"),
    Quantity.TEMPERATURE_FLOW: later("Flow temperature"),
    Quantity.TEMPERATURE_RETURN: later("Return temperature"),
    Quantity.PRESSURE: later("Pressure"),
    Quantity.FLOW: later("Flow rate"),
    Quantity.POWER_THERMAL: later("Thermal power"),
    Quantity.ENERGY_HEAT: later("Heat"),
    Quantity.ENERGY_COLD: later("Cooling"),
    Quantity.VOLUME: later("Volume"),
    Quantity.VOLUME_GAS: later("Gas"),
    Quantity.VOLUME_WATER: later("Water"),
    Quantity.IRRADIANCE: later("Irradiance"),
    Quantity.IMPRESSIONS: later("Impressions"),
    Quantity.SHEETS: later("Sheets"),
    Quantity.JOBS: later("Jobs"),
    Quantity.AREA: later("Printed area"),
    Quantity.LENGTH: later("Printed length"),
    Quantity.INK: later("Ink used"),
    Quantity.PIECES: later("Pieces"),
    Quantity.FUNDS_REMAINING: later("Funds remaining"),
    Quantity.FUNDS_USED: later("Funds used"),
    Quantity.UPTIME: later("Uptime"),
    Quantity.OPERATING_TIME: later("Operating time"),
    Quantity.RESISTANCE: later("Resistance"),
    Quantity.SIGNAL: later("Signal strength"),
    Quantity.NOTE: later("Note"),
    Quantity.SPOOL_RECORDS: later("Records waiting"),
    Quantity.SPOOL_BYTES: later("Buffer size"),
    Quantity.SPOOL_OLDEST: later("Oldest record waiting"),
    Quantity.SPOOL_DROPPED: later("Records dropped"),
    Quantity.SPOOL_REJECTED: later("Records rejected"),
    Quantity.POLLS: later("Polls"),
    Quantity.POLLS_FAILED: later("Failed polls"),
    Quantity.POLLS_MISSED: later("Missed polls"),
    Quantity.DISK_FREE: later("Free disk space"),
    Quantity.MEMORY_RESIDENT: later("Memory in use"),
    Quantity.CPU_TIME: later("Processor time"),
}
GAP_REASONS: Final[dict[str, _StrPromise]] = {
    "cap": later("Dropped by the gateway: its buffer was full"),
    "disk": later("Dropped by the gateway: its disk was full"),
    "damaged": later("Lost on the gateway: its disk was damaged"),
}
_PART_KEYS: Final[dict[str, _StrPromise]] = {
    "tariff": later("tariff %(value)s"),
    "phase": later("phase %(value)s"),
    "string": later("string %(value)s"),
    "channel": later("channel %(value)s"),
    "duty": later("duty %(value)s"),
    "lane": later("lane %(value)s"),
    "line": later("line %(value)s"),
}
_COMPONENTS: Final[dict[str, _StrPromise]] = {
    "tray": later("tray %(number)s"),
    "roll": later("roll %(number)s"),
    "input": later("paper input %(number)s"),
    "output": later("output tray %(number)s"),
    "cover": later("cover %(number)s"),
    "path": later("paper path %(number)s"),
    "marker": later("print engine %(number)s"),
    "finisher": later("finisher %(number)s"),
    "supply": later("supply %(number)s"),
}
_PHASES: Final = frozenset({"l1", "l2", "l3", "n"})
_UNITS: Final[dict[str, _StrPromise]] = {
    "impressions": later("impressions"),
    "sheets": later("sheets"),
    "jobs": later("jobs"),
    "pieces": later("pieces"),
    "records": later("records"),
    "polls": later("polls"),
}


_BY_NAME: Final[dict[str, Quantity]] = {quantity.value: quantity for quantity in Quantity}


def quantity_of(name: str) -> Quantity | None:
    """The quantity with this name; ``None`` for one from a newer gateway."""
    return _BY_NAME.get(name)


def quantity_words(name: str) -> str:
    """The name of a quantity; the raw name for one from a newer gateway."""
    quantity = quantity_of(name)
    return name if quantity is None else str(QUANTITIES[quantity])


def part_words(part: str) -> str:
    """The name of a part: ``L1``, ``N``, ``L1-L2``, ``tariff 2``, ``mono, A4``."""
    if "=" not in part:
        return part.upper()
    said = []
    for pair in part.split(","):
        key, _equals, value = pair.partition("=")
        said.append(str(_PART_KEYS[key]) % {"value": value} if key in _PART_KEYS else value)
    return ", ".join(said)


def unit_words(unit: str) -> str:
    """The name of a unit; that of counted things is in the page's language."""
    return str(_UNITS[unit]) if unit in _UNITS else unit


def code_words(code: str) -> str:
    """The meaning of a condition's code; the code itself for one from a newer gateway."""
    try:
        return str(CODES[Code(code)])
    except (ValueError, KeyError):
        return code


def gap_words(reason: str) -> str:
    """Why a gateway dropped records."""
    return str(GAP_REASONS.get(reason, _("Dropped by the gateway")))


def component_words(component: str) -> str:
    """The name of the component a condition is about; ``""`` for the whole device."""
    if component in _PHASES:
        return component.upper()
    name, _space, number = component.rpartition(" ")
    if name in _COMPONENTS and number.isdecimal():
        return str(_COMPONENTS[name]) % {"number": number}
    return supply_words(component) or component
