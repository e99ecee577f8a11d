"""URLs of devices: what is wrong with one, and how it is written."""

from __future__ import annotations

from typing import Final

from console.text import Template

NO_PROTOCOL: Final = Template("device_url.no_protocol", "the URL does not name a protocol")
BEGIN_URL: Final = Template(
    "device_url.begin_url", "begin it with the device's protocol, such as modbus-tcp:// or snmp://"
)
EXAMPLE: Final = Template("device_url.example", "write it as in {example}")
FRAGMENT: Final = Template("device_url.fragment", "a device URL cannot have a part after '#'")
ESCAPE_FRAGMENT: Final = Template(
    "device_url.escape_fragment", "write '#' as %23 if it belongs to a name"
)
INVALID_HOST: Final = Template("device_url.invalid_host", "the URL has an invalid host")
HOST_FORM: Final = Template(
    "device_url.host_form", "correct the host; an IPv6 address is written in brackets"
)
LONG_HOST: Final = Template("device_url.long_host", "the host has more than {limit} characters")
SHORTEN_HOST: Final = Template("device_url.shorten_host", "shorten the host")
INVALID_PORT: Final = Template("device_url.invalid_port", "invalid port '{port}'")
PORT_RANGE: Final = Template("device_url.port_range", "write a port from 1 to 65535")
UNPRINTABLE: Final = Template(
    "device_url.unprintable", "the URL contains a space or an unprintable character"
)
REMOVE_OR_ESCAPE: Final = Template(
    "device_url.remove_or_escape", "remove it, or write a space as %20"
)
UNPRINTABLE_ESCAPE: Final = Template(
    "device_url.unprintable_escape", "the URL contains an escape for an unprintable character"
)
REMOVE: Final = Template("device_url.remove", "remove it")
NOT_UTF8: Final = Template("device_url.not_utf8", "the escapes in the URL are not valid UTF-8")
ESCAPE_UTF8: Final = Template(
    "device_url.escape_utf8", "write the UTF-8 bytes of each character as escapes"
)
OPTION_TWICE: Final = Template("device_url.option_twice", "the option '{name}' is given twice")
UNKNOWN_OPTION: Final = Template("device_url.unknown_option", "{scheme}:// has no option '{name}'")
NOT_IN_RANGE: Final = Template(
    "device_url.not_in_range", "{name}={value} is not a number from {least} to {most}"
)
CORRECT_OR_REMOVE: Final = Template(
    "device_url.correct_or_remove", "correct the value, or remove {name} to use {default}"
)
NOT_WHOLE: Final = Template("device_url.not_whole", "{name}={value} is not a whole number")
WRITE_WHOLE: Final = Template("device_url.write_whole", "write a whole number, in digits only")
NOT_A_CHOICE: Final = Template("device_url.not_a_choice", "{name}={value} is not valid")
NO_HOST: Final = Template("device_url.no_host", "missing host")
NO_PORT: Final = Template("device_url.no_port", "missing port")
NO_STANDARD_PORT: Final = Template(
    "device_url.no_standard_port", "serial servers have no standard port"
)
NO_USERS: Final = Template("device_url.no_users", "Modbus has no users")
REMOVE_USER: Final = Template("device_url.remove_user", "remove the part before '@'")
PATH: Final = Template("device_url.path", "the path '{path}' has no meaning in this URL")
OPTIONS_FOLLOW: Final = Template("device_url.options_follow", "write options after '?'")
THREE_SLASHES: Final = Template(
    "device_url.three_slashes", "the serial port is not written after three slashes"
)
NO_SERIAL_PORT: Final = Template("device_url.no_serial_port", "missing serial port")
NO_PROFILE: Final = Template("device_url.no_profile", "missing profile")
ADD_PROFILE: Final = Template("device_url.add_profile", "add a profile, as in {example}")
PASSWORD: Final = Template("device_url.password", "the URL contains a password")
REPLACE_PASSWORD: Final = Template(
    "device_url.replace_password", "remove it, and add auth_key=secret:NAME after '?'"
)
NEEDS_V3: Final = Template("device_url.needs_v3", "{name} requires version=3")
ADD_V3: Final = Template("device_url.add_v3", "add version=3, or remove {name}")
COMMUNITY_TWICE: Final = Template(
    "device_url.community_twice", "the community is given twice, before '@' and after '?'"
)
NO_REFERENCE: Final = Template("device_url.no_reference", "{name} is not a reference to a secret")
STORE_SECRET: Final = Template(
    "device_url.store_secret",
    "write {name}=secret:NAME, and store the secret with `kanmon secret set NAME`",
)
NO_USER: Final = Template("device_url.no_user", "missing user")
V3_COMMUNITY: Final = Template("device_url.v3_community", "version=3 does not use a community")
V3_USER: Final = Template("device_url.v3_user", "remove community, and write the user before '@'")
INCOMPLETE_PAIR: Final = Template(
    "device_url.incomplete_pair", "{first} and {second} must be given together"
)
GIVE_BOTH: Final = Template("device_url.give_both", "give both or neither")
PRIV_WITHOUT_AUTH: Final = Template("device_url.priv_without_auth", "priv requires auth")
AUTHENTICATED_ONLY: Final = Template(
    "device_url.authenticated_only", "SNMPv3 encrypts authenticated messages only"
)
ADD_AUTH: Final = Template("device_url.add_auth", "add auth and auth_key")
