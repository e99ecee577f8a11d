"""What each variable of the environment may be; an error never repeats a secret.

Each check takes a variable's text, which is not empty, and gives the value that the portal uses.
Checks that depend on another variable take the values of those before theirs (`model`); one that
cannot be used itself is not among them.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import ValidationInfo

from config.model import host_and_port
from console.text import Template
from portal.environment import database_url
from portal.environment import mail_server as mail_servers
from portal.environment.database_url import INVALID_URL
from portal.environment.errors import VariableError
from portal.environment.mail_server import MailServer
from portal.environment.state_folder import PACKAGE
from provisioning.agent_key import AgentKeyError, check_address, is_this_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

_FACTOR: Final = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4})?")
CLAIM_PORT: Final = 8443
METRICS_TOKEN_LENGTH: Final = 16

INSIDE_PROGRAM: Final = Template(
    "environment.inside_program",
    "the folder {folder} is inside the program's own folder, where keys and data must not be "
    "stored",
)
OUTSIDE_PROGRAM: Final = Template(
    "environment.outside_program",
    "choose a folder outside the program, such as /var/lib/kanmon-portal",
)
NO_HOME: Final = Template(
    "environment.no_home", "'{folder}' refers to the home folder of an account that does not exist"
)
NOT_A_PORTAL: Final = Template("environment.not_a_portal", "'{url}' is not the address of a portal")
WRITE_PORTAL: Final = Template(
    "environment.write_portal",
    "write the address by which users reach the portal, without a path, such as "
    "https://portal.example.com",
)
WRITE_CLAIM: Final = Template(
    "environment.write_claim",
    "write the https:// address by which boxes reach the portal, such as "
    "https://portal.example.com:{port}, or an http:// loopback address",
)
NEEDS_TLS: Final = Template(
    "environment.needs_tls",
    "a client certificate requires TLS, but KANMON_BROKER does not begin with mqtts://",
)
USE_TLS: Final = Template(
    "environment.use_tls", "begin KANMON_BROKER with mqtts://, or remove KANMON_BROKER_ID"
)
NOT_A_BROKER: Final = Template(
    "environment.not_a_broker", "the value is not the address of a broker"
)
WRITE_BOX_BROKER: Final = Template(
    "environment.write_box_broker",
    "write the address by which boxes reach the broker, such as mqtts://broker.example.com:8883, "
    "or remove the variable to use KANMON_BROKER",
)
MQTT_VERSION: Final = Template("environment.mqtt_version", "invalid MQTT version '{version}'")
WRITE_MQTT: Final = Template(
    "environment.write_mqtt", "write 5 or 3.1.1, or remove the variable to use 5"
)
WEAK_TOKEN: Final = Template(
    "environment.weak_token",
    "the token has fewer than {length} characters or contains characters that are not ASCII",
)
WRITE_TOKEN: Final = Template(
    "environment.write_token", "write the output of `openssl rand -hex 24`, or remove the variable"
)
NOT_LOOPBACK: Final = Template(
    "environment.not_loopback", "'{address}' is not a loopback address with a port"
)
WRITE_LOOPBACK: Final = Template(
    "environment.write_loopback", "write an address such as 127.0.0.1:9465, or remove the variable"
)
INVALID_FACTOR: Final = Template(
    "environment.invalid_factor", "'{value}' is not a factor from 0.01 to 1,000"
)
WRITE_FACTOR: Final = Template(
    "environment.write_factor", "write a decimal number such as 0.5 or 2, or remove the variable"
)
INVALID_SWITCH: Final = Template("environment.invalid_switch", "'{value}' is not a valid value")
WRITE_SWITCH: Final = Template("environment.write_switch", "write 1 or 0")
WRITE_SECOND_FACTOR: Final = Template(
    "environment.write_second_factor",
    "write required or optional, or remove the variable to use required",
)
PUBLIC_PORTAL: Final = Template(
    "environment.public_portal",
    "a demonstration is for this machine only, but users reach this portal at {url}",
)
REMOVE_VARIABLE: Final = Template("environment.remove_variable", "remove the variable")
NOT_PRINTABLE: Final = Template(
    "environment.not_printable", "the value contains characters that cannot be printed"
)
REMOVE_CHARACTERS: Final = Template(
    "environment.remove_characters", "remove these characters from the value"
)
WRITE_PATH: Final = Template("environment.write_path", "write an absolute path")
WRITE_URL: Final = Template("environment.write_url", "write an address such as {example}")

NOT_A_NETWORK: Final = Template(
    "environment.not_a_network", "'{network}' is not an IP address or a network"
)
HOST_BITS: Final = Template(
    "environment.host_bits", "'{network}' is an address within a network, not a network"
)
EVERY_ADDRESS: Final = Template(
    "environment.every_address",
    "the network {network} contains every address, so any client could claim any other address",
)
WRITE_NETWORKS: Final = Template(
    "environment.write_networks",
    "write the addresses or networks of your reverse proxies, separated by commas, such as "
    "127.0.0.1,10.0.0.0/8",
)
WRITE_NETWORK: Final = Template(
    "environment.write_network", "write {network} for all of it, or {address} for the one address"
)

Network = IPv4Network | IPv6Network

_USER: Final = re.compile(r"^([a-z]+://)?.*@", re.IGNORECASE | re.DOTALL)
"""What may hold a password in an address."""


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    return host.endswith(".localhost") or is_this_machine(host)


def state(text: str) -> Path:
    """The state folder, absolute and outside every package: no build ever ships a key."""
    folder = _folder(text)
    if Path(realpath(folder)).is_relative_to(PACKAGE):
        raise VariableError(INSIDE_PROGRAM(folder=str(folder)), OUTSIDE_PROGRAM())
    return folder


def database(text: str) -> Mapping[str, Any]:
    """One entry of Django's ``DATABASES``."""
    return database_url.postgresql(_printable(text))


def url(text: str) -> str:
    """Where people reach the portal, without a trailing slash."""
    parts = _split(text, "https://portal.example.com")
    if not _is_address(parts, "http", "https"):
        raise VariableError(NOT_A_PORTAL(url=_shown(text)), WRITE_PORTAL())
    return text.rstrip("/")


def claim_url(text: str) -> str:
    """Where boxes claim their place, as `provisioning.agent_key.check_address` says."""
    _printable(text)
    if "@" in text:  # which what is wrong with it would repeat
        raise VariableError(NOT_A_PORTAL(url=_shown(text)), WRITE_CLAIM(port=CLAIM_PORT))
    try:
        return check_address(text)
    except AgentKeyError as error:
        raise VariableError(error.why, WRITE_CLAIM(port=CLAIM_PORT)) from error


def default_claim_url(values: Mapping[str, Any]) -> str:
    """Where boxes claim their place if nothing else is said: at the portal's host, over TLS."""
    parts = urlsplit(values["url"])
    if parts.scheme == "http" and is_this_machine(parts.hostname or ""):
        return str(values["url"])
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"https://{host}:{CLAIM_PORT}"


def trusted_proxies(text: str) -> tuple[Network, ...]:
    """The networks of the reverse proxies that say who a client is."""
    return tuple(_network(part.strip()) for part in _printable(text).split(","))


def _network(text: str) -> Network:
    try:
        network = ip_network(text, strict=False)
        address = ip_address(text.partition("/")[0])
    except ValueError as error:
        raise VariableError(NOT_A_NETWORK(network=_shown(text)), WRITE_NETWORKS()) from error
    if network.prefixlen == 0:
        raise VariableError(EVERY_ADDRESS(network=str(network)), WRITE_NETWORKS())
    if address != network.network_address:
        step = WRITE_NETWORK(network=str(network), address=str(address))
        raise VariableError(HOST_BITS(network=text), step)
    return network


def broker(text: str) -> str:
    """The ingest workers' broker, as `cloud_link.mqtt.broker.Broker.parse` takes it."""
    return _printable(text)


def broker_id(text: str, info: ValidationInfo) -> Path:
    """The folder of the worker's ``key.pem``, ``certificate.pem`` and ``trust.pem``."""
    if not info.data.get("broker", "mqtts://").startswith("mqtts://"):
        raise VariableError(NEEDS_TLS(), USE_TLS())
    return _folder(text)


def box_broker(text: str) -> str:
    """The broker as boxes reach it."""
    parts = _split(text, "mqtts://broker.example.com:8883")
    if not _is_address(parts, "mqtt", "mqtts"):
        raise VariableError(NOT_A_BROKER(), WRITE_BOX_BROKER())
    return text


def mqtt(text: str) -> Literal["5", "3.1.1"]:
    """The version of MQTT."""
    if text == "5":
        return "5"
    if text == "3.1.1":
        return "3.1.1"
    raise VariableError(MQTT_VERSION(version=text), WRITE_MQTT())


def metrics_token(text: str) -> str:
    """The token that a reader of metrics has to show; ``""`` serves no metrics."""
    token = _printable(text).strip()
    if token and (len(token) < METRICS_TOKEN_LENGTH or not token.isascii()):
        raise VariableError(WEAK_TOKEN(length=METRICS_TOKEN_LENGTH), WRITE_TOKEN())
    return token


def ingest_metrics(text: str) -> tuple[str, int]:
    """Loopback address and port of an ingest worker's metrics."""
    try:
        host, port = host_and_port(_printable(text))
    except ValueError:
        host, port = "", 0
    if not is_this_machine(host):
        raise VariableError(NOT_LOOPBACK(address=_shown(text)), WRITE_LOOPBACK())
    return host, port


def ingest_budget(text: str) -> float:
    """A factor from 0.01 to 1,000, as a decimal number."""
    found = _FACTOR.fullmatch(text)
    if found is None or not 0.01 <= float(text) <= 1_000:
        raise VariableError(INVALID_FACTOR(value=_shown(text)), WRITE_FACTOR())
    return float(text)


def mail_from(text: str) -> tuple[str, str]:
    """The name and the address that mails come from."""
    return mail_servers.sender(_printable(text))


def mail_user(text: str) -> str:
    """The user that signs in at the mail server."""
    return _printable(text)


def mail_password_file(text: str) -> Path:
    """The file that holds the user's password."""
    return _folder(text)


def mail_server(text: str, info: ValidationInfo) -> MailServer:
    """The mail server that the portal sends through."""
    return mail_servers.mail_server(_printable(text), info.data)


def second_factor(text: str) -> Literal["required", "optional"]:
    """Whether operators, administrators and installers have to set up a second factor."""
    if text == "required":
        return "required"
    if text == "optional":
        return "optional"
    raise VariableError(INVALID_SWITCH(value=text), WRITE_SECOND_FACTOR())


def debug(text: str) -> bool:
    """Whether errors show their traceback in the browser."""
    if text.lower() in {"0", "no", "off", "false"}:
        return False
    if text.lower() in {"1", "yes", "on", "true"}:
        return True
    raise VariableError(INVALID_SWITCH(value=text), WRITE_SWITCH())


def simulation(text: str, info: ValidationInfo) -> Path:
    """The control socket of the demonstration's simulated sites."""
    address = info.data.get("url", "http://localhost")
    if not is_loopback(urlsplit(address).hostname or ""):
        raise VariableError(PUBLIC_PORTAL(url=_shown(address)), REMOVE_VARIABLE())
    return Path(text).absolute()


def _printable(text: str) -> str:
    if not text.isprintable():
        # The value is not repeated: it may hold a secret.
        raise VariableError(NOT_PRINTABLE(), REMOVE_CHARACTERS())
    return text


def _folder(text: str) -> Path:
    """A path, absolute, with the home of an account for a ``~``."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise VariableError(NO_HOME(folder=text), WRITE_PATH()) from error


def _shown(text: str) -> str:
    """An address without the user and the password that may be in it."""
    return _USER.sub(r"\1", text)


def _split(text: str, example: str) -> SplitResult:
    """A URL whose host and port can be read; errors never repeat the text, which may be secret."""
    _printable(text)
    try:
        parts = urlsplit(text)
        usable = parts.port != 0 and not set(parts.netloc) & set(" \\")
    except ValueError as error:
        raise VariableError(INVALID_URL(), WRITE_URL(example=example)) from error
    if not usable:
        raise VariableError(INVALID_URL(), WRITE_URL(example=example))
    return parts


def _is_address(parts: SplitResult, *schemes: str) -> bool:
    """Whether a URL has one of the schemes and a host, and nothing after host and port."""
    rest = (parts.path.strip("/"), parts.query, parts.fragment)
    return parts.scheme in schemes and bool(parts.hostname) and not any(rest)
