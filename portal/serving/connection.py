"""One connection to a web server, which never waits: bytes in, a request, bytes out.

::

    IDLE --first byte--> HANDSHAKE --> HEAD --> BODY --> WAITING --> APPLICATION
      `------- without TLS ------------^                                  |
                                             CLOSED <-- LINGER <-- RESPONSE


Each phase has a deadline of its own (`SECONDS`), which bytes that drip in do not move; after it, or
when the peer leaves, it is CLOSED. A thread works for a connection in APPLICATION only, with the
whole request in memory. What it writes is sent meanwhile; only who writes more than `MOST_UNSENT`
bytes that the peer does not take has to wait, and not for longer than `STALL_S`.
"""

from __future__ import annotations

import socket
import ssl
import struct
from contextlib import suppress
from enum import Enum, auto
from errno import EPIPE
from math import inf
from selectors import EVENT_READ, EVENT_WRITE
from threading import Condition
from typing import TYPE_CHECKING, Any, Final

from portal.serving.connection_shares import network
from portal.serving.request_buffer import Part, RequestBuffer

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_UNSENT: Final = 1024 * 1024
"""Bytes of a response that wait to be sent before whoever writes it has to wait."""
MOST_DISCARDED: Final = 64 * 1024
"""Bytes that are read of a peer that goes on sending after the response; it is cut then."""
STALL_S: Final = 30.0
"""Seconds for which it waits until the peer has taken some of them."""
_PIECE: Final = 16 * 1024
_ABORT: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of no seconds: the peer gets a reset, and nothing is kept here."""


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
    """The application is done; what it wrote is not sent yet."""
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
PAGE_SECONDS: Final = SECONDS | {Phase.RESPONSE: 30.0}
"""The same for pages, whose responses are longer: a megabyte may remain when they are made."""


class Connection:
    """A connection driven by events of its socket.

    Args:
        sock: As accepted.
        peer: The peer's address, whose first part is its host.
        context: Gives the TLS context, once the peer has said something; ``None``: without TLS.
        most_body: The most bytes of a body that is read.

    Attributes:
        peer: As given.
        network: Whose share it counts to.
        phase: What is awaited.
        events: The selector's events for which `advance` is to be called; 0 for none.
    """

    def __init__(
        self,
        sock: socket.socket,
        peer: tuple[Any, ...],
        context: Callable[[], ssl.SSLContext] | None,
        most_body: int,
    ) -> None:
        sock.setblocking(False)
        self.peer = peer
        self.network = network(str(peer[0]))
        self.phase = Phase.IDLE
        self.events = EVENT_READ
        self._sock = sock
        self._context = context
        self._buffer = RequestBuffer(most_body=most_body)
        self._unsent = bytearray()
        self._discarded = 0
        self._changed = Condition()

    def fileno(self) -> int:
        """The socket's file descriptor."""
        return self._sock.fileno()

    @property
    def request(self) -> bytes:
        """The whole request, from `Phase.WAITING` on."""
        return bytes(self._buffer.content)

    def write(self, data: bytes) -> None:
        """Take bytes of the response; called by the application's thread.

        Raises:
            ConnectionError: The connection is over, or its peer has taken nothing for `STALL_S`.
        """
        with self._changed:
            held = len(self._unsent)
            while held > MOST_UNSENT and self.phase is Phase.APPLICATION:
                taken = self._changed.wait(STALL_S)
                if not taken:
                    raise BrokenPipeError(EPIPE, "the peer takes nothing")
                held = len(self._unsent)
            if self.phase is not Phase.APPLICATION:
                raise BrokenPipeError(EPIPE, "the connection is over")
            self._unsent += data

    def send(self) -> None:
        """Begin to send what the application has written so far."""
        if self.phase is Phase.APPLICATION and self._unsent:
            self.events = EVENT_WRITE

    def finish(self) -> bool:
        """Say that the application is done; whether there is anything left to be done here."""
        if self.phase is not Phase.APPLICATION:
            return False
        self.phase = Phase.RESPONSE
        self.events = EVENT_WRITE
        return True

    def advance(self) -> None:
        """Read or write what can be without waiting; may enter another phase.

        Raises:
            OSError: The connection is over, or the peer does not speak TLS.
        """
        try:
            if self.phase is Phase.IDLE:
                self._begin()
            if self.phase is Phase.HANDSHAKE:
                self._shake_hands()
            if self.phase in {Phase.HEAD, Phase.BODY}:
                self._read()
            elif self.phase in {Phase.APPLICATION, Phase.RESPONSE}:
                self._write()
            elif self.phase is Phase.LINGER:
                self._discard()
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
        with self._changed:
            self.phase = Phase.CLOSED
            self._unsent = bytearray()
            self._changed.notify_all()
        self._buffer = RequestBuffer(most_body=0)  # its deadlines may keep this object for a while

    def _discard(self) -> None:
        """Read what nobody needs, so that the peer can read the response; not without end."""
        piece = self._sock.recv(_PIECE)
        self._discarded += len(piece)
        if not piece or self._discarded > MOST_DISCARDED:
            raise ConnectionResetError

    def _begin(self) -> None:
        if not self._sock.recv(1, socket.MSG_PEEK):
            raise ConnectionResetError
        if self._context is None:
            self.phase = Phase.HEAD
            return
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
        if self._buffer.refusal:
            self._unsent += self._buffer.refusal
            self.phase = Phase.RESPONSE
            self._write()
        else:
            self.phase = Phase.WAITING
            self.events = 0

    def _write(self) -> None:
        try:
            while self._unsent:
                sent = self._sock.send(bytes(self._unsent[:_PIECE]))
                with self._changed:
                    del self._unsent[:sent]
                    self._changed.notify_all()
        except (BlockingIOError, ssl.SSLWantWriteError):
            self.events = EVENT_WRITE
            return
        if self.phase is Phase.APPLICATION:
            self.events = 0
            return
        self.phase = Phase.LINGER
        self.events = EVENT_READ
        if isinstance(self._sock, ssl.SSLSocket):
            with suppress(ssl.SSLError):  # the peer's end of TLS is not waited for
                self._sock.unwrap()
        self._sock.shutdown(socket.SHUT_WR)
