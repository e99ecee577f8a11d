"""What a person at the device can do about each condition. A constant is the condition's code."""

from __future__ import annotations

from typing import Final

from console.text import Template

MEDIA_JAM: Final = Template(
    "next_step.media_jam",
    "remove the paper in the direction in which it is transported, then close all covers",
)
MEDIA_EMPTY: Final = Template(
    "next_step.media_empty", "load paper and push the tray in until it stops"
)
MEDIA_LOW: Final = Template("next_step.media_low", "have paper ready")
MEDIA_MISMATCH: Final = Template(
    "next_step.media_mismatch", "load the paper that the control panel asks for, or cancel the job"
)
OUTPUT_FULL: Final = Template("next_step.output_full", "remove the paper from the output tray")
OUTPUT_NEAR_FULL: Final = Template(
    "next_step.output_near_full", "remove the paper from the output tray soon"
)
TRAY_MISSING: Final = Template("next_step.tray_missing", "insert the tray")
SUPPLY_LOW: Final = Template("next_step.supply_low", "have a replacement ready")
SUPPLY_EMPTY: Final = Template("next_step.supply_empty", "replace the supply")
SUPPLY_MISSING: Final = Template(
    "next_step.supply_missing", "insert the supply until it locks into place"
)
WASTE_NEAR_FULL: Final = Template(
    "next_step.waste_near_full", "have an empty waste container ready"
)
WASTE_FULL: Final = Template(
    "next_step.waste_full", "replace the waste container; do not empty and reuse it"
)
COVER_OPEN: Final = Template("next_step.cover_open", "close the cover")
MAINTENANCE_DUE: Final = Template("next_step.maintenance_due", "schedule the maintenance")
SERVICE_REQUESTED: Final = Template(
    "next_step.service_requested", "read the message on the control panel, then call service"
)
HARDWARE_FAILURE: Final = Template(
    "next_step.hardware_failure",
    "switch the device off and on once; if the condition comes back, call service",
)
TEMPERATURE_HIGH: Final = Template(
    "next_step.temperature_high", "let the device cool down, and check its fans and vents"
)
TEMPERATURE_LOW: Final = Template("next_step.temperature_low", "wait until the device is warm")
MEMORY_FAULT: Final = Template(
    "next_step.memory_fault",
    "switch the device off and on once; if the condition comes back, call service",
)
DEVICE_OFFLINE: Final = Template(
    "next_step.device_offline", "set the device online at its control panel"
)
ATTENTION: Final = Template("next_step.attention", "read the message on the control panel")
GRID_LOST: Final = Template("next_step.grid_lost", "check the circuit breaker and the grid supply")
PHASE_LOST: Final = Template("next_step.phase_lost", "check the fuses and terminals of the phase")
PHASE_SEQUENCE: Final = Template(
    "next_step.phase_sequence", "have an electrician swap two of the phases"
)
OVERCURRENT: Final = Template("next_step.overcurrent", "check the connected loads")
OVERLOAD: Final = Template("next_step.overload", "reduce the load")
INSULATION_FAULT: Final = Template(
    "next_step.insulation_fault",
    "switch the system off and have an electrician measure the insulation resistance",
)
GROUND_FAULT: Final = Template(
    "next_step.ground_fault", "switch the system off and have an electrician locate the fault"
)
SENSOR_FAULT: Final = Template("next_step.sensor_fault", "check the sensor and its cable")
BATTERY_LOW: Final = Template("next_step.battery_low", "replace the battery")
CLOCK_UNSET: Final = Template(
    "next_step.clock_unset", "set the clock, or make a time server reachable"
)
CERTIFICATE_EXPIRING: Final = Template(
    "next_step.certificate_expiring",
    "have a new agent key issued and run `kanmon enroll` with it",
)
COMM_UNREACHABLE: Final = Template(
    "next_step.comm_unreachable", "check the address, the port and the network in between"
)
COMM_TIMEOUT: Final = Template(
    "next_step.comm_timeout",
    "check the device's power and address, and the wiring or the network in between",
)
COMM_REFUSED: Final = Template(
    "next_step.comm_refused",
    "check what the device allows this gateway to read: community, user, profile",
)
COMM_GARBLED: Final = Template(
    "next_step.comm_garbled", "check the profile, and that no other program uses the line"
)
IDENTITY_CHANGED: Final = Template(
    "next_step.identity_changed",
    "find out where the configured device is, unless it was replaced on purpose",
)
DRIVER_FAULT: Final = Template(
    "next_step.driver_fault", "report the error together with the gateway's log"
)
POLL_LATE: Final = Template(
    "next_step.poll_late",
    "raise every_s, or move devices to a second line; `kanmon bus stats` shows the load",
)
DATA_NOT_SENT: Final = Template(
    "next_step.data_not_sent",
    "correct the profile, or report the device's model together with this evidence",
)
SPOOL_FAULT: Final = Template("next_step.spool_fault", "check the disk of the state folder")
SPOOL_FULL: Final = Template(
    "next_step.spool_full", "check the connection to the portal, or raise the spool's limit"
)
DISK_FULL: Final = Template("next_step.disk_full", "free space on the disk of the state folder")
