"""The outbox: one row for each mail, written in the transaction of the act that causes it.

Source: design section 8; `portal.notifications` shows how a row's state changes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from datetime import datetime

LIFE: Final = timedelta(days=2)
"""How long the portal tries to send a mail before it gives up."""
KEPT: Final = timedelta(days=30)
"""How long a row is kept after its mail was sent, refused or given up."""


class MailState(models.TextChoices):
    """The state of a mail; only a waiting one changes."""

    WAITING = "waiting", _("Waiting to be sent")
    SENT = "sent", _("Sent")
    REFUSED = "refused", _("Refused by the mail server")
    EXPIRED = "expired", _("Not sent in time")


class MailQuerySet(models.QuerySet["Mail"]):
    """Queries of mails."""

    def waiting(self) -> Self:
        """The mails that are not sent, refused or given up yet."""
        return self.filter(state=MailState.WAITING)

    def due(self, now: datetime) -> Self:
        """The waiting mails whose next attempt is due, the longest due first."""
        return self.waiting().filter(next_attempt_at__lte=now).order_by("next_attempt_at", "pk")

    def refused(self) -> Self:
        """The mails that the mail server refused for good."""
        return self.filter(state=MailState.REFUSED)

    def undelivered(self) -> Self:
        """The mails that were refused or given up."""
        return self.filter(state__in=(MailState.REFUSED, MailState.EXPIRED))


class Mail(models.Model):
    """One mail to one address.

    Attributes:
        name: The template family: ``mail/NAME.subject.txt``, ``mail/NAME.txt``,
            ``mail/NAME.html``.
        recipient: The address, without a display name.
        subject: The subject of the last attempt without codes and links, so that people recognize
            the mail later.
        context: The values that the templates use; emptied once the mail is settled, because it
            may hold a code or a link that signs a person in.
        organization: The id of the organization that the mail concerns.
        person: The id of the user that the mail is for.
        message_id: The Message-ID of every attempt, so that a mail that is sent twice is known
            for the same.
        attempts: How often a worker has taken the row in order to send it.
        next_attempt_at: When it is to be taken next. Taking a row moves this ahead (`claims`), so
            that no other worker takes it meanwhile and that it is taken again where a worker dies.
        expires_at: When the portal gives up.
        settled_at: When the mail was sent, refused or given up.
        error: The last error: the mail server's reply, or why it was not reached.
    """

    name = models.CharField(max_length=100)
    recipient = models.EmailField(max_length=254)
    language = models.CharField(max_length=5)
    subject = models.CharField(max_length=200, default="")
    context = models.JSONField(default=dict)
    organization = models.BigIntegerField(null=True)
    person = models.BigIntegerField(null=True)
    message_id = models.CharField(max_length=254, unique=True)
    state = models.CharField(max_length=10, choices=MailState, default=MailState.WAITING)
    created_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    error = models.TextField(default="")

    objects = MailQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(
                fields=("next_attempt_at", "id"),
                name="mail_due",
                condition=models.Q(state="waiting"),
            ),
            models.Index(fields=("organization", "state"), name="mail_of_organization"),
            models.Index(fields=("person",), name="mail_of_person"),
            models.Index(fields=("settled_at",), name="mail_settled"),
        )

    def __str__(self) -> str:
        return f"{self.name} to {self.recipient}, {self.state}"
