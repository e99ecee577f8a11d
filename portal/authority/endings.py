"""What of the authority ends soon, so that whoever looks after the portal hears of it in time.

From the database alone: the ingest worker, which always runs, asks hourly.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Max

from portal.authority.models import IssuedCertificate, RevocationList, Root

LIST_ALARM: Final = timedelta(days=2)
CERTIFICATE_ALARM: Final = timedelta(days=30)


def endings(now: datetime) -> list[str]:
    """Lists, and workers' and publishers' certificates, that end soon or have ended.

    A list without which nobody is let in, first; a certificate only until it is issued again.
    """
    found = []
    for root in Root:
        last = RevocationList.objects.filter(root=root).last()
        if last is not None and last.ends_at - now <= LIST_ALARM:
            found.append(
                f"the revocation list for {root.value} {_when(last.ends_at, now)}, and from then "
                "on the broker lets nobody in; see that 'kanmon-portal broker keep' runs"
            )
    newest = (
        IssuedCertificate.objects.filter(root__in=[Root.WORKERS, Root.PUBLISHER], revoked_at=None)
        .values("root", "subject")
        .annotate(ends=Max("ends_at"))
        .order_by("root", "subject")
    )
    found += [
        f"the certificate of {one['subject']} {_when(one['ends'], now)}; issue another with "
        "'kanmon-portal authority issue-...' and change over"
        for one in newest
        if one["ends"] - now <= CERTIFICATE_ALARM
    ]
    return found


def _when(ends: datetime, now: datetime) -> str:
    return f"{'ended' if ends <= now else 'ends'} on {ends:%Y-%m-%d at %H:%M} UTC"
