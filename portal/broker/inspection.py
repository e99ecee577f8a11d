"""Whether the broker is as it was configured: its files, what expires, and whom it refuses.

A finding is a *fault* where a door is open, or shut for everybody. Any other becomes a fault by
itself if nobody does anything: a list or a certificate that expires.

Source: design section 5 (an expired list blocks everybody).
"""

from __future__ import annotations

import asyncio
import ssl
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from django.utils import timezone

from cloud_link.mqtt.broker import (
    Broker,
    ConnectRefusedError,
    Identity,
    MqttError,
    UnreachableError,
)
from cloud_link.mqtt.connect import connect
from console.templates import mqtt, system
from console.text import NO_MESSAGE, Template
from portal.authority import certificates, roots, server_identity
from portal.authority.errors import HAS_MODE, UNREADABLE, AuthorityError
from portal.authority.expiry import (
    BLOCKS_ALL,
    CERTIFICATE_NOTICE,
    LIST_NOTICE,
    ExpiringKind,
    expiring,
    expiry,
)
from portal.authority.models import Root
from portal.broker import configuration
from portal.broker.configuration import Address
from portal.broker.finding import WRITE_AND_RESTART, BrokerFinding, cause
from portal.broker.folder import CANARY, PASSWORD, BrokerFolder
from portal.broker.reloading import NO_TAKEOVER, broker_process
from portal.broker.takeover import takeover_broker

if TYPE_CHECKING:
    from pathlib import Path

    from console.text import Message

CHANGED: Final = Template("broker.changed", "the file differs from what was written")
EXPOSED: Final = Template("broker.exposed", "every account on this machine can read the file")
RESTRICT: Final = Template("broker.restrict", "run `chmod o=` on the file")
NOT_A_LIST: Final = Template("broker.not_a_list", "the file does not contain a revocation list")
OTHER_ROOT: Final = Template(
    "broker.other_root", "the revocation list was not issued by this portal's root for {root}"
)
LIST_EXPIRES: Final = Template("broker.list_expires", "the revocation list {when}")
RELOAD: Final = Template("broker.reload", "run `kanmon-portal broker reload {folder}`")
RELOAD_AND_MAINTAIN: Final = Template(
    "broker.reload_and_maintain",
    "run `kanmon-portal broker reload {folder}`, and make sure that `broker maintain` is running",
)
RELOAD_OR_RESTART: Final = Template(
    "broker.reload_or_restart",
    "run `kanmon-portal broker reload {folder}`, or restart the broker",
)
NAME_MISSING: Final = Template(
    "broker.name_missing",
    "the broker's certificate does not contain {host}, by which boxes reach it",
)
CERTIFICATE_EXPIRES: Final = Template(
    "broker.certificate_expires", "the broker's certificate {when}"
)
ACCEPTS_REVOKED: Final = Template(
    "broker.accepts_revoked", "the broker accepts a revoked certificate"
)
REVOKED_UNKNOWN: Final = Template(
    "broker.revoked_unknown", "it is unknown whether the broker refuses revoked clients"
)
LIST_EXPIRED: Final = Template("broker.list_expired", "its revocation list has expired")
ACCEPTS_ANONYMOUS: Final = Template(
    "broker.accepts_anonymous", "the listener for {name} accepts a client without a certificate"
)
ACCEPTS_PLAIN: Final = Template(
    "broker.accepts_plain", "the listener for {name} accepts a client without TLS"
)
ACCEPTS_PASSWORD: Final = Template(
    "broker.accepts_password", "the listener for {name} accepts a wrong password"
)
NOT_CHECKED: Final = Template("broker.not_checked", "the listener for {name} could not be checked")

_OTHERS: Final = 0o007
_NAMED: Final = ("boxes", "workers", "publisher")


def inspect(folder: BrokerFolder, *, files_only: bool = False) -> list[BrokerFinding]:
    """Find everything that is wrong with a broker, or soon will be.

    A root that is missing hides nothing else.

    Args:
        folder: The broker's folder.
        files_only: Look at the files only, not at the broker that runs.
    """
    found = [*_files(folder), *_lists(folder), *_server(folder), *_expiring_elsewhere()]
    if files_only:
        return found
    try:
        broker_process(folder)
        return [*found, *asyncio.run(_probe_listeners(folder))]
    except AuthorityError as error:
        return [*found, BrokerFinding.of(error)]


# --- files ----------------------------------------------------------------------------------


def _files(folder: BrokerFolder) -> Iterator[BrokerFinding]:
    again = WRITE_AND_RESTART(folder=str(folder.path))
    texts = dict(folder.plan_texts())
    for root in Root:
        try:
            texts[folder.root_name(root)] = folder.root_text(root)
        except AuthorityError as error:
            yield BrokerFinding.of(error)
    for name, text in texts.items():
        path = folder.path / name
        try:
            if path.read_text("utf-8") != text:
                yield BrokerFinding(fault=True, what=CHANGED(), where=str(path), next=again)
        except (OSError, UnicodeDecodeError) as error:
            yield _unreadable(path, error, again)
    for name in (configuration.SERVER, configuration.PASSWORDS, PASSWORD, CANARY):
        path = folder.path / name
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError as error:
            yield _unreadable(path, error, again)
            continue
        if mode & _OTHERS:
            yield BrokerFinding(
                fault=True,
                what=EXPOSED(),
                where=str(path),
                why=HAS_MODE(mode=f"{mode:o}"),
                next=RESTRICT(),
            )


def _unreadable(path: Path, error: Exception, step: Message) -> BrokerFinding:
    why = _reason(error)
    return BrokerFinding(fault=True, what=UNREADABLE(), where=str(path), why=why, next=step)


def _lists(folder: BrokerFolder) -> Iterator[BrokerFinding]:
    step = RELOAD_AND_MAINTAIN(folder=str(folder.path))
    for root in Root:
        path = folder.path / configuration.list_path(root.value)
        try:
            found = x509.load_pem_x509_crl(path.read_bytes())
        except (OSError, ValueError) as error:
            yield BrokerFinding(
                fault=True, what=NOT_A_LIST(), where=str(path), why=_reason(error), next=step
            )
            continue
        expires_at = found.next_update_utc
        if not _is_by(found, root) or expires_at is None:
            what = OTHER_ROOT(root=root.value)
            yield BrokerFinding(fault=True, what=what, where=str(path), next=step)
        elif one := _expiring(LIST_EXPIRES, expires_at, LIST_NOTICE):
            yield replace(one, where=str(path), why=BLOCKS_ALL(), next=step)


def _is_by(found: x509.CertificateRevocationList, root: Root) -> bool:
    try:
        key = roots.load(root).certificate.public_key()
    except AuthorityError:
        return True  # that it is gone is told, and the list may do until it ends
    return found.is_signature_valid(key)  # type: ignore[arg-type] # an EC key, as roots are


def _server(folder: BrokerFolder) -> Iterator[BrokerFinding]:
    step = RELOAD(folder=str(folder.path))
    path = folder.path / configuration.SERVER
    again = WRITE_AND_RESTART(folder=str(folder.path))
    try:
        found = server_identity.read_identity(path)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except AuthorityError as error:
        yield BrokerFinding.of(error, next_step=again)
        return
    except (ValueError, x509.ExtensionNotFound) as error:
        yield _unreadable(path, error, again)
        return
    lacking = [
        one
        for one in certificates.subject_alternative_names(folder.plan.hosts)
        if one not in list(names)
    ]
    if lacking:
        what = NAME_MISSING(host=str(lacking[0].value))
        yield BrokerFinding(fault=True, what=what, where=str(path), next=step)
    one = _expiring(CERTIFICATE_EXPIRES, found.not_valid_after_utc, CERTIFICATE_NOTICE)
    if one:
        yield replace(one, where=str(path), next=step)


def _expiring(template: Template, expires_at: datetime, notice: timedelta) -> BrokerFinding | None:
    left = expires_at - timezone.now()
    if left > notice:
        return None
    expired = left <= timedelta()
    what = template(when=expiry(expires_at, expired=expired))
    return BrokerFinding(fault=expired, what=what)


def _expiring_elsewhere() -> Iterator[BrokerFinding]:
    """What expires and is not in the folder: roots, workers, publisher, claim service, boxes."""
    for one in expiring(timezone.now()):
        # Of lists and the broker's certificate, what counts is what the broker reads.
        if one.kind not in {ExpiringKind.LIST, ExpiringKind.BROKER}:
            # A box that is shut out by its own certificate is no fault of the broker's.
            fault = one.expired and one.kind is not ExpiringKind.BOX
            yield BrokerFinding(fault=fault, what=one.what, why=one.why, next=one.next_step)


def _reason(error: Exception) -> Message:
    if isinstance(error, OSError):
        return system.reason(error)
    return NO_MESSAGE  # the library's words about the form of a file say no more


# --- the broker that runs -------------------------------------------------------------------


async def _probe_listeners(folder: BrokerFolder) -> list[BrokerFinding]:
    """Connect to every listener as nobody should be able to."""
    plan = folder.plan
    listeners = dict(zip(_NAMED, (plan.boxes, plan.workers, plan.publisher), strict=True))
    again = WRITE_AND_RESTART(folder=str(folder.path))
    found = [await _refuses_canary(folder)]
    for name, at in listeners.items():
        found.append(await _refuses(_anonymous(folder, at), name, ACCEPTS_ANONYMOUS, again))
        found.append(await _refuses(_plain(at), name, ACCEPTS_PLAIN, again))
    found.append(await _refuses(_plain(plan.takeover), "takeover", ACCEPTS_PLAIN, again))
    wrong = takeover_broker(folder, "wrong")
    found.append(await _refuses(wrong, "takeover", ACCEPTS_PASSWORD, again))
    found.append(await _accepts_takeover(folder))
    return [one for one in found if one is not None]


async def _refuses_canary(folder: BrokerFolder) -> BrokerFinding | None:
    """The revoked certificate is refused, and for that reason."""
    root = folder.path / configuration.root_path(Root.BOXES)
    identity = Identity(certificate=folder.path / CANARY, key=folder.path / CANARY, trust=root)
    step = RELOAD_OR_RESTART(folder=str(folder.path))
    tls = identity.context()
    # In TLS 1.3 the reason comes after the handshake, and can be lost with the connection.
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        async with connect(_to(folder.plan.boxes, tls), "canary"):
            return BrokerFinding(fault=True, what=ACCEPTS_REVOKED(), next=step)
    except MqttError as error:
        alert = error.alert if isinstance(error, UnreachableError) else ""
        if "certificate revoked" in alert:
            return None
        why = LIST_EXPIRED() if "certificate expired" in alert else cause(error)
        what = REVOKED_UNKNOWN()
        return BrokerFinding(fault=True, what=what, where=error.where, why=why, next=step)


async def _refuses(
    broker: Broker, name: str, accepted: Template, step: Message
) -> BrokerFinding | None:
    try:
        async with connect(broker, "nobody"):
            return BrokerFinding(fault=True, what=accepted(name=name), next=step)
    except (UnreachableError, ConnectRefusedError) as error:
        if error.what != mqtt.NOTHING_LISTENS():
            return None
        return BrokerFinding(
            fault=True,
            what=NOT_CHECKED(name=name),
            where=error.where,
            why=error.what,
            next=error.next_step,
        )


async def _accepts_takeover(folder: BrokerFolder) -> BrokerFinding | None:
    try:
        async with connect(takeover_broker(folder), "probe"):
            return None
    except (AuthorityError, MqttError) as error:
        return BrokerFinding(
            fault=True,
            what=NO_TAKEOVER(),
            where=error.where,
            why=cause(error),
            next=error.next_step,
        )


def _anonymous(folder: BrokerFolder, at: Address) -> Broker:
    return _to(at, ssl.create_default_context(cadata=folder.trust()))


def _plain(at: Address) -> Broker:
    return Broker.parse(f"mqtt://{replace(at, host=at.client_host)}")


def _to(at: Address, tls: ssl.SSLContext) -> Broker:
    return Broker.parse(f"mqtts://{replace(at, host=at.client_host)}", tls=tls)
