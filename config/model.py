"""The settings: frozen, with units in their names. Pure: no I/O, no device library, no thread.

They are plain dataclasses that say what may stand in them (`config.constraint`); `config.reading`
validates. Made directly, only what ``__post_init__`` looks at is checked.

::

    Configuration
    |-- site      where the gateway stands: its time zone decides when a day begins
    |-- gateway   the daemon itself: heartbeat, health
    |-- cloud     the broker, where the box is not enrolled
    |-- spool     how much may wait on disk
    |-- metrics   what Prometheus may read
    `-- devices   what is polled, in the order written

Secrets are references (``secret:name``), never values: the configuration travels to the portal.

Source: design sections 3 and 7.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from fractions import Fraction
from hashlib import sha256
from ipaddress import ip_address
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from annotated_types import Ge, Le, MaxLen

from config.constraint import RULES, Check, InvalidValueError, Pattern, given_value
from config.ratio import RatioSchema, ratio_text
from console.templates import config as messages
from console.templates import device_url
from console.text import Message

VERSION: Final = 1
"""The configuration version this software writes; older ones are migrated when read."""
RESERVED_NAMES: Final = frozenset({"gateway"})
"""Names no configured device may take: ``gateway`` is the gateway's own device."""
SECRET_REFERENCE: Final = re.compile(r"secret:[a-z0-9][a-z0-9-]{0,62}")
_NAME_PATTERN: Final = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"

_NUMERIC_HOST: Final = re.compile(r"[0-9.]+", re.ASCII)


def _known_zone(name: str) -> str:
    from config.time_zone import is_time_zone, suggestion  # tables that a daemon does not carry

    if not is_time_zone(name):
        raise InvalidValueError("time_zone", messages.TIME_ZONE(name=name), next=suggestion(name))
    return name


def _url_error(what: Message, step: Message) -> InvalidValueError:
    """An error of a URL, which is not repeated: it may hold a password."""
    return InvalidValueError("url", what, next=step)


def _split(text: str) -> SplitResult:
    from config.look_alike import ascii_of

    if any(c.isspace() or not c.isprintable() or ascii_of(c) for c in text):
        raise _url_error(device_url.UNPRINTABLE(), device_url.REMOVE_OR_ESCAPE())
    try:
        parts = urlsplit(text)
    except ValueError:  # brackets, or what they hold
        raise _url_error(device_url.INVALID_HOST(), device_url.HOST_FORM()) from None
    try:
        _ = parts.port
    except ValueError:
        raise _url_error(messages.URL_PORT(), device_url.PORT_RANGE()) from None
    if _NUMERIC_HOST.fullmatch(parts.hostname or ""):
        _check_address(str(parts.hostname))
    return parts


def _check_address(host: str) -> None:
    """Refuse a host such as 10.0.0.300, which can be nothing but a mistyped IPv4 address."""
    try:
        ip_address(host)
    except ValueError:
        raise _url_error(messages.URL_ADDRESS(host=host), messages.ADDRESS_FORM()) from None


def _device_url(text: str) -> str:
    parts = _split(text)
    rest = text[len(parts.scheme) + 1 :]
    if parts.scheme and not rest.startswith("//") and rest[:1] in ("", "/", "?"):
        scheme = parts.scheme
        step = messages.WRITE_SLASHES(scheme=scheme)
        raise _url_error(messages.URL_SLASHES(scheme=scheme), step)
    if not parts.scheme or not rest.startswith("//"):
        raise _url_error(device_url.NO_PROTOCOL(), device_url.BEGIN_URL())
    if parts.password is not None and not SECRET_REFERENCE.fullmatch(parts.password):
        raise _secret_error(device_url.PASSWORD(), messages.STORE_SECRET())
    return text


def _secret_error(what: Message, step: Message) -> InvalidValueError:
    return InvalidValueError("secret", what, why=messages.TRAVELS(), next=step)


def _broker_url(text: str) -> str:
    parts = _split(text)
    if parts.scheme not in {"mqtt", "mqtts"}:
        raise _url_error(messages.BROKER_PROTOCOL(), messages.BROKER_FORM())
    if not parts.hostname:
        raise _url_error(messages.BROKER_HOST(), messages.BROKER_FORM())
    try:
        parts.hostname.encode("idna")
    except UnicodeError:
        raise _url_error(device_url.INVALID_HOST(), device_url.HOST_FORM()) from None
    if parts.username is not None or parts.password is not None:
        raise _secret_error(messages.BROKER_CREDENTIALS(), messages.SEPARATE_CREDENTIALS())
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise _url_error(messages.BROKER_REST(), messages.REMOVE_REST())
    return text


def host_and_port(text: str) -> tuple[str, int]:
    """The parts of ``HOST:PORT``; an IPv6 address stands in brackets.

    Raises:
        ValueError: It has no such form.
    """
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(text)
    if not colon or not host or not port.isascii() or not port.isdecimal():
        raise ValueError(text)
    if not 1 <= int(port) <= 65_535:
        raise ValueError(text)
    return host, int(port)


def _listen_address(text: str) -> str:
    try:
        host, _ = host_and_port(text)
        if host != "localhost":
            ip_address(host)
    except ValueError:
        what, step = messages.LISTEN(given=given_value(text)), messages.LISTEN_FORM()
        raise InvalidValueError("listen", what, next=step) from None
    return text


def _is_loopback(host: str) -> bool:
    return host == "localhost" or ip_address(host).is_loopback


def _secret_reference(text: str) -> str:
    if not SECRET_REFERENCE.fullmatch(text):
        # The value is not repeated: it may be the secret itself.
        raise _secret_error(messages.NOT_A_REFERENCE(), messages.STORE_SECRET())
    return text


def _version_word(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _free(name: str) -> str:
    if name in RESERVED_NAMES:
        what, step = messages.RESERVED_NAME(name=name), messages.CHOOSE_NAME()
        raise InvalidValueError("reserved", what, next=step)
    return name


Label = Annotated[str, MaxLen(100), Pattern(r"^[^\x00-\x1f\x7f]*$")]
Name = Annotated[str, Pattern(_NAME_PATTERN), Check(_free)]
Ratio = Annotated[Fraction, RatioSchema()]
SecretReference = Annotated[str, Check(_secret_reference)]


class Settings:
    """What all sections share: a key nobody knows is an error."""

    __slots__ = ()
    __pydantic_config__: ClassVar = RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(Settings):
    """Where the gateway stands."""

    time_zone: Annotated[str, Check(_known_zone)]
    """A place of the IANA database such as Asia/Tokyo, or UTC: the day of the counters begins at
    its midnight. Abbreviations such as JST or CET are not names of a zone."""

    @property
    def zone(self) -> ZoneInfo:
        """The zone's rules."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway(Settings):
    """The daemon itself."""

    label: Label = ""
    """What people call this gateway."""
    heartbeat_s: Annotated[int, Ge(10), Le(86_400)] = 300
    """Unchanged values are sent again after this many seconds."""
    health_s: Annotated[int, Ge(5), Le(3_600)] = 60
    """Seconds between the gateway's reports about itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud(Settings):
    """The way to the portal. A box that is enrolled knows it, and needs none of this."""

    broker: Annotated[str, Check(_broker_url)] | None = None
    """mqtt://host:1883, or mqtts://host:8883 for TLS; not where the box is enrolled."""
    mqtt: Annotated[Literal["5", "3.1.1"], Check(_version_word, first=True)] = "5"
    """The MQTT version the broker speaks."""
    username: Annotated[str, MaxLen(200)] | None = None
    """For brokers that ask for one."""
    password: SecretReference | None = None
    """A reference such as secret:broker."""

    def __post_init__(self) -> None:
        if self.broker is None and (self.username is not None or self.password is not None):
            what, step = messages.CREDENTIALS_ALONE(), messages.SET_BROKER()
            raise InvalidValueError("lonely", what, next=step)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolSettings(Settings):
    """What may wait on disk while the portal cannot be reached."""

    cap_mb: Annotated[int, Ge(1), Le(1_000_000)] = 256
    """The most the waiting records may take; the oldest gauges are dropped first."""
    gap_reserve_mb: Annotated[int, Ge(1), Le(1_000)] = 4
    """Kept for the announcements of what was dropped."""
    reserve_file_mb: Annotated[int, Ge(0), Le(10_000)] = 8
    """A file that is given up when the disk is full, so that the spool stays writable."""
    retained_mb: Annotated[int, Ge(0), Le(1_000_000)] = 64
    """The most that delivered records may take within cap_mb; a restored portal asks for them."""
    retained_h: Annotated[int, Ge(0), Le(8_760)] = 48
    """How long delivered records stay; they go earlier when pending records need the space."""

    def __post_init__(self) -> None:
        if self.gap_reserve_mb >= self.cap_mb:
            why, step = messages.NO_SPACE_LEFT(), messages.LESS_RESERVE()
            raise InvalidValueError("reserve", messages.RESERVE(), why=why, next=step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics(Settings):
    """What Prometheus may read of the gateway; nothing where no address is given."""

    listen: Annotated[str, Check(_listen_address)] | None = None
    """Where it reads /metrics: 127.0.0.1:9464. Other machines can read only with a token."""
    token: SecretReference | None = None
    """What it has to show as bearer token: a reference such as secret:metrics."""

    def __post_init__(self) -> None:
        if self.listen is None and self.token is not None:
            what, step = messages.TOKEN_ALONE(), messages.SET_LISTEN()
            raise InvalidValueError("lonely", what, next=step)
        if self.listen is None or self.token is not None:
            return
        if not _is_loopback(host_and_port(self.listen)[0]):
            what, step = messages.EXPOSED(address=self.listen), messages.SET_TOKEN()
            raise InvalidValueError("exposed", what, next=step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(Settings):
    """One device that is polled."""

    name: Name
    """Its name in this installation; what its readings are filed under."""
    label: Label = ""
    """What people call it."""
    url: Annotated[str, MaxLen(500), Check(_device_url)]
    """Protocol, address and options, as the device's family has them: for a meter
    modbus-tcp://host:502/?unit=1&profile=maker-model, for a printer snmp://host."""
    every_s: Annotated[float, Ge(0.1), Le(86_400)] = 10.0
    """Seconds between two polls, where the profile does not say otherwise."""
    current_ratio: Ratio = Fraction(1)
    """Of the current transformers before the meter, as on their nameplate: 200/5, or 40."""
    voltage_ratio: Ratio = Fraction(1)
    """Of the voltage transformers before the meter: 6600/110, or 60. Both ratios are kept exactly;
    where one has no end in decimals, as 10000/110 has, each reading is rounded once, two digits
    below the meter's own."""
    reversed: bool = False
    """Whether the meter is wired so that import and export change places."""


def _distinct(devices: tuple[Device, ...]) -> tuple[Device, ...]:
    seen: set[str] = set()
    for index, device in enumerate(devices):
        if device.name in seen:
            what, step = messages.DUPLICATE_NAME(name=device.name), messages.DISTINCT_NAMES()
            raise InvalidValueError("duplicate", what, next=step, at=[index, "name"])
        seen.add(device.name)
    return devices


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration(Settings):
    """All settings of one gateway."""

    version: Literal[1]
    """The version of this file's form."""
    site: Site
    gateway: Gateway = Gateway()
    cloud: Cloud = Cloud()
    spool: SpoolSettings = SpoolSettings()
    metrics: Metrics = Metrics()
    devices: Annotated[tuple[Device, ...], MaxLen(1_000), Check(_distinct)] = ()


def canonical(configuration: Configuration) -> bytes:
    """The whole configuration as JSON with sorted keys: equal settings give equal bytes."""
    values = asdict(configuration)
    text = json.dumps(
        values, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_exact
    )
    return text.encode()


def _exact(value: object) -> str:
    """A ratio as text, exact to the digit."""
    if not isinstance(value, Fraction):
        raise TypeError(f"{type(value).__name__} has no place in a configuration")
    return ratio_text(value)


def digest(configuration: Configuration) -> bytes:
    """SHA-256 of `canonical`: what names a configuration."""
    return sha256(canonical(configuration)).digest()
