"""What to do about each condition, at the device. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drivers.report import Code

NEXT_STEPS: Final[Mapping[Code, str]] = {
    Code.MEDIA_JAM: "Take the paper out along its path, then close every cover",
    Code.MEDIA_EMPTY: "Load paper, and push the tray in until it stops",
    Code.MEDIA_LOW: "Have paper ready",
    Code.MEDIA_MISMATCH: "Load the paper that its panel asks for, or cancel the job",
    Code.OUTPUT_FULL: "Empty the output tray",
    Code.OUTPUT_NEAR_FULL: "Empty the output tray soon",
    Code.TRAY_MISSING: "Put the tray back",
    Code.SUPPLY_LOW: "Have a new one ready",
    Code.SUPPLY_EMPTY: "Exchange it",
    Code.SUPPLY_MISSING: "Put it in, until it locks",
    Code.WASTE_NEAR_FULL: "Have an empty container ready",
    Code.WASTE_FULL: "Exchange the container; do not empty it",
    Code.COVER_OPEN: "Close the cover",
    Code.MAINTENANCE_DUE: "Plan the maintenance",
    Code.SERVICE_REQUESTED: "Read what its panel says, then call service",
    Code.HARDWARE_FAILURE: "Switch it off and on once; if it says so again, call service",
    Code.TEMPERATURE_HIGH: "Let it cool down, and look at its fans and openings",
    Code.TEMPERATURE_LOW: "Wait until it has warmed up",
    Code.MEMORY_FAULT: "Switch it off and on once; if it says so again, call service",
    Code.DEVICE_OFFLINE: "Put it online at its own panel",
    Code.ATTENTION: "Read what its panel says",
    Code.GRID_LOST: "Look at the breaker and the supply",
    Code.PHASE_LOST: "Look at fuses and terminals of that phase",
    Code.PHASE_SEQUENCE: "Exchange two phases; have an electrician do it",
    Code.OVERCURRENT: "Look at what is connected behind it",
    Code.OVERLOAD: "Take load away",
    Code.INSULATION_FAULT: "Switch it off, and have an electrician measure the insulation",
    Code.GROUND_FAULT: "Switch it off, and have an electrician look for the fault",
    Code.SENSOR_FAULT: "Check the sensor and its cable",
    Code.BATTERY_LOW: "Exchange the battery",
    Code.CLOCK_UNSET: "Set the device's clock",
    Code.CERTIFICATE_EXPIRING: "Have a new agent key issued, and run `kanmon enroll` with it",
    Code.COMM_UNREACHABLE: "Check the address, the port and the network between",
    Code.COMM_TIMEOUT: "Check that it has power, its address and the wiring or network",
    Code.COMM_REFUSED: "Check what it allows this gateway: community, user, profile",
    Code.COMM_GARBLED: "Check the profile, and that nobody else uses the line",
    Code.IDENTITY_CHANGED: "If it was exchanged on purpose, nothing; else look for it",
    Code.DRIVER_FAULT: "Report it with the gateway's log",
    Code.POLL_LATE: "Poll less often (every_s), or use a second line; see `kanmon bus stats`",
}
"""What a person at the device can do."""
