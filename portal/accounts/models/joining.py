"""How people come to an organization, and how its identity is changed.

::

    Invitation     invited --> accepted | expired (by time) | withdrawn
                      ^------- resend: a new link, which expires later
    JoinRequest    pending --> approved | refused | withdrawn
    ChangeRequest  pending --> approved | refused | withdrawn

Source: requirements E-13, E-17, E-18, E-20, K-7 and K-8.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.models.organizations import Organization, Role
from portal.accounts.models.people import NAME_LENGTH, User, full_name


class InvitationState(models.TextChoices):
    """What has become of an invitation."""

    INVITED = "invited", _("Invited")
    ACCEPTED = "accepted", _("Joined")
    EXPIRED = "expired", _("Expired")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Invitations, by who may see them and whether they can be accepted."""

    def open(self) -> Self:
        """Neither accepted nor withdrawn; expired ones too, which can be sent again."""
        return self.filter(accepted_at=None, withdrawn_at=None)

    def administered_by(self, user: User) -> Self:
        """The invitations of organizations that ``user`` administers."""
        return self.filter(organization__in=Organization.objects.administered_by(user))


class Invitation(models.Model):
    """An administrator asks one person, by mail, to become a member.

    The link holds 256 random bits; the table holds their hash only.

    Attributes:
        family_name: As the inviter wrote it: the invited person enters no name.
        invited_by_name: The inviter's name as it was, which stays when the account is gone.
        accepted_by: The member that the invited person became.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="invitations"
    )
    email = models.EmailField()
    family_name = models.CharField(max_length=NAME_LENGTH)
    given_name = models.CharField(max_length=NAME_LENGTH)
    family_kana = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    given_kana = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    language = models.CharField(max_length=5, choices=settings.LANGUAGES, default="en")
    role = models.CharField(max_length=20, choices=Role)
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    invited_by_name = models.CharField(max_length=2 * NAME_LENGTH + 1)
    invited_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ("-invited_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "email"),
                condition=Q(accepted_at=None, withdrawn_at=None),
                name="one_open_invitation_each",
            ),
        )

    def __str__(self) -> str:
        return f"{self.email} to {self.organization} as {self.role}"

    @property
    def name(self) -> str:
        """The full name of the invited person."""
        return full_name(self.family_name, self.given_name, self.language)

    @property
    def state(self) -> InvitationState:
        """What has become of it, by now."""
        if self.accepted_at is not None:
            return InvitationState.ACCEPTED
        if self.withdrawn_at is not None:
            return InvitationState.WITHDRAWN
        expired = self.expires_at <= timezone.now()
        return InvitationState.EXPIRED if expired else InvitationState.INVITED

    @staticmethod
    def new_token() -> str:
        """A new token, the random part of a link."""
        return secrets.token_urlsafe(32)

    @staticmethod
    def digest_of(token: str) -> str:
        """The hash under which a token is stored."""
        return sha256(token.encode()).hexdigest()


class Decision(models.TextChoices):
    """What has become of a request."""

    PENDING = "pending", _("Waiting for approval")
    APPROVED = "approved", _("Approved")
    REFUSED = "refused", _("Declined")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class JoinRequest(models.Model):
    """A person asks to become a member of an organization whose id they know.

    Attributes:
        decided_by: The administrator; the person themselves for one that was withdrawn.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="join_requests"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="join_requests")
    decision = models.CharField(max_length=20, choices=Decision, default=Decision.PENDING)
    requested_at = models.DateTimeField(default=timezone.now, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ("requested_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "user"),
                condition=Q(decision="pending"),
                name="one_pending_join_each",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user} to {self.organization}: {self.decision}"


class ChangeRequest(models.Model):
    """An administrator asks the operators to change what identifies the organization.

    Attributes:
        changes: The new values by the name of the organization's field.
        reason: Why, in the administrator's words, for the operator who decides.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="change_requests"
    )
    changes = models.JSONField()
    reason = models.CharField(max_length=500, blank=True, default="")
    decision = models.CharField(max_length=20, choices=Decision, default=Decision.PENDING)
    requested_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    requested_at = models.DateTimeField(default=timezone.now, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ("requested_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("organization",),
                condition=Q(decision="pending"),
                name="one_pending_change_each",
            ),
        )

    def __str__(self) -> str:
        return f"{self.organization}: {self.decision}"
