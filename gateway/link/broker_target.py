"""Which broker this box connects to, and how: as it was enrolled, or as it is configured.

::

    enrolled?   cloud.* set?    broker
    yes         no              the enrolment's, by its key, certificate and trust (mqtts://)
    yes         yes             `NoBrokerError`: enrolment and configuration contradict each other
    no          yes             cloud.broker, a private broker or a test's
    no          no              `NoBrokerError`: none is known yet

An enrolled box never falls back to its configuration: whoever can edit that could otherwise lead
the box, and all its readings, to another broker. This module loads no `cryptography`: the standard
library's TLS is enough to present a certificate.

Source: design sections 5 and 6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from config.model import Cloud
from config.secrets import read_secret
from console.templates import link
from console.templates.enrol import IDENTITY_OF_BOX
from console.text import Message, MessageError
from gateway.link.certificate import unix_ms
from provisioning import enrolment_store
from provisioning.agent_key import is_this_machine
from provisioning.codes import Code, CodedError
from provisioning.enrolment_store import Enrolment

if TYPE_CHECKING:
    from cloud_link.mqtt.broker import Broker, Identity


class NoBrokerError(MessageError):
    """The box has no broker to connect to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerTarget:
    """A broker, and how this box identifies itself there.

    Attributes:
        broker: ``mqtt://host:port`` or ``mqtts://host:port``; empty where none is known.
        enrolled: Whether it is the broker of the box's enrolment.
        version: The protocol level of MQTT: 5, or 4 for MQTT 3.1.1.
        identity: The files of the enrolment; ``None`` for a broker on this very machine.
        username: The name to connect with, where the configuration gives one.
        password: Its password.
        expires_at: When its certificate expires, Unix milliseconds; ``None`` without one, or where
            the enrolment does not say.
    """

    broker: str
    enrolled: bool
    version: Literal[4, 5] = 5
    identity: Identity | None = None
    username: str | None = None
    password: str | None = None
    expires_at: int | None = None

    def to_broker(self) -> Broker:
        """Return what `cloud_link` connects to; raises `MqttError` for files that are not valid."""
        from cloud_link.mqtt.broker import Broker

        tls = None if self.identity is None else self.identity.context()
        broker = Broker.parse(self.broker, version=self.version, tls=tls)
        return replace(broker, username=self.username, password=self.password)

    def to_json(self) -> dict[str, Any]:
        """The broker as `kanmon status` shows it, as JSON values."""
        return {"broker": self.broker, "enrolled": self.enrolled}


def resolve_broker(state: Path, box: str, cloud: Cloud) -> BrokerTarget:
    """Find the broker of this box, from its enrolment or its configuration.

    Raises:
        NoBrokerError: Neither names one, or they contradict each other.
        CodedError: The enrolment is damaged, or belongs to another box.
        ConfigError: The password is not in the store of secrets.
    """
    enrolled = enrolment_store.load(state)
    if enrolled is None:
        return _configured(state, cloud)
    conflict = conflicting_setting(cloud, enrolled)
    if conflict is not None:
        raise NoBrokerError(conflict_text(conflict, enrolled), next_step=link.REMOVE_CLOUD())
    if enrolled.box != box:
        where = str(enrolment_store.folder(state))
        raise CodedError(
            Code.DAMAGED, where=where, why=IDENTITY_OF_BOX(other=enrolled.box, box=box)
        )
    return _enrolled(state, enrolled)


def conflicting_setting(cloud: Cloud, enrolled: Enrolment) -> str | None:
    """Return the first setting that contradicts the enrolment; ``None`` where none does."""
    given = [name for name in ("broker", "username", "password") if getattr(cloud, name)]
    if cloud.mqtt != Cloud().mqtt and cloud.mqtt != enrolled.mqtt:
        given.append("mqtt")
    return given[0] if given else None


def conflict_text(name: str, enrolled: Enrolment) -> Message:
    """Say how the setting ``cloud.<name>`` contradicts the enrolment."""
    return link.SETTING_CONFLICT(setting=name, broker=enrolled.broker)


def enrolment_revision(state: Path) -> object:
    """Return a value that changes whenever the enrolment does; costs one stat(2)."""
    try:
        found = (enrolment_store.folder(state) / enrolment_store.FILE).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _configured(state: Path, cloud: Cloud) -> BrokerTarget:
    if cloud.broker is None:
        raise NoBrokerError(link.NO_BROKER(), next_step=link.ENROL())
    return BrokerTarget(
        broker=cloud.broker,
        enrolled=False,
        version=_level(cloud.mqtt),
        username=cloud.username,
        password=read_secret(state, cloud.password) if cloud.password else None,
    )


def _enrolled(state: Path, enrolled: Enrolment) -> BrokerTarget:
    from cloud_link.mqtt.broker import Identity

    parts = urlsplit(enrolled.broker)
    plain = parts.scheme != "mqtts"
    if plain and not is_this_machine(parts.hostname or ""):
        raise NoBrokerError(
            link.NO_TLS(broker=enrolled.broker),
            why=link.NOT_PROTECTED(),
            next_step=link.SET_BOX_BROKER(),
        )
    folder = enrolment_store.folder(state)
    identity = Identity(
        certificate=folder / enrolled.certificate,
        key=enrolment_store.key_path(state),
        trust=folder / enrolled.trust,
    )
    return BrokerTarget(
        broker=enrolled.broker,
        enrolled=True,
        version=_level(enrolled.mqtt),
        identity=None if plain else identity,
        expires_at=None if plain else unix_ms(enrolled.expires_at),
    )


def _level(mqtt: str) -> Literal[4, 5]:
    """The protocol level of a version: 3.1.1 is 4."""
    return 5 if mqtt == "5" else 4
