"""A reception that serves in a thread of the test, and the peers that connect to it."""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portal.serving.connection import SECONDS, Phase
from portal.serving.reception import Reception

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portal.serving.connection import Connection

REQUEST = b"GET /claim/ HTTP/1.1\r\nHost: portal.example.com\r\n\r\n"
HALF_HELLO = b"\x16\x03\x01\x02\x00\x01\x00"
HALF_HEAD = b"POST /claim/ HTTP/1.1\r\nHost: portal."
HALF_BODY = b"POST /claim/ HTTP/1.1\r\nContent-Length: 3000\r\n\r\n{"
RESPONSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nOK"


@dataclass
class ReceptionServer:
    """A reception that runs in a thread, by a clock that only the test moves.

    Attributes:
        hold: Requests for whose path there is no answer before `release` is called.
    """

    context: ssl.SSLContext | None
    most: int = 2000
    share: int = 2000
    answers: int = 4
    hold: bytes = b"/held/"
    seconds: float = 0.0
    answered: list[tuple[str, bytes]] = field(default_factory=list)
    _orders: list[Callable[[], None]] = field(default_factory=list)
    _held: list[Connection] = field(default_factory=list)

    @contextmanager
    def open(self) -> Iterator[ReceptionServer]:
        with ExitStack() as stack:
            self.listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
            self.listener.setblocking(False)
            self._poller = stack.enter_context(selectors.DefaultSelector())
            self.reception = Reception(
                self._poller,
                self._tls,
                self._answer,
                most=self.most,
                share=self.share,
                answers=self.answers,
                most_body=4096,
                clock=lambda: self.seconds,
            )
            self._poller.register(self.listener, selectors.EVENT_READ, self.reception.accept)
            self._stopped = False
            thread = threading.Thread(target=self._run)
            thread.start()
            try:
                yield self
            finally:
                self._stopped = True
                thread.join()
                self._close()

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def _run(self) -> None:
        while not self._stopped:
            self.reception.turn(0.01)
            while self._orders:
                self._orders.pop(0)()

    def _close(self) -> None:
        """Answer what is held or waits, and end everything."""
        self.release()
        while self.reception:
            while self._orders:
                self._orders.pop(0)()
            self.seconds += max(SECONDS[Phase.WAITING], SECONDS[Phase.RESPONSE])
            self.reception.turn(0)

    def _answer(self, connection: Connection) -> None:
        self.answered.append((connection.peer[0], connection.request))
        if self.hold in connection.request:
            self._held.append(connection)
        else:
            self._respond(connection)

    def _respond(self, connection: Connection) -> None:
        """Do what a thread of the application does."""
        with suppress(ConnectionError):
            connection.write(RESPONSE)
        self._orders.append(lambda: self.reception.finish(connection))

    @property
    def _tls(self) -> Callable[[], ssl.SSLContext] | None:
        context = self.context
        return None if context is None else lambda: context

    def do(self, order: Callable[[], None]) -> None:
        """Do something in the loop's thread, and wait until it has been done."""
        done = threading.Event()
        self._orders += [order, done.set]
        assert done.wait(30)

    def release(self) -> None:
        """Answer what is held."""
        for connection in self._held:
            self._respond(connection)

    def wait_for_held(self, count: int) -> list[Connection]:
        """The connections whose requests are held, once there are so many."""
        while len(self._held) < count:
            self.do(lambda: None)
        return self._held[:]

    def pass_time(self, seconds: float) -> None:
        def move() -> None:
            self.seconds += seconds

        self.do(move)
        self.do(lambda: None)

    def plain(self, host: str = "127.0.0.1") -> socket.socket:
        """A connection from an address of this machine."""
        return socket.create_connection(("127.0.0.1", self.port), 30, source_address=(host, 0))

    def secure(self, host: str = "127.0.0.1") -> ssl.SSLSocket:
        """A connection that has shaken hands."""
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        return trusting.wrap_socket(self.plain(host))

    def asks(self, host: str = "127.0.0.1", request: bytes = REQUEST) -> bytes:
        """What an honest client is answered."""
        with self.secure(host) as link:
            link.sendall(request)
            return read_all(link)

    def until(self, count: int) -> None:
        """Wait until this many connections are held."""
        end = time.monotonic() + 30
        while len(self.reception) != count:
            assert time.monotonic() < end, f"{len(self.reception)} are held, not {count}"
            self.do(lambda: None)


def read_all(link: socket.socket) -> bytes:
    read = bytearray()
    with suppress(ConnectionError, ssl.SSLError):
        while piece := link.recv(2**16):
            read += piece
    return bytes(read)


def is_open(link: socket.socket) -> bool:
    """Whether the other side has not ended a connection."""
    link.setblocking(False)
    try:
        return bool(link.recv(1))
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False


def slow(kind: str, server: ReceptionServer, host: str = "127.0.0.1") -> socket.socket:
    """A connection that sends the first part of something, and no more."""
    if kind in {"idle", "hello"}:
        link = server.plain(host)
        link.sendall(HALF_HELLO if kind == "hello" else b"")
        return link
    secure = server.secure(host)
    secure.sendall({"handshake": b"", "head": HALF_HEAD, "body": HALF_BODY}[kind])
    return secure


def plain_slow(server: ReceptionServer, said: bytes) -> socket.socket:
    link = server.plain()
    link.sendall(said)
    return link
