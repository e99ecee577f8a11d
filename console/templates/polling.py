"""Devices that cannot be polled, and why."""

from __future__ import annotations

from typing import Final

from console.text import Template

UNKNOWN_SCHEME: Final = Template("polling.unknown_scheme", "no driver supports {scheme}://")
KNOWN_SCHEMES: Final = Template("polling.known_schemes", "begin the URL with one of {known}")
FURTHER_PROBLEMS: Final = Template(
    "polling.further_problems",
    "{problem} (and {n} further problem)",
    "{problem} (and {n} further problems)",
)
CORRECT_URL: Final = Template("polling.correct_url", "correct the URL, for example {example}")
CORRECT_PROFILE: Final = Template(
    "polling.correct_profile", "correct the profile, or choose another one in the URL"
)
LINE_AT_FORMAT: Final = Template("polling.line_at_format", "{line} is already in use with {format}")
LINE_AS_NETWORK: Final = Template(
    "polling.line_as_network", "{line} is already in use as a network connection"
)
SAME_FORMAT: Final = Template(
    "polling.same_format",
    "use the protocol, speed and character format of the other devices on this line",
)
NO_SETTINGS: Final = Template(
    "polling.no_settings", "devices of this kind have no writable settings"
)
USE_DEVICE_PANEL: Final = Template(
    "polling.use_device_panel", "change the setting on the device's own web page or panel"
)
