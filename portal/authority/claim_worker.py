"""A gunicorn worker for the one port that is open to everybody: no peer holds a thread.

Its loop holds the connections (`reception`); threads run the application, on requests that are in
memory.
"""

from __future__ import annotations

import resource
import selectors
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gunicorn.http import get_parser
from gunicorn.sock import ssl_context
from gunicorn.workers.gthread import ThreadWorker

from portal.authority.reception import Reception
from portal.logs import event_log

if TYPE_CHECKING:
    import ssl

    from portal.authority.claim_connection import ClaimConnection

CONNECTIONS: Final = 4096
"""How many connections a worker holds, at most."""
SHARE: Final = CONNECTIONS // 2
"""How many of them one network may hold."""
THREADS: Final = 8
"""Threads that answer requests; claims are decided one after the other anyway."""

_OTHER_FILES: Final = 256
"""File descriptors that a worker needs for anything else."""
_TURN_S: Final = 1.0

log = event_log(__name__)


class ClaimWorker(ThreadWorker):  # type: ignore[misc] # gunicorn ships no types
    """Gunicorn's threaded worker, with a loop that never waits for a peer."""

    def run(self) -> None:
        """Serve until stopped, and keep the service's certificate current meanwhile."""
        from portal.authority.claim_certificate import RenewalThread  # needs Django set up

        RenewalThread().start()
        most = max(_file_descriptors() - _OTHER_FILES, _OTHER_FILES)
        self._reception = Reception(
            self.poller,
            _CurrentContext(self.cfg),
            self._answer,
            most=min(CONNECTIONS, most),
            share=min(SHARE, most),
            answers=THREADS,
        )
        self.poller.register(
            self.method_queue.fileno(), selectors.EVENT_READ, self.method_queue.run_callbacks
        )
        self.set_accept_enabled(enabled=True)
        while self.alive and self.is_parent_alive():
            self._turn()
        self._stop()

    def accept(self, listener: Any) -> None:
        """Take the connections that wait at a listener."""
        self._reception.accept(listener)

    def _turn(self) -> None:
        self.notify()
        self.wait_for_and_dispatch_events(_TURN_S)
        self._reception.end_overdue()

    def _answer(self, connection: ClaimConnection) -> None:
        exchange = _Exchange(
            cfg=self.cfg,
            sock=_MemorySocket(connection.request),
            client=connection.peer,
            server=self.sockets[0].getsockname(),
        )
        self.tpool.submit(self.handle, exchange).add_done_callback(
            lambda _: self.method_queue.defer(
                lambda: self._reception.respond(connection, bytes(exchange.sock.response))
            )
        )

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
    """The request and the response as gunicorn's parser and response use a socket.

    Attributes:
        response: What was written.
    """

    def __init__(self, request: bytes) -> None:
        self._request = memoryview(request)
        self.response = bytearray()

    def recv(self, size: int) -> bytes:
        """The next bytes of the request; none at its end, for which nobody waits."""
        piece, self._request = self._request[:size], self._request[size:]
        return bytes(piece)

    def sendall(self, data: bytes) -> None:
        """Keep ``data`` for the peer."""
        self.response += data

    send = sendall

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


class _CurrentContext:
    """The TLS context of the certificate that its file holds now, which may be replaced."""

    def __init__(self, cfg: Any) -> None:
        self._cfg = cfg
        self._seen: tuple[int, int] | None = None
        self._context: ssl.SSLContext | None = None

    def __call__(self) -> ssl.SSLContext:
        """The context; raises `OSError` where there has been no usable file yet."""
        try:
            status = Path(self._cfg.certfile).stat()
            seen = (status.st_ino, status.st_mtime_ns)
            if self._context is None or seen != self._seen:
                self._context = ssl_context(self._cfg)
                self._seen = seen
        except OSError as error:
            if self._context is None:
                raise
            log.error("claim_certificate_unreadable", error=error)
        return self._context


def _file_descriptors() -> int:
    """How many files this process may open, after raising the limit as far as we need and may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft
