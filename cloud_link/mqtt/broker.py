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

from console.templates import mqtt, system
from console.text import NO_MESSAGE, Message, MessageError

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
    NO_SUBSCRIBERS: mqtt.START_RECEIVER(),
    0x84: mqtt.CHANGE_VERSION(),
    0x85: mqtt.CHANGE_CLIENT_ID(),
    0x86: mqtt.CORRECT_PASSWORD(),
    NOT_AUTHORIZED: mqtt.ALLOW_CLIENT(),
    0x89: mqtt.WAIT_BUSY(),
    0x8A: mqtt.ASK_ADMINISTRATOR(),
    SESSION_TAKEN_OVER: mqtt.FIND_OTHER_CLIENT(),
    PACKET_TOO_LARGE: mqtt.RAISE_PACKET_SIZE(),
    0x97: mqtt.RAISE_QUOTA(),
    0x98: mqtt.WAIT_ADMINISTRATOR(),
}


class MqttError(MessageError):
    """The base of all errors with a broker; see the module's tree."""


class BrokerUrlError(MqttError, ValueError):
    """A text that is not a broker's address."""


class UnusableIdentityError(MqttError):
    """The key, the certificate or the trusted authorities cannot be used."""


class UnreachableError(MqttError):
    """No MQTT connection was made: name, port, route, certificate or protocol failed.

    Attributes:
        alert: What TLS said when the broker ended it, such as ``sslv3 alert certificate revoked``;
            ``""`` for any other cause.
    """

    def __init__(
        self,
        where: str,
        what: Message,
        next_step: Message,
        *,
        why: Message = NO_MESSAGE,
        alert: str = "",
    ) -> None:
        super().__init__(what, where=where, why=why, next_step=next_step)
        self.alert = alert


class DisconnectedError(MqttError):
    """The connection ended, or had ended before the call.

    Attributes:
        code: The broker's reason code, or ``None`` where it gave none.
    """

    def __init__(self, where: str, why: Message, code: int | None = None) -> None:
        super().__init__(mqtt.DISCONNECTED(), where=where, why=why, next_step=_next_step(code))
        self.code = code


class _RefusalError(MqttError):
    """The broker's refusal, with its reason code."""

    template = mqtt.CONNECTION_REFUSED

    def __init__(self, where: str, code: int, why: Message) -> None:
        super().__init__(self.template(), where=where, why=why, next_step=_next_step(code))
        self.code = code


class ConnectRefusedError(_RefusalError):
    """The broker refused the connection."""


class PublishRefusedError(_RefusalError):
    """A publish was not taken, or taken and discarded (`NO_SUBSCRIBERS`)."""

    template = mqtt.PUBLISH_REFUSED


class SubscribeRefusedError(_RefusalError):
    """A subscription was not granted."""

    template = mqtt.SUBSCRIPTION_REFUSED


def broker_reason(name: str, code: int) -> Message:
    """A reason code of the broker's as a cause; ``name`` as MQTT calls it."""
    return mqtt.BROKER_REASON(name=name, code=f"0x{code:02x}")


def _next_step(code: int | None) -> Message:
    return NO_MESSAGE if code is None else _NEXT_STEPS.get(code, NO_MESSAGE)


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
            raise _unusable(mqtt.NO_AUTHORITY(), self.trust, error) from error
        try:
            context.load_cert_chain(self.certificate, self.key)
        except ssl.SSLError as error:
            what = mqtt.PAIR_UNUSABLE(key=str(self.key))
            raise _unusable(what, self.certificate, error) from error
        return context

    def _check_readable(self) -> None:
        """OpenSSL's own words leave out which file it was."""
        for path in (self.certificate, self.key, self.trust):
            try:
                path.open("rb").close()
            except OSError as error:
                raise UnusableIdentityError(
                    system.FILE_UNREADABLE(),
                    where=str(path),
                    why=system.reason(error),
                    next_step=mqtt.CHECK_OWNER(),
                ) from error


def _unusable(what: Message, path: Path, error: ssl.SSLError) -> UnusableIdentityError:
    reason = str(error.reason or error).lower().replace("_", " ")
    return UnusableIdentityError(
        what,
        where=str(path),
        why=system.TLS_REASON(reason=reason),
        next_step=mqtt.RESTORE_IDENTITY(),
    )


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
        shown = re.sub(r"^(\w+://)?.*@", r"\1", url, flags=re.DOTALL)  # no user, no password
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # whose words may repeat the password
            raise _invalid_url(mqtt.INVALID_ADDRESS(address=shown)) from None
        if parts.scheme not in PORTS or not parts.hostname or port == 0:
            raise _invalid_url(mqtt.INVALID_ADDRESS(address=shown))
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise _invalid_url(mqtt.EXTRA_PARTS(address=shown))
        if tls is not None and parts.scheme == "mqtt":
            what = mqtt.PLAIN_WITH_CERTIFICATE(address=shown)
            raise BrokerUrlError(what, next_step=mqtt.USE_TLS())
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


def _invalid_url(what: Message) -> BrokerUrlError:
    return BrokerUrlError(what, next_step=mqtt.WRITE_ADDRESS())
