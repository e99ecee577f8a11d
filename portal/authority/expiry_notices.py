"""What of the authority expires soon, on the pages of people who operate this portal.

`portal.authority.expiry` decides what that is; `kanmon-portal broker check` reports the same. Other
people are not shown it: they can run no command here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from portal.accounts.actions import may_operate
from portal.authority.expiry import GUIDE, Expiring, ExpiringKind, expiring

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import AnonymousUser
    from django.utils.functional import _StrPromise

    from portal.accounts.models import User

WORDS: Final[dict[ExpiringKind, _StrPromise]] = {
    ExpiringKind.LIST: _(
        "Revocation list for %(name)s. Once it has expired, the broker refuses all connections."
    ),
    ExpiringKind.ROOT: _(
        "Root certificate for %(name)s. Once it has expired, every certificate that it "
        "issued is invalid."
    ),
    ExpiringKind.WORKER: _("Certificate of the ingest worker %(name)s."),
    ExpiringKind.PUBLISHER: _("Certificate of the publisher %(name)s."),
    ExpiringKind.BROKER: _(
        "Certificate of the broker (%(name)s). Once it has expired, no box can connect."
    ),
    ExpiringKind.CLAIMS: _(
        "Certificate of the claim service (%(name)s). Once it has expired, no box can enrol."
    ),
    ExpiringKind.SERVER: _("Certificate of the server %(name)s."),
    ExpiringKind.BOX: _(
        "Certificate of the box %(name)s. Once it has expired, no data from its site is received."
    ),
}
STEPS: Final[dict[ExpiringKind, _StrPromise]] = {
    ExpiringKind.LIST: _("Make sure that `broker maintain` is running, or run:"),
    ExpiringKind.ROOT: _("Follow the steps in %(guide)s. The first command is:"),
    ExpiringKind.WORKER: _("Issue a new certificate and switch to it:"),
    ExpiringKind.PUBLISHER: _("Issue a new certificate and switch to it:"),
    ExpiringKind.BROKER: _("Make sure that `broker maintain` is running, or run:"),
    ExpiringKind.CLAIMS: _(
        "The service renews it automatically. Check the service's log, then restart it:"
    ),
    ExpiringKind.SERVER: _("Issue a new certificate and switch to it:"),
    ExpiringKind.BOX: _(
        "Enrol the box again, or revoke it if it is no longer used (%(guide)s). To "
        "issue an agent key:"
    ),
}
SEVERAL_BOXES: Final = _(
    "Certificates of %(count)s boxes (first: %(name)s). Once they have expired, no data from their "
    "sites is received."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryNotice:
    """An `Expiring` in the page's language."""

    expiring: Expiring

    @property
    def words(self) -> str:
        """What expires, and what follows from it."""
        several = self.expiring.count > 1
        words = SEVERAL_BOXES if several else WORDS[self.expiring.kind]
        return str(words) % {"name": self.expiring.name, "count": self.expiring.count}

    @property
    def step(self) -> str:
        """What to do; a page shows the remedy, which is a command, after it."""
        return str(STEPS[self.expiring.kind]) % {"guide": GUIDE}


def expiry_notices(user: User | AnonymousUser, now: datetime) -> list[ExpiryNotice]:
    """The notices for ``user`` at ``now``; none for a user who does not operate this portal."""
    if not may_operate(user):
        return []
    return [ExpiryNotice(expiring=each) for each in expiring(now)]
