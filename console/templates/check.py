"""What a configuration alone does not show: lines that are too busy, devices that are missing."""

from __future__ import annotations

from typing import Final

from console.text import Template

DIFFERENT_FORMATS: Final = Template(
    "check.different_formats", "the devices on {line} are configured with different formats"
)
FORMATS: Final = Template("check.formats", "the file gives: {formats}")
DEVICES_WITH: Final = Template("check.devices_with", "{format} ({devices})")
FORMAT_AT: Final = Template("check.format_at", "{scheme} at {format}")
SAME_FORMAT: Final = Template(
    "check.same_format",
    "give all devices on this line the same protocol, speed and character format",
)
LINE_TOO_BUSY: Final = Template(
    "check.line_too_busy", "the devices on {line} ({format}) need more time than the line has"
)
OVERLOADED: Final = Template(
    "check.overloaded",
    "polling takes {share}% of the time, and the shortest interval is {missing} s too short "
    "to poll all {n} devices",
)
NO_RESERVE: Final = Template(
    "check.no_reserve",
    "a device that does not answer takes {probe} s, but the shortest interval has only {spare} s "
    "to spare: the other devices would lose readings",
)
RELIEVE: Final = Template(
    "check.relieve", "raise every_s, raise the speed of the line, or use a second line"
)
SHORTEN_TIMEOUT: Final = Template(
    "check.shorten_timeout", "reduce timeout_s, raise every_s, or use a second line"
)
LONG_TIMEOUT: Final = Template(
    "check.long_timeout",
    "while this device does not answer, it blocks {line} for {timeout} s",
)
NEIGHBOR_LOSES: Final = Template(
    "check.neighbor_loses",
    "another device on this line is polled every {period} s and would lose readings",
)
SET_TIMEOUT: Final = Template(
    "check.set_timeout", "set timeout_s in the URL to less than {period} s"
)
SAME_DEVICE: Final = Template("check.same_device", "'{name}' already polls this device")
TWICE: Final = Template("check.twice", "its readings would be counted twice")
CORRECT_ADDRESS: Final = Template(
    "check.correct_address", "correct the address or the unit, or remove one of the two devices"
)
TOO_LARGE_TO_SEND: Final = Template(
    "check.too_large_to_send", "the configuration is too large for the portal, even compressed"
)
SPLIT_DEVICES: Final = Template(
    "check.split_devices", "shorten labels and URLs, or divide the devices among several gateways"
)
SLOWER_THAN_HEARTBEAT: Final = Template(
    "check.slower_than_heartbeat", "the slowest values of this device are read every {period} s"
)
CHART_GAPS: Final = Template(
    "check.chart_gaps",
    "charts show a gap where no value arrives for one and a half heartbeats",
)
RAISE_HEARTBEAT: Final = Template(
    "check.raise_heartbeat", "set gateway.heartbeat_s to {seconds} or more"
)
NOT_CONNECTED: Final = Template(
    "check.not_connected", "the gateway does not connect while both are given"
)
