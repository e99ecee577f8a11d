"""The demonstration's mail server: it accepts every mail and writes it into a folder.

::

    kanmon-portal work --SMTP--> MailServer --> FOLDER/mail/1764550000000-3f9c.eml
                                                  ^
    the demo's mailbox page (portal.simulation.mailbox) reads them

A file is complete once it has this name: it is written under another one first. The newest
`KEPT` mails are kept.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiosmtpd.smtp import SMTP

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from aiosmtpd.smtp import Envelope, Session

FOLDER: Final = "mail"
KEPT: Final = 500
_LARGEST: Final = 1 << 20


class MailServer:
    """An SMTP server on loopback.

    Use as an asynchronous context manager.

    Args:
        folder: Where the mails are written; created if it does not exist.
        port: The port to listen on; 0: a free one.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self.port = port
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()

    def _session(self) -> SMTP:
        return SMTP(self, hostname="mail.invalid", data_size_limit=_LARGEST)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 # aiosmtpd's name
        """Write a mail into the folder, then accept it."""
        content = envelope.original_content or b""
        name = f"{time.time_ns() // 1_000_000:013d}-{secrets.token_hex(4)}"
        draft = self._folder / f".{name}"
        draft.write_bytes(content)
        draft.rename(self._folder / f"{name}.eml")
        for old in sorted(self._folder.glob("*.eml"))[:-KEPT]:
            old.unlink(missing_ok=True)
        return "250 OK"
