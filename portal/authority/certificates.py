"""Making certificates and revocation lists (RFC 5280). Pure: no file, no database, no clock.

::

    root (20 years, signs only)
    |-- client (1 year)   a box, a worker, the publisher: clientAuth
    |-- server (1 year)   the portal's claim endpoint, the broker: serverAuth, names or addresses
    `-- list (7 days)     nextUpdate always; numbered

All keys are EC P-256. Everything names the key that signed it (AuthorityKeyIdentifier), which
strict verifiers demand. Certificates begin a day before they are made: clocks differ.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT_LIFE: Final = timedelta(days=20 * 365)
LEAF_LIFE: Final = timedelta(days=365)
LIST_LIFE: Final = timedelta(days=7)
_BACKDATED: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """A root that can sign: its certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def spki(self) -> bytes:
        """The root's SubjectPublicKeyInfo in DER, of which agent keys carry a hash."""
        return spki_of(self.certificate.public_key())


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSpec:
    """What a certificate has to say.

    Attributes:
        name: The common name, at most 64 characters.
        public_key: The key of whom it is issued to.
        at: When it is made; it expires `LEAF_LIFE` later.
        hosts: Host names and addresses of a server; empty makes it a client's certificate.
    """

    name: str
    public_key: ec.EllipticCurvePublicKey
    at: datetime
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationEntry:
    """An entry of a revocation list: a certificate's serial number, and when it was revoked."""

    serial: int
    at: datetime


def new_key() -> ec.EllipticCurvePrivateKey:
    """A new EC P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def make_root(name: str, at: datetime) -> Issuer:
    """A new root called ``name``, with a new key."""
    key = new_key()
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _builder(name, key.public_key(), at)
        .issuer_name(_name(name))
        .not_valid_after(at + ROOT_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(own, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return Issuer(certificate=certificate, key=key)


def issue(issuer: Issuer, spec: CertificateSpec) -> x509.Certificate:
    """Sign a certificate as ``spec`` says.

    Raises:
        ValueError: No certificate can hold the name or one of the hosts.
    """
    server = bool(spec.hosts)
    usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _builder(spec.name, spec.public_key, spec.at)
        .issuer_name(issuer.certificate.subject)
        .not_valid_after(spec.at + LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(spec.public_key), critical=False)
        .add_extension(_authority(issuer), critical=False)
    )
    if server:
        builder = builder.add_extension(subject_alternative_names(spec.hosts), critical=False)
    return builder.sign(issuer.key, hashes.SHA256())


def revocation_list(
    issuer: Issuer, revoked: list[RevocationEntry], *, number: int, at: datetime, expires: datetime
) -> x509.CertificateRevocationList:
    """Sign revocation list ``number`` of ``issuer``, valid from ``at`` until ``expires``."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(at)
        .next_update(expires)
        .add_extension(_authority(issuer), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for entry in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(entry.serial)
            .revocation_date(entry.at)
            .build()
        )
    return builder.sign(issuer.key, hashes.SHA256())


def spki_of(key: object) -> bytes:
    """A public key's SubjectPublicKeyInfo in DER; raises `TypeError` where it is not an EC key."""
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("only EC keys are issued to")
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def spki_digest(key: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of `spki_of`, in hexadecimal."""
    return sha256(spki_of(key)).hexdigest()


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate, in hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def pem(thing: x509.Certificate | x509.CertificateRevocationList) -> str:
    """A certificate or list as PEM."""
    return thing.public_bytes(serialization.Encoding.PEM).decode("ascii")


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as unencrypted PKCS #8 PEM; what guards it is its file's mode."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def subject_alternative_names(hosts: tuple[str, ...]) -> x509.SubjectAlternativeName:
    """Host names and addresses as a server's certificate holds them (RFC 5280, 4.2.1.6)."""
    return x509.SubjectAlternativeName([_general_name(host) for host in hosts])


def _builder(
    name: str, public_key: ec.EllipticCurvePublicKey, at: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _BACKDATED)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _authority(issuer: Issuer) -> x509.AuthorityKeyIdentifier:
    own = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
