"""What to do about each condition, at the device. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from console.templates import next_step as steps
from console.text import NO_MESSAGE, Message, Template
from drivers.report import Code, Condition

NEXT_STEPS: Final[Mapping[Code, Template]] = {
    Code.MEDIA_JAM: steps.MEDIA_JAM,
    Code.MEDIA_EMPTY: steps.MEDIA_EMPTY,
    Code.MEDIA_LOW: steps.MEDIA_LOW,
    Code.MEDIA_MISMATCH: steps.MEDIA_MISMATCH,
    Code.OUTPUT_FULL: steps.OUTPUT_FULL,
    Code.OUTPUT_NEAR_FULL: steps.OUTPUT_NEAR_FULL,
    Code.TRAY_MISSING: steps.TRAY_MISSING,
    Code.SUPPLY_LOW: steps.SUPPLY_LOW,
    Code.SUPPLY_EMPTY: steps.SUPPLY_EMPTY,
    Code.SUPPLY_MISSING: steps.SUPPLY_MISSING,
    Code.WASTE_NEAR_FULL: steps.WASTE_NEAR_FULL,
    Code.WASTE_FULL: steps.WASTE_FULL,
    Code.COVER_OPEN: steps.COVER_OPEN,
    Code.MAINTENANCE_DUE: steps.MAINTENANCE_DUE,
    Code.SERVICE_REQUESTED: steps.SERVICE_REQUESTED,
    Code.HARDWARE_FAILURE: steps.HARDWARE_FAILURE,
    Code.TEMPERATURE_HIGH: steps.TEMPERATURE_HIGH,
    Code.TEMPERATURE_LOW: steps.TEMPERATURE_LOW,
    Code.MEMORY_FAULT: steps.MEMORY_FAULT,
    Code.DEVICE_OFFLINE: steps.DEVICE_OFFLINE,
    Code.ATTENTION: steps.ATTENTION,
    Code.GRID_LOST: steps.GRID_LOST,
    Code.PHASE_LOST: steps.PHASE_LOST,
    Code.PHASE_SEQUENCE: steps.PHASE_SEQUENCE,
    Code.OVERCURRENT: steps.OVERCURRENT,
    Code.OVERLOAD: steps.OVERLOAD,
    Code.INSULATION_FAULT: steps.INSULATION_FAULT,
    Code.GROUND_FAULT: steps.GROUND_FAULT,
    Code.SENSOR_FAULT: steps.SENSOR_FAULT,
    Code.BATTERY_LOW: steps.BATTERY_LOW,
    Code.CLOCK_UNSET: steps.CLOCK_UNSET,
    Code.CERTIFICATE_EXPIRING: steps.CERTIFICATE_EXPIRING,
    Code.COMM_UNREACHABLE: steps.COMM_UNREACHABLE,
    Code.COMM_TIMEOUT: steps.COMM_TIMEOUT,
    Code.COMM_REFUSED: steps.COMM_REFUSED,
    Code.COMM_GARBLED: steps.COMM_GARBLED,
    Code.IDENTITY_CHANGED: steps.IDENTITY_CHANGED,
    Code.DRIVER_FAULT: steps.DRIVER_FAULT,
    Code.POLL_LATE: steps.POLL_LATE,
    Code.DATA_NOT_SENT: steps.DATA_NOT_SENT,
    Code.SPOOL_FAULT: steps.SPOOL_FAULT,
    Code.SPOOL_FULL: steps.SPOOL_FULL,
    Code.DISK_FULL: steps.DISK_FULL,
}
"""What a person at the device can do."""


def next_step(condition: Condition) -> Message:
    """The next step of this cause, else of the code; `NO_MESSAGE` where none is known."""
    known = NEXT_STEPS.get(condition.code)
    return condition.next_step or (known() if known else NO_MESSAGE)
