"""The outbox as other apps use it: `send` a mail in the transaction of the act that causes it."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection
from django.utils import timezone

from console.text import MessageError, Template
from portal.notifications.hostile_text import cleaned
from portal.notifications.models import LIFE, Mail
from portal.notifications.rendering import check_family

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_AN_ADDRESS: Final = Template("mail.not_an_address", "'{address}' is not an email address")
WRITE_ADDRESS: Final = Template("mail.write_address", "write an address such as name@example.com")
_LONGEST_ADDRESS: Final = 254


class RecipientError(MessageError, ValueError):
    """The address that a mail is to be sent to is not an email address."""


def send(
    name: str,
    *,
    to: str,
    language: str,
    context: Mapping[str, Any],
    organization: int | None = None,
    person: int | None = None,
    life: timedelta = LIFE,
) -> Mail:
    """Write a mail into the outbox, in the caller's transaction; the worker sends it afterwards.

    Args:
        name: The template family ``mail/NAME.subject.txt``, ``mail/NAME.txt``, ``mail/NAME.html``.
        to: One address, without a display name.
        language: The language in which it is rendered; English for one that pages do not have.
        context: What the templates use, as JSON: strings, numbers, booleans, lists, dictionaries.
            A string becomes one line; links are absolute, built from ``settings.PORTAL_URL``, and
            any other link in a string is made unusable (`portal.notifications.hostile_text`).
        organization: The id of the organization that the mail concerns, whose administrators see
            whether it was delivered.
        person: The id of the user that it is for.
        life: How long the portal tries; a code that is valid for 30 minutes is not sent later.

    Raises:
        RecipientError: ``to`` is not an email address.
        TypeError: ``context`` is not JSON.
        django.template.TemplateDoesNotExist: A template of the family is missing.
        django.db.transaction.TransactionManagementError: There is no transaction.
    """
    _require_transaction()
    check_family(name)
    now = timezone.now()
    return Mail.objects.create(
        name=name,
        recipient=_address(to),
        language=language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE,
        context=cleaned(dict(context)),
        organization=organization,
        person=person,
        message_id=_message_id(),
        created_at=now,
        next_attempt_at=now,
        expires_at=now + life,
    )


def withdraw(*, person: int, organization: int | None = None) -> int:
    """Delete the mails that wait for a person, in the caller's transaction; how many there were.

    A mail that is being sent at this moment is sent nevertheless.

    Args:
        person: The id of the user whom the mails are for.
        organization: The id of the organization that they concern; ``None``: all of the person's.
    """
    mails = Mail.objects.waiting().filter(person=person)
    if organization is not None:
        mails = mails.filter(organization=organization)
    count, _ = mails.delete()
    return count


def _require_transaction() -> None:
    """Raise where the row would be committed by itself, whatever became of the act."""
    connection.validate_no_broken_transaction()
    if not connection.in_atomic_block:
        from django.db.transaction import TransactionManagementError

        raise TransactionManagementError("a mail is written in the transaction of its act")


def _address(text: str) -> str:
    """An address as it is stored; raises `RecipientError`."""
    address = text.strip()
    try:
        validate_email(address)
    except ValidationError:
        usable = False
    else:
        # "=?" would be read as an encoded word (RFC 2047), which can hold a line break.
        usable = address.isprintable() and len(address) <= _LONGEST_ADDRESS and "=?" not in address
    if not usable:
        raise RecipientError(NOT_AN_ADDRESS(address=text[:100]), next_step=WRITE_ADDRESS())
    return address


def _message_id() -> str:
    """A new Message-ID; its domain is the portal's, which need not receive mail."""
    host = settings.ENVIRONMENT.host.encode("idna").decode("ascii") or "localhost"
    domain = f"[IPv6:{host}]" if ":" in host else host
    return f"<{secrets.token_hex(16)}@{domain}>"
