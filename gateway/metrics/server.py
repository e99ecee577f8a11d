"""The least of an HTTP server: one path, one method, one answer a connection.

::

    GET /metrics   -> 200, the text;   401 without the token, where one is asked for
    anything else  -> 404, 405;        400 for what is no request, 408 for one that does not come

A whole HTTP library would cost the daemon ten megabytes for a page that one program reads. Every
connection is bounded in time and bytes, and there are few of them: whoever misuses this page
cannot slow the lines down, nor take the files and sockets that they need.

Source: RFC 9112 (message format), RFC 6750 (bearer token).
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

PATH: Final = "/metrics"
HEAD_LIMIT: Final = 8 * 1024
"""Bytes of a request; it has no body."""
PATIENCE_S: Final = 10.0
"""For a whole connection."""
CLIENTS_LIMIT: Final = 4
"""Readers that are served at once; who comes then is told to come again."""
CONNECTIONS_LIMIT: Final = 16
"""With those who are being told so; whoever comes then is sent away without a word."""

log = structlog.get_logger("kanmon.metrics")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered."""

    status: str
    body: bytes
    kind: str = "text/plain; charset=utf-8"
    more: str = ""

    def encoded(self, *, head_only: bool) -> bytes:
        """The bytes of it."""
        head = (
            f"HTTP/1.1 {self.status}\r\nContent-Type: {self.kind}\r\n"
            f"Content-Length: {len(self.body)}\r\nConnection: close\r\n{self.more}\r\n"
        )
        return head.encode() + (b"" if head_only else self.body)


_BUSY: Final = Answer("503 Service Unavailable", b"Too many at once; try again.\n")
_BAD: Final = Answer("400 Bad Request", b"This is no HTTP request.\n")
_SLOW: Final = Answer("408 Request Timeout", b"The request did not come in time.\n")
_ELSEWHERE: Final = Answer("404 Not Found", b"Only /metrics is here.\n")
_METHOD: Final = Answer("405 Method Not Allowed", b"Only GET.\n", more="Allow: GET, HEAD\r\n")
_BROKEN: Final = Answer("500 Internal Server Error", b"See the gateway's log.\n")
_WHO: Final = Answer("401 Unauthorized", b"Show the token.\n", more="WWW-Authenticate: Bearer\r\n")


class MetricsServer:
    """Serves one page.

    Args:
        page: Makes it; what it raises is a bug, logged here.
        kind: Its content type.
        token: What a reader has to show; ``""``: nothing.
        patience_s: For a whole connection.
    """

    def __init__(
        self,
        page: Callable[[], Awaitable[bytes]],
        kind: str,
        token: str = "",
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._page = page
        self._kind = kind
        self._token = token
        self._patience_s = patience_s
        self._clients: set[asyncio.Task[None]] = set()

    async def run(self, host: str, port: int, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until cancelled; nothing listens then, and every reader is disconnected.

        Raises:
            OSError: The address cannot be had.
        """
        server = await asyncio.start_server(self._accept, host, port, limit=HEAD_LIMIT)
        try:
            ready()
            async with server:
                await server.serve_forever()
        finally:
            for client in self._clients:
                client.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._clients) >= CONNECTIONS_LIMIT:
            writer.transport.abort()
            return
        busy = len(self._clients) >= CLIENTS_LIMIT
        self._clients.add(task)
        # A reader that goes away, and the daemon's stop, end this task without an error.
        try:
            with suppress(OSError, TimeoutError, asyncio.CancelledError):
                async with asyncio.timeout(self._patience_s):
                    answer, head_only = (_BUSY, False) if busy else await self._serve(reader)
                    writer.write(answer.encoded(head_only=head_only))
                    await writer.drain()
                    if answer is _BUSY:  # closing on an unread request would lose our answer
                        await reader.readline()
        finally:
            self._clients.discard(task)
            with suppress(OSError, asyncio.CancelledError):
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader) -> tuple[Answer, bool]:
        try:
            async with asyncio.timeout(self._patience_s / 2):
                head = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            return _SLOW, False
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return _BAD, False
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return _BAD, False
        target = words[1].partition("?")[0]
        return await self._answer(words[0], target, lines[1:]), words[0] == "HEAD"

    async def _answer(self, method: str, target: str, fields: list[str]) -> Answer:
        if target != PATH:
            return _ELSEWHERE
        if method not in {"GET", "HEAD"}:
            return _METHOD
        if not self._may_read(fields):
            return _WHO
        return await self._made()

    def _may_read(self, lines: list[str]) -> bool:
        if not self._token:
            return True
        fields = (line.partition(":") for line in lines)
        shown = [value.strip() for name, _, value in fields if name.lower() == "authorization"]
        scheme, _, token = (shown[0] if len(shown) == 1 else "").partition(" ")
        # As octets: a file of Prometheus' is UTF-8, whatever a header should be.
        right = hmac.compare_digest(token.strip().encode("latin-1"), self._token.encode())
        return right and scheme.lower() == "bearer"

    async def _made(self) -> Answer:
        try:
            return Answer("200 OK", await self._page(), self._kind)
        except Exception:  # a bug in a figure must not end the daemon
            log.exception("the metrics cannot be made")
            return _BROKEN
