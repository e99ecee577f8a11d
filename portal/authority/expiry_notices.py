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
    ExpiringKind.LIST: _("The revocation list for %(name)s; without it the broker lets nobody in"),
    ExpiringKind.ROOT: _(
        "The root certificate for %(name)s; without it nothing it signed is believed"
    ),
    ExpiringKind.WORKER: _("The certificate of the ingest worker %(name)s"),
    ExpiringKind.PUBLISHER: _("The certificate of the publisher %(name)s"),
    ExpiringKind.BROKER: _("The broker's certificate (%(name)s); without it no box can connect"),
    ExpiringKind.CLAIMS: _(
        "The claim service's certificate (%(name)s); without it no box can enrol"
    ),
    ExpiringKind.SERVER: _("The certificate of the server %(name)s"),
    ExpiringKind.BOX: _(
        "The certificate of the box %(name)s; without it nothing of that site arrives"
    ),
}
STEPS: Final[dict[ExpiringKind, _StrPromise]] = {
    ExpiringKind.LIST: _("See that “broker maintain” runs, or run:"),
    ExpiringKind.ROOT: _("Follow %(guide)s; it begins with:"),
    ExpiringKind.WORKER: _("Issue another and change over:"),
    ExpiringKind.PUBLISHER: _("Issue another and change over:"),
    ExpiringKind.BROKER: _("See that “broker maintain” runs, or run:"),
    ExpiringKind.CLAIMS: _("It renews itself: read its log, and restart it:"),
    ExpiringKind.SERVER: _("Issue another and change over:"),
    ExpiringKind.BOX: _("Enrol again, or revoke what is gone (%(guide)s); a key for it:"),
}
SEVERAL_BOXES: Final = _(
    "The certificates of %(count)s boxes, that of %(name)s first; without them nothing of their "
    "sites arrives"
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
