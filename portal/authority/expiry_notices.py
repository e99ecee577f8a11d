"""What of the authority ends, for whoever can do something about it.

`portal.authority.expiry` decides; `kanmon-portal broker check` says the same. A customer's people
are not shown it: they can run no command here.
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
class Alarm:
    """One ending, in the page's language."""

    ending: Expiring

    @property
    def words(self) -> str:
        """What ends, and what that means."""
        several = self.ending.count > 1
        words = SEVERAL_BOXES if several else WORDS[self.ending.kind]
        return str(words) % {"name": self.ending.name, "count": self.ending.count}

    @property
    def step(self) -> str:
        """What to do; the command follows it."""
        return str(STEPS[self.ending.kind]) % {"guide": GUIDE}


def alarms(user: User | AnonymousUser, now: datetime) -> list[Alarm]:
    """What ``user`` should see to; nothing for who does not operate this portal."""
    if not may_operate(user):
        return []
    return [Alarm(ending=ending) for ending in expiring(now)]
