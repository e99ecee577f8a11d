"""A server's identity: key and certificate in one file, so that no crash lets them come apart.

The boxes' root signs it, for the broker and for the claim service, which both renew theirs
themselves. A crash between replacing the file and committing its record leaves a pair that works
and is not on record: the next call replaces it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.db import transaction
from django.utils import timezone

from console.templates import system
from console.text import Template
from portal.authority import certificates, roots
from portal.authority.actions import checked_hosts, sign
from portal.authority.errors import UNREADABLE, AuthorityError
from portal.authority.models import IssuedCertificate, Purpose, Root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.db.models import QuerySet

NOT_AN_IDENTITY: Final = Template(
    "authority.not_an_identity", "the file does not contain a key and a certificate"
)
MISMATCH: Final = Template(
    "authority.mismatch", "the key and the certificate in the file do not belong together"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSpec:
    """What a server's certificate has to hold.

    Attributes:
        purpose: Which server it is for.
        hosts: Names and addresses by which clients reach it; the first is its name on record.
    """

    purpose: Purpose
    hosts: tuple[str, ...]


def read_identity(path: Path) -> x509.Certificate:
    """The certificate in a file that holds key and certificate.

    Raises:
        AuthorityError: It cannot be read, is damaged, or its key and certificate do not belong
            together; without a next step, which depends on whose file it is.
    """
    try:
        content = path.read_bytes()
        certificate = x509.load_pem_x509_certificate(content)
        key = load_pem_private_key(content, None).public_key()
        belongs = certificates.spki_of(key) == certificates.spki_of(certificate.public_key())
    except OSError as error:
        raise AuthorityError(UNREADABLE(), where=str(path), why=system.reason(error)) from error
    except (ValueError, TypeError) as error:
        raise AuthorityError(NOT_AN_IDENTITY(), where=str(path)) from error
    if not belongs:
        raise AuthorityError(MISMATCH(), where=str(path))
    return certificate


def ensure_current(path: Path, spec: ServerSpec, write: Callable[[bytes], None]) -> bool:
    """Make a new key and certificate where they are due; returns whether they were.

    They are due at two thirds of the certificate's life, when hosts or root have changed, and
    when the file is damaged or not on record.

    Args:
        path: The file that holds key and certificate.
        spec: What the certificate has to hold.
        write: Replaces the file's content in one step.

    Raises:
        AuthorityError: There is no root, or the file cannot be written; nothing has changed.
    """
    hosts = checked_hosts(spec.hosts)
    issuer = roots.load(Root.BOXES)
    current = _read_or_none(path)
    if current is not None and _is_current(current, spec, issuer):
        return False
    key = certificates.new_key()
    with transaction.atomic():
        row = sign(
            Root.BOXES,
            name=hosts[0],
            public_key=key.public_key(),
            hosts=hosts,
            purpose=spec.purpose,
        )
        if current is not None:
            _records(current, spec.purpose).update(replaced_by=row)
        write(certificates.key_pem(key) + row.pem.encode())
    return True


def is_due(certificate: x509.Certificate) -> bool:
    """Whether a certificate is past two thirds of its life and has to be renewed."""
    not_before, not_after = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return timezone.now() >= not_before + (not_after - not_before) * 2 / 3


def _read_or_none(path: Path) -> x509.Certificate | None:
    try:
        return read_identity(path)
    except AuthorityError:
        return None


def _is_current(current: x509.Certificate, spec: ServerSpec, issuer: certificates.Issuer) -> bool:
    if is_due(current):
        return False
    try:
        current.verify_directly_issued_by(issuer.certificate)
        names = current.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    same = names == certificates.subject_alternative_names(spec.hosts)
    return same and _records(current, spec.purpose).exists()


def _records(certificate: x509.Certificate, purpose: Purpose) -> QuerySet[IssuedCertificate]:
    return IssuedCertificate.objects.filter(
        root=Root.BOXES, serial=f"{certificate.serial_number:x}", purpose=purpose
    )
