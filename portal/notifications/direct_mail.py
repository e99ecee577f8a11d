"""The mail backend of the settings: it refuses, because all mail goes through the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from django.core.mail.backends.base import BaseEmailBackend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.mail import EmailMessage


class DirectMailError(RuntimeError):
    """A mail was to be sent without the outbox."""


class RefusingBackend(BaseEmailBackend):
    """Refuses every message.

    A message sent from a request is sent though its transaction is rolled back, and lost where the
    mail server is away.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> NoReturn:
        """Raise `DirectMailError`."""
        raise DirectMailError("send mail with portal.notifications.outbox.send")
