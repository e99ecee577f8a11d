"""The mail server: one message handed over, or why not.

::

    MailError
    |- RecipientRefusedError   the server refuses this mail for good (5xx to RCPT or DATA)
    |- DeferredError           the server refuses this mail for now (4xx)
    `- ServerUnavailableError  no mail can be sent: not reached, TLS, sign-in, sender, disconnect

Source: RFC 5321, sections 4.2 and 4.5.4.1.
"""

from __future__ import annotations

import smtplib
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from django.core.mail.backends.smtp import EmailBackend

from portal.notifications.hostile_text import one_line

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from django.core.mail import EmailMultiAlternatives

    from portal.environment.mail_server import MailServer

TIMEOUT_S: Final = 30
"""Seconds for which each of the server's replies is waited for."""
_REPLY_LENGTH: Final = 500
_OF_THE_SESSION: Final = frozenset({421, 530, 534, 535, 538})
"""Replies that concern the session, or its sign-in, and no recipient (RFC 5321, RFC 4954)."""


class MailError(Exception):
    """A mail that was not handed over; the text is the server's reply, or the system's error."""


class RecipientRefusedError(MailError):
    """The server refuses this mail for good."""


class DeferredError(MailError):
    """The server refuses this mail for now."""


class ServerUnavailableError(MailError):
    """No mail can be handed over now."""


class SmtpSession:
    """One connection to the mail server, opened by the first message and then kept.

    Use as a context manager.
    """

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._backend: EmailBackend | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; what the server says to that no longer matters."""
        backend, self._backend = self._backend, None
        if backend is not None:
            with suppress(smtplib.SMTPException, OSError):
                backend.close()

    def send(self, message: EmailMultiAlternatives) -> None:
        """Hand a message over; raises a `MailError` unless the server has accepted it."""
        try:
            self._open().send_messages([message])
        except smtplib.SMTPRecipientsRefused as error:
            raise self._refusal(*next(iter(error.recipients.values()))) from error
        except smtplib.SMTPDataError as error:
            raise self._refusal(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise ServerUnavailableError(_text(error)) from error

    def _open(self) -> EmailBackend:
        if self._backend is None:
            server = self._server
            backend = EmailBackend(
                host=server.host,
                port=server.port,
                username=server.user,
                password=server.password(),
                use_tls=server.starttls,
                use_ssl=server.tls,
                timeout=TIMEOUT_S,
            )
            try:
                backend.open()
            except (smtplib.SMTPException, OSError):
                with suppress(smtplib.SMTPException, OSError):
                    backend.close()
                raise
            self._backend = backend
        return self._backend

    def _refusal(self, code: int, reply: bytes | str) -> MailError:
        text = _reply(code, reply)
        if code in _OF_THE_SESSION:
            self.close()
            return ServerUnavailableError(text)
        return RecipientRefusedError(text) if code >= 500 else DeferredError(text)


def _text(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _reply(error.smtp_code, error.smtp_error)
    return one_line(str(error) or type(error).__name__)[:_REPLY_LENGTH]


def _reply(code: int, text: bytes | str) -> str:
    """A server's reply as one line, whatever bytes it sent."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return one_line(f"{code} {words}")[:_REPLY_LENGTH]
