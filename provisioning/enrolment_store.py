"""The stored enrolment of a box. Standard library only, because the daemon reads it.

::

    STATE/identity/
      key.pem                     EC P-256, made here, mode 0600; never leaves this folder
      certificate-<digest>.pem    the box's certificate, then its chain
      trust-<digest>.pem          the authorities that are trusted at the broker
      enrolment.json              names the two, and holds the rest; written last

Certificates are named by their content and ``enrolment.json`` is replaced in one step, so that at
every instant the box has the whole old or the whole new enrolment. A renewal does the same.
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
from console.templates import enrol, system
from provisioning.codes import Code, CodedError

FOLDER: Final = "identity"
KEY: Final = "key.pem"
FILE: Final = "enrolment.json"
VERSION: Final = 1
_STORAGE: Final = {
    errno.ENOSPC: Code.DISK_FULL,
    errno.EDQUOT: Code.DISK_FULL,
    errno.ELOOP: Code.UNTRUSTED_PATH,  # what O_NOFOLLOW says of a link
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A box's enrolment, as it is stored.

    Attributes:
        box: The box's id, the common name in its certificate.
        address: The portal's claim address.
        pin: The pin of the portal's root, in hexadecimal.
        certificate: File name of certificate and chain.
        trust: File name of the authorities that are trusted at the broker.
        expires_at: The end of the certificate's validity, RFC 3339.
        broker: The broker's address, ``mqtts://host:port``.
        mqtt: The broker's MQTT version, ``5`` or ``3.1.1``.
        gateway: The gateway's name in the portal; beside it its site and organization.
        terms: The name of the terms that were agreed to.
    """

    box: str
    address: str
    pin: str
    certificate: str
    trust: str
    expires_at: str
    broker: str
    mqtt: str
    gateway: str
    site: str
    organization: str
    terms: str


def folder(state: Path) -> Path:
    """The folder of the identity below the state folder."""
    return state / FOLDER


def key_path(state: Path) -> Path:
    """The file of the box's private key."""
    return folder(state) / KEY


def load(state: Path) -> Enrolment | None:
    """The stored enrolment; ``None`` where the box was never enrolled.

    Raises:
        CodedError: 2403: a file is damaged or gone, 2401: a file cannot be read.
    """
    path = folder(state) / FILE
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage_error(error, path) from error
    except ValueError as error:
        raise CodedError(Code.DAMAGED, where=str(path)) from error
    enrolment = _parse(content, path)
    for name in (enrolment.certificate, enrolment.trust):
        _check_file(folder(state) / name)
    if not key_path(state).exists():
        raise CodedError(Code.DAMAGED, where=str(key_path(state)), why=enrol.FILE_MISSING())
    return enrolment


def save(disk: Disk, state: Path, enrolment: Enrolment, *, chain: bytes, trust: bytes) -> Enrolment:
    """Store an enrolment, and return it with the names of its files; raises ``OSError``.

    Wherever this is interrupted, `load` returns the earlier enrolment or the new one.
    """
    where = folder(state)
    names = {}
    for field, content in (("certificate", chain), ("trust", trust)):
        names[field] = f"{field}-{_digest(content)}.pem"
        replace_file(disk, where / names[field], content)
    kept = Enrolment(**{**asdict(enrolment), **names})
    text = json.dumps({"version": VERSION, **asdict(kept)}, ensure_ascii=False, indent=1)
    replace_file(disk, where / FILE, text.encode() + b"\n")
    _remove_stale(where, keep={FILE, KEY, *names.values()})
    return kept


def storage_error(error: OSError, path: Path) -> CodedError:
    """The `CodedError` for an error of the file system at ``path``."""
    code = _STORAGE.get(error.errno or 0, Code.NOT_WRITABLE)
    return CodedError(code, where=str(error.filename or path), why=system.reason(error))


def clean(state: Path) -> None:
    """Remove the drafts that an interrupted run left."""
    for path in folder(state).glob("*" + DRAFT):
        path.unlink()


def _parse(content: Any, path: Path) -> Enrolment:
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise CodedError(Code.DAMAGED, where=str(path), why=enrol.OTHER_VERSION())
    values = {one.name: content.get(one.name) for one in fields(Enrolment)}
    words = {name: value for name, value in values.items() if isinstance(value, str)}
    if words.keys() != values.keys():
        raise CodedError(Code.DAMAGED, where=str(path))
    return Enrolment(**words)


def _check_file(path: Path) -> None:
    """Raise `CodedError` unless the file's content has the digest in its name."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise CodedError(Code.DAMAGED, where=str(path), why=enrol.FILE_MISSING()) from error
    except OSError as error:
        raise storage_error(error, path) from error
    if path.stem.rpartition("-")[2] != _digest(content):
        raise CodedError(Code.DAMAGED, where=str(path))


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]


def _remove_stale(where: Path, keep: set[str]) -> None:
    """Remove earlier certificates and drafts; a file that cannot be removed does no harm."""
    with suppress(OSError):
        for path in list(where.iterdir()):
            if path.name not in keep:
                path.unlink()
