"""A box as the portal sees one: a key, an id, and what it posts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from django.test import Client

from portal.authority.keys import Author, IssuedKey, KeyRequest, issue_key
from provisioning import agent_key
from provisioning.claim import (
    TERMS,
    ClaimGrant,
    ClaimRefusal,
    ClaimRequest,
    Inventory,
    decode,
    encode,
)
from provisioning.codes import Code

if TYPE_CHECKING:
    from django.http import HttpResponse

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def issued(**changes: Any) -> IssuedKey:
    """An agent key for one box at one site, or as changed."""
    wanted = replace(KeyRequest(organization="Aoyama Foods", site="Plant"), **changes)
    return issue_key(wanted, Author(name="test (kanmon-portal)"))


def csr(key: PrivateKey, *names: str, oid: x509.ObjectIdentifier = NameOID.COMMON_NAME) -> str:
    """A certificate request for these names."""
    subject = x509.Name([x509.NameAttribute(oid, name) for name in names])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


@dataclass
class Claimant:
    """One box."""

    box: str = "b-aaaaaaaaaa"
    key: PrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def request(self, issued: IssuedKey, **changes: Any) -> ClaimRequest:
        """What it would post."""
        key = agent_key.parse(issued.text)
        made = ClaimRequest(
            key_id=key.id,
            secret=key.secret,
            box=self.box,
            csr=csr(self.key, self.box),
            terms=TERMS,
            inventory=Inventory(software="1.0", hostname="plant-room"),
        )
        return replace(made, **changes)

    def claim(self, issued: IssuedKey, **changes: Any) -> ClaimGrant | Code:
        """Post it; what came back."""
        return answer(post(encode(self.request(issued, **changes))))


def post(body: bytes) -> HttpResponse:
    """Post to the portal, as a box does."""
    response: HttpResponse = Client().post("/claim/", body, content_type="application/json")  # type: ignore[assignment] # a subclass for tests
    return response


def answer(response: HttpResponse) -> ClaimGrant | Code:
    """What an answer says."""
    if response.status_code == 200:
        return decode(ClaimGrant, response.content, wrong=Code.NOT_THE_PORTAL)
    refused = decode(ClaimRefusal, response.content, wrong=Code.NOT_THE_PORTAL)
    assert refused.cause
    assert refused.next
    return Code(refused.code)


def granted(result: ClaimGrant | Code) -> ClaimGrant:
    """A grant; fails for a refusal."""
    assert isinstance(result, ClaimGrant), result
    return result
