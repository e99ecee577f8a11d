"""A box claims its place: every rule of `portal.authority.claims`, through the address itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from django.test import Client
from django.utils import timezone

from console import catalogue
from console.templates import fleet
from portal.authority import actions, certificates, keys, roots
from portal.authority.claims import RIGHT_TRIES, WRONG_TRIES
from portal.authority.models import AgentKey, Claim, IssuedCertificate, Root
from portal.fleet.models import Box, Gateway
from portal.fleet.provisioning import GatewayPlacement, ensure_gateway
from provisioning import agent_key
from provisioning.claim import MOST_BYTES, ClaimRefusal, PortalRoot, decode, encode
from provisioning.codes import Code
from tests.portal.authority.claimant import Claimant, answer, csr, granted, issued, post

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def place(box_id: str, **changes: str) -> Box:
    values = {"organization": "Aoyama Foods", "site": "Plant", "gateway": "Plant room"} | changes
    return ensure_gateway(GatewayPlacement(time_zone="UTC", box_id=box_id, **values)).box


def nothing_came_of_it() -> bool:
    return not (
        Claim.objects.exists()
        or IssuedCertificate.objects.exists()
        or Box.objects.exists()
        or AgentKey.objects.filter(used__gt=0).exists()
    )


@pytest.mark.req("E-27")
def test_a_box_gets_a_certificate_and_a_gateway(authority: Path) -> None:
    box = Claimant()
    given = granted(box.claim(issued(gateway="Plant room")))
    root = x509.load_pem_x509_certificate(given.chain[-1].encode())
    certificate = x509.load_pem_x509_certificate(given.certificate.encode())
    certificate.verify_directly_issued_by(root)
    assert certificate.public_key() == box.key.public_key()
    assert certificate.subject.rfc4514_string() == f"CN={box.box}"
    assert (given.gateway, given.site, given.organization) == (
        "Plant room",
        "Plant",
        "Aoyama Foods",
    )
    assert given.broker.url == "mqtts://broker.example.com:8883"
    assert given.broker.trust == given.chain[-1]
    kept = Claim.objects.get()
    assert kept.terms == "data-sharing-1"
    assert kept.inventory["hostname"] == "plant-room"
    assert kept.certificate.box == Box.objects.get(box_id=box.box)
    assert AgentKey.objects.get().used == 1


def test_anybody_gets_the_root_and_compares_it_with_the_pin(authority: Path) -> None:
    response = Client().get("/claim/")
    welcome = decode(PortalRoot, response.content, wrong=Code.NOT_THE_PORTAL)
    root = x509.load_pem_x509_certificate(welcome.root.encode())
    pin = agent_key.pin_of(certificates.spki_of(root.public_key()))
    assert pin == agent_key.parse(issued().text).pin


def test_the_same_public_key_gets_the_same_answer_whatever_became_of_the_agent_key(
    authority: Path,
) -> None:
    box, key = Claimant(), issued()
    first = granted(box.claim(key))
    AgentKey.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert box.claim(key) == first
    assert box.claim(issued()) == first, "another key of the same customer"
    assert [row.used for row in AgentKey.objects.all()] == [1, 0]
    assert IssuedCertificate.objects.count() == 1


def test_a_key_is_good_for_as_many_boxes_as_it_says(authority: Path) -> None:
    key = issued(uses=2)
    for name in ("b-aaaaaaaaaa", "b-bbbbbbbbbb"):
        assert granted(Claimant(name).claim(key)).gateway == name
    assert Claimant("b-cccccccccc").claim(key) is Code.KEY_USED_UP
    assert AgentKey.objects.get().used == 2


def test_an_expired_key_opens_nothing(authority: Path) -> None:
    key = issued()
    AgentKey.objects.update(expires_at=timezone.now())
    assert Claimant().claim(key) is Code.KEY_EXPIRED
    assert nothing_came_of_it()


def test_a_withdrawn_key_opens_nothing_also_for_who_was_in(authority: Path) -> None:
    key = issued(uses=2)
    box = Claimant()
    granted(box.claim(key))
    keys.revoke_key(key.key_id)
    assert box.claim(key) is Code.KEY_REVOKED
    assert Claimant("b-bbbbbbbbbb").claim(key) is Code.KEY_REVOKED


def test_a_wrong_secret_is_told_like_an_unknown_key(authority: Path) -> None:
    key = issued()
    request = Claimant().request(key)
    wrong = post(encode(replace(request, secret=bytes(16))))
    unknown = post(encode(replace(request, key_id="ZZZZZZZZ")))
    assert answer(wrong) is Code.KEY_UNKNOWN
    assert wrong.content == unknown.content
    assert nothing_came_of_it()


def test_who_guesses_is_slowed_down_and_does_not_lock_out_who_knows(authority: Path) -> None:
    key = issued()
    tries = [Claimant().claim(key, secret=bytes(16)) for _ in range(WRONG_TRIES + 2)]
    assert tries == [Code.KEY_UNKNOWN] * WRONG_TRIES + [Code.TOO_OFTEN] * 2
    granted(Claimant().claim(key))
    AgentKey.objects.update(tries_since=timezone.now() - timedelta(seconds=61))
    assert Claimant().claim(key, secret=bytes(16)) is Code.KEY_UNKNOWN


def test_who_knows_is_slowed_down_too(authority: Path) -> None:
    key, box = issued(), Claimant()
    for _ in range(RIGHT_TRIES):
        granted(box.claim(key))
    response = post(encode(box.request(key)))
    assert answer(response) is Code.TOO_OFTEN
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "60"
    AgentKey.objects.update(tries_since=timezone.now() - timedelta(seconds=61))
    granted(box.claim(key))


@pytest.mark.req("E-27")
@pytest.mark.parametrize(
    ("terms", "code"), [("", Code.NO_CONSENT), ("data-sharing-0", Code.OTHER_TERMS)]
)
def test_without_consent_to_todays_terms_there_is_no_certificate(
    authority: Path, terms: str, code: Code
) -> None:
    key = issued()
    assert Claimant().claim(key, terms=terms) is code
    assert nothing_came_of_it()
    granted(Claimant().claim(key))


def spoiled(text: str) -> str:
    """A request whose signature is not its key's: two requests' halves."""
    other = csr(ec.generate_private_key(ec.SECP256R1()), "b-aaaaaaaaaa")
    made, foreign = x509.load_pem_x509_csr(text.encode()), x509.load_pem_x509_csr(other.encode())
    der = made.public_bytes(serialization.Encoding.DER)
    own = made.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    their = foreign.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    mixed = x509.load_der_x509_csr(der.replace(own, their))
    return mixed.public_bytes(serialization.Encoding.PEM).decode()


def test_a_foreign_request_gets_nothing(authority: Path) -> None:
    key = issued()
    box = Claimant()
    name = box.box
    for text in (
        "",
        "no pem",
        csr(box.key, "b-bbbbbbbbbb"),
        csr(box.key, name, name),
        csr(box.key),
        csr(box.key, name, oid=NameOID.ORGANIZATION_NAME),
        csr(rsa.generate_private_key(65537, 2048), name),
        csr(ec.generate_private_key(ec.SECP384R1()), name),
        spoiled(csr(box.key, name)),
        csr(box.key, name).replace("CERTIFICATE REQUEST", "CERTIFICATE"),
    ):
        assert box.claim(key, csr=text) is Code.BAD_CSR, text
    assert nothing_came_of_it()


def test_a_box_id_belongs_to_one_key_for_ever(authority: Path) -> None:
    key = issued(uses=3)
    first = Claimant()
    granted(first.claim(key))
    assert Claimant(first.box).claim(key) is Code.BOX_TAKEN
    assert Claimant("b-bbbbbbbbbb", first.key).claim(key) is Code.BAD_CSR
    assert AgentKey.objects.get().used == 1


@pytest.mark.parametrize(
    "box", ["b-aaaaaaaaaa\n", " b-aaaaaaaaaa", "canary.revoked", "B-AAAAAAAAAA"]
)
def test_what_only_resembles_a_box_id_is_none(authority: Path, box: str) -> None:
    granted(Claimant().claim(issued()))
    assert isinstance(Claimant(box).claim(issued()), Code)
    assert Box.objects.count() == 1
    assert IssuedCertificate.objects.filter(root=Root.BOXES).exclude(box=None).count() == 1


def test_another_customers_box_cannot_be_had(authority: Path) -> None:
    place("b-aaaaaaaaaa", organization="Another Company")
    assert Claimant().claim(issued()) is Code.BOX_TAKEN
    mine = Claimant("b-bbbbbbbbbb")
    granted(mine.claim(issued()))
    assert mine.claim(issued(organization="Another Company")) is Code.BOX_TAKEN


def test_a_box_that_an_operator_named_already_keeps_its_gateway(authority: Path) -> None:
    box = place("b-aaaaaaaaaa")
    assert Claimant().claim(issued(gateway="Roof")) is Code.PLACE_TAKEN
    assert Claimant().claim(issued(site="Other")) is Code.PLACE_TAKEN
    assert granted(Claimant().claim(issued(gateway="Plant room"))).gateway == "Plant room"
    assert Box.objects.get() == box


def test_a_gateway_without_a_box_gets_it_and_one_with_a_box_does_not(authority: Path) -> None:
    site = place("b-other00001").gateway.site
    Gateway.objects.create(site=site, name="Roof")
    assert granted(Claimant().claim(issued(gateway="Roof"))).gateway == "Roof"
    second = Claimant("b-bbbbbbbbbb")
    assert second.claim(issued(gateway="Plant room")) is Code.PLACE_TAKEN
    answered = post(encode(second.request(issued(gateway="Plant room"))))
    refused = decode(ClaimRefusal, answered.content, wrong=Code.NOT_THE_PORTAL)
    assert catalogue.decode(refused.why) == fleet.GATEWAY_EXISTS(site="Plant", gateway="Plant room")
    assert not Box.objects.filter(box_id=second.box).exists()


def test_a_revoked_box_does_not_come_back(authority: Path) -> None:
    box = Claimant()
    granted(box.claim(issued()))
    actions.revoke_box(box.box)
    assert box.claim(issued()) is Code.BOX_REVOKED
    assert Claimant(box.box).claim(issued()) is Code.BOX_TAKEN


def test_an_expired_certificate_is_made_anew_with_a_key_that_is_open(authority: Path) -> None:
    box, key = Claimant(), issued()
    first = granted(box.claim(key))
    IssuedCertificate.objects.update(expires_at=timezone.now())
    assert box.claim(key) is Code.KEY_USED_UP
    second = granted(box.claim(issued()))
    assert second.certificate != first.certificate
    assert IssuedCertificate.objects.count() == 2
    assert Claim.objects.get().certificate.pem == second.certificate


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 10_000,
        b'{"version": 2}',
        b" " * (MOST_BYTES + 1),
        b'{"key_id": "AAAAAAAA", "secret": "AAAA", "box": "b-aaaaaaaaaa", "csr": ""}',
        b'{"key_id": "AAAAAAAA", "secret": "AAAAAAAAAAAAAAAAAAAAAA==", "box": "+", "csr": ""}',
        b'{"key_id": "\\u0000", "secret": "AAAAAAAAAAAAAAAAAAAAAA==", "box": "b-1", "csr": ""}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_claim_is_told_so(authority: Path, body: bytes) -> None:
    response = post(body)
    assert answer(response) is Code.BAD_REQUEST
    assert response.status_code == 400


def test_without_an_authority_a_box_is_told_whose_turn_it_is(authority: Path) -> None:
    key = issued()
    roots.path_of(Root.BOXES).unlink()
    response = Client().get("/claim/")
    assert response.status_code == 503
    assert Claimant().claim(key) is Code.NO_AUTHORITY
    assert nothing_came_of_it()
