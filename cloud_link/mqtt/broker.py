"""A broker's address and our identity for it, and everything that can go wrong with it.

Every error of `cloud_link.mqtt` says what happened, where, and what to do next::

    MqttError
    |-- BrokerUrlError         the address itself is not one (also a ValueError)
    |-- UnusableIdentityError  key, certificate or trust cannot be used
    |-- UnreachableError       no connection: name, port, route, certificate
    |-- ConnectRefusedError    the broker refused: credentials, client id, protocol version
    |-- DisconnectedError      the connection ended; every publish in flight fails with it
    |-- PublishRefusedError    this one message was not taken; the connection goes on
    `-- SubscribeRefusedError  this one subscription was not granted; the connection goes on

Source: MQTT 5.0 section 2.4 (reason codes), MQTT 3.1.1 section 3.2.2.3 (return codes).
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from pathlib import Path

Version = Literal[4, 5]
"""MQTT 3.1.1 is protocol level 4."""

PORTS: Final = {"mqtt": 1883, "mqtts": 8883}

NO_SUBSCRIBERS: Final = 0x10
"""The broker took the message and discarded it: nobody subscribes."""
NOT_AUTHORIZED: Final = 0x87
SESSION_TAKEN_OVER: Final = 0x8E
PACKET_TOO_LARGE: Final = 0x95

_NEXT_STEPS: Final = {
    NO_SUBSCRIBERS: "start the receiver (the portal's ingest worker)",
    0x84: "set the other MQTT version (5 or 3.1.1) for this broker",
    0x85: "change the client id; the broker accepts other ones",
    0x86: "correct the user name or password",
    NOT_AUTHORIZED: "let the broker's access list allow this client that topic",
    0x89: "the broker is busy; it is tried again",
    0x8A: "ask the broker's administrator why this client is banned",
    SESSION_TAKEN_OVER: "find the other client that uses the same client id, or a cloned box",
    PACKET_TOO_LARGE: "raise the broker's maximum packet size, or send less at once",
    0x97: "raise the broker's quota for this client",
    0x98: "the broker's administrator ended the session; it is tried again",
}


class MqttError(Exception):
    """The base of all errors with a broker; see the module's tree."""


class BrokerUrlError(MqttError, ValueError):
    """A text that is not a broker's address; the message says what was expected."""


class UnusableIdentityError(MqttError):
    """The key, the certificate or the trusted authorities cannot be used."""


class UnreachableError(MqttError):
    """No MQTT connection was made: name, port, route, certificate or protocol failed."""

    def __init__(self, where: str, what: str, step: str) -> None:
        super().__init__(f"{where}: {what}; {step}")
        self.where, self.what, self.step = where, what, step


class DisconnectedError(MqttError):
    """The connection ended, or had ended before the call.

    Attributes:
        code: The broker's reason code, or ``None`` where it gave none.
    """

    def __init__(self, where: str, what: str, code: int | None = None) -> None:
        super().__init__(_line(f"{where}: disconnected: {what}", code))
        self.where, self.what, self.code = where, what, code


class _RefusalError(MqttError):
    """The broker's refusal, with its reason code."""

    verb = "refused"

    def __init__(self, where: str, code: int, name: str) -> None:
        super().__init__(_line(f"{where}: {self.verb}: {name} (0x{code:02x})", code))
        self.where, self.code, self.name = where, code, name


class ConnectRefusedError(_RefusalError):
    """The broker refused the connection."""

    verb = "connection refused"


class PublishRefusedError(_RefusalError):
    """A publish was not taken, or taken and discarded (`NO_SUBSCRIBERS`)."""

    verb = "publish refused"


class SubscribeRefusedError(_RefusalError):
    """A subscription was not granted."""

    verb = "subscription refused"


def _line(said: str, code: int | None) -> str:
    step = _NEXT_STEPS.get(code) if code is not None else None
    return f"{said}; {step}" if step else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """The message that the broker publishes for us when the connection ends without DISCONNECT."""

    topic: str
    payload: bytes
    qos: Literal[0, 1] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Our certificate for a broker, and the authorities by which we know it: three PEM files.

    Attributes:
        certificate: Our certificate, then its chain.
        key: The certificate's private key.
        trust: The only authorities whose certificates are trusted; the system's are not.
    """

    certificate: Path
    key: Path
    trust: Path

    def context(self) -> ssl.SSLContext:
        """The TLS context that shows this identity; raises `UnusableIdentityError`."""
        self._check_readable()
        try:
            context = ssl.create_default_context(cafile=self.trust)
        except ssl.SSLError as error:
            raise UnusableIdentityError(
                f"{self.trust} holds no certificate ({_reason(error)}); restore it, or have this "
                "identity issued again"
            ) from error
        try:
            context.load_cert_chain(self.certificate, self.key)
        except ssl.SSLError as error:
            raise UnusableIdentityError(
                f"{self.certificate} and {self.key} cannot be used together ({_reason(error)}); "
                "restore them, or have this identity issued again"
            ) from error
        return context

    def _check_readable(self) -> None:
        """OpenSSL's own words leave out which file it was."""
        for path in (self.certificate, self.key, self.trust):
            try:
                path.open("rb").close()
            except OSError as error:
                raise UnusableIdentityError(
                    f"{path} cannot be read: {error.strerror}; it has to be there and belong to "
                    "the account that connects"
                ) from error


def _reason(error: ssl.SSLError) -> str:
    return str(error.reason or error).lower().replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A broker's address, and our credentials for it.

    Attributes:
        version: 5, or 4 for MQTT 3.1.1.
        username: ``None`` when the broker knows us by certificate, or not at all.
        tls: The trusted authorities and our certificate; ``None`` for plain TCP.
    """

    host: str
    port: int
    version: Version = 5
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str, *, version: Version = 5, tls: ssl.SSLContext | None = None) -> Broker:
        """The broker that ``mqtt://[user[:password]@]host[:port]`` or ``mqtts://...`` names.

        Args:
            url: The port defaults to 1883, and to 8883 for ``mqtts``.
            version: MQTT version; not part of the address.
            tls: For ``mqtts``; the system's trusted authorities where it is ``None``.

        Raises:
            BrokerUrlError: ``url`` does not have this form.
        """
        expected = "expected mqtt://host:port or mqtts://host:port"
        shown = re.sub(r"^(\w+://)?.*@", r"\1", url, flags=re.DOTALL)  # no user, no password
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # whose words may repeat the password
            raise BrokerUrlError(f"{shown!r} is no broker's address; {expected}") from None
        if parts.scheme not in PORTS or not parts.hostname or port == 0:
            raise BrokerUrlError(f"{shown!r} is no broker's address; {expected}")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise BrokerUrlError(f"{shown!r} has more than host and port; {expected}")
        if tls is not None and parts.scheme == "mqtt":
            raise BrokerUrlError(
                f"{shown!r} is plain MQTT, but certificates are given; use mqtts://"
            )
        if parts.scheme == "mqtts" and tls is None:
            tls = ssl.create_default_context()
        return cls(
            host=parts.hostname,
            port=port or PORTS[parts.scheme],
            version=version,
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            tls=tls,
        )

    @property
    def name(self) -> str:
        """The broker's address for messages to users; never with a password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtt' if self.tls is None else 'mqtts'}://{host}:{self.port}"
