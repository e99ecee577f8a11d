"""Asking a device, whatever protocol it speaks: why that failed, and what to check."""

from __future__ import annotations

from typing import Final

from console.text import Template

INVALID_RESPONSE: Final = Template(
    "protocol.invalid_response", "expected {expected}, received {received}"
)
CHECK_DEVICE: Final = Template(
    "protocol.check_device", "check the address, the connection and that the device has power"
)
CHECK_NETWORK: Final = Template(
    "protocol.check_network",
    "check the address, the port and the network between the gateway and the device",
)
CHECK_PROTOCOL: Final = Template(
    "protocol.check_protocol",
    "check that no other program uses the line and that the device speaks this protocol",
)
LINE_CLOSED: Final = Template("protocol.line_closed", "the gateway closed the line")
TRY_AGAIN: Final = Template("protocol.try_again", "try again")
UNKNOWN_NAME: Final = Template("protocol.unknown_name", "the host name '{host}' cannot be resolved")
NO_NAME_SERVER: Final = Template("protocol.no_name_server", "the DNS server does not answer")
CHECK_NAME: Final = Template(
    "protocol.check_name", "check the name and the DNS server of this machine, or use the address"
)
NO_RESPONSE: Final = Template("protocol.no_response", "the device does not answer")
PORT_OPEN: Final = Template("protocol.port_open", "TCP port {port} is open")
PORT_REFUSES: Final = Template("protocol.port_refuses", "TCP port {port} refuses connections")

# A connection over TCP.
NO_CONNECTION: Final = Template("protocol.no_connection", "no connection within {limit}")
CONNECTION_FAILED: Final = Template(
    "protocol.connection_failed", "the connection could not be opened"
)
CONNECTION_LOST: Final = Template("protocol.connection_lost", "the connection was lost")
CUT_OFF: Final = Template("protocol.cut_off", "the connection was lost in the middle of a response")
CHECK_PORT: Final = Template(
    "protocol.check_port", "check the port, and that the device accepts connections there"
)
CLOSED_BY_DEVICE: Final = Template("protocol.closed_by_device", "the device closed the connection")
CLOSED_HERE: Final = Template("protocol.closed_here", "the gateway closed the connection")
REPLACED: Final = Template("protocol.replaced", "a new connection replaced it")
UNREQUESTED_DATA: Final = Template(
    "protocol.unrequested_data", "the device sent data that was not requested"
)
UNKNOWN_DATA: Final = Template(
    "protocol.unknown_data", "the device sent data that belongs to no response"
)
"""Of a connection that is closed for it; only a log shows these."""
