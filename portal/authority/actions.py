"""What an operator does to the authority: one function each.

Each raises `AuthorityError` with what to do next, and then has issued nothing.
"""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from console.templates import audit, fleet
from console.text import Template
from portal.audit.record import record
from portal.authority import certificates, files, roots
from portal.authority.certificates import CertificateSpec, RevocationEntry
from portal.authority.errors import AuthorityError
from portal.authority.files import CERTIFICATE_FILE, KEY_FILE, TRUST_FILE
from portal.authority.models import IssuedCertificate, Purpose, RevocationList, Root
from portal.fleet.models import Box

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric import ec
    from django.db.models import QuerySet

ROOT_LOST: Final = Template(
    "authority.root_lost",
    "the root for {root} is lost, and {n} certificate depends on it",
    "the root for {root} is lost, and {n} certificates depend on it",
)
RESTORE_ROOT: Final = Template(
    "authority.restore_root",
    "restore the file from your backup, or run the command with --anew and issue all of these "
    "certificates again",
)
INVALID_NAME: Final = Template(
    "authority.invalid_name", "'{name}' is not a valid name for a worker or a publisher"
)
WRITE_NAME: Final = Template(
    "authority.write_name",
    "use at most {limit} lower-case letters, digits and hyphens, such as ingest-1",
)
UNKNOWN_BOX: Final = Template("authority.unknown_box", "the portal has no box with the id '{box}'")
NEVER_ISSUED: Final = Template(
    "authority.never_issued", "no certificate was ever issued to the box {box}"
)
NOTHING_ISSUED: Final = Template(
    "authority.nothing_issued", "the root for {root} issued no certificate to '{name}'"
)
GIVE_ISSUED_NAME: Final = Template(
    "authority.give_issued_name", "give the name that the certificate was issued for"
)
EXPIRED_LIST: Final = Template(
    "authority.expired_list", "a revocation list that expires at once would block every client"
)
LONGER_LIFE: Final = Template("authority.longer_life", "choose a longer validity")
INVALID_HOST: Final = Template(
    "authority.invalid_host", "'{host}' is not a host name or an IP address"
)
WRITE_HOST: Final = Template(
    "authority.write_host", "write a name such as broker.example.com, or an IP address"
)

_NAME_LENGTH: Final = 53
_NAME: Final = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{_NAME_LENGTH - 1}}}")
_KINDS: Final = {Root.WORKERS: "worker", Root.PUBLISHER: "publisher"}
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,198}[a-z0-9])?|[0-9a-f:.]{2,45}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RootView:
    """The state of a root, for an operator.

    Attributes:
        made: Whether it was made just now.
        fingerprint: SHA-256 of its certificate, in hexadecimal.
        issued: How many certificates it signed.
        revoked: How many of these were revoked.
        expires_at: When its certificate expires.
        list_expires_at: When its newest revocation list expires; ``None`` before the first.
    """

    root: Root
    made: bool
    fingerprint: str
    pem: str
    expires_at: datetime
    issued: int
    revoked: int
    list_expires_at: datetime | None


def ensure_roots(*, anew: bool = False) -> list[RootView]:
    """Make the roots that are missing, and a first revocation list of each. Safe to repeat.

    A root that has signed certificates and whose file is gone is not made again unless ``anew``:
    everything it signed would stop being believed.
    """
    for root in Root:
        lost = not roots.path_of(root).exists()
        issued = IssuedCertificate.objects.filter(root=root).count()
        if lost and issued and not anew:
            raise AuthorityError(
                ROOT_LOST(root=root.value, n=issued),
                where=str(roots.path_of(root)),
                next_step=RESTORE_ROOT(),
            )
    made = {root for root in Root if roots.make(root, timezone.now())}
    for root in Root:
        if root in made or not RevocationList.objects.filter(root=root).exists():
            publish_list(root)
    return [describe_root(root, made=root in made) for root in Root]


def describe_root(root: Root, *, made: bool = False) -> RootView:
    """The state of a root now; ``made``: it was made by the caller just now.

    Raises:
        AuthorityError: The root is missing, open to other accounts, or damaged.
    """
    issuer = roots.load(root)
    issued = IssuedCertificate.objects.filter(root=root)
    newest = RevocationList.objects.filter(root=root).order_by("-number").first()
    return RootView(
        root=root,
        made=made,
        fingerprint=certificates.fingerprint(issuer.certificate),
        pem=certificates.pem(issuer.certificate),
        expires_at=issuer.certificate.not_valid_after_utc,
        issued=issued.count(),
        revoked=issued.exclude(revoked_at=None).count(),
        list_expires_at=newest.expires_at if newest else None,
    )


def issue_worker(name: str, out: Path | None = None) -> Path:
    """Issue a worker's key and certificate in a new folder, ``out`` or one below the state folder.

    Returns:
        The folder.
    """
    return _issue_with_key(Root.WORKERS, full_name(Root.WORKERS, name), (), out)


def issue_publisher(name: str, out: Path | None = None) -> Path:
    """Issue the key and certificate of a publisher of configuration, as `issue_worker` does."""
    return _issue_with_key(Root.PUBLISHER, full_name(Root.PUBLISHER, name), (), out)


def issue_server(hosts: tuple[str, ...], out: Path | None = None) -> Path:
    """Issue the key and certificate of a server that boxes reach as ``hosts``: the broker."""
    return _issue_with_key(Root.BOXES, hosts[0] if hosts else "", checked_hosts(hosts), out)


def full_name(root: Root, name: str) -> str:
    """The common name of a worker or publisher: ``worker.ingest-1``.

    At the broker this is the client id, and two with one id end each other's session. No box can
    be called so, because there is no dot in a box's id, whatever id it makes up.
    """
    if not _NAME.fullmatch(name):
        raise AuthorityError(INVALID_NAME(name=name), next_step=WRITE_NAME(limit=_NAME_LENGTH))
    return f"{_KINDS[root]}.{name}"


def _issue_with_key(root: Root, name: str, hosts: tuple[str, ...], out: Path | None) -> Path:
    short = name.removeprefix(f"{_KINDS.get(root)}.").replace(":", "_")
    folder = out or roots.folder() / "issued" / root.value / short
    key = certificates.new_key()
    trust = certificates.pem(roots.load(Root.BOXES).certificate)
    # The folder comes last, within the transaction: no row without files, no files without a row.
    with ExitStack() as uncommitted:
        with transaction.atomic():
            row = sign(
                root,
                name=name,
                public_key=key.public_key(),
                hosts=hosts,
                purpose=Purpose.SERVER if hosts else None,
            )
            content = {
                KEY_FILE: certificates.key_pem(key),
                CERTIFICATE_FILE: row.pem.encode(),
                TRUST_FILE: trust.encode(),
            }
            files.create_folder(folder, content)
            uncommitted.callback(shutil.rmtree, folder, ignore_errors=True)
        uncommitted.pop_all()
    return folder


def sign(
    root: Root,
    *,
    name: str,
    public_key: ec.EllipticCurvePublicKey,
    hosts: tuple[str, ...] = (),
    box: Box | None = None,
    purpose: Purpose | None = None,
) -> IssuedCertificate:
    """Sign a certificate by ``root`` for a public key and record it; a server's has ``hosts``."""
    issuer = roots.load(root)
    spec = CertificateSpec(name=name[:64], public_key=public_key, at=timezone.now(), hosts=hosts)
    certificate = certificates.issue(issuer, spec)
    return IssuedCertificate.objects.create(
        root=root,
        serial=f"{certificate.serial_number:x}",
        subject=spec.name,
        spki=certificates.spki_digest(public_key),
        pem=certificates.pem(certificate),
        box=box,
        purpose=purpose or "",
        valid_from=certificate.not_valid_before_utc,
        expires_at=certificate.not_valid_after_utc,
    )


def revoke_box(box_id: str, *, reason: str = "") -> int:
    """Revoke every certificate of a box; returns how many were still valid.

    The new list is published at once. `portal.broker` brings it to the broker, and disconnects a
    session that is open.

    Raises:
        AuthorityError: There is no such box, or it never got a certificate.
    """
    box = Box.objects.filter(box_id=box_id).first()
    if box is None:
        raise AuthorityError(UNKNOWN_BOX(box=box_id), next_step=fleet.CHECK_BOX_ID())
    if not box.certificates.exists():
        raise AuthorityError(NEVER_ISSUED(box=box_id), next_step=fleet.CHECK_BOX_ID())
    with transaction.atomic():
        revoked = _mark_revoked(box.certificates.all(), reason)
        record(
            audit.BOX_REVOKE,
            actor=None,
            organization=box.gateway.site.organization_id,
            subject=("box", box.pk),
            after={"certificates": revoked, "reason": reason[:200]},
        )
    publish_list(Root.BOXES)
    return revoked


def revoke_named(root: Root, name: str, *, reason: str = "", but_newest: bool = False) -> int:
    """Revoke the certificates of a worker or publisher; returns how many were still valid.

    With ``but_newest``, the one issued last stays.

    Raises:
        AuthorityError: Nothing was issued to this name.
    """
    issued = IssuedCertificate.objects.filter(root=root, subject=full_name(root, name))
    newest = issued.last()
    if newest is None:
        raise AuthorityError(
            NOTHING_ISSUED(name=name, root=root.value), next_step=GIVE_ISSUED_NAME()
        )
    revoked = _mark_revoked(issued.exclude(pk=newest.pk) if but_newest else issued, reason)
    publish_list(root)
    return revoked


def _mark_revoked(issued: QuerySet[IssuedCertificate], reason: str) -> int:
    return issued.filter(revoked_at=None).update(revoked_at=timezone.now(), reason=reason[:200])


def publish_list(root: Root, life: timedelta = certificates.LIST_LIFE) -> Path:
    """Write a new revocation list of ``root``, valid for ``life``; returns its file.

    It is on record before the file is written: a number is never used for two lists.
    """
    if life <= timedelta():
        raise AuthorityError(EXPIRED_LIST(), next_step=LONGER_LIFE())
    issuer = roots.load(root)
    with transaction.atomic():
        _lock(root)
        newest = RevocationList.objects.filter(root=root).aggregate(number=Max("number"))["number"]
        revoked = IssuedCertificate.objects.filter(root=root).exclude(revoked_at=None)
        at = timezone.now()
        made = certificates.revocation_list(
            issuer,
            [
                RevocationEntry(serial=int(row.serial, 16), at=row.revoked_at or at)
                for row in revoked
            ],
            number=(newest or 0) + 1,
            at=at,
            expires=at + life,
        )
        record = RevocationList.objects.create(
            root=root,
            number=(newest or 0) + 1,
            pem=certificates.pem(made),
            valid_from=made.last_update_utc,
            expires_at=at + life,
        )
    path = list_path(root)
    files.replace(path, record.pem.encode(), files.PUBLIC)
    return path


def list_path(root: Root) -> Path:
    """The file of a root's newest revocation list."""
    return roots.folder() / "lists" / f"{root.value}.pem"


def _lock(root: Root) -> None:
    """Let lists of a root be made one after the other; SQLite's transactions are so anyway."""
    list(RevocationList.objects.select_for_update().filter(root=root).order_by("-number")[:1])


def checked_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """``hosts``, where all of them may stand in a server's certificate; raises `AuthorityError`."""
    wrong = next((host for host in hosts if not _HOST.fullmatch(host)), None)
    if wrong is not None or not hosts:
        raise AuthorityError(INVALID_HOST(host=wrong or ""), next_step=WRITE_HOST())
    return hosts
