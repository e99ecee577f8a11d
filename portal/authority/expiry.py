"""What of the authority ends soon, so that whoever looks after the portal hears of it in time.

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

LIST_ALARM: Final = timedelta(days=2)
CERTIFICATE_ALARM: Final = timedelta(days=30)
ROOT_ALARM: Final = timedelta(days=2 * 365)
"""What a root signs lives for a year, and may not outlive it."""
GUIDE: Final = "docs/how-to/revoke-and-reissue.md"


class What(StrEnum):
    """What ends."""

    LIST = "list"
    ROOT = "root"
    WORKER = "worker"
    PUBLISHER = "publisher"
    BROKER = "broker"
    CLAIMS = "claims"
    SERVER = "server"
    BOX = "box"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Something that ends soon, or has ended.

    Attributes:
        name: Of a root or its list, the root's; else the name in the certificate. Of several
            boxes, the one whose certificate ends first, which ``ends_at`` and ``ended`` say.
        ended: Whether that is so already.
        count: How many there are, told as one: boxes that were enrolled on one day end on one.
    """

    what: What
    name: str
    ends_at: datetime
    ended: bool
    count: int = 1

    @property
    def cure(self) -> str:
        """The command that cures it."""
        return _CURES[self.what].format(name=self.name.removeprefix(f"{self.what}."))

    def __str__(self) -> str:
        """For a log, in English."""
        told = _TOLD[self.what].format(name=self.name, when=when(self.ends_at, ended=self.ended))
        if self.count > 1:
            told = f"{self.count} boxes' certificates end or have ended, first {told}"
        return f"{told} '{self.cure}'"


_TOLD: Final = {
    What.LIST: "the revocation list for {name} {when}, and from then on the broker lets nobody in; "
    "see that 'broker maintain' runs, or run",
    What.ROOT: f"the root for {{name}} {{when}}, and with it all it signed; follow {GUIDE}, with",
    What.WORKER: "the certificate of {name} {when}; issue another and change over, with",
    What.PUBLISHER: "the certificate of {name} {when}; issue another and change over, with",
    What.BROKER: "the broker's certificate ({name}) {when}; "
    "see that 'broker maintain' runs, or run",
    What.CLAIMS: "the claim service's certificate ({name}) {when}; read its log, and restart",
    What.SERVER: "the certificate of the server {name} {when}; issue another with",
    What.BOX: "the certificate of the box {name} {when}; enrol each again, or revoke it where it "
    f"is gone ({GUIDE}); a key for it:",
}
_CURES: Final = {
    What.LIST: "kanmon-portal broker reload FOLDER",
    What.ROOT: "kanmon-portal authority init --anew",
    What.WORKER: "kanmon-portal authority issue-worker {name} --out FOLDER",
    What.PUBLISHER: "kanmon-portal authority issue-publisher {name} --out FOLDER",
    What.BROKER: "kanmon-portal broker reload FOLDER",
    What.CLAIMS: "kanmon-portal claims",
    What.SERVER: "kanmon-portal authority issue-server HOST --out FOLDER",
    What.BOX: "kanmon-portal key issue --organization ORGANIZATION --site SITE",
}
_SERVERS: Final = {
    Purpose.BROKER: What.BROKER,
    Purpose.CLAIMS: What.CLAIMS,
    Purpose.SERVER: What.SERVER,
}


def endings(now: datetime) -> list[Ending]:
    """Lists, roots and certificates that end soon or have ended.

    Lists first, because nobody is let in without them; a certificate only until it is issued
    again or revoked; those of boxes last, and as one.
    """
    return [*_lists(now), *_roots(now), *_certificates(now), *_boxes(now)]


def when(ends: datetime, *, ended: bool) -> str:
    """Since or until when, in English."""
    return f"{'ended' if ended else 'ends'} on {ends:%Y-%m-%d at %H:%M} UTC"


def _lists(now: datetime) -> Iterator[Ending]:
    for root in Root:
        last = RevocationList.objects.filter(root=root).last()
        if last is not None and last.ends_at - now <= LIST_ALARM:
            yield _ending(What.LIST, root.value, last.ends_at, now)


def _roots(now: datetime) -> Iterator[Ending]:
    for root in Root:
        try:
            ends = roots.load(root).certificate.not_valid_after_utc
        except AuthorityError:
            continue  # on another machine, or missing: whoever needs it says so
        if ends - now <= ROOT_ALARM:
            yield _ending(What.ROOT, root.value, ends, now)


def _certificates(now: datetime) -> Iterator[Ending]:
    counted = Q(root__in=[Root.WORKERS, Root.PUBLISHER]) | Q(purpose__in=_SERVERS)
    newest = (
        IssuedCertificate.objects.filter(counted, revoked_at=None, replaced_by=None)
        .values("root", "purpose", "subject")
        .annotate(ends=Max("ends_at"))
        .order_by("ends", "subject")
    )
    for one in newest:
        if one["ends"] - now <= CERTIFICATE_ALARM:
            yield _ending(_kind(one["root"], one["purpose"]), one["subject"], one["ends"], now)


def _boxes(now: datetime) -> Iterator[Ending]:
    newest = (
        IssuedCertificate.objects.filter(root=Root.BOXES, revoked_at=None)
        .exclude(box=None)
        .values("subject")
        .annotate(ends=Max("ends_at"))
        .filter(ends__lte=now + CERTIFICATE_ALARM)
        .order_by("ends", "subject")
    )
    first = newest.first()
    if first is not None:
        one = _ending(What.BOX, first["subject"], first["ends"], now)
        yield replace(one, count=newest.count())


def _kind(root: str, purpose: str) -> What:
    if purpose:
        return _SERVERS[Purpose(purpose)]
    return What.WORKER if root == Root.WORKERS else What.PUBLISHER


def _ending(what: What, name: str, ends: datetime, now: datetime) -> Ending:
    return Ending(what=what, name=name, ends_at=ends, ended=ends <= now)
