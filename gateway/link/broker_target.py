"""Which broker this box goes to, and as whom: by its certificate, or as its configuration says.

::

    enrolled?   cloud.* set?    the way
    yes         no              mqtts:// by key, certificate and trust of the enrolment
    yes         yes             none: two answers to one question (`NoWayError`)
    no          yes             cloud.broker, for a private broker or a test
    no          no              none: there is nowhere to go yet

An enrolled box never falls back to what is written in a file: who can edit the configuration could
otherwise lead it, and all its readings, to another broker. Loads no `cryptography`: the standard
library's TLS is enough to be known by a certificate.

Source: design sections 5 and 6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from config.model import Cloud
from config.secrets import secret
from gateway.link.certificate import unix_ms
from provisioning import enrolment_store
from provisioning.agent_key import is_this_machine
from provisioning.codes import Code, CodedError
from provisioning.enrolment_store import Enrolment

if TYPE_CHECKING:
    from cloud_link.mqtt.broker import Broker, Identity

CLASH_STEP: Final = "remove the cloud section and apply the configuration again"


class NoWayError(Exception):
    """There is no broker to go to; the message says why and what next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A broker and how this box is known there.

    Attributes:
        broker: ``mqtt://host:port`` or ``mqtts://host:port``; empty where none is known.
        enrolled: Whether the box goes there by its own certificate.
        version: The MQTT version spoken there.
        identity: The files of the enrolment; ``None`` for a broker on this very machine.
        expires_at: When its certificate expires, Unix milliseconds; ``None`` without one, or where
        the
            enrolment does not say.
    """

    broker: str
    enrolled: bool
    version: Literal[4, 5] = 5
    identity: Identity | None = None
    username: str | None = None
    password: str | None = None
    expires_at: int | None = None

    def address(self) -> Broker:
        """As `cloud_link` takes it; raises `MqttError`."""
        from cloud_link.mqtt.broker import Broker

        tls = None if self.identity is None else self.identity.context()
        broker = Broker.parse(self.broker, version=self.version, tls=tls)
        return replace(broker, username=self.username, password=self.password)

    def to_json(self) -> dict[str, Any]:
        """For the status."""
        return {"broker": self.broker, "enrolled": self.enrolled}


def find(state: Path, box: str, cloud: Cloud) -> Way:
    """The way of this box.

    Raises:
        NoWayError: There is none, or there are two.
        CodedError: The enrolment is damaged, or is another box's.
        ConfigError: The password is not to be had.
    """
    enrolled = enrolment_store.load(state)
    if enrolled is None:
        return _configured(state, cloud)
    clash = clashing(cloud, enrolled)
    if clash is not None:
        raise NoWayError(f"{clash_words(clash, enrolled)}; {CLASH_STEP}")
    if enrolled.box != box:
        raise CodedError(
            Code.DAMAGED,
            f"{enrolment_store.folder(state)} is box {enrolled.box}'s; this one is {box}",
        )
    return _enrolled(state, enrolled)


def clashing(cloud: Cloud, enrolled: Enrolment) -> str | None:
    """The first setting that an enrolled box cannot follow; ``None`` where there is none."""
    given = [name for name in ("broker", "username", "password") if getattr(cloud, name)]
    if cloud.mqtt != Cloud().mqtt and cloud.mqtt != enrolled.mqtt:
        given.append("mqtt")
    return given[0] if given else None


def clash_words(name: str, enrolled: Enrolment) -> str:
    """What is wrong with it."""
    return (
        f"the configuration sets cloud.{name}, but this box is enrolled and goes to "
        f"{enrolled.broker} by its certificate"
    )


def mark(state: Path) -> object:
    """Changes whenever the enrolment does; costs one look at the folder."""
    try:
        found = (enrolment_store.folder(state) / enrolment_store.FILE).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _configured(state: Path, cloud: Cloud) -> Way:
    if cloud.broker is None:
        raise NoWayError(
            "this box has no way to a portal yet; enrol it with 'kanmon enroll KEY', or name a "
            "broker of your own as cloud.broker"
        )
    return Way(
        broker=cloud.broker,
        enrolled=False,
        version=_level(cloud.mqtt),
        username=cloud.username,
        password=secret(state, cloud.password) if cloud.password else None,
    )


def _enrolled(state: Path, enrolled: Enrolment) -> Way:
    from cloud_link.mqtt.broker import Identity

    parts = urlsplit(enrolled.broker)
    plain = parts.scheme != "mqtts"
    if plain and not is_this_machine(parts.hostname or ""):
        raise NoWayError(
            f"the portal sends this box to {enrolled.broker}, which has no TLS: everybody on the "
            "way could read and write in its name. Let the portal's operator set KANMON_BOX_BROKER "
            "to an mqtts:// address, then enrol again"
        )
    folder = enrolment_store.folder(state)
    identity = Identity(
        certificate=folder / enrolled.certificate,
        key=enrolment_store.key_path(state),
        trust=folder / enrolled.trust,
    )
    return Way(
        broker=enrolled.broker,
        enrolled=True,
        version=_level(enrolled.mqtt),
        identity=None if plain else identity,
        expires_at=None if plain else unix_ms(enrolled.ends_at),
    )


def _level(mqtt: str) -> Literal[4, 5]:
    """The protocol level of a version: 3.1.1 is 4."""
    return 5 if mqtt == "5" else 4
