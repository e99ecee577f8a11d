"""What of the authority ends, for whoever can do something about it.

`portal.authority.expiry` decides; `kanmon-portal broker check` says the same. A customer's people
are not shown it: they can run no command here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from portal.accounts.actions import may_operate
from portal.authority.expiry import GUIDE, Ending, What, endings

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import AnonymousUser
    from django.utils.functional import _StrPromise

    from portal.accounts.models import User

WORDS: Final[dict[What, _StrPromise]] = {
    What.LIST: _("The revocation list for %(name)s; without it the broker lets nobody in"),
    What.ROOT: _("The root certificate for %(name)s; without it nothing it signed is believed"),
    What.WORKER: _("The certificate of the ingest worker %(name)s"),
    What.PUBLISHER: _("The certificate of the publisher %(name)s"),
    What.BROKER: _("The broker's certificate (%(name)s); without it no box can connect"),
    What.CLAIMS: _("The claim service's certificate (%(name)s); without it no box can enrol"),
    What.SERVER: _("The certificate of the server %(name)s"),
    What.BOX: _("The certificate of the box %(name)s; without it nothing of that site arrives"),
}
STEPS: Final[dict[What, _StrPromise]] = {
    What.LIST: _("See that “broker maintain” runs, or run:"),
    What.ROOT: _("Follow %(guide)s; it begins with:"),
    What.WORKER: _("Issue another and change over:"),
    What.PUBLISHER: _("Issue another and change over:"),
    What.BROKER: _("See that “broker maintain” runs, or run:"),
    What.CLAIMS: _("It renews itself: read its log, and restart it:"),
    What.SERVER: _("Issue another and change over:"),
    What.BOX: _("Enrol again, or revoke what is gone (%(guide)s); a key for it:"),
}
SEVERAL_BOXES: Final = _(
    "The certificates of %(count)s boxes, that of %(name)s first; without them nothing of their "
    "sites arrives"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One ending, in the page's language."""

    ending: Ending

    @property
    def words(self) -> str:
        """What ends, and what that means."""
        several = self.ending.count > 1
        words = SEVERAL_BOXES if several else WORDS[self.ending.what]
        return str(words) % {"name": self.ending.name, "count": self.ending.count}

    @property
    def step(self) -> str:
        """What to do; the command follows it."""
        return str(STEPS[self.ending.what]) % {"guide": GUIDE}


def alarms(user: User | AnonymousUser, now: datetime) -> list[Alarm]:
    """What ``user`` should see to; nothing for who does not operate this portal."""
    if not may_operate(user):
        return []
    return [Alarm(ending=ending) for ending in endings(now)]
