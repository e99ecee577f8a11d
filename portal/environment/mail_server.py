"""The mail server that the portal sends through, from the variables that begin ``KANMON_MAIL_``."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlsplit

from console.templates import system
from console.text import Message, MessageError, Template, verbatim
from portal.environment.database_url import INVALID_URL
from portal.environment.errors import VariableError
from provisioning.agent_key import is_this_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

PRODUCT: Final = "Kanmon"
PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
"""The schemes of a mail server's address, each with the port that it has where none is given."""
_PASSWORD_LENGTH: Final = 1_000

NOT_A_MAIL_SERVER: Final = Template(
    "environment.not_a_mail_server", "the value is not the address of a mail server"
)
WRITE_MAIL_SERVER: Final = Template(
    "environment.write_mail_server",
    "write an address such as smtps://mail.example.com or smtp+starttls://mail.example.com:587, "
    "with the user in KANMON_MAIL_USER, or smtp://127.0.0.1 for a mail server on this machine",
)
NO_SENDER: Final = Template(
    "environment.no_sender", "a mail server is set, but no address to send from"
)
SET_SENDER: Final = Template(
    "environment.set_sender",
    "set KANMON_MAIL_FROM to an address of yours, such as no-reply@example.com",
)
NO_PASSWORD: Final = Template(
    "environment.no_password", "KANMON_MAIL_USER is set, but no file with the password"
)
SET_PASSWORD: Final = Template(
    "environment.set_password",
    "set KANMON_MAIL_PASSWORD_FILE to a file that holds the password, or remove KANMON_MAIL_USER",
)
NO_USER: Final = Template(
    "environment.no_user", "KANMON_MAIL_PASSWORD_FILE is set, but KANMON_MAIL_USER is not"
)
SET_USER: Final = Template(
    "environment.set_user", "set KANMON_MAIL_USER, or remove KANMON_MAIL_PASSWORD_FILE"
)
OPEN_PASSWORD: Final = Template(
    "environment.open_password",
    "the password would be sent to another machine without encryption",
)
USE_SMTPS: Final = Template(
    "environment.use_smtps", "begin KANMON_MAIL_SERVER with smtps:// or smtp+starttls://"
)
NOT_A_SENDER: Final = Template("environment.not_a_sender", "'{text}' is not an email address")
WRITE_SENDER: Final = Template(
    "environment.write_sender",
    "write an address such as no-reply@example.com, or 'Example Portal <no-reply@example.com>'",
)
PASSWORD_UNREADABLE: Final = Template(
    "environment.password_unreadable", "the password of the mail server cannot be read"
)
CHECK_PASSWORD: Final = Template(
    "environment.check_password",
    "put the password alone into the file, and let only the portal's account read it",
)
PASSWORD_EMPTY: Final = Template("environment.password_empty", "the file is empty")


class PasswordError(MessageError, OSError):
    """The password's file cannot be read, or holds no password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """The mail server that the portal sends through.

    Attributes:
        host: Its name or address.
        port: Its port.
        tls: Whether the connection begins with TLS.
        starttls: Whether it changes to TLS; a server that does not offer it is not used.
        user: Who signs in there; ``""``: nobody does.
        password_file: The file that holds the user's password.
    """

    host: str
    port: int
    tls: bool = False
    starttls: bool = False
    user: str = ""
    password_file: Path | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Host and port, for people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def password(self) -> str:
        """The password, read from its file each time; ``""`` without a user.

        Raises:
            PasswordError: The file cannot be read, or is empty.
        """
        if self.password_file is None:
            return ""
        try:
            with self.password_file.open(encoding="utf-8") as file:
                text = file.read(_PASSWORD_LENGTH).strip()
        except (OSError, UnicodeError) as error:
            why = system.reason(error) if isinstance(error, OSError) else verbatim(str(error))
            raise self._unreadable(why) from error
        if not text:
            raise self._unreadable(PASSWORD_EMPTY())
        return text

    def _unreadable(self, why: Message) -> PasswordError:
        return PasswordError(
            PASSWORD_UNREADABLE(),
            where=str(self.password_file),
            why=why,
            next_step=CHECK_PASSWORD(),
        )


def sender(text: str) -> tuple[str, str]:
    """The name and the address that mails come from; the product's name where none is given."""
    name, address = parseaddr(text) if "<" in text else (PRODUCT, text.strip())
    try:
        parsed = Address(addr_spec=address)
    except (ValueError, IndexError, HeaderParseError) as error:
        raise VariableError(NOT_A_SENDER(text=text), WRITE_SENDER()) from error
    if not (parsed.username and parsed.domain and address.isascii()):
        raise VariableError(NOT_A_SENDER(text=text), WRITE_SENDER())
    return name, address


def mail_server(text: str, others: Mapping[str, Any]) -> MailServer:
    """The mail server at an address, with the variables that belong to it.

    Args:
        text: The variable's text.
        others: The values of ``mail_from``, ``mail_user`` and ``mail_password_file``; one that
            cannot be used is missing.
    """
    parts = _address(text)
    user, password_file = others.get("mail_user", ""), others.get("mail_password_file")
    if others.get("mail_from", "") is None:
        raise VariableError(NO_SENDER(), SET_SENDER())
    if user and password_file is None and "mail_password_file" in others:
        raise VariableError(NO_PASSWORD(), SET_PASSWORD())
    if password_file and not user and "mail_user" in others:
        raise VariableError(NO_USER(), SET_USER())
    host = parts.hostname or ""
    if user and parts.scheme == "smtp" and not is_this_machine(host):
        raise VariableError(OPEN_PASSWORD(), USE_SMTPS())
    return MailServer(
        host=host,
        port=parts.port or PORTS[parts.scheme],
        tls=parts.scheme == "smtps",
        starttls=parts.scheme == "smtp+starttls",
        user=user,
        password_file=password_file,
    )


def _address(text: str) -> SplitResult:
    """The parts of a mail server's address, which holds neither a user nor a path."""
    try:
        parts = urlsplit(text)
        unusable = parts.port == 0 or bool(set(parts.netloc) & set(" \\"))
    except ValueError as error:
        raise VariableError(INVALID_URL(), WRITE_MAIL_SERVER()) from error
    rest = (parts.path.strip("/"), parts.query, parts.fragment, parts.username, parts.password)
    if unusable or parts.scheme not in PORTS or not parts.hostname or any(rest):
        raise VariableError(NOT_A_MAIL_SERVER(), WRITE_MAIL_SERVER())
    return parts
