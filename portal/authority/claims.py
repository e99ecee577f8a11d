"""A box claims its place: the rules, in the order in which they are looked at.

::

    the key      known, its secret right        2104     (tries are counted: 2109)
                 not revoked                    2107
    the person   agreed to today's terms        2108, 2110
    the request  signed by its own key,
                 which is EC P-256, for its box 2302
    seen before? the same public key: answered as then, whatever has become of the key since;
                 not if revoked (2305) or another organization's (2303)
    the key      not expired, not used up       2105, 2106
    the place    the box is nobody else's       2303
                 the gateway is free            2304
    then         certificate, box and gateway, claim and use of the key: one transaction

Pending approval, renewal by the old key, and replacing a box come between "seen before?" and "the
place"; today a key that is open is approval enough, and a box id belongs to one key permanently.

Source: design section 6.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from msgspec import to_builtins

from console.templates import enrol
from portal.authority import certificates, roots
from portal.authority.actions import sign
from portal.authority.expiry import CERTIFICATE_NOTICE
from portal.authority.models import AgentKey, Claim, IssuedCertificate, Root
from portal.fleet.actions import assign_box
from portal.fleet.models import Box, Gateway
from portal.fleet.names import FleetError
from portal.fleet.provisioning import GatewayPlacement, ensure_gateway
from provisioning.agent_key import digest_of
from provisioning.claim import TERMS, Broker, ClaimGrant, ClaimRequest, PortalRoot
from provisioning.codes import Code, CodedError

if TYPE_CHECKING:
    from portal.accounts.models import Organization

MINUTE: Final = timedelta(minutes=1)
RIGHT_TRIES: Final = 30
"""In a minute, by whoever knows the secret: boxes of a key for many."""
WRONG_TRIES: Final = 10
"""In a minute, by whoever does not."""


def portal_root() -> PortalRoot:
    """The root that agent keys pin; raises `AuthorityError` where there is none."""
    return PortalRoot(root=certificates.pem(roots.load(Root.BOXES).certificate))


def claim(request: ClaimRequest) -> ClaimGrant:
    """Grant a claim, or raise `CodedError` and change nothing but the count of tries.

    Raises:
        CodedError: As the module's docstring says.
        AuthorityError: There is no root to sign with.
    """
    key = _authenticated_key(request)
    _check_consent(request)
    public_key = csr_public_key(request.csr, request.box)
    return _decide(key, request, public_key)


def csr_public_key(text: str, box: str) -> ec.EllipticCurvePublicKey:
    """The public key in a certificate signing request for ``CN=<box>``; nothing else is taken.

    Raises:
        CodedError: 2302: it is damaged, not signed by its own key, of another kind of key, or
            names something else.
    """
    try:
        csr = x509.load_pem_x509_csr(text.encode())
        key = csr.public_key()
        signed = csr.is_signature_valid
        subject = list(csr.subject)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CodedError(Code.BAD_CSR, why=enrol.REQUEST_UNREADABLE()) from error
    if not signed:
        raise CodedError(Code.BAD_CSR, why=enrol.REQUEST_UNSIGNED())
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CodedError(Code.BAD_CSR, why=enrol.NOT_P256())
    if [(part.oid, part.value) for part in subject] != [(NameOID.COMMON_NAME, box)]:
        raise CodedError(Code.BAD_CSR, why=enrol.OTHER_SUBJECT(box=box))
    return key


def _authenticated_key(request: ClaimRequest) -> AgentKey:
    """The agent key whose secret came; every try is counted, also one that fails later."""
    with transaction.atomic():
        key = AgentKey.objects.select_for_update().filter(key_id=request.key_id).first()
        if key is None:
            raise CodedError(Code.KEY_UNKNOWN)
        right = hmac.compare_digest(key.secret_digest, digest_of(request.secret))
        too_often = _count(key, timezone.now(), right=right)
    if too_often:
        raise CodedError(Code.TOO_OFTEN)
    if not right:
        raise CodedError(Code.KEY_UNKNOWN)
    if key.revoked_at is not None:
        raise CodedError(Code.KEY_REVOKED)
    return key


def _count(key: AgentKey, now: datetime, *, right: bool) -> bool:
    """Count a try; whether it is one too many of its kind within the minute."""
    if key.tries_since is None or not timedelta() <= now - key.tries_since < MINUTE:
        key.tries_since, key.tries_right, key.tries_wrong = now, 0, 0
    if right:
        key.tries_right += 1
    else:
        key.tries_wrong += 1
    key.save(update_fields=["tries_since", "tries_right", "tries_wrong"])
    return key.tries_right > RIGHT_TRIES if right else key.tries_wrong > WRONG_TRIES


def _check_consent(request: ClaimRequest) -> None:
    if not request.terms:
        raise CodedError(Code.NO_CONSENT)
    if request.terms != TERMS:
        why = enrol.OTHER_TERMS(agreed=request.terms, required=TERMS)
        raise CodedError(Code.OTHER_TERMS, why=why)


@transaction.atomic
def _decide(
    authenticated: AgentKey, request: ClaimRequest, public_key: ec.EllipticCurvePublicKey
) -> ClaimGrant:
    _lock_decisions()
    key = (
        AgentKey.objects.select_for_update(of=("self",))
        .select_related("site__organization")
        .get(pk=authenticated.pk)
    )
    spki = certificates.spki_digest(public_key)
    earlier = Claim.objects.filter(spki=spki).first()
    if earlier is not None:
        certificate = _repeat_or_renew(earlier, key, request, public_key)
        return _grant(certificate)
    _check_open(key)
    certificate = sign(
        Root.BOXES, name=request.box, public_key=public_key, box=_box_for(key, request.box)
    )
    Claim.objects.create(
        spki=spki,
        agent_key=key,
        certificate=certificate,
        terms=request.terms,
        inventory=to_builtins(request.inventory),
    )
    _use(key)
    return _grant(certificate)


def _lock_decisions() -> None:
    """Let claims be decided one after the other: what one looks for, another may be making.

    They are rare and take milliseconds. SQLite has one writer anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('kanmon.claims'))")


def _repeat_or_renew(
    earlier: Claim, key: AgentKey, request: ClaimRequest, public_key: ec.EllipticCurvePublicKey
) -> IssuedCertificate:
    """The certificate of an earlier claim, or a new one where it expires soon or has expired.

    As soon as a box says that it has to be enrolled again, enrolling it has to help.
    """
    certificate = earlier.certificate
    box = certificate.box
    if box is None or _owner(box) != key.site.organization:
        raise CodedError(Code.BOX_TAKEN)
    if certificate.subject != request.box:
        raise CodedError(Code.BAD_CSR, why=enrol.KEY_OF_BOX(box=certificate.subject))
    if certificate.revoked_at is not None:
        raise CodedError(Code.BOX_REVOKED)
    if certificate.expires_at - timezone.now() > CERTIFICATE_NOTICE:
        return certificate
    _check_open(key)
    earlier.certificate = sign(Root.BOXES, name=request.box, public_key=public_key, box=box)
    earlier.save(update_fields=["certificate"])
    _use(key)
    return earlier.certificate


def _check_open(key: AgentKey) -> None:
    if key.revoked_at is not None:
        raise CodedError(Code.KEY_REVOKED)
    if key.expires_at <= timezone.now():
        expired_at = f"{key.expires_at:%Y-%m-%d %H:%M}"
        raise CodedError(Code.KEY_EXPIRED, why=enrol.EXPIRED_AT(time=expired_at))
    if key.used >= key.uses:
        raise CodedError(Code.KEY_USED_UP)


def _use(key: AgentKey) -> None:
    key.used += 1
    key.save(update_fields=["used"])


def _box_for(key: AgentKey, box_id: str) -> Box:
    """The box at the place the key is for, both made where they are new."""
    box = Box.objects.filter(box_id=box_id).first()
    if box is not None:
        # An operator may have named it already; a certificate it may not have.
        if _owner(box) != key.site.organization or box.certificates.exists():
            raise CodedError(Code.BOX_TAKEN)
        if box.gateway.site != key.site or key.gateway_name not in {"", box.gateway.name}:
            why = enrol.BOX_AT_GATEWAY(box=box_id, gateway=str(box.gateway))
            raise CodedError(Code.PLACE_TAKEN, why=why)
        return box
    name = key.gateway_name or box_id
    waiting = Gateway.objects.filter(site=key.site, name=name, boxes=None).first()
    try:
        if waiting is not None:
            return assign_box(waiting, box_id=box_id)
        return ensure_gateway(
            GatewayPlacement(
                organization=key.site.organization.name,
                site=key.site.name,
                time_zone=key.site.time_zone,
                gateway=name,
                box_id=box_id,
            )
        ).box
    except FleetError as error:
        raise CodedError(Code.PLACE_TAKEN, why=error.what) from error


def _owner(box: Box) -> Organization:
    return box.gateway.site.organization


def _grant(certificate: IssuedCertificate) -> ClaimGrant:
    gateway = certificate.box.gateway if certificate.box else None
    root = certificates.pem(roots.load(Root.BOXES).certificate)
    return ClaimGrant(
        box=certificate.subject,
        certificate=certificate.pem,
        chain=(root,),
        broker=Broker(url=settings.BOX_BROKER, mqtt=settings.MQTT, trust=root),
        gateway=str(gateway or ""),
        site=str(gateway.site) if gateway else "",
        organization=str(gateway.site.organization) if gateway else "",
    )
