"""Every text the command line shows to people, in one place."""

from __future__ import annotations

from typing import Final

STOPPED: Final = "Stopped."
APPLIED_LIVE: Final = "Applied: the running gateway uses {file} now."
APPLIED_STILL: Final = "Kept: the gateway will use {file} when it starts."
AT_NEXT_START: Final = "The {sections} settings take effect at the next start."
CHECKED: Final = "{file} can be used: {devices} devices."
CHECKED_WARNINGS: Final = "{file} can be used, with {warnings} to look at."
UNUSABLE: Final = "{file} cannot be used: {errors} to correct."
NO_DEVICES: Final = "No devices are configured. Add one below `devices:` and apply the file."
NOTHING_WAITS: Final = "Nothing waits: everything accepted has reached the portal."
FAULT: Final = "this is a fault of kanmon itself"
FAULT_NEXT: Final = (
    "Report it with the command you gave; `kanmon --verbose` shows where it happened"
)
INTERRUPTED: Final = "Interrupted."
CONSENT: Final = "Do you agree that this box sends this to {address}?"
ENROLLED: Final = "Setup complete: box {box} is {gateway} at {place}."
ENROLLED_UNTIL: Final = "Its certificate is good until {day}."
ENROLL_FAILED: Final = "setup failed ({code})"

REACHABILITY: Final = {
    "online": "online",
    "silent_as_expected": "silent, as expected",
    "unreachable": "does not answer",
    "never": "never answered",
}


def count(number: int, thing: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def age(seconds: int | None) -> str:
    """A span of time, in its largest fitting unit."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def size(number: int | None) -> str:
    """Bytes, in their largest fitting unit."""
    if number is None:
        return "-"
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= one:
            return f"{number / one:.1f} {unit}"
    return f"{number} B"
