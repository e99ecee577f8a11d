"""The claim endpoint's own certificate, by the root that agent keys name: kept ready by itself."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.authority import certificates, files, roots
from portal.authority.actions import checked_hosts, sign
from portal.authority.errors import AuthorityError
from portal.authority.models import Root

if TYPE_CHECKING:
    from pathlib import Path


def ready() -> Path:
    """A file of key and certificate for the host of ``CLAIM_URL``, made anew where it is time.

    It is time at two thirds of its life, and when host or root have changed.

    Raises:
        AuthorityError: There is no root, boxes claim over plain HTTP here, or the file cannot be
            written.
    """
    if settings.CLAIM_URL.startswith("http:"):
        raise AuthorityError(
            f"boxes claim at {settings.CLAIM_URL}, without TLS, which 'kanmon-portal serve' "
            "answers; set KANMON_CLAIM_URL=https://HOST:PORT to serve them here"
        )
    host = urlsplit(settings.CLAIM_URL).hostname or ""
    path = roots.folder() / "claim.pem"
    issuer = roots.load(Root.BOXES)
    if _serves(path, host, issuer):
        return path
    key = certificates.new_key()
    with transaction.atomic():
        row = sign(Root.BOXES, name=host, public_key=key.public_key(), hosts=checked_hosts((host,)))
        content = certificates.key_pem(key) + row.pem.encode()
        files.replace(path, content, files.PRIVATE)
    return path


def _serves(path: Path, host: str, issuer: certificates.Issuer) -> bool:
    with suppress(OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        there = x509.load_pem_x509_certificate(path.read_bytes())
        there.verify_directly_issued_by(issuer.certificate)
        begins, ends = there.not_valid_before_utc, there.not_valid_after_utc
        names = there.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return timezone.now() < begins + (ends - begins) * 2 / 3 and names == certificates.names_of(
            (host,)
        )
    return False
