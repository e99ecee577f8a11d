"""A server's identity: key and certificate in one file, so that no crash lets them come apart.

Made by the boxes' root, for the broker and the claim service; both keep theirs current by
themselves. A crash after the file was replaced and before that is on record leaves a pair that
works and is not on record: it is then made once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.db import transaction
from django.utils import timezone

from portal.authority import certificates, roots
from portal.authority.actions import checked_hosts, sign
from portal.authority.errors import AuthorityError
from portal.authority.models import IssuedCertificate, Purpose, Root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.db.models import QuerySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a server's certificate is for.

    Attributes:
        hosts: Names and addresses by which it is reached, the first of them its name on record.
    """

    purpose: Purpose
    hosts: tuple[str, ...]


def read(path: Path) -> x509.Certificate:
    """The certificate in a file of key and certificate.

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
        raise AuthorityError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, TypeError) as error:
        raise AuthorityError(f"{path} is no key and certificate ({error})") from error
    if not belongs:
        raise AuthorityError(f"{path} holds a key and a certificate that do not belong together")
    return certificate


def keep_current(path: Path, wanted: Wanted, write: Callable[[bytes], None]) -> bool:
    """Make key and certificate anew where it is time; whether it was.

    It is time at two thirds of the certificate's life, when hosts or root have changed, and when
    the file is damaged or not on record.

    Args:
        path: The file.
        wanted: What it is to be.
        write: Replaces the file, in one step.

    Raises:
        AuthorityError: There is no root, or the file cannot be written; all is as before.
    """
    hosts = checked_hosts(wanted.hosts)
    issuer = roots.load(Root.BOXES)
    there = _there(path)
    if there is not None and _serves(there, wanted, issuer):
        return False
    key = certificates.new_key()
    with transaction.atomic():
        row = sign(
            Root.BOXES,
            name=hosts[0],
            public_key=key.public_key(),
            hosts=hosts,
            purpose=wanted.purpose,
        )
        if there is not None:
            _on_record(there, wanted.purpose).update(replaced_by=row)
        write(certificates.key_pem(key) + row.pem.encode())
    return True


def _there(path: Path) -> x509.Certificate | None:
    try:
        return read(path)
    except AuthorityError:
        return None


def _serves(there: x509.Certificate, wanted: Wanted, issuer: certificates.Issuer) -> bool:
    begins, ends = there.not_valid_before_utc, there.not_valid_after_utc
    if timezone.now() >= begins + (ends - begins) * 2 / 3:
        return False
    try:
        there.verify_directly_issued_by(issuer.certificate)
        names = there.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    same = names == certificates.names_of(wanted.hosts)
    return same and _on_record(there, wanted.purpose).exists()


def _on_record(certificate: x509.Certificate, purpose: Purpose) -> QuerySet[IssuedCertificate]:
    return IssuedCertificate.objects.filter(
        root=Root.BOXES, serial=f"{certificate.serial_number:x}", purpose=purpose
    )
