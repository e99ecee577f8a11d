"""Organizations, their members and what each of them may do.

Source: design section 8; requirements E-11 to E-16, E-19, K-6 and K-7.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final, Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.models.people import User

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.contrib.auth.models import AnonymousUser


class OrganizationQuerySet(models.QuerySet["Organization"]):
    """Organizations, by what a user may see and do."""

    def of_member(self, user: User | AnonymousUser) -> Self:
        """The organizations that ``user`` belongs to, in any role; none without a session."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(memberships__user=user)

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those whose sites, gateways and devices ``user`` sees: in every role but billing."""
        return self._as(user, SEES_EVERYTHING)

    def usage_visible_to(self, user: User | AnonymousUser) -> Self:
        """Those whose usage ``user`` reads: in every role."""
        return self.of_member(user)

    def administered_by(self, user: User | AnonymousUser) -> Self:
        """Those that ``user`` administers; none without a session."""
        return self._as(user, {Role.ADMINISTRATOR})

    def installed_by(self, user: User | AnonymousUser) -> Self:
        """Those to which ``user`` may add gateways: administrators and installers."""
        return self._as(user, {Role.ADMINISTRATOR, Role.INSTALLER})

    def _as(self, user: User | AnonymousUser, roles: Collection[Role]) -> Self:
        if not user.is_authenticated:
            return self.none()
        return self.filter(memberships__user=user, memberships__role__in=sorted(roles))


class Organization(models.Model):
    """A customer, with its members.

    Attributes:
        public_id: What the organization is known by outside: on its page, in invitations and
            when a person asks to join.
        department: The office or department, where one of a company is meant.
        country: ISO 3166-1 alpha-2; empty for one that an operator made and whose address is
            not known.
        prefecture: The prefecture, state or province.
        password_expires: Whether the passwords of its members expire (`portal.accounts.expiry`).
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=200, unique=True)
    department = models.CharField(max_length=200, blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="")
    postal_code = models.CharField(max_length=16, blank=True, default="")
    prefecture = models.CharField(max_length=100, blank=True, default="")
    city = models.CharField(max_length=100, blank=True, default="")
    street = models.CharField(max_length=200, blank=True, default="")
    phone = models.CharField(max_length=32, blank=True, default="")
    password_expires = models.BooleanField(default=False)
    members = models.ManyToManyField(
        User, through="accounts.Membership", related_name="organizations"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a member of an organization may do.

    An administrator does everything; a user reads and describes; an installer also adds gateways;
    billing reads usage and closes months, and sees nothing else.
    """

    ADMINISTRATOR = "administrator", _("Administrator")
    USER = "user", _("User")
    INSTALLER = "installer", _("Installer")
    BILLING = "billing", _("Billing")


SEES_EVERYTHING: Final = frozenset({Role.ADMINISTRATOR, Role.USER, Role.INSTALLER})
"""The roles that see sites, gateways and devices; billing sees usage only."""


class Membership(models.Model):
    """A user's role in an organization."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.USER)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "organization"), name="one_membership_each"),
        )

    def __str__(self) -> str:
        return f"{self.user} in {self.organization} as {self.role}"
