"""People, and the organizations they belong to.

As rows::

    User --< Membership >-- Organization
     |         role: administrator | member
     `--< SignInLink         one use, thirty minutes

A person signs in by email; an email is compared without regard to case and kept in lower case.

Source: design section 8; requirements E-14 and E-16.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class UserManager(BaseUserManager["User"]):
    """Makes users, and finds them by email whatever its case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A saved user; without ``password`` they can sign in by link only."""
        user = self.model(email=normal_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        """The user with this email; raises `User.DoesNotExist`."""
        return self.get(email=normal_email(username or ""))


def normal_email(email: str) -> str:
    """The form in which an email is stored and compared: stripped, in lower case."""
    return email.strip().lower()


class User(AbstractBaseUser):
    """A person who can sign in.

    Attributes:
        operates: Whether they operate this portal itself and can run its commands: the first page
            shows them what its authority needs. It opens no organization's data.
    """

    email = models.EmailField(_("email address"), unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(
        _("language"), max_length=5, choices=settings.LANGUAGES, default="en"
    )
    is_active = models.BooleanField(default=True)
    operates = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save with the email in its normal form."""
        self.email = normal_email(self.email)
        super().save(*args, **kwargs)


class OrganizationQuerySet(models.QuerySet["Organization"]):
    """Organizations, by what a user may see and do."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The organizations that ``user`` is a member of; none without a session."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(memberships__user=user)

    def administered_by(self, user: User | AnonymousUser) -> Self:
        """The organizations that ``user`` administers; none without a session."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(memberships__user=user, memberships__role=Role.ADMINISTRATOR)


class Organization(models.Model):
    """A customer, with its members."""

    name = models.CharField(_("name"), max_length=200, unique=True)
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
    """What a member of an organization may do."""

    ADMINISTRATOR = "administrator", _("Administrator")
    MEMBER = "member", _("Member")


class Membership(models.Model):
    """A user's role in an organization."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.MEMBER)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "organization"), name="one_membership_each"),
        )

    def __str__(self) -> str:
        return f"{self.user} in {self.organization} as {self.role}"


class SignInLink(models.Model):
    """A link that signs one user in, once, within thirty minutes.

    The link holds 256 random bits; the table holds their hash only, so that who reads the
    database (or its backup) cannot sign in, and who knows the portal's key cannot make one.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_in_links")
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"sign-in link for {self.user} until {self.expires_at:%Y-%m-%d %H:%M}"

    @staticmethod
    def new_token() -> str:
        """A new token, the random part of a link."""
        return secrets.token_urlsafe(32)

    @staticmethod
    def digest_of(token: str) -> str:
        """The hash under which a token is stored."""
        return sha256(token.encode()).hexdigest()


class SignInTry(models.Model):
    """A form that was sent to sign in, or a password that was not right, as long as it counts.

    Attributes:
        bucket: What it is counted with (`portal.accounts.tries`), a hash.
        at: When it was made, Unix milliseconds.
    """

    bucket = models.CharField(max_length=64)
    at = models.BigIntegerField(db_index=True)

    class Meta:
        verbose_name_plural = "sign-in tries"
        indexes = (models.Index(fields=("bucket", "at"), name="sign_in_try_counted"),)

    def __str__(self) -> str:
        return f"{self.bucket[:8]} at {self.at}"
