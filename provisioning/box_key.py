"""The box's own key, its certificate request, and whether a certificate is really for it.

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
from provisioning import file_permissions
from provisioning.agent_key import pin_of
from provisioning.codes import Code, CodedError

if TYPE_CHECKING:
    from pathlib import Path

    from provisioning.claim import Granted

_PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a grant holds, found to be this box's.

    Attributes:
        chain: The certificate and what vouches for it, as PEM.
        trust: Whose certificates are believed at the broker, as PEM.
        ends_at: When the certificate ends, RFC 3339.
    """

    chain: bytes
    trust: bytes
    ends_at: str


def ready(path: Path, disk: Disk) -> ec.EllipticCurvePrivateKey:
    """The box's key, made on first need with mode 0600. A key that is there is never replaced.

    Raises:
        CodedError: 2403: what is there is no such key, 2405 and 2406: others had access to it.
        OSError: It cannot be read or made.
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
        raise CodedError(Code.DAMAGED, str(path)) from error
    if not isinstance(found, ec.EllipticCurvePrivateKey) or found.curve.name != "secp256r1":
        raise CodedError(Code.DAMAGED, f"{path} is not an EC P-256 key")
    return found


def request(key: ec.EllipticCurvePrivateKey, box: str) -> str:
    """A certificate request for ``CN=<box>``, as PEM."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, box)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return csr.public_bytes(_PEM).decode("ascii")


def pinned_root(text: str, pin: bytes) -> str:
    """The root in ``text``, if it is the one that was pinned; as PEM of that root and no other.

    A text may hold a second certificate after the right one: only what fits the pin is returned.

    Raises:
        CodedError: 1105: it is no certificate, 1301: it is another one.
    """
    try:
        root = x509.load_pem_x509_certificate(text.encode())
        own = _spki(root)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CodedError(Code.NOT_THE_PORTAL, "what it calls its root is no certificate") from error
    if not hmac.compare_digest(pin_of(own), pin):
        raise CodedError(Code.OTHER_ROOT)
    return root.public_bytes(_PEM).decode("ascii")


def check(granted: Granted, box: str, key: ec.EllipticCurvePrivateKey, root: str) -> Checked:
    """A grant taken apart; raises `CodedError` 2307 unless it is by ``root`` for this very box."""
    try:
        pinned = x509.load_pem_x509_certificate(root.encode())
        certificate = x509.load_pem_x509_certificate(granted.certificate.encode())
        trust = x509.load_pem_x509_certificates(granted.broker.trust.encode())
        certificate.verify_directly_issued_by(pinned)
        own = certificate.public_key() == key.public_key()
        names = [(part.oid, part.value) for part in certificate.subject]
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CodedError(Code.BAD_CERTIFICATE, "it cannot be read") from error
    except InvalidSignature as error:
        raise CodedError(Code.BAD_CERTIFICATE, "it is by another root") from error
    if not own:
        raise CodedError(Code.BAD_CERTIFICATE, "it is for another key")
    if granted.box != box or names != [(NameOID.COMMON_NAME, box)]:
        raise CodedError(Code.BAD_CERTIFICATE, f"it is not for {box}")
    return Checked(
        chain=certificate.public_bytes(_PEM) + root.encode(),
        trust=b"".join(one.public_bytes(_PEM) for one in trust),
        ends_at=certificate.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
    )


def rehearse() -> None:
    """Do once, with a key for nothing, all that is done with cryptography here.

    The library loads parts of itself at their first use; who gives up rights by which it can be
    read has it loaded before.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    text = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    serialization.load_pem_private_key(text, None)
    request(key, "rehearsal")
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
