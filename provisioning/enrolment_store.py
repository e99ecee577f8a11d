"""What a box keeps of its name. Standard library only: the daemon reads this and no more.

::

    STATE/identity/
      key.pem                     EC P-256, made here, mode 0600; never leaves this folder
      certificate-<digest>.pem    the box's certificate, then what vouches for it
      trust-<digest>.pem          whose certificates are believed at the broker
      enrolment.json              names the two, and says the rest; the last to be written

Certificates are named by their content and ``enrolment.json`` is replaced in one step, so that at
every instant the box has the whole old or the whole new name. A renewal does the same.
"""

from __future__ import annotations

import errno
import json
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from config.disk import DRAFT, Disk, replace_file
from provisioning.codes import Code, CodedError

FOLDER: Final = "identity"
KEY: Final = "key.pem"
FILE: Final = "enrolment.json"
VERSION: Final = 1
_STORAGE: Final = {
    errno.ENOSPC: Code.DISK_FULL,
    errno.EDQUOT: Code.DISK_FULL,
    errno.ELOOP: Code.NOT_OURS,  # what O_NOFOLLOW says of a link
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A box's name, as it is kept.

    Attributes:
        box: Its id, the common name in its certificate.
        address: The portal's claim address.
        pin: Of the portal's root, in hexadecimal.
        certificate: File name of certificate and chain.
        trust: File name of what is believed at the broker.
        ends_at: When the certificate ends, RFC 3339.
        broker: ``mqtts://host:port``.
        mqtt: ``5`` or ``3.1.1``.
        gateway: What people call it in the portal; beside it site and organization.
        terms: What was agreed to.
    """

    box: str
    address: str
    pin: str
    certificate: str
    trust: str
    ends_at: str
    broker: str
    mqtt: str
    gateway: str
    site: str
    organization: str
    terms: str


def folder(state: Path) -> Path:
    """Where it lies."""
    return state / FOLDER


def key_path(state: Path) -> Path:
    """The box's private key."""
    return folder(state) / KEY


def load(state: Path) -> Enrolment | None:
    """The box's name; ``None`` before it has one.

    Raises:
        CodedError: 2403: a file is damaged or gone, 2401: it cannot be read.
    """
    path = folder(state) / FILE
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage_error(error, path) from error
    except ValueError as error:
        raise CodedError(Code.DAMAGED, str(path)) from error
    enrolment = _read(content, path)
    for name in (enrolment.certificate, enrolment.trust):
        _check_file(folder(state) / name)
    if not key_path(state).exists():
        raise CodedError(Code.DAMAGED, f"{key_path(state)} is gone")
    return enrolment


def save(disk: Disk, state: Path, enrolment: Enrolment, *, chain: bytes, trust: bytes) -> Enrolment:
    """Keep a name, and return it with its files' names; raises ``OSError``.

    Wherever this is interrupted, `load` gives the earlier name or the new one.
    """
    where = folder(state)
    names = {}
    for field, content in (("certificate", chain), ("trust", trust)):
        names[field] = f"{field}-{_digest(content)}.pem"
        replace_file(disk, where / names[field], content)
    kept = Enrolment(**{**asdict(enrolment), **names})
    text = json.dumps({"version": VERSION, **asdict(kept)}, ensure_ascii=False, indent=1)
    replace_file(disk, where / FILE, text.encode() + b"\n")
    _sweep(where, keep={FILE, KEY, *names.values()})
    return kept


def storage_error(error: OSError, path: Path) -> CodedError:
    """The code for what the file system said."""
    where = error.filename or path
    return CodedError(
        _STORAGE.get(error.errno or 0, Code.NOT_WRITABLE), f"{where}: {error.strerror or error}"
    )


def clean(state: Path) -> None:
    """Remove what an interrupted run has begun to write: it is no key and no certificate."""
    for path in folder(state).glob("*" + DRAFT):
        path.unlink()


def _read(content: Any, path: Path) -> Enrolment:
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise CodedError(Code.DAMAGED, f"{path} is not of a version that this software knows")
    values = {one.name: content.get(one.name) for one in fields(Enrolment)}
    words = {name: value for name, value in values.items() if isinstance(value, str)}
    if words.keys() != values.keys():
        raise CodedError(Code.DAMAGED, str(path))
    return Enrolment(**words)


def _check_file(path: Path) -> None:
    """A certificate's file holds what its name says."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise CodedError(Code.DAMAGED, f"{path} is gone") from error
    except OSError as error:
        raise storage_error(error, path) from error
    if path.stem.rpartition("-")[2] != _digest(content):
        raise CodedError(Code.DAMAGED, str(path))


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]


def _sweep(where: Path, keep: set[str]) -> None:
    """Remove earlier certificates and drafts; what cannot be removed does no harm."""
    with suppress(OSError):
        for path in list(where.iterdir()):
            if path.name not in keep:
                path.unlink()
