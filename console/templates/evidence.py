"""What a value means that a condition is based on.

Names that a standard gives to a value (``jammed``, ``fieldService``) are arguments: they are the
same in every language, so that they can be found in the standard.
"""

from __future__ import annotations

from typing import Final

from console.text import Template

SERVICE_CALL: Final = Template("evidence.service_call", "service call")
ERROR: Final = Template("evidence.error", "error")
WARNING: Final = Template("evidence.warning", "warning")
INFO: Final = Template("evidence.info", "information")

ALERT_CODE: Final = Template("evidence.alert_code", "{name}, class {kind}, rated as {severity}")
UNLISTED: Final = Template("evidence.unlisted", "not listed by IANA")
PJL_STATUS: Final = Template("evidence.pjl_status", "PJL status '{name}', rated as {severity}")
ERROR_BIT: Final = Template("evidence.error_bit", "bit {bit}, {name}, rated as {severity}")
REGISTER_BIT: Final = Template("evidence.register_bit", "bit {bit} is set")
BROKEN: Final = Template(
    "evidence.broken", "unavailable because it is broken, with a critical alert"
)
LEVEL: Final = Template("evidence.level", "{percent}% left")
NO_PAPER: Final = Template("evidence.no_paper", "no sheets left")
NO_ROOM: Final = Template("evidence.no_room", "no room left")

EXPECTED: Final = Template("evidence.expected", "expected: {values}")
SERIAL: Final = Template("evidence.serial", "serial number, previously {previous}")
CONNECTION_FAILED: Final = Template("evidence.connection_failed", "connection failed")
NO_RESPONSE: Final = Template("evidence.no_response", "no response")
REFUSED: Final = Template("evidence.refused", "request refused")
GARBLED: Final = Template("evidence.garbled", "invalid response")
EXCEPTION: Final = Template("evidence.exception", "internal error {name}: {text}")
LONG_EXCEPTION: Final = Template(
    "evidence.long_exception",
    "internal error {name}; its text of {n} character is in the gateway's log",
    "internal error {name}; its text of {n} characters is in the gateway's log",
)
MISSED_POLLS: Final = Template(
    "evidence.missed_polls", "{n} poll was not made on time", "{n} polls were not made on time"
)
DROPPED: Final = Template("evidence.dropped", "records dropped since the start")
EVENTS_DROPPED: Final = Template(
    "evidence.events_dropped", "status changes dropped since the start"
)
GAPS_DROPPED: Final = Template(
    "evidence.gaps_dropped", "missing-data notices dropped since the start"
)
BOUNDARIES_DROPPED: Final = Template(
    "evidence.boundaries_dropped", "midnight values dropped since the start"
)
READINGS_DROPPED: Final = Template("evidence.readings_dropped", "readings dropped since the start")
NAME_REFUSED: Final = Template("evidence.name_refused", "not a name that can be sent")
RESOLUTION_REFUSED: Final = Template(
    "evidence.resolution_refused", "the resolution is outside {first} to {last}"
)
READING_REPEATED: Final = Template(
    "evidence.reading_repeated", "an earlier reading has the same quantity and part"
)
RECORDS_REFUSED: Final = Template(
    "evidence.records_refused", "records that could not be sent, reported as lost"
)
BYTES_FREE: Final = Template("evidence.bytes_free", "bytes free on the disk")
EXPIRES: Final = Template("evidence.expires", "end of the certificate's validity")
LEFT_OUT: Final = Template(
    "evidence.left_out", "{n} more entry is not listed", "{n} more entries are not listed"
)
