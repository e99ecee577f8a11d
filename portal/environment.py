"""The portal's settings in the environment, read and checked in one place.

Reading creates nothing and imports no Django: the folder and its key are made by the first thing
that needs them, so that importing the settings (for a type check, for ``--help``) touches no disk.

========================= ======================================== =============================
Variable                  Meaning                                  Where it is not set
========================= ======================================== =============================
``KANMON_PORTAL_STATE``   folder of the database and secret key    ``/var/lib/kanmon-portal``
``KANMON_DATABASE_URL``   ``postgres://user:secret@host/name``     SQLite in the state folder
``KANMON_PORTAL_URL``     what people type to reach the portal     ``http://127.0.0.1:8000``
``KANMON_CLAIM_URL``      what boxes call to claim their place     that host, port 8443, TLS [*]_
``KANMON_BROKER``         ``mqtt://host:port``                     ``mqtt://127.0.0.1:1883``
``KANMON_BROKER_ID``      folder that ``issue-worker`` made        none: plain TCP, no name
``KANMON_BOX_BROKER``     the broker as boxes reach it             as ``KANMON_BROKER``
``KANMON_MQTT``           ``5``, or ``3.1.1`` for an old broker    ``5``
``KANMON_METRICS_TOKEN``  who shows it may read ``/metrics``       nobody may
``KANMON_INGEST_METRICS`` ``host:port`` of an ingest worker's own  none
``KANMON_PORTAL_DEBUG``   ``1`` shows tracebacks to the browser    off
``KANMON_SIMULATION``     socket of simulated sites to be broken   nothing is simulated
========================= ======================================== =============================

.. [*] Where people reach the portal over plain HTTP on this very machine, boxes do so too.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from config.model import host_and_port
from provisioning.agent_key import AgentKeyError, check_address, is_this_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE: Final = Path(__file__).resolve().parent
DEFAULT_STATE: Final = Path("/var/lib/kanmon-portal")
DEFAULT_URL: Final = "http://127.0.0.1:8000"
DEFAULT_BROKER: Final = "mqtt://127.0.0.1:1883"
CLAIM_PORT: Final = 8443
METRICS_TOKEN_LENGTH: Final = 16
_POSTGRES: Final = frozenset({"postgres", "postgresql"})
_POSTGRES_OPTIONS: Final = frozenset(
    {
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "connect_timeout",
        "application_name",
        "options",
    }
)
_SQLITE_WAIT_S: Final = 20


_TEXTS: Final = (
    "KANMON_DATABASE_URL",
    "KANMON_PORTAL_URL",
    "KANMON_CLAIM_URL",
    "KANMON_BROKER",
    "KANMON_BOX_BROKER",
    "KANMON_METRICS_TOKEN",
    "KANMON_INGEST_METRICS",
)
"""Variables that are text; the others are paths, which may hold any bytes, or closed lists."""


class SettingsError(ValueError):
    """A variable that cannot be used; the message says which, why, and what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The environment's settings, checked.

    Attributes:
        state: The state folder, absolute and outside every package: no build ever ships a key.
        database: One entry of Django's ``DATABASES``.
        url: Where people reach the portal, without a trailing slash.
        claim_url: Where boxes claim their place, as `provisioning.agent_key.check_address` says.
        broker: The ingest workers' broker, as `cloud_link.mqtt.broker.Broker.parse` takes it.
        broker_id: The folder of the worker's ``key.pem``, ``certificate.pem`` and ``trust.pem``.
        box_broker: The broker as boxes reach it.
        mqtt: The version of MQTT: ``5`` or ``3.1.1``.
        debug: Whether errors show their traceback in the browser.
        metrics_token: The token that a reader of metrics has to show; ``""`` serves no metrics.
        ingest_metrics: Loopback address and port of an ingest worker's metrics.
        simulation: The control socket of the demonstration's simulated sites; else ``None``.
    """

    state: Path
    database: Mapping[str, Any]
    url: str
    claim_url: str
    broker: str
    broker_id: Path | None
    box_broker: str
    mqtt: Literal["5", "3.1.1"]
    debug: bool
    metrics_token: str = ""
    ingest_metrics: tuple[str, int] | None = None
    simulation: Path | None = None

    @property
    def host(self) -> str:
        """The host in ``url``, without port or brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def claim_host(self) -> str:
        """The host in ``claim_url``, without port or brackets."""
        return urlsplit(self.claim_url).hostname or ""

    @property
    def https(self) -> bool:
        """Whether people reach the portal over TLS."""
        return self.url.startswith("https:")

    @property
    def loopback(self) -> bool:
        """Whether the portal is for this machine only."""
        return is_loopback(self.host)


def read(variables: Mapping[str, str] = os.environ) -> Environment:
    """Read the settings of ``variables``; raises `SettingsError` for the first that is unusable."""
    for name in _TEXTS:
        if not variables.get(name, "").isprintable():
            # The value is not repeated: it may hold a secret.
            raise SettingsError(f"{name} holds what cannot be printed; write plain text")
    state = _state(variables.get("KANMON_PORTAL_STATE", ""))
    url = _url(variables.get("KANMON_PORTAL_URL") or DEFAULT_URL)
    broker = variables.get("KANMON_BROKER") or DEFAULT_BROKER
    return Environment(
        state=state,
        database=database(variables.get("KANMON_DATABASE_URL", ""), state),
        url=url,
        claim_url=_claim_url(variables.get("KANMON_CLAIM_URL") or _default_claim_url(url)),
        broker=broker,
        broker_id=_broker_id(variables.get("KANMON_BROKER_ID", ""), broker),
        box_broker=_box_broker(variables.get("KANMON_BOX_BROKER", "")) or broker,
        mqtt=_mqtt(variables.get("KANMON_MQTT", "")),
        debug=_switch("KANMON_PORTAL_DEBUG", variables.get("KANMON_PORTAL_DEBUG", "")),
        metrics_token=_metrics_token(variables.get("KANMON_METRICS_TOKEN", "")),
        ingest_metrics=_ingest_metrics(variables.get("KANMON_INGEST_METRICS", "")),
        simulation=_simulation(variables.get("KANMON_SIMULATION", ""), url),
    )


def _metrics_token(text: str) -> str:
    token = text.strip()
    if token and (len(token) < METRICS_TOKEN_LENGTH or not token.isascii()):
        # The value is not repeated: it is a secret.
        raise SettingsError(
            f"KANMON_METRICS_TOKEN is no token: it takes {METRICS_TOKEN_LENGTH} or more plain "
            "characters; write what 'openssl rand -hex 24' prints, or leave it out"
        )
    return token


def _ingest_metrics(text: str) -> tuple[str, int] | None:
    if not text:
        return None
    try:
        host, port = host_and_port(text)
    except ValueError:
        host, port = "", 0
    if not is_this_machine(host):
        raise SettingsError(
            f"KANMON_INGEST_METRICS is {text!r}; write an address of this machine and a port, such "
            "as 127.0.0.1:9465, or leave it out"
        )
    return host, port


def _mqtt(text: str) -> Literal["5", "3.1.1"]:
    if text in {"", "5"}:
        return "5"
    if text == "3.1.1":
        return "3.1.1"
    raise SettingsError(f"KANMON_MQTT is {text!r}; write 5 or 3.1.1, or leave it out for 5")


def _simulation(text: str, url: str) -> Path | None:
    if not text:
        return None
    if not is_loopback(urlsplit(url).hostname or ""):
        raise SettingsError(
            f"KANMON_SIMULATION is set, but people reach this portal at {url}; a demonstration is "
            "for this machine only: leave it out"
        )
    return Path(text).absolute()


def _default_claim_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "http" and is_this_machine(parts.hostname or ""):
        return url
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"https://{host}:{CLAIM_PORT}"


def _claim_url(text: str) -> str:
    try:
        return check_address(text)
    except AgentKeyError as error:
        raise SettingsError(
            f"KANMON_CLAIM_URL will not do: {error.detail}; write how boxes reach the portal over "
            f"TLS, such as https://portal.example.com:{CLAIM_PORT}, or plain HTTP to this machine"
        ) from error


def _broker_id(text: str, broker: str) -> Path | None:
    if not text:
        return None
    if not broker.startswith("mqtts://"):
        raise SettingsError(
            f"KANMON_BROKER_ID names a certificate, but KANMON_BROKER is {broker}, where none is "
            "shown; write mqtts://, or leave KANMON_BROKER_ID out"
        )
    return Path(text).expanduser().absolute()


def _split(name: str, text: str, example: str) -> SplitResult:
    """A URL whose host and port can be read; errors never repeat the text, which may be secret."""
    try:
        parts = urlsplit(text)
        _ = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(
            f"{name} is no URL: its host or its port is wrong; write one such as {example}"
        ) from error
    return parts


def _box_broker(text: str) -> str:
    parts = _split("KANMON_BOX_BROKER", text, "mqtts://broker.example.com:8883")
    if not text:
        return text
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname or parts.path.strip("/"):
        raise SettingsError(
            f"KANMON_BOX_BROKER is {text!r}; write the broker as boxes reach it, such as "
            "mqtts://broker.example.com:8883, or leave it out to send them to KANMON_BROKER"
        )
    return text


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    return host.endswith(".localhost") or is_this_machine(host)


def database(url: str, state: Path) -> dict[str, Any]:
    """Django's database entry for a PostgreSQL URL, or for SQLite in ``state`` where it is empty.

    SQLite runs as this product needs it: WAL, so that pages read while ingest writes; IMMEDIATE
    transactions, without which parallel writers fail nine times in ten; ``synchronous=FULL``,
    because a gateway deletes what a commit has acknowledged.

    Raises:
        SettingsError: Another scheme, no database name, or an option that is not known.
    """
    return _postgresql(url) if url else _sqlite(state)


def _sqlite(state: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": state / "db.sqlite3",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": _SQLITE_WAIT_S,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        },
    }


def _postgresql(url: str) -> dict[str, Any]:
    parts = _split("KANMON_DATABASE_URL", url, "postgres://user:secret@host:5432/name")
    name = unquote(parts.path.lstrip("/"))
    if parts.scheme not in _POSTGRES or not name:
        raise SettingsError(
            f"KANMON_DATABASE_URL begins with {parts.scheme or 'no scheme'}:// and names "
            f"{name or 'no database'}; write postgres://user:secret@host:5432/name, or leave it "
            "out to use SQLite in the state folder"
        )
    query = dict(parse_qsl(parts.query))
    host = query.pop("host", "") or unquote(parts.hostname or "")
    unknown = sorted(query.keys() - _POSTGRES_OPTIONS)
    if unknown:
        raise SettingsError(
            f"KANMON_DATABASE_URL has the option {unknown[0]!r}, which is not one of "
            f"{', '.join(sorted(_POSTGRES_OPTIONS))}; remove it"
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": query,
    }


def secret_key(state: Path) -> str:
    """The key that signs sessions, made on first need and readable by its owner only.

    Two processes that start at once agree: the loser of the race reads the winner's key.

    Raises:
        SettingsError: The folder cannot be made, or the key cannot be read.
    """
    path = state / "secret.key"
    try:
        make_state(state)
        try:
            return _existing_key(path)
        except FileNotFoundError:
            draft = state / f".secret.{secrets.token_hex(8)}"
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(48), "ascii")
            with suppress(FileExistsError):
                path.hardlink_to(draft)
            draft.unlink()
            return _existing_key(path)
    except OSError as error:
        raise SettingsError(
            f"the portal's key {path} cannot be used: {error.strerror or error}; set "
            "KANMON_PORTAL_STATE to a folder that this account may write, outside the program"
        ) from error


def make_state(state: Path) -> None:
    """Create the state folder for its owner only, where it is missing; raises `OSError`."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)


def _existing_key(path: Path) -> str:
    key = path.read_bytes().strip().decode("ascii", "replace")
    if len(key) < 50 or not key.isascii():
        raise SettingsError(
            f"the portal's key {path} is too short to be one, or damaged; delete the file to have "
            "a new one made (everybody then signs in anew)"
        )
    return key


def _state(text: str) -> Path:
    state = Path(text).expanduser().absolute() if text else DEFAULT_STATE
    if state.resolve().is_relative_to(PACKAGE):
        raise SettingsError(
            f"KANMON_PORTAL_STATE is {state}, inside the program itself; keys and data must not "
            "travel with it: choose a folder outside, such as /var/lib/kanmon-portal"
        )
    return state


def _url(text: str) -> str:
    parts = _split("KANMON_PORTAL_URL", text, "https://portal.example.com")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
        raise SettingsError(
            f"KANMON_PORTAL_URL is {text!r}; write how people reach the portal, without a path, "
            "such as https://portal.example.com"
        )
    return text.rstrip("/")


def _switch(name: str, text: str) -> bool:
    if text.lower() in {"", "0", "no", "off", "false"}:
        return False
    if text.lower() in {"1", "yes", "on", "true"}:
        return True
    raise SettingsError(f"{name} is {text!r}; write 1 or 0")
