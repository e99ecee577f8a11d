"""The roots, kept in files: ``STATE/authority/<root>.pem`` holds key and certificate, mode 0600.

One file each, because two could come apart. Whoever has such a file can make boxes, workers or
configurations: back it up where only operators can read it, and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings

from console.templates import system
from console.text import Template
from portal.authority import certificates, files
from portal.authority.certificates import Issuer
from portal.authority.errors import HAS_MODE, AuthorityError, system_step

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from portal.authority.models import Root

NO_ROOT: Final = Template("authority.no_root", "the root for {root} does not exist")
CREATE_ROOTS: Final = Template("authority.create_roots", "run `kanmon-portal authority init`")
UNREADABLE_ROOT: Final = Template("authority.unreadable_root", "the root for {root} cannot be read")
EXPOSED_ROOT: Final = Template(
    "authority.exposed_root", "other accounts can read the root for {root}"
)
RESTRICT_ROOT: Final = Template(
    "authority.restrict_root", "run `chmod 600` on the file, and find out who may have copied it"
)
DAMAGED_ROOT: Final = Template("authority.damaged_root", "the root for {root} is damaged")
RESTORE_FILE: Final = Template("authority.restore_file", "restore the file from your backup")

_OTHERS: Final = 0o077


def folder() -> Path:
    """The folder in which the authority keeps everything."""
    state: Path = settings.STATE
    return state / "authority"


def path_of(root: Root) -> Path:
    """The file of a root."""
    return folder() / f"{root.value}.pem"


def make(root: Root, at: datetime) -> bool:
    """Make a root's file; ``False``, and nothing done, where it is there. Raises `AuthorityError`.

    Of two processes that do it at once, one makes it.
    """
    # The name is random in part: roots of two portals, or an old and a new one, stay apart.
    name = f"Kanmon {root.value} {x509.random_serial_number():x}"[:40]
    issuer = certificates.make_root(name, at)
    content = certificates.key_pem(issuer.key) + certificates.pem(issuer.certificate).encode()
    return files.create(path_of(root), content)


def load(root: Root) -> Issuer:
    """A root, ready to sign.

    Raises:
        AuthorityError: Its file is missing, open to other accounts, or damaged.
    """
    path = path_of(root)
    try:
        with path.open("rb") as file:
            mode = path.stat().st_mode
            content = file.read()
    except FileNotFoundError as error:
        raise AuthorityError(
            NO_ROOT(root=root.value), where=str(path), next_step=CREATE_ROOTS()
        ) from error
    except OSError as error:
        raise AuthorityError(
            UNREADABLE_ROOT(root=root.value),
            where=str(path),
            why=system.reason(error),
            next_step=system_step(error),
        ) from error
    if mode & _OTHERS:
        raise AuthorityError(
            EXPOSED_ROOT(root=root.value),
            where=str(path),
            why=HAS_MODE(mode=f"{mode & 0o777:o}"),
            next_step=RESTRICT_ROOT(),
        )
    try:
        key = load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
    except (ValueError, TypeError) as error:
        raise _damaged(root, path) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or (
        certificates.spki_of(key.public_key()) != certificates.spki_of(certificate.public_key())
    ):
        raise _damaged(root, path)
    return Issuer(certificate=certificate, key=key)


def _damaged(root: Root, path: Path) -> AuthorityError:
    what = DAMAGED_ROOT(root=root.value)
    return AuthorityError(what, where=str(path), next_step=RESTORE_FILE())
