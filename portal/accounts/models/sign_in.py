"""Links that sign a user in, and the tries that are counted."""

from __future__ import annotations

import secrets
from hashlib import sha256

from django.db import models

from portal.accounts.models.people import User


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


class FailedSignIns(models.Model):
    """Wrong passwords in a row, of an account and one of its browsers or all other clients.

    Attributes:
        bucket: Whose they are (`portal.accounts.lockout`), a hash.
        failures: How many, since the last right one or the last lock.
        locked_until: Until when no password is looked at, Unix milliseconds; 0: it is not locked.
        at: When the last one was, Unix milliseconds.
    """

    bucket = models.CharField(max_length=64, unique=True)
    failures = models.PositiveSmallIntegerField(default=0)
    locked_until = models.BigIntegerField(default=0)
    at = models.BigIntegerField(db_index=True)

    class Meta:
        verbose_name_plural = "failed sign-ins"

    def __str__(self) -> str:
        return f"{self.failures} of {self.bucket[:8]}"
