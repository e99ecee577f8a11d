"""The people who can sign in, and their names.

Source: requirements C-12, E-9 and K-3.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

NAME_LENGTH: Final = 60
"""Characters of a family or given name, and of its reading."""
USER_NAME_LENGTH: Final = 40
_EAST_ASIAN: Final = re.compile(
    r"[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]"
)

user_name_rule: Final = RegexValidator(
    r"\A[A-Za-z0-9._-]{3,40}\Z",
    _("A user name has 3 to 40 letters, digits, dots, hyphens or underscores."),
    code="invalid_user_name",
)
"""Which user names are possible: without an @, so that none looks like an email address."""


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


def full_name(family: str, given: str, language: str) -> str:
    """Both names in the order in which their owner writes them.

    The family name comes first for people who read Japanese, and wherever it is written in
    Chinese characters, kana or Hangul.
    """
    family_first = language == "ja" or _EAST_ASIAN.search(family + given)
    parts = (family, given) if family_first else (given, family)
    return " ".join(part for part in parts if part)


class User(AbstractBaseUser):
    """A person who can sign in.

    Attributes:
        email: What the person signs in with, and where mail goes unless ``notification_email``
            is set.
        user_name: Another name to sign in with, unique without regard to case; ``None``: none.
        family_kana: The reading of the family name in katakana; people in Japan have one.
        region: The person's country, ISO 3166-1 alpha-2; empty: not said.
        time_zone: By its IANA name; empty: the site's.
        notification_email: Where notices go; set only by its confirmation
            (``notification_email_confirmed_at``).
        password_changed_at: When the password was set; ``None``: with the account.
        session_generation: Sessions of another generation have ended.
        operates: Whether they operate this portal itself and can run its commands: the first page
            shows them what its authority needs. It opens no organization's data.
    """

    email = models.EmailField(_("email address"), unique=True)
    # Null rather than empty, so that many people have none (NULLs are distinct in a constraint).
    user_name = models.CharField(  # noqa: DJ001 - see above
        _("user name"),
        max_length=USER_NAME_LENGTH,
        null=True,
        blank=True,
        default=None,
        validators=(user_name_rule,),
    )
    family_name = models.CharField(_("family name"), max_length=NAME_LENGTH, blank=True, default="")
    given_name = models.CharField(_("given name"), max_length=NAME_LENGTH, blank=True, default="")
    family_kana = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    given_kana = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    language = models.CharField(
        _("language"), max_length=5, choices=settings.LANGUAGES, default="en"
    )
    region = models.CharField(_("region"), max_length=2, blank=True, default="")
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="")
    notification_email = models.EmailField(blank=True, default="")
    notification_email_confirmed_at = models.DateTimeField(null=True, blank=True)
    password_changed_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    operates = models.BooleanField(default=False)
    session_generation = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = (models.UniqueConstraint(Lower("user_name"), name="user_name_once"),)

    def __str__(self) -> str:
        return self.name or self.email

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        """The hash in every session of this person: of the password and the generation."""
        of_password: str = super()._get_session_auth_hash(secret)  # type: ignore[misc] # Django's own hook, which its stubs leave out
        return f"{of_password}.{self.session_generation}"

    @property
    def name(self) -> str:
        """The full name in the order of the person's language; empty where none is known."""
        return full_name(self.family_name, self.given_name, self.language)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save with the email in its normal form."""
        self.email = normal_email(self.email)
        super().save(*args, **kwargs)
