"""A row of the outbox as the message that is sent: plain text and HTML, in the row's language.

The HTML is built of tables with inline attributes, so that it reads the same where a mail client
removes style elements and images. Text files are rendered without HTML's escapes.
"""

from __future__ import annotations

from email.charset import BASE64, QP, Charset
from email.utils import format_datetime, formataddr
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context
from django.template.loader import get_template
from django.utils import translation

from portal.environment.mail_server import PRODUCT
from portal.notifications.hostile_text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.notifications.models import Mail

_ENDINGS: Final = ("subject.txt", "txt", "html")
_LONGEST_SUBJECT: Final = 200
_SECRET: Final = ("code", "link", "token", "url")
"""Words in the names of values that may sign a person in."""


def check_family(name: str) -> None:
    """Raise `django.template.TemplateDoesNotExist` unless ``name`` has all its templates."""
    for ending in _ENDINGS:
        get_template(f"mail/{name}.{ending}")


def rendered(mail: Mail) -> EmailMultiAlternatives:
    """The message of a row; two attempts at one row differ in nothing."""
    values = {**mail.context, "portal_url": settings.PORTAL_URL, "product": PRODUCT}
    values["language"] = mail.language
    with translation.override(mail.language):
        subject = one_line(_render(f"mail/{mail.name}.subject.txt", values, escape=False))
        subject = subject.replace("=?", "= ?")  # else it may be read as an encoded word (RFC 2047)
        text = _render(f"mail/{mail.name}.txt", values, escape=False).strip() + "\n"
        html = _render(f"mail/{mail.name}.html", {**values, "subject": subject}, escape=True)
    message = EmailMultiAlternatives(
        subject=subject[:_LONGEST_SUBJECT],
        body=text,
        from_email=formataddr(settings.MAIL_SENDER),
        to=[mail.recipient],
        headers={
            "Message-ID": mail.message_id,
            "Date": format_datetime(mail.created_at),
            "Auto-Submitted": "auto-generated",  # RFC 3834: no absence notices in return
            "Content-Language": mail.language,
        },
    )
    message.encoding = _charset(mail.language)
    message.attach_alternative(html, "text/html")
    return message


def kept_subject(subject: str, context: Mapping[str, Any]) -> str:
    """A subject as the row keeps it: without the codes and links of the mail."""
    for name, value in context.items():
        if value and any(word in name for word in _SECRET):
            subject = subject.replace(str(value), "…")
    return subject


def _render(template: str, values: dict[str, Any], *, escape: bool) -> str:
    context = Context(values, autoescape=escape)
    text: str = get_template(template).template.render(context)  # type: ignore[attr-defined]
    return text


def _charset(language: str) -> Charset:
    """UTF-8 in seven bits, because not every server on the way takes eight."""
    charset = Charset("utf-8")
    charset.body_encoding = BASE64 if language == "ja" else QP
    return charset
