"""The box's own key, its certificate request, and the verification of a grant.

Loads `cryptography`, which the daemon must not carry: only enrolment imports this module.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config.disk import Disk, replace_file
from console.templates import enrol
from provisioning import file_permissions
from provisioning.agent_key import pin_of
from provisioning.codes import Code, CodedError

if TYPE_CHECKING:
    from pathlib import Path

    from provisioning.claim import ClaimGrant

_PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedGrant:
    """The contents of a grant that was verified to be for this box.

    Attributes:
        chain: The certificate and its chain, as PEM.
        trust: The authorities that are trusted at the broker, as PEM.
        expires_at: The end of the certificate's validity, RFC 3339.
    """

    chain: bytes
    trust: bytes
    expires_at: str


def load_or_create(path: Path, disk: Disk) -> ec.EllipticCurvePrivateKey:
    """Return the box's key; make it, with mode 0600, where there is none. Never replaces a key.

    Raises:
        CodedError: 2403: the file is not such a key, 2405 and 2406: others had access to it.
        OSError: The key cannot be read or made.
    """
    try:
        content = file_permissions.read(path)
    except FileNotFoundError:
        key = ec.generate_private_key(ec.SECP256R1())
        replace_file(
            disk,
            path,
            key.private_bytes(
                _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
        return key
    try:
        found = serialization.load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CodedError(Code.DAMAGED, where=str(path)) from error
    if not isinstance(found, ec.EllipticCurvePrivateKey) or found.curve.name != "secp256r1":
        raise CodedError(Code.DAMAGED, where=str(path), why=enrol.NOT_P256())
    return found


def certificate_request(key: ec.EllipticCurvePrivateKey, box: str) -> str:
    """A certificate request for ``CN=<box>``, as PEM."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, box)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return csr.public_bytes(_PEM).decode("ascii")


def pinned_root(text: str, pin: bytes) -> str:
    """The root certificate in ``text``, if it fits ``pin``, as PEM.

    A text may hold a second certificate after the first one: only the first is returned.

    Raises:
        CodedError: 1105: ``text`` holds no certificate, 1301: the certificate is another one.
    """
    try:
        root = x509.load_pem_x509_certificate(text.encode())
        own = _spki(root)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CodedError(Code.NOT_THE_PORTAL, why=enrol.NOT_A_CERTIFICATE()) from error
    if not hmac.compare_digest(pin_of(own), pin):
        raise CodedError(Code.OTHER_ROOT)
    return root.public_bytes(_PEM).decode("ascii")


def verify(
    grant: ClaimGrant, box: str, key: ec.EllipticCurvePrivateKey, root: str
) -> VerifiedGrant:
    """Verify that ``grant`` was signed by ``root`` for this box and key.

    Raises:
        CodedError: 2307: it was not, or cannot be read.
    """
    try:
        pinned = x509.load_pem_x509_certificate(root.encode())
        certificate = x509.load_pem_x509_certificate(grant.certificate.encode())
        trust = x509.load_pem_x509_certificates(grant.broker.trust.encode())
        certificate.verify_directly_issued_by(pinned)
        own = certificate.public_key() == key.public_key()
        names = [(part.oid, part.value) for part in certificate.subject]
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CodedError(Code.BAD_CERTIFICATE, why=enrol.CERTIFICATE_UNREADABLE()) from error
    except InvalidSignature as error:
        raise CodedError(Code.BAD_CERTIFICATE, why=enrol.OTHER_ROOT()) from error
    if not own:
        raise CodedError(Code.BAD_CERTIFICATE, why=enrol.OTHER_KEY())
    if grant.box != box or names != [(NameOID.COMMON_NAME, box)]:
        raise CodedError(Code.BAD_CERTIFICATE, why=enrol.OTHER_BOX(box=box))
    return VerifiedGrant(
        chain=certificate.public_bytes(_PEM) + root.encode(),
        trust=b"".join(one.public_bytes(_PEM) for one in trust),
        expires_at=certificate.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
    )


def rehearse() -> None:
    """Do once, with a throwaway key, every cryptographic step of this module.

    The library loads parts of itself at their first use; a process that drops the privileges it
    needs to read them calls this before.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    text = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    serialization.load_pem_private_key(text, None)
    certificate_request(key, "rehearsal")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rehearsal")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    root = certificate.public_bytes(_PEM).decode("ascii")
    pinned_root(root, pin_of(_spki(certificate)))
    x509.load_pem_x509_certificates(root.encode())
    certificate.verify_directly_issued_by(certificate)
    _ = [(part.oid, part.value) for part in certificate.subject]
    certificate.not_valid_after_utc.isoformat()


def _spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
