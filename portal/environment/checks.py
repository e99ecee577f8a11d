"""What each variable of the environment may be; an error never repeats a secret.

Each check takes a variable's text, which is not empty, and gives the value that the portal uses.
Checks that depend on another variable take the values of those before theirs (`model`); one that
cannot be used itself is not among them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import ValidationInfo

from config.model import host_and_port
from portal.environment import database_url
from portal.environment.state_folder import PACKAGE
from provisioning.agent_key import AgentKeyError, check_address, is_this_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

CLAIM_PORT: Final = 8443
METRICS_TOKEN_LENGTH: Final = 16


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    return host.endswith(".localhost") or is_this_machine(host)


def state(text: str) -> Path:
    """The state folder, absolute and outside every package: no build ever ships a key."""
    folder = Path(text).expanduser().absolute()
    if folder.resolve().is_relative_to(PACKAGE):
        raise ValueError(
            f"KANMON_PORTAL_STATE is {folder}, inside the program itself; keys and data must not "
            "travel with it: choose a folder outside, such as /var/lib/kanmon-portal"
        )
    return folder


def database(text: str) -> Mapping[str, Any]:
    """One entry of Django's ``DATABASES``."""
    return database_url.postgresql(_printable("KANMON_DATABASE_URL", text))


def url(text: str) -> str:
    """Where people reach the portal, without a trailing slash."""
    parts = _split("KANMON_PORTAL_URL", text, "https://portal.example.com")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
        raise ValueError(
            f"KANMON_PORTAL_URL is {text!r}; write how people reach the portal, without a path, "
            "such as https://portal.example.com"
        )
    return text.rstrip("/")


def claim_url(text: str) -> str:
    """Where boxes claim their place, as `provisioning.agent_key.check_address` says."""
    try:
        return check_address(_printable("KANMON_CLAIM_URL", text))
    except AgentKeyError as error:
        raise ValueError(
            f"KANMON_CLAIM_URL will not do: {error.why}; write how boxes reach the portal over "
            f"TLS, such as https://portal.example.com:{CLAIM_PORT}, or plain HTTP to this machine"
        ) from error


def default_claim_url(values: Mapping[str, Any]) -> str:
    """Where boxes claim their place if nothing else is said: at the portal's host, over TLS."""
    parts = urlsplit(values["url"])
    if parts.scheme == "http" and is_this_machine(parts.hostname or ""):
        return str(values["url"])
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"https://{host}:{CLAIM_PORT}"


def broker(text: str) -> str:
    """The ingest workers' broker, as `cloud_link.mqtt.broker.Broker.parse` takes it."""
    return _printable("KANMON_BROKER", text)


def broker_id(text: str, info: ValidationInfo) -> Path:
    """The folder of the worker's ``key.pem``, ``certificate.pem`` and ``trust.pem``."""
    if not info.data.get("broker", "mqtts://").startswith("mqtts://"):
        raise ValueError(
            "KANMON_BROKER_ID names a certificate, which is shown over TLS only, but KANMON_BROKER "
            "does not begin with mqtts://; write mqtts://, or leave KANMON_BROKER_ID out"
        )
    return Path(text).expanduser().absolute()


def box_broker(text: str) -> str:
    """The broker as boxes reach it."""
    parts = _split("KANMON_BOX_BROKER", text, "mqtts://broker.example.com:8883")
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname or parts.path.strip("/"):
        raise ValueError(
            "KANMON_BOX_BROKER is not the address of a broker; write the broker as boxes reach it, "
            "such as mqtts://broker.example.com:8883, or leave it out to send them to KANMON_BROKER"
        )
    return text


def mqtt(text: str) -> Literal["5", "3.1.1"]:
    """The version of MQTT."""
    if text == "5":
        return "5"
    if text == "3.1.1":
        return "3.1.1"
    raise ValueError(f"KANMON_MQTT is {text!r}; write 5 or 3.1.1, or leave it out for 5")


def metrics_token(text: str) -> str:
    """The token that a reader of metrics has to show; ``""`` serves no metrics."""
    token = _printable("KANMON_METRICS_TOKEN", text).strip()
    if token and (len(token) < METRICS_TOKEN_LENGTH or not token.isascii()):
        raise ValueError(
            f"KANMON_METRICS_TOKEN is no token: it takes {METRICS_TOKEN_LENGTH} or more plain "
            "characters; write what 'openssl rand -hex 24' prints, or leave it out"
        )
    return token


def ingest_metrics(text: str) -> tuple[str, int]:
    """Loopback address and port of an ingest worker's metrics."""
    try:
        host, port = host_and_port(_printable("KANMON_INGEST_METRICS", text))
    except ValueError:
        host, port = "", 0
    if not is_this_machine(host):
        raise ValueError(
            f"KANMON_INGEST_METRICS is {text!r}; write an address of this machine and a port, such "
            "as 127.0.0.1:9465, or leave it out"
        )
    return host, port


def debug(text: str) -> bool:
    """Whether errors show their traceback in the browser."""
    if text.lower() in {"0", "no", "off", "false"}:
        return False
    if text.lower() in {"1", "yes", "on", "true"}:
        return True
    raise ValueError(f"KANMON_PORTAL_DEBUG is {text!r}; write 1 or 0")


def simulation(text: str, info: ValidationInfo) -> Path:
    """The control socket of the demonstration's simulated sites."""
    address = info.data.get("url", "http://localhost")
    if not is_loopback(urlsplit(address).hostname or ""):
        raise ValueError(
            f"KANMON_SIMULATION is set, but people reach this portal at {address}; a demonstration "
            "is for this machine only: leave it out"
        )
    return Path(text).absolute()


def _printable(name: str, text: str) -> str:
    if not text.isprintable():
        # The value is not repeated: it may hold a secret.
        raise ValueError(f"{name} holds what cannot be printed; write plain text")
    return text


def _split(name: str, text: str, example: str) -> SplitResult:
    """A URL whose host and port can be read; errors never repeat the text, which may be secret."""
    _printable(name, text)
    try:
        parts = urlsplit(text)
        _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(
            f"{name} is no URL: its host or its port is wrong; write one such as {example}"
        ) from error
    return parts
