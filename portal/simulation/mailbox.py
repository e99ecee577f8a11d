"""The demonstration's mailbox: every mail that its portal has sent, to whatever address.

The demonstration's own mail server (``scripts/demonstration/mail_server.py``) writes each mail as
a file into a folder beside the socket of the simulated world.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from portal.web.moments import datetime_of

if TYPE_CHECKING:
    from datetime import datetime
    from email.message import EmailMessage
    from pathlib import Path

    from django.http import HttpRequest

FOLDER: Final = "mail"
SHOWN: Final = 100
"""Mails in the list, at most; the newest."""
_NAME: Final = re.compile(r"([0-9]{13})-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMail:
    """A mail in the mailbox.

    Attributes:
        key: Its name in addresses.
        at: When it was received.
        text: Its plain text.
        html: Its HTML.
    """

    key: str
    at: datetime | None
    sender: str
    recipient: str
    subject: str
    text: str
    html: str


def folder() -> Path | None:
    """The folder of the mails; ``None`` where nothing is simulated."""
    socket: Path | None = settings.SIMULATION
    return None if socket is None else socket.parent / FOLDER


def newest(mails: Path) -> list[ReceivedMail]:
    """The newest mails, the newest first."""
    names = sorted((path.stem for path in mails.glob("*.eml")), reverse=True)
    found = (read(mails, name) for name in names[:SHOWN])
    return [mail for mail in found if mail is not None]


def read(mails: Path, key: str) -> ReceivedMail | None:
    """The mail of this key; ``None`` where there is none."""
    name = _NAME.fullmatch(key)
    if name is None:
        return None
    try:
        content = (mails / f"{key}.eml").read_bytes()
    except OSError:
        return None
    message = message_from_bytes(content, policy=policy.default)
    return ReceivedMail(
        key=key,
        at=datetime_of(int(name[1])),
        sender=str(message["From"] or ""),
        recipient=str(message["To"] or ""),
        subject=str(message["Subject"] or ""),
        text=_part(message, "plain"),
        html=_part(message, "html"),
    )


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return "" if part is None else str(part.get_content())


def simulated_mailbox(request: HttpRequest) -> dict[str, Any]:
    """A context processor: ``simulated_mailbox`` is true where there is a mailbox to link to."""
    return {"simulated_mailbox": settings.SIMULATION is not None}
