"""A real SMTP server for tests: it keeps what it accepts, and refuses or hangs up as told."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage

    from aiosmtpd.smtp import Envelope, Session


@dataclass(slots=True, kw_only=True)
class Received:
    """A message that the server accepted."""

    sender: str
    recipient: str
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)

    def text(self, subtype: str) -> str:
        part = self.message.get_body((subtype,))
        assert part is not None
        return str(part.get_content())


@dataclass(kw_only=True)  # no slots: aiosmtpd reads every attribute, __weakref__ too
class MailPeer:
    """The server as a test sees it.

    Attributes:
        received: What it accepted, in order.
        replies: What it answers to RCPT of an address instead of accepting it.
        data_reply: What it answers to DATA's end instead of accepting the message.
        cut_in_data: Whether it hangs up while DATA is read.
        on_data: Called in the server's thread once a message is complete, before it is answered.
        failures: What was raised while a connection was accepted, which asyncio itself hides.
    """

    port: int = 0
    received: list[Received] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)
    data_reply: str = ""
    cut_in_data: bool = False
    on_data: Callable[[], None] | None = None
    connections: int = 0
    failures: list[BaseException] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 # aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        if address in self.replies:
            return self.replies[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 # as above
        if self.on_data is not None:
            self.on_data()
        if self.data_reply:
            return self.data_reply
        content = envelope.content
        assert isinstance(content, bytes)
        for recipient in envelope.rcpt_tos:
            self.received.append(
                Received(sender=envelope.mail_from or "", recipient=recipient, content=content)
            )
        return "250 OK"


class _Session(SMTP):
    """One connection, which the peer may cut while a message is transferred."""

    peer: MailPeer

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 # aiosmtpd's name
        if self.peer.cut_in_data:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            await self._reader.readline()
            assert isinstance(self.transport, asyncio.Transport)
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


def _factory(peer: MailPeer, loop: asyncio.AbstractEventLoop, options: dict[str, Any]) -> SMTP:
    peer.connections += 1
    try:
        session = _Session(peer, hostname="mail.test", loop=loop, **options)
    except BaseException as error:
        peer.failures.append(error)
        raise
    session.peer = peer
    return session


@contextmanager
def mail_server(**options: Any) -> Iterator[MailPeer]:
    """Run a server on a free port of loopback; ``options`` are aiosmtpd's."""
    peer, loop = MailPeer(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="mail server")
    thread.start()

    async def start() -> asyncio.Server:
        return await loop.create_server(lambda: _factory(peer, loop, options), "127.0.0.1", 0)

    async def stop() -> None:
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result()
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        if peer.failures:
            raise BaseExceptionGroup("the mail server accepted no connection", peer.failures)
