"""Enrolment: from an agent key to a name. Safe to repeat at any point, from any interruption.

::

    consent?  another portal's?   nothing is sent, nothing is written
    key.pem                       made once
    welcome                       the portal's root, against the pin of the agent key
    claim                         the same public key is always answered alike
    certificate, trust, enrolment.json         see `provisioning.enrolment_store`

The setup page, renewal and offline enrolment are to call the same steps.
"""

from __future__ import annotations

import fcntl
import os
import platform
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from config.disk import Disk, LocalDisk
from provisioning import box_key, enrolment_store, file_permissions
from provisioning.claim import TERMS, Inventory, Request
from provisioning.claim_client import ClaimLink
from provisioning.codes import Code, CodedError
from provisioning.enrolment_store import Enrolment
from provisioning.identity import IdentityError, box_id, clean

if TYPE_CHECKING:
    from provisioning.agent_key import AgentKey
    from provisioning.claim import Granted

_HARDWARE: Final = ("/proc/device-tree/model", "/sys/class/dmi/id/product_name")
_LOCK: Final = ".enrol.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody standing before the box wants.

    Attributes:
        state: The box's state folder; made where it is missing.
        key: The agent key.
        consent: Whether they agreed to `provisioning.claim.STATEMENT`.
        inventory: What the box is.
    """

    state: Path
    key: AgentKey
    consent: bool
    inventory: Inventory


def enrol(wish: Wish, link: ClaimLink | None = None, disk: Disk | None = None) -> Enrolment:
    """Let the box have its name, and return it.

    Of two that are asked at the same moment, the second waits and finds the first one's.

    Raises:
        CodedError: It does not have it; what it had before it still has.
    """
    if not wish.consent:
        raise CodedError(Code.NO_CONSENT)
    disk = disk or LocalDisk()
    try:
        with _alone(wish.state, disk):
            return _enrol(wish, link or ClaimLink(wish.key.address), disk)
    except IdentityError as error:
        if isinstance(error.__cause__, OSError):
            raise enrolment_store.storage_error(error.__cause__, error.where) from error
        raise CodedError(Code.DAMAGED, str(error.where)) from error
    except OSError as error:
        raise enrolment_store.storage_error(error, wish.state) from error


def _enrol(wish: Wish, link: ClaimLink, disk: Disk) -> Enrolment:
    earlier = enrolment_store.load(wish.state)
    pin = wish.key.pin.hex()
    if earlier is not None and earlier.pin != pin:
        raise CodedError(Code.OTHER_PORTAL, earlier.address)
    box = box_id(wish.state)
    clean(wish.state)
    key = box_key.ready(enrolment_store.key_path(wish.state), disk)
    root = box_key.pinned_root(link.welcome().root, wish.key.pin)
    request = Request(
        key_id=wish.key.id,
        secret=wish.key.secret,
        box=box,
        csr=box_key.request(key, box),
        terms=TERMS,
        inventory=wish.inventory,
    )
    granted = link.claim(request, root)
    checked = box_key.check(granted, box, key, root)
    made = _enrolment(wish, granted, checked.ends_at)
    return enrolment_store.save(disk, wish.state, made, chain=checked.chain, trust=checked.trust)


def _enrolment(wish: Wish, granted: Granted, ends_at: str) -> Enrolment:
    return Enrolment(
        box=granted.box,
        address=wish.key.address,
        pin=wish.key.pin.hex(),
        certificate="",
        trust="",
        ends_at=ends_at,
        broker=granted.broker.url,
        mqtt=granted.broker.mqtt,
        gateway=granted.gateway,
        site=granted.site,
        organization=granted.organization,
        terms=TERMS,
    )


def inventory(software: str) -> Inventory:
    """What this machine says it is; empty where it does not say."""
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
def _alone(state: Path, disk: Disk) -> Iterator[None]:
    """The identity folder, made where it is missing and tidied, and nobody else in it."""
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
