"""SNMP: why an agent cannot be asked or refuses, and what came instead of a response."""

from __future__ import annotations

from typing import Final

from console.text import Template

# Silence.
NO_RESPONSE: Final = Template(
    "snmp.no_response", "no response to SNMP version {version} within {limit}"
)
CHECK_COMMUNITY: Final = Template(
    "snmp.check_community",
    "check the address, that SNMP is turned on, and the community: a device does not answer an "
    "unknown one",
)
CHECK_PRIVACY: Final = Template(
    "snmp.check_privacy",
    "check the address, that SNMPv3 is turned on, and the privacy key: a device does not answer "
    "what it cannot decrypt",
)
PORT_CLOSED: Final = Template("snmp.port_closed", "UDP port {port} is closed")
TURN_ON: Final = Template(
    "snmp.turn_on", "turn SNMP on in the device's settings, or correct the port"
)
NOT_SENT: Final = Template("snmp.not_sent", "the request cannot be sent")
SLOW_WALK: Final = Template("snmp.slow_walk", "reading the table {oid} took more than {limit}")
SLOW_READ: Final = Template("snmp.slow_read", "reading the device took more than {limit}")
CHECK_LOAD: Final = Template(
    "snmp.check_load", "check the load of the device and the network in between"
)
PRESENT: Final = Template("snmp.present", "the printer is on the network: {sign}")
TURN_ON_FOR_GATEWAY: Final = Template(
    "snmp.turn_on_for_gateway",
    "turn SNMP on in the printer's settings, and check the community or the user",
)
READ_PANEL: Final = Template(
    "snmp.read_panel",
    "read the printer's panel: some printers stop answering while they are jammed",
)

# Refusals (RFC 3416, section 3).
NOT_READ: Final = Template("snmp.not_read", "the device does not return {oid}")
ALLOW_COMMUNITY: Final = Template(
    "snmp.allow_community",
    "allow the community to read everything in the device's settings; if it is allowed, restart "
    "the device",
)
ALLOW_USER: Final = Template(
    "snmp.allow_user",
    "allow the user to read everything in the device's settings; if it is allowed, restart the "
    "device",
)
USER_REFUSED: Final = Template("snmp.user_refused", "the device does not accept the user '{name}'")
CHECK_USER: Final = Template(
    "snmp.check_user",
    "check the user's name, auth, priv and the key of auth_key, and that the device allows this "
    "user to read",
)
NOT_A_PRINTER: Final = Template(
    "snmp.not_a_printer", "the device answers SNMP, but not as a printer"
)
NO_PRINTER_MIB: Final = Template(
    "snmp.no_printer_mib", "it has neither hrPrinterTable nor the Printer MIB"
)
ALLOW_PRINTER_MIB: Final = Template(
    "snmp.allow_printer_mib",
    "check the address; in a printer's settings, turn on the Printer MIB, or allow the community "
    "or the user to read all of it",
)
TOO_BIG: Final = Template("snmp.too_big", "the response would be too large (tooBig, error 1)")
NO_SUCH_NAME: Final = Template("snmp.no_such_name", "no such variable (noSuchName, error 2)")
BAD_VALUE: Final = Template("snmp.bad_value", "invalid value (badValue, error 3)")
READ_ONLY: Final = Template("snmp.read_only", "read only (readOnly, error 4)")
GENERAL_ERROR: Final = Template("snmp.general_error", "general error (genErr, error 5)")
NO_ACCESS: Final = Template("snmp.no_access", "no access (noAccess, error 6)")
UNAVAILABLE: Final = Template(
    "snmp.unavailable", "resource unavailable (resourceUnavailable, error 13)"
)
UNAUTHORIZED: Final = Template("snmp.unauthorized", "not authorized (authorizationError, error 16)")
UNKNOWN_ERROR: Final = Template("snmp.unknown_error", "error {code}, which SNMP does not define")

# What was expected, and what came instead.
RESPONSE: Final = Template("snmp.response", "an SNMP response")
UNDECODABLE: Final = Template("snmp.undecodable", "a message that cannot be decoded")
LIBRARY_REASON: Final = Template("snmp.library_reason", "the SNMP library reports '{reason}'")
CHECK_AGENT: Final = Template(
    "snmp.check_agent", "check the port, and that the device speaks SNMP there"
)
LATER_OID: Final = Template("snmp.later_oid", "an identifier after {oid}")
OID: Final = Template("snmp.oid", "{oid}")
AT_MOST: Final = Template("snmp.at_most", "at most {variables} variables and {size} bytes")
ENDLESS: Final = Template("snmp.endless", "a table without an end")
RESTART_DEVICE: Final = Template(
    "snmp.restart_device",
    "restart the device; if this happens again, ask its maker for newer firmware",
)

# Why a message cannot be decoded (X.690, RFC 3416).
TRUNCATED: Final = Template("snmp.truncated", "it is shorter than it announces")
INVALID_LENGTH: Final = Template("snmp.invalid_length", "it has an invalid length")
INVALID_NUMBER: Final = Template("snmp.invalid_number", "it has an invalid number")
INVALID_OID: Final = Template("snmp.invalid_oid", "it has an invalid object identifier")
OTHER_TAG: Final = Template("snmp.other_tag", "it has the tag {tag} in place of {expected}")
OTHER_VERSION: Final = Template("snmp.other_version", "it has the version {version}")
NOT_A_REQUEST: Final = Template("snmp.not_a_request", "its type {tag} is not a request")
NOT_A_RESPONSE: Final = Template("snmp.not_a_response", "its type {tag} is not a response")
MANY_VARIABLES: Final = Template("snmp.many_variables", "it has more than {limit} variables")
