"""Queries limited to what a user's organizations own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from django.db import models

from portal.accounts.models import Organization

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from portal.accounts.models import User

M = TypeVar("M", bound=models.Model, covariant=True)


class ScopedQuerySet(models.QuerySet[M, M]):
    """Rows that an organization owns.

    Attributes:
        path: The lookups that lead from a row to its organization.
    """

    path: ClassVar[str]

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The rows that ``user`` sees: a member in any role but billing; none without a session."""
        return self.filter(**{f"{self.path}__in": Organization.objects.visible_to(user)})

    def usage_visible_to(self, user: User | AnonymousUser) -> Self:
        """The rows whose usage ``user`` reads: those of billing members, too."""
        return self.filter(**{f"{self.path}__in": Organization.objects.usage_visible_to(user)})
