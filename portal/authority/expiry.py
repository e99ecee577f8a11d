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

from console.text import NO_MESSAGE, Message, Template, one_line
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

    @property
    def what(self) -> Message:
        """What expires, and when."""
        when = expiry(self.expires_at, expired=self.expired)
        if self.count > 1:
            return SEVERAL_BOXES(n=self.count, name=self.name, when=when)
        return _WHAT[self.kind](name=self.name, when=when)

    @property
    def why(self) -> Message:
        """What follows from it; `console.text.NO_MESSAGE` where that is plain."""
        return _WHY.get(self.kind, NO_MESSAGE)

    @property
    def next_step(self) -> Message:
        """What to do, with the remedy."""
        template = _STEPS[self.kind]
        if "guide" in template.fields:
            return template(guide=GUIDE, remedy=self.remedy)
        return template(remedy=self.remedy)

    def __str__(self) -> str:
        """All of it in English, for a log."""
        return one_line("", self.what, self.why, self.next_step)


EXPIRES: Final = Template("expiry.expires", "expires on {day} at {time} UTC")
EXPIRED: Final = Template("expiry.expired", "expired on {day} at {time} UTC")
LIST: Final = Template("expiry.list", "the revocation list for {name} {when}")
ROOT: Final = Template("expiry.root", "the root for {name} {when}")
WORKER: Final = Template("expiry.worker", "the certificate of {name} {when}")
BROKER: Final = Template("expiry.broker", "the broker's certificate ({name}) {when}")
CLAIMS: Final = Template("expiry.claims", "the claim service's certificate ({name}) {when}")
SERVER: Final = Template("expiry.server", "the certificate of the server {name} {when}")
BOX: Final = Template("expiry.box", "the certificate of the box {name} {when}")
SEVERAL_BOXES: Final = Template(
    "expiry.several_boxes",
    "the certificate of {n} box expires: the one of {name} {when}",
    "the certificates of {n} boxes expire: the first, of {name}, {when}",
)
BLOCKS_ALL: Final = Template(
    "expiry.blocks_all", "without a valid list, the broker refuses every client"
)
ENDS_ALL: Final = Template(
    "expiry.ends_all", "the certificates that it issued expire with it at the latest"
)
MAINTAIN: Final = Template(
    "expiry.maintain", "make sure that `broker maintain` is running, or run `{remedy}`"
)
REPLACE_ROOT: Final = Template("expiry.replace_root", "follow {guide}, starting with `{remedy}`")
REPLACE: Final = Template(
    "expiry.replace", "issue a new certificate with `{remedy}`, then switch to it"
)
RESTART_CLAIMS: Final = Template(
    "expiry.restart_claims", "check the service's log, then restart it: `{remedy}`"
)
ENROL_AGAIN: Final = Template(
    "expiry.enrol_again",
    "enrol the box again, or revoke it if it was retired ({guide}); `{remedy}` issues a key for it",
)
_WHAT: Final = {
    ExpiringKind.LIST: LIST,
    ExpiringKind.ROOT: ROOT,
    ExpiringKind.WORKER: WORKER,
    ExpiringKind.PUBLISHER: WORKER,
    ExpiringKind.BROKER: BROKER,
    ExpiringKind.CLAIMS: CLAIMS,
    ExpiringKind.SERVER: SERVER,
    ExpiringKind.BOX: BOX,
}
_WHY: Final = {ExpiringKind.LIST: BLOCKS_ALL(), ExpiringKind.ROOT: ENDS_ALL()}
_STEPS: Final = {
    ExpiringKind.LIST: MAINTAIN,
    ExpiringKind.ROOT: REPLACE_ROOT,
    ExpiringKind.WORKER: REPLACE,
    ExpiringKind.PUBLISHER: REPLACE,
    ExpiringKind.BROKER: MAINTAIN,
    ExpiringKind.CLAIMS: RESTART_CLAIMS,
    ExpiringKind.SERVER: REPLACE,
    ExpiringKind.BOX: ENROL_AGAIN,
}
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

    Lists come first, because the broker refuses every client without them; a certificate only until
    it is issued again or revoked; those of boxes last, and as one entry.
    """
    return [*_lists(now), *_roots(now), *_certificates(now), *_boxes(now)]


def expiry(expires_at: datetime, *, expired: bool) -> Message:
    """When something expires or expired, as the end of a clause."""
    template = EXPIRED if expired else EXPIRES
    return template(day=f"{expires_at:%Y-%m-%d}", time=f"{expires_at:%H:%M}")


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
