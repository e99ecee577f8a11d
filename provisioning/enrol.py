"""Enrolment: from an agent key to an identity. Safe to repeat after any interruption.

::

    consent?  another portal's?   nothing is sent, nothing is written
    key.pem                       made once
    fetch_root                    the portal's root must fit the pin of the agent key
    claim                         the same public key always gets the same answer
    certificate, trust, enrolment.json         see `provisioning.enrolment_store`

The setup page, renewal and offline enrolment are to call the same steps.
"""

from __future__ import annotations

import fcntl
import os
import platform
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloud_link.mqtt.broker import Broker, BrokerUrlError
from config.disk import Disk, LocalDisk
from console.templates.enrol import ENROLLED_AT, INVALID_FIELD
from provisioning import box_key, enrolment_store, file_permissions
from provisioning.claim import TERMS, ClaimRequest, Inventory
from provisioning.claim_client import ClaimClient, printable
from provisioning.codes import Code, CodedError
from provisioning.enrolment_store import Enrolment
from provisioning.identity import IdentityError, box_id, clean

if TYPE_CHECKING:
    from provisioning.agent_key import AgentKey
    from provisioning.claim import ClaimGrant

_HARDWARE: Final = ("/proc/device-tree/model", "/sys/class/dmi/id/product_name")
_LOCK: Final = ".enrol.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolRequest:
    """A request to enrol this box.

    Attributes:
        state: The box's state folder; made where it is missing.
        key: The agent key.
        consent: Whether the user agreed to `provisioning.claim.STATEMENT`.
        inventory: Software and hardware of the box.
    """

    state: Path
    key: AgentKey
    consent: bool
    inventory: Inventory


def enrol(
    request: EnrolRequest, client: ClaimClient | None = None, disk: Disk | None = None
) -> Enrolment:
    """Enrol the box and return its enrolment.

    Of two calls at the same time, the second waits and returns the first one's enrolment.

    Raises:
        CodedError: The box was not enrolled; an earlier enrolment is unchanged.
    """
    if not request.consent:
        raise CodedError(Code.NO_CONSENT)
    disk = disk or LocalDisk()
    try:
        with _exclusive(request.state, disk):
            return _enrol(request, client or ClaimClient(request.key.address), disk)
    except IdentityError as error:
        if isinstance(error.__cause__, OSError):
            raise enrolment_store.storage_error(error.__cause__, Path(error.where)) from error
        raise CodedError(Code.DAMAGED, where=error.where) from error
    except OSError as error:
        raise enrolment_store.storage_error(error, request.state) from error


def _enrol(request: EnrolRequest, client: ClaimClient, disk: Disk) -> Enrolment:
    earlier = enrolment_store.load(request.state)
    pin = request.key.pin.hex()
    if earlier is not None and earlier.pin != pin:
        raise CodedError(Code.OTHER_PORTAL, why=ENROLLED_AT(address=earlier.address))
    box = box_id(request.state)
    clean(request.state)
    key = box_key.load_or_create(enrolment_store.key_path(request.state), disk)
    root = box_key.pinned_root(client.fetch_root().root, request.key.pin)
    claim = ClaimRequest(
        key_id=request.key.id,
        secret=request.key.secret,
        box=box,
        csr=box_key.certificate_request(key, box),
        terms=TERMS,
        inventory=request.inventory,
    )
    grant = client.claim(claim, root)
    verified = box_key.verify(grant, box, key, root)
    _check_broker(grant)
    enrolment = _enrolment(request, grant, verified.expires_at)
    return enrolment_store.save(
        disk, request.state, enrolment, chain=verified.chain, trust=verified.trust
    )


def _check_broker(grant: ClaimGrant) -> None:
    """Raise `CodedError` for a broker that this box could never connect to."""
    try:
        Broker.parse(grant.broker.url, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    except BrokerUrlError as error:
        why = INVALID_FIELD(field="broker.url")
        raise CodedError(Code.NOT_THE_PORTAL, why=why) from error


def _enrolment(request: EnrolRequest, grant: ClaimGrant, expires_at: str) -> Enrolment:
    return Enrolment(
        box=grant.box,
        address=request.key.address,
        pin=request.key.pin.hex(),
        certificate="",
        trust="",
        expires_at=expires_at,
        broker=grant.broker.url,
        mqtt=grant.broker.mqtt,
        gateway=printable(grant.gateway),
        site=printable(grant.site),
        organization=printable(grant.organization),
        terms=TERMS,
    )


def inventory(software: str) -> Inventory:
    """The inventory of this machine; a field is empty where the system does not tell it."""
    system = ""
    with suppress(OSError):
        system = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return Inventory(
        software=software[:200],
        hostname=socket.gethostname()[:200],
        hardware=_hardware()[:200],
        system=system[:200],
        machine=platform.machine()[:200],
    )


def _hardware() -> str:
    for path in _HARDWARE:
        with suppress(OSError):
            return Path(path).read_text("utf-8", "replace").strip("\0\n ")
    return ""


@contextmanager
def _exclusive(state: Path, disk: Disk) -> Iterator[None]:
    """Hold the identity folder exclusively, made where it is missing and tidied."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    where = enrolment_store.folder(state)
    where.mkdir(mode=0o700, exist_ok=True)
    file_permissions.check_folder(where)
    lock = os.open(state / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        enrolment_store.clean(state)
        # A key whose folder a power cut takes away would have been claimed with in vain.
        disk.sync_folder(state)
        yield
    finally:
        os.close(lock)
