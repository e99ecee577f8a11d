"""Serial ports: why one cannot be used, and what to do about it."""

from __future__ import annotations

from typing import Final

from console.text import Template

NOT_FOUND: Final = Template("serial.not_found", "the serial port does not exist")
CONNECT_ADAPTER: Final = Template(
    "serial.connect_adapter", "connect the adapter, or correct the path"
)
NOT_PERMITTED: Final = Template(
    "serial.not_permitted", "this account is not allowed to open the serial port"
)
JOIN_GROUP: Final = Template(
    "serial.join_group", "add the gateway's user to the port's group (dialout), or use sudo"
)
IN_USE: Final = Template("serial.in_use", "another program uses the serial port")
STOP_PROGRAM: Final = Template(
    "serial.stop_program", "stop the other program: a line has only one master"
)
NOT_SERIAL: Final = Template("serial.not_serial", "the path does not lead to a serial port")
CORRECT_PATH: Final = Template("serial.correct_path", "correct the path")
UNSUPPORTED: Final = Template("serial.unsupported", "the serial port does not support {form}")
OTHER_FORM: Final = Template(
    "serial.other_form", "use another speed or character format, or another adapter"
)
FAILED: Final = Template("serial.failed", "the serial port failed")
GONE: Final = Template("serial.gone", "the serial port disappeared")
CHECK_ADAPTER: Final = Template(
    "serial.check_adapter", "check that the adapter is connected and works"
)
BLOCKED: Final = Template("serial.blocked", "the serial port does not accept more bytes")
CLOSED_HERE: Final = Template("serial.closed_here", "the gateway closed the serial port")
