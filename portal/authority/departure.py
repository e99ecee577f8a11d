"""The agent keys of a person who leaves an organization (`portal.accounts.departure`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import F
from django.utils import timezone
from django.utils.translation import ngettext

from portal.authority.models import AgentKey

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portal.accounts.models import Organization, User


class AgentKeys:
    """The keys that the person issued and with which a box could still be enrolled."""

    name = "agent_keys"

    def describe(self, person: User, organization: Organization) -> str:
        """How many keys are revoked."""
        n = self._open(person, organization).count()
        return (
            ngettext(
                "%(n)d agent key that this person issued is revoked. Boxes that used it keep their "
                "certificates.",
                "%(n)d agent keys that this person issued are revoked. Boxes that used them keep "
                "their certificates.",
                n,
            )
            % {"n": n}
            if n
            else ""
        )

    def settle(self, person: User, organization: Organization) -> int:
        """Revoke the keys."""
        return self._open(person, organization).update(revoked_at=timezone.now())

    @staticmethod
    def _open(person: User, organization: Organization) -> QuerySet[AgentKey]:
        return AgentKey.objects.filter(
            issued_by=person,
            site__organization=organization,
            revoked_at=None,
            expires_at__gt=timezone.now(),
            used__lt=F("uses"),
        )
