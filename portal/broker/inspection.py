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
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

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
from portal.authority import certificates, roots, server_identity
from portal.authority.errors import AuthorityError
from portal.authority.expiry import (
    CERTIFICATE_NOTICE,
    LIST_NOTICE,
    ExpiringKind,
    expiring,
    expiry_text,
)
from portal.authority.models import Root
from portal.broker import configuration
from portal.broker.configuration import Address
from portal.broker.folder import CANARY, PASSWORD, BrokerFolder
from portal.broker.reloading import broker_process
from portal.broker.takeover import takeover_broker

_OTHERS: Final = 0o007
_NAMED: Final = ("boxes", "workers", "publisher")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFinding:
    """Something that is wrong with the broker, or soon will be.

    Attributes:
        fault: Whether it is wrong now; else it will be.
        what: A sentence that says what is wrong, and what to do.
    """

    fault: bool
    what: str


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
        return [*found, BrokerFinding(fault=True, what=str(error))]


# --- files ----------------------------------------------------------------------------------


def _files(folder: BrokerFolder) -> Iterator[BrokerFinding]:
    again = f"run 'kanmon-portal broker write {folder.path}' and restart the broker"
    texts = dict(folder.plan_texts())
    for root in Root:
        try:
            texts[folder.root_name(root)] = folder.root_text(root)
        except AuthorityError as error:
            yield BrokerFinding(fault=True, what=str(error))
    for name, text in texts.items():
        path = folder.path / name
        try:
            if path.read_text("utf-8") != text:
                yield BrokerFinding(fault=True, what=f"{path} is not as it was written; {again}")
        except (OSError, UnicodeDecodeError) as error:
            yield BrokerFinding(
                fault=True, what=f"{path} cannot be read ({_reason(error)}); {again}"
            )
    for name in (configuration.SERVER, configuration.PASSWORDS, PASSWORD, CANARY):
        path = folder.path / name
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError as error:
            yield BrokerFinding(fault=True, what=f"{path} is not there ({_reason(error)}); {again}")
            continue
        if mode & _OTHERS:
            what = f"{path} is open to every account here (mode {mode:o}); run chmod o= on it"
            yield BrokerFinding(fault=True, what=what)


def _lists(folder: BrokerFolder) -> Iterator[BrokerFinding]:
    step = f"run 'kanmon-portal broker reload {folder.path}', and see that 'broker maintain' runs"
    for root in Root:
        path = folder.path / configuration.list_path(root.value)
        try:
            found = x509.load_pem_x509_crl(path.read_bytes())
        except (OSError, ValueError) as error:
            yield BrokerFinding(
                fault=True, what=f"{path} is no revocation list ({_reason(error)}); {step}"
            )
            continue
        ends = found.next_update_utc
        if not _is_by(found, root) or ends is None:
            what = f"{path} is not by this portal's root for {root.value}; {step}"
            yield BrokerFinding(fault=True, what=what)
        else:
            sentence = (
                "the revocation list {path}, without which nobody at all is let in, {when}; {step}"
            )
            yield from _expiring(sentence, ends, LIST_NOTICE, path=path, step=step)


def _is_by(found: x509.CertificateRevocationList, root: Root) -> bool:
    try:
        key = roots.load(root).certificate.public_key()
    except AuthorityError:
        return True  # that it is gone is told, and the list may do until it ends
    return found.is_signature_valid(key)  # type: ignore[arg-type] # an EC key, as roots are


def _server(folder: BrokerFolder) -> Iterator[BrokerFinding]:
    step = f"run 'kanmon-portal broker reload {folder.path}'"
    path = folder.path / configuration.SERVER
    again = f"run 'kanmon-portal broker write {folder.path}' and restart the broker"
    try:
        found = server_identity.read_identity(path)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (AuthorityError, ValueError, x509.ExtensionNotFound) as error:
        yield BrokerFinding(fault=True, what=f"{error}; {again}")
        return
    lacking = [
        one
        for one in certificates.subject_alternative_names(folder.plan.hosts)
        if one not in list(names)
    ]
    if lacking:
        what = f"{path} does not name {lacking[0].value}, by which boxes come; {step}"
        yield BrokerFinding(fault=True, what=what)
    sentence = "the broker's certificate {path} {when}; {step}"
    ends = found.not_valid_after_utc
    yield from _expiring(sentence, ends, CERTIFICATE_NOTICE, path=path, step=step)


def _expiring(
    sentence: str, expires_at: datetime, notice: timedelta, **fields: object
) -> Iterator[BrokerFinding]:
    left = expires_at - timezone.now()
    if left <= notice:
        expired = left <= timedelta()
        text = expiry_text(expires_at, expired=expired)
        yield BrokerFinding(fault=expired, what=sentence.format(when=text, **fields))


def _expiring_elsewhere() -> Iterator[BrokerFinding]:
    """What expires and is not in the folder: roots, workers, publisher, claim service, boxes."""
    for one in expiring(timezone.now()):
        # Of lists and the broker's certificate, what counts is what the broker reads.
        if one.kind not in {ExpiringKind.LIST, ExpiringKind.BROKER}:
            # A box that is shut out by its own certificate is no fault of the broker's.
            fault = one.expired and one.kind is not ExpiringKind.BOX
            yield BrokerFinding(fault=fault, what=str(one))


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or "damaged"


# --- the broker that runs -------------------------------------------------------------------


async def _probe_listeners(folder: BrokerFolder) -> list[BrokerFinding]:
    """Connect to every listener as nobody should be able to."""
    plan = folder.plan
    listeners = dict(zip(_NAMED, (plan.boxes, plan.workers, plan.publisher), strict=True))
    found = [await _refuses_canary(folder)]
    for name, at in listeners.items():
        nobody = _anonymous(folder, at)
        found.append(await _refuses(nobody, f"{name}: somebody without a certificate"))
        found.append(await _refuses(_plain(at), f"{name}: somebody without TLS"))
    found.append(await _refuses(_plain(plan.takeover), "takeover: somebody without TLS"))
    found.append(await _refuses(takeover_broker(folder, "wrong"), "takeover: a wrong password"))
    found.append(await _accepts_takeover(folder))
    return [one for one in found if one is not None]


async def _refuses_canary(folder: BrokerFolder) -> BrokerFinding | None:
    """The revoked certificate is refused, and for that reason."""
    root = folder.path / configuration.root_path(Root.BOXES)
    identity = Identity(certificate=folder.path / CANARY, key=folder.path / CANARY, trust=root)
    step = f"run 'kanmon-portal broker reload {folder.path}', or restart the broker"
    tls = identity.context()
    # In TLS 1.3 the reason comes after the handshake, and can be lost with the connection.
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        async with connect(_to(folder.plan.boxes, tls), "canary"):
            return BrokerFinding(
                fault=True, what=f"the broker lets a revoked certificate in; {step}"
            )
    except MqttError as error:
        if "certificate revoked" in str(error):
            return None
        why = "its list has ended" if "certificate expired" in str(error) else str(error)
        what = f"whether the broker refuses who was revoked cannot be seen: {why}; {step}"
        return BrokerFinding(fault=True, what=what)


async def _refuses(broker: Broker, who: str) -> BrokerFinding | None:
    try:
        async with connect(broker, "nobody"):
            what = f"the broker lets in {who}; write its configuration again and restart it"
            return BrokerFinding(fault=True, what=what)
    except (UnreachableError, ConnectRefusedError) as error:
        if "nothing listens" in str(error):
            return BrokerFinding(fault=True, what=f"{who} could not be tried: {error}")
        return None


async def _accepts_takeover(folder: BrokerFolder) -> BrokerFinding | None:
    try:
        async with connect(takeover_broker(folder), "probe"):
            return None
    except (AuthorityError, MqttError) as error:
        return BrokerFinding(fault=True, what=f"no session could be cut: {error}")


def _anonymous(folder: BrokerFolder, at: Address) -> Broker:
    return _to(at, ssl.create_default_context(cadata=folder.trust()))


def _plain(at: Address) -> Broker:
    return Broker.parse(f"mqtt://{replace(at, host=at.client_host)}")


def _to(at: Address, tls: ssl.SSLContext) -> Broker:
    return Broker.parse(f"mqtts://{replace(at, host=at.client_host)}", tls=tls)
