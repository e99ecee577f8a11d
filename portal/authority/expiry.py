"""Certificates, roots and revocation lists that expire soon, so that operators hear of it in time.

The one place that decides how early: `kanmon-portal broker check`, the logs of the ingest worker
and of ``broker maintain``, and the portal's pages all go by it. From the database, and from the
roots' files where they are on this machine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from django.db.models import Max, Q

from portal.authority import roots
from portal.authority.errors import AuthorityError
from portal.authority.models import IssuedCertificate, Purpose, RevocationList, Root

if TYPE_CHECKING:
    from collections.abc import Iterator

LIST_NOTICE: Final = timedelta(days=2)
CERTIFICATE_NOTICE: Final = timedelta(days=30)
ROOT_NOTICE: Final = timedelta(days=2 * 365)
"""What a root signs lives for a year, and may not outlive it."""
GUIDE: Final = "docs/how-to/revoke-and-reissue.md"


class ExpiringKind(StrEnum):
    """What an `Expiring` is: a revocation list, a root, or the certificate of one of these."""

    LIST = "list"
    ROOT = "root"
    WORKER = "worker"
    PUBLISHER = "publisher"
    BROKER = "broker"
    CLAIMS = "claims"
    SERVER = "server"
    BOX = "box"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """A list, root or certificate that expires soon, or has expired.

    Attributes:
        name: The root's name for a root or its list; else the name in the certificate. For several
            boxes, the one whose certificate expires first: ``expires_at`` and ``expired`` are its.
        expired: Whether it has expired already.
        count: How many boxes are reported as one: those enrolled on one day expire on one.
    """

    kind: ExpiringKind
    name: str
    expires_at: datetime
    expired: bool
    count: int = 1

    @property
    def remedy(self) -> str:
        """The command that replaces it."""
        return _REMEDIES[self.kind].format(name=self.name.removeprefix(f"{self.kind}."))

    def __str__(self) -> str:
        """A sentence with the remedy, in English, for a log or a command's output."""
        sentence = _SEVERAL_BOXES if self.count > 1 else _SENTENCES[self.kind]
        return sentence.format(
            count=self.count,
            name=self.name,
            when=expiry_text(self.expires_at, expired=self.expired),
            guide=GUIDE,
            remedy=self.remedy,
        )


_SENTENCES: Final = {
    ExpiringKind.LIST: "the revocation list for {name} {when}, and from then on the broker lets "
    "nobody in; see that 'broker maintain' runs, or run '{remedy}'",
    ExpiringKind.ROOT: "the root for {name} {when}, and with it all it signed; follow {guide}, "
    "with '{remedy}'",
    ExpiringKind.WORKER: "the certificate of {name} {when}; issue another and change over, with "
    "'{remedy}'",
    ExpiringKind.PUBLISHER: "the certificate of {name} {when}; issue another and change over, with "
    "'{remedy}'",
    ExpiringKind.BROKER: "the broker's certificate ({name}) {when}; "
    "see that 'broker maintain' runs, or run '{remedy}'",
    ExpiringKind.CLAIMS: "the claim service's certificate ({name}) {when}; read its log, and "
    "restart '{remedy}'",
    ExpiringKind.SERVER: "the certificate of the server {name} {when}; issue another with "
    "'{remedy}'",
    ExpiringKind.BOX: "the certificate of the box {name} {when}; enrol each again, or revoke it "
    "where it is gone ({guide}); a key for it: '{remedy}'",
}
_SEVERAL_BOXES: Final = (
    "{count} boxes' certificates end or have ended, first the certificate of the box {name} "
    "{when}; enrol each again, or revoke it where it is gone ({guide}); a key for it: '{remedy}'"
)
_REMEDIES: Final = {
    ExpiringKind.LIST: "kanmon-portal broker reload FOLDER",
    ExpiringKind.ROOT: "kanmon-portal authority init --anew",
    ExpiringKind.WORKER: "kanmon-portal authority issue-worker {name} --out FOLDER",
    ExpiringKind.PUBLISHER: "kanmon-portal authority issue-publisher {name} --out FOLDER",
    ExpiringKind.BROKER: "kanmon-portal broker reload FOLDER",
    ExpiringKind.CLAIMS: "kanmon-portal claims",
    ExpiringKind.SERVER: "kanmon-portal authority issue-server HOST --out FOLDER",
    ExpiringKind.BOX: "kanmon-portal key issue --organization ORGANIZATION --site SITE",
}
_SERVERS: Final = {
    Purpose.BROKER: ExpiringKind.BROKER,
    Purpose.CLAIMS: ExpiringKind.CLAIMS,
    Purpose.SERVER: ExpiringKind.SERVER,
}


def expiring(now: datetime) -> list[Expiring]:
    """The lists, roots and certificates that expire soon, or have expired.

    Lists come first, because the broker lets nobody in without them; a certificate only until it
    is issued again or revoked; those of boxes last, and as one entry.
    """
    return [*_lists(now), *_roots(now), *_certificates(now), *_boxes(now)]


def expiry_text(expires_at: datetime, *, expired: bool) -> str:
    """When something expires or expired, in English, as the end of a sentence."""
    day, time = f"{expires_at:%Y-%m-%d}", f"{expires_at:%H:%M}"
    return f"ended on {day} at {time} UTC" if expired else f"ends on {day} at {time} UTC"


def _lists(now: datetime) -> Iterator[Expiring]:
    for root in Root:
        last = RevocationList.objects.filter(root=root).last()
        if last is not None and last.expires_at - now <= LIST_NOTICE:
            yield _expiring(ExpiringKind.LIST, root.value, last.expires_at, now)


def _roots(now: datetime) -> Iterator[Expiring]:
    for root in Root:
        try:
            expires_at = roots.load(root).certificate.not_valid_after_utc
        except AuthorityError:
            continue  # on another machine, or missing: whoever needs it says so
        if expires_at - now <= ROOT_NOTICE:
            yield _expiring(ExpiringKind.ROOT, root.value, expires_at, now)


def _certificates(now: datetime) -> Iterator[Expiring]:
    counted = Q(root__in=[Root.WORKERS, Root.PUBLISHER]) | Q(purpose__in=_SERVERS)
    newest = (
        IssuedCertificate.objects.filter(counted, revoked_at=None, replaced_by=None)
        .values("root", "purpose", "subject")
        .annotate(expiry=Max("expires_at"))
        .order_by("expiry", "subject")
    )
    for one in newest:
        if one["expiry"] - now <= CERTIFICATE_NOTICE:
            yield _expiring(_kind(one["root"], one["purpose"]), one["subject"], one["expiry"], now)


def _boxes(now: datetime) -> Iterator[Expiring]:
    newest = (
        IssuedCertificate.objects.filter(root=Root.BOXES, revoked_at=None)
        .exclude(box=None)
        .values("subject")
        .annotate(expiry=Max("expires_at"))
        .filter(expiry__lte=now + CERTIFICATE_NOTICE)
        .order_by("expiry", "subject")
    )
    first = newest.first()
    if first is not None:
        one = _expiring(ExpiringKind.BOX, first["subject"], first["expiry"], now)
        yield replace(one, count=newest.count())


def _kind(root: str, purpose: str) -> ExpiringKind:
    if purpose:
        return _SERVERS[Purpose(purpose)]
    return ExpiringKind.WORKER if root == Root.WORKERS else ExpiringKind.PUBLISHER


def _expiring(kind: ExpiringKind, name: str, expires_at: datetime, now: datetime) -> Expiring:
    return Expiring(kind=kind, name=name, expires_at=expires_at, expired=expires_at <= now)
