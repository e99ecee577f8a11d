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

from portal.authority import certificates, files
from portal.authority.certificates import Issuer
from portal.authority.errors import AuthorityError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from portal.authority.models import Root

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
            f"there is no root for {root.value} ({path}); run 'kanmon-portal authority init'"
        ) from error
    except OSError as error:
        raise AuthorityError(
            f"the root {path} cannot be read: {error.strerror}; run the command as the user the "
            "portal runs as"
        ) from error
    if mode & _OTHERS:
        raise AuthorityError(
            f"the root {path} can be read by others (mode {mode & 0o777:o}); run chmod 600 on it, "
            "and ask who may have copied it"
        )
    try:
        key = load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
    except (ValueError, TypeError) as error:
        raise AuthorityError(_damaged(path)) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or (
        certificates.spki_of(key.public_key()) != certificates.spki_of(certificate.public_key())
    ):
        raise AuthorityError(_damaged(path))
    return Issuer(certificate=certificate, key=key)


def _damaged(path: Path) -> str:
    return f"the root {path} is damaged; restore it from your backup"
