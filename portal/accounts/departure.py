"""What is settled when a person leaves an organization, in the transaction in which they leave.

``settings.DEPARTURES`` names the parts, in their order: apps above this one have parts of their
own. The page that asks for the removal says what each part is going to do.

Source: issue 14, "Removing a person settles their sessions, tokens, agent keys, duties and mail
rules".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.accounts.models import User
from portal.notifications import outbox
from portal.notifications.models import Mail

if TYPE_CHECKING:
    from portal.accounts.models import Organization


class Departure(Protocol):
    """One part of what is settled."""

    name: str
    """The word for it in the audit entry."""

    def describe(self, person: User, organization: Organization) -> str:
        """What will happen, in the reader's language; ``""``: nothing."""

    def settle(self, person: User, organization: Organization) -> int:
        """Settle it, in the caller's transaction; how many things were settled."""


class Access:
    """The sessions, all of which end at once."""

    name = "sessions"

    def describe(self, person: User, organization: Organization) -> str:
        """What will happen to the sessions and to the account."""
        if person.memberships.exclude(organization=organization).exists():
            return _(
                "All sessions of this person end at once. The account remains, because the person "
                "belongs to another organization, too."
            )
        return _(
            "All sessions of this person end at once. The account remains, but it shows nothing "
            "until the person belongs to an organization again."
        )

    def settle(self, person: User, organization: Organization) -> int:
        """End every session: each holds the generation that it was made in."""
        return User.objects.filter(pk=person.pk).update(
            session_generation=F("session_generation") + 1
        )


class Links:
    """The sign-in links that have not been used."""

    name = "sign_in_links"

    def describe(self, person: User, organization: Organization) -> str:
        """How many links stop working."""
        n = person.sign_in_links.filter(used_at=None, expires_at__gt=timezone.now()).count()
        return (
            ngettext("%(n)d sign-in link stops working.", "%(n)d sign-in links stop working.", n)
            % {"n": n}
            if n
            else ""
        )

    def settle(self, person: User, organization: Organization) -> int:
        """Delete the links."""
        deleted, _rows = person.sign_in_links.filter(used_at=None).delete()
        return deleted


class Invitations:
    """The open invitations that the person sent for the organization."""

    name = "invitations"

    def describe(self, person: User, organization: Organization) -> str:
        """How many invitations are withdrawn."""
        n = organization.invitations.open().filter(invited_by=person).count()
        return (
            ngettext(
                "%(n)d open invitation that this person sent is withdrawn.",
                "%(n)d open invitations that this person sent are withdrawn.",
                n,
            )
            % {"n": n}
            if n
            else ""
        )

    def settle(self, person: User, organization: Organization) -> int:
        """Withdraw the invitations."""
        sent = organization.invitations.open().filter(invited_by=person)
        return sent.update(withdrawn_at=timezone.now())


class Mails:
    """The mails that wait to be sent to the person on behalf of the organization."""

    name = "mails"

    def describe(self, person: User, organization: Organization) -> str:
        """How many mails are not sent any more."""
        n = Mail.objects.waiting().filter(person=person.pk, organization=organization.pk).count()
        return (
            ngettext(
                "%(n)d mail that waits for this person is not sent.",
                "%(n)d mails that wait for this person are not sent.",
                n,
            )
            % {"n": n}
            if n
            else ""
        )

    def settle(self, person: User, organization: Organization) -> int:
        """Withdraw the mails."""
        return outbox.withdraw(person=person.pk, organization=organization.pk)


def parts() -> list[Departure]:
    """The parts, in their order."""
    return [import_string(path)() for path in settings.DEPARTURES]


def describe(person: User, organization: Organization) -> list[str]:
    """What will happen, one sentence for each part that has something to settle."""
    said = (part.describe(person, organization) for part in parts())
    return [sentence for sentence in said if sentence]


def settle(person: User, organization: Organization) -> dict[str, int]:
    """Settle every part; how many things of each."""
    return {part.name: part.settle(person, organization) for part in parts()}
