"""The organizations of a reader, as the organization's page shows them.

Source: requirement E-15.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.accounts.models import Organization, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import AnonymousUser

    from portal.accounts.models import Membership, User


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationView:
    """An organization as its members see it.

    Attributes:
        members: Administrators first.
        sole_administrator: Whether only one person administers it: at least two should (E-15).
        administers: Whether the reader does.
    """

    organization: Organization
    members: Sequence[Membership]
    sole_administrator: bool
    administers: bool


def organizations(user: User | AnonymousUser) -> list[OrganizationView]:
    """The organizations ``user`` is a member of."""
    seen = Organization.objects.visible_to(user).prefetch_related("memberships__user")
    return [_organization(each, user) for each in seen]


def _organization(each: Organization, user: User | AnonymousUser) -> OrganizationView:
    members = sorted(
        each.memberships.all(), key=lambda m: (m.role != Role.ADMINISTRATOR, str(m.user))
    )
    administrators = [m.user_id for m in members if m.role == Role.ADMINISTRATOR]
    return OrganizationView(
        organization=each,
        members=members,
        sole_administrator=len(administrators) == 1,
        administers=user.pk in administrators,
    )
