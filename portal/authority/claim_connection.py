"""One connection to the claim service, which never waits: bytes in, a request, bytes out.

::

    IDLE --first byte--> HANDSHAKE --> HEAD --> BODY --> WAITING --> APPLICATION
                                                                          |
                                             CLOSED <-- LINGER <-- RESPONSE


Each phase has a deadline of its own (`SECONDS`), which bytes that drip in do not move; after it, or
when the peer leaves, it is CLOSED. A thread works for a connection in APPLICATION only, with the
whole request in memory.
"""

from __future__ import annotations

import socket
import ssl
import struct
from contextlib import suppress
from enum import Enum, auto
from math import inf
from selectors import EVENT_READ, EVENT_WRITE
from typing import TYPE_CHECKING, Any, Final

from portal.authority.request_buffer import Part, RequestBuffer

if TYPE_CHECKING:
    from collections.abc import Callable

_PIECE: Final = 16 * 1024
_ABORT: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of no seconds: the peer gets a reset, and nothing is kept here."""
_OVERSIZED: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"Connection: close\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class Phase(Enum):
    """What is awaited of a connection."""

    IDLE = auto()
    HANDSHAKE = auto()
    HEAD = auto()
    BODY = auto()
    WAITING = auto()
    """The request is whole, and no thread has taken it yet."""
    APPLICATION = auto()
    RESPONSE = auto()
    LINGER = auto()
    """Everything is sent: the peer has to close first, else it might lose what it has not read."""
    CLOSED = auto()


SECONDS: Final = {
    Phase.IDLE: 5.0,
    Phase.HANDSHAKE: 5.0,
    Phase.HEAD: 5.0,
    Phase.BODY: 10.0,
    Phase.WAITING: 20.0,
    Phase.APPLICATION: inf,
    Phase.RESPONSE: 5.0,
    Phase.LINGER: 1.0,
    Phase.CLOSED: inf,
}
"""Seconds that each phase may take; a box on a slow line needs two for all of them."""


class ClaimConnection:
    """A connection over TLS, driven by events of its socket.

    Args:
        sock: As accepted.
        peer: The peer's address, whose first part is its host.
        context: Gives the TLS context, once the peer has said something.

    Attributes:
        peer: As given.
        phase: What is awaited.
        events: The selector's events for which `advance` is to be called; 0 in
            `Phase.WAITING` and `Phase.APPLICATION`.
    """

    def __init__(
        self, sock: socket.socket, peer: tuple[Any, ...], context: Callable[[], ssl.SSLContext]
    ) -> None:
        sock.setblocking(False)
        self.peer = peer
        self.phase = Phase.IDLE
        self.events = EVENT_READ
        self._sock = sock
        self._context = context
        self._buffer = RequestBuffer()
        self._response = memoryview(b"")

    def fileno(self) -> int:
        """The socket's file descriptor."""
        return self._sock.fileno()

    @property
    def host(self) -> str:
        """The peer's host."""
        return str(self.peer[0])

    @property
    def request(self) -> bytes:
        """The whole request, from `Phase.WAITING` on."""
        return bytes(self._buffer.content)

    def answer(self, response: bytes) -> None:
        """Begin to send the response of the application; none ends the connection."""
        self._response = memoryview(response)
        self.phase = Phase.RESPONSE
        self.events = EVENT_WRITE

    def advance(self) -> None:
        """Read or write what can be without waiting; may enter another phase.

        Raises:
            OSError: The connection is over, or the peer does not speak TLS.
        """
        try:
            if self.phase is Phase.IDLE:
                self._begin_tls()
            if self.phase is Phase.HANDSHAKE:
                self._shake_hands()
            if self.phase in {Phase.HEAD, Phase.BODY}:
                self._read()
            elif self.phase is Phase.RESPONSE:
                self._write()
            elif self.phase is Phase.LINGER and not self._sock.recv(_PIECE):
                raise ConnectionResetError
        except (BlockingIOError, ssl.SSLWantReadError):
            self.events = EVENT_READ
        except ssl.SSLWantWriteError:
            self.events = EVENT_WRITE

    def close(self) -> None:
        """End the connection at once, whatever the peer has not read."""
        with suppress(OSError):
            if self.phase is not Phase.LINGER:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        self._sock.close()
        self.phase = Phase.CLOSED
        self._buffer = RequestBuffer()  # its deadlines may keep this object for a while

    def _begin_tls(self) -> None:
        if not self._sock.recv(1, socket.MSG_PEEK):
            raise ConnectionResetError
        self._sock = self._context().wrap_socket(
            self._sock, server_side=True, do_handshake_on_connect=False
        )
        self.phase = Phase.HANDSHAKE

    def _shake_hands(self) -> None:
        assert isinstance(self._sock, ssl.SSLSocket)
        self._sock.do_handshake()
        self.phase = Phase.HEAD

    def _read(self) -> None:
        while self._buffer.awaited is not Part.NOTHING:
            piece = self._sock.recv(_PIECE)
            if not piece:
                raise ConnectionResetError
            if self._buffer.feed(piece) is Part.BODY:
                self.phase = Phase.BODY
        if self._buffer.oversized:
            self.answer(_OVERSIZED)
            self._write()
        else:
            self.phase = Phase.WAITING
            self.events = 0

    def _write(self) -> None:
        while self._response:
            self._response = self._response[self._sock.send(self._response) :]
        self.phase = Phase.LINGER
        self.events = EVENT_READ
        assert isinstance(self._sock, ssl.SSLSocket)
        with suppress(ssl.SSLError):  # the peer's end of TLS is not waited for
            self._sock.unwrap()
        self._sock.shutdown(socket.SHUT_WR)
