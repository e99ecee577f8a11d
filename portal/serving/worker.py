"""A gunicorn worker whose peers hold no thread, for ports that anybody may reach.

Its loop holds the connections (`reception`); threads run the application, on requests that are in
memory.
"""

from __future__ import annotations

import resource
import selectors
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

from gunicorn.http import get_parser
from gunicorn.workers.gthread import ThreadWorker

from portal.serving.connection import PAGE_SECONDS, Phase
from portal.serving.reception import Reception

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from portal.serving.connection import Connection

CONNECTIONS: Final = 4096
"""How many connections a worker holds, at most."""
SHARE: Final = CONNECTIONS // 2
"""How many of them one network may hold."""
MOST_PAGE_BODY: Final = 1024 * 1024
"""The most bytes of a form that is sent to a page; the longest one has some kilobytes."""

_OTHER_FILES: Final = 256
"""File descriptors that a worker needs for anything else."""
_TURN_S: Final = 1.0


class ReceptionWorker(ThreadWorker):  # type: ignore[misc] # gunicorn ships no types
    """Gunicorn's threaded worker, with a loop that never waits for a peer.

    Attributes:
        most_body: The most bytes of a request's body.
        seconds: How long each phase of a connection may take.
    """

    most_body: ClassVar[int] = MOST_PAGE_BODY
    seconds: ClassVar[Mapping[Phase, float]] = PAGE_SECONDS

    def run(self) -> None:
        """Serve until stopped."""
        self._address = self.sockets[0].getsockname()  # a stop closes the socket
        most = max(_file_descriptors() - _OTHER_FILES, _OTHER_FILES)
        self._reception = Reception(
            self.poller,
            self.tls(),
            self._answer,
            most=min(CONNECTIONS, most),
            share=min(SHARE, most),
            answers=self.cfg.threads,
            most_body=self.most_body,
            seconds=self.seconds,
        )
        self.poller.register(
            self.method_queue.fileno(), selectors.EVENT_READ, self.method_queue.run_callbacks
        )
        self.set_accept_enabled(enabled=True)
        while self.alive and self.is_parent_alive():
            self._turn()
        self._stop()

    def tls(self) -> Callable[[], ssl.SSLContext] | None:
        """Gives the TLS context for a new connection; ``None``: without TLS."""
        return None

    def accept(self, listener: Any) -> None:
        """Take the connections that wait at a listener."""
        self._reception.accept(listener)

    def _turn(self) -> None:
        self.notify()
        self._reception.turn(_TURN_S)

    def _answer(self, connection: Connection) -> None:
        exchange = _Exchange(
            cfg=self.cfg,
            sock=_MemorySocket(connection, self._send),
            client=connection.peer,
            server=self._address,
        )
        self.tpool.submit(self.handle, exchange).add_done_callback(
            lambda _: self.method_queue.defer(self._reception.finish, connection)
        )

    def _send(self, connection: Connection) -> None:
        self.method_queue.defer(self._reception.send, connection)

    def _stop(self) -> None:
        """Answer what is being answered, for as long as gunicorn waits for a worker."""
        self.set_accept_enabled(enabled=False)
        for listener in self.sockets:
            listener.close()
        end = time.monotonic() + float(self.cfg.graceful_timeout)
        self._reception.end_waiting()
        while self._reception and time.monotonic() < end:
            self._turn()
            self._reception.end_waiting()
        self.tpool.shutdown(wait=False, cancel_futures=True)


class _MemorySocket:
    """The request and the response as gunicorn's parser and response use a socket."""

    def __init__(self, connection: Connection, send: Callable[[Connection], None]) -> None:
        self._request = memoryview(connection.request)
        self._connection = connection
        self._send = send

    def recv(self, size: int) -> bytes:
        """The next bytes of the request; none at its end. It never waits."""
        piece, self._request = self._request[:size], self._request[size:]
        return bytes(piece)

    def sendall(self, data: bytes) -> None:
        """Send ``data`` to the peer, in time."""
        self._connection.write(data)
        self._send(self._connection)

    def send(self, data: bytes) -> int:
        """Send ``data`` as `sendall` does; returns how many bytes."""
        self.sendall(data)
        return len(data)

    def setblocking(self, _: bool) -> None:
        """Do nothing: memory never blocks."""

    def gettimeout(self) -> float:
        """No seconds."""
        return 0.0

    def shutdown(self, _: int) -> None:
        """Do nothing: the connection ends by itself."""

    def close(self) -> None:
        """Do nothing: the connection ends by itself."""


@dataclass(slots=True, kw_only=True)
class _Exchange:
    """A request in memory, in the shape in which `ThreadWorker.handle` takes a connection."""

    cfg: Any
    sock: _MemorySocket
    client: tuple[Any, ...]
    server: tuple[Any, ...]
    parser: Any = field(init=False)
    initialized: bool = True
    data_ready: bool = True
    is_http2: bool = False

    def __post_init__(self) -> None:
        self.parser = get_parser(self.cfg, self.sock, self.client)

    def init(self) -> None:
        """Do nothing: there is no handshake in memory."""


def _file_descriptors() -> int:
    """How many files this process may open, after raising the limit as far as we need and may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft
