"""The documents that people accept, and who accepted which version.

Source: requirements E-3 and K-5.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.models.people import User


class DocumentKind(models.TextChoices):
    """What a document is about, in the order in which people are asked."""

    TERMS = "terms", _("Terms of use")
    PRIVACY = "privacy", _("Privacy statement")
    DISCLAIMER = "disclaimer", _("Disclaimer")


class Document(models.Model):
    """One version of a document. A published version is never changed: a new one follows it.

    Attributes:
        region: The country (ISO 3166-1 alpha-2) that it is for; empty: every country without a
            version of its own.
        version: Counts from 1 within a kind and region.
        english: Its text, paragraphs separated by empty lines.
        japanese: The same in Japanese.
    """

    kind = models.CharField(max_length=20, choices=DocumentKind)
    region = models.CharField(max_length=2, blank=True, default="")
    version = models.PositiveIntegerField()
    english = models.TextField()
    japanese = models.TextField()
    published_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("kind", "region", "version")
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "region", "version"), name="document_version_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.region or 'everywhere'} version {self.version}"

    def text(self, language: str) -> str:
        """The text in ``language``; English for every language but Japanese."""
        return self.japanese if language == "ja" else self.english


class ConsentRecord(models.Model):
    """A person accepted one version of one document.

    Attributes:
        language: The language in which the person read it.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="consents")
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="consents")
    language = models.CharField(max_length=5, choices=settings.LANGUAGES)
    accepted_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "document"), name="one_consent_each"),
        )

    def __str__(self) -> str:
        return f"{self.user} accepted {self.document}"
