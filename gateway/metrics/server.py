"""A minimal HTTP server: one path, one method, one response a connection.

::

    GET /metrics   -> 200, the text;   401 without the token, where one is configured
    anything else  -> 404, 405;        400 for an invalid request, 408 for one that is not sent

A whole HTTP library would cost the daemon ten megabytes for a page that one program reads. Every
connection is bounded in time and bytes, and there are few of them: misuse of this page cannot slow
the lines down, nor take the files and sockets that they need.

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
TIMEOUT_S: Final = 10.0
"""For a whole connection."""
CLIENTS_LIMIT: Final = 4
"""Readers that are served at once; the next is told to try again."""
CONNECTIONS_LIMIT: Final = 16
"""Readers served and told to try again at once; the next is disconnected without a response."""

log = structlog.get_logger("kanmon.metrics")


@dataclass(frozen=True, slots=True)
class Response:
    """A response.

    Attributes:
        status: Its code and reason.
        body: Its content.
        content_type: The type of that.
        headers: Further header lines, each ended by CRLF.
    """

    status: str
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: str = ""

    def encoded(self, *, head_only: bool) -> bytes:
        """The response as bytes; without its body for HEAD."""
        head = (
            f"HTTP/1.1 {self.status}\r\nContent-Type: {self.content_type}\r\n"
            f"Content-Length: {len(self.body)}\r\nConnection: close\r\n{self.headers}\r\n"
        )
        return head.encode() + (b"" if head_only else self.body)


_BUSY: Final = Response("503 Service Unavailable", b"Too many requests at once; try again.\n")
_INVALID: Final = Response("400 Bad Request", b"Invalid HTTP request.\n")
_TIMED_OUT: Final = Response("408 Request Timeout", b"The request was not completed in time.\n")
_NOT_FOUND: Final = Response("404 Not Found", b"Not found; metrics are at /metrics.\n")
_METHOD: Final = Response(
    "405 Method Not Allowed", b"Only GET and HEAD are allowed.\n", headers="Allow: GET, HEAD\r\n"
)
_FAILED: Final = Response("500 Internal Server Error", b"See the gateway's log.\n")
_UNAUTHORIZED: Final = Response(
    "401 Unauthorized", b"Missing or wrong bearer token.\n", headers="WWW-Authenticate: Bearer\r\n"
)


class MetricsServer:
    """Serves one page.

    Args:
        page: Makes the page; an exception of it is a bug, logged here.
        content_type: The page's content type.
        token: The bearer token that a reader must send; ``""``: none.
        timeout_s: Seconds for a whole connection.
    """

    def __init__(
        self,
        page: Callable[[], Awaitable[bytes]],
        content_type: str,
        token: str = "",
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._page = page
        self._content_type = content_type
        self._token = token
        self._timeout_s = timeout_s
        self._clients: set[asyncio.Task[None]] = set()

    async def run(self, host: str, port: int, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until cancelled; nothing listens then, and every reader is disconnected.

        Raises:
            OSError: The address is not available.
        """
        server = await asyncio.start_server(self._accept, host, port, limit=HEAD_LIMIT)
        try:
            ready()
            # Not `serve_forever`: it would wait for the readers before they are disconnected here
            # (from Python 3.12 on).
            await asyncio.Event().wait()
        finally:
            server.close()
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
                async with asyncio.timeout(self._timeout_s):
                    response, head_only = (_BUSY, False) if busy else await self._serve(reader)
                    writer.write(response.encoded(head_only=head_only))
                    await writer.drain()
                    if response is _BUSY:  # closing on an unread request would lose our response
                        await reader.readline()
        finally:
            self._clients.discard(task)
            with suppress(OSError, asyncio.CancelledError):
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader) -> tuple[Response, bool]:
        try:
            async with asyncio.timeout(self._timeout_s / 2):
                head = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            return _TIMED_OUT, False
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return _INVALID, False
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return _INVALID, False
        target = words[1].partition("?")[0]
        return await self._respond(words[0], target, lines[1:]), words[0] == "HEAD"

    async def _respond(self, method: str, target: str, fields: list[str]) -> Response:
        if target != PATH:
            return _NOT_FOUND
        if method not in {"GET", "HEAD"}:
            return _METHOD
        if not self._authorized(fields):
            return _UNAUTHORIZED
        return await self._page_response()

    def _authorized(self, lines: list[str]) -> bool:
        if not self._token:
            return True
        fields = (line.partition(":") for line in lines)
        shown = [value.strip() for name, _, value in fields if name.lower() == "authorization"]
        scheme, _, token = (shown[0] if len(shown) == 1 else "").partition(" ")
        # As octets: a file of Prometheus' is UTF-8, whatever a header should be.
        right = hmac.compare_digest(token.strip().encode("latin-1"), self._token.encode())
        return right and scheme.lower() == "bearer"

    async def _page_response(self) -> Response:
        try:
            return Response("200 OK", await self._page(), self._content_type)
        except Exception:  # a bug in a sample must not end the daemon
            log.exception("metrics_page_failed")
            return _FAILED
