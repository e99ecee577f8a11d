"""A registry served over HTTP for Prometheus, for a process that has no pages of its own."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client.exposition import ThreadingWSGIServer

from portal.logs import event_log
from portal.metrics.endpoint import metrics_application

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry

log = event_log(__name__)

READERS_LIMIT: Final = 8
"""Requests that are answered at once, at most."""


class _Handler(WSGIRequestHandler):
    """Logs no request, and waits at most ``timeout`` seconds for one."""

    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 # the base's name
        """Log nothing: a line every fifteen seconds would fill the log."""


class _LimitedServer(ThreadingWSGIServer):
    """Answers at most `READERS_LIMIT` requests at once, and closes further connections.

    Its threads and file descriptors are taken from the process that it serves.
    """

    daemon_threads = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._free = threading.BoundedSemaphore(READERS_LIMIT)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own where one is free, else close the connection."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer as the base class does, and free the thread afterwards."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()


@contextmanager
def serve_registry(
    address: tuple[str, int], registry: CollectorRegistry, token: str
) -> Iterator[None]:
    """Serve ``registry`` at ``http://<address>/metrics`` for the length of the block.

    An address that is not available is logged and the block runs without the server: the worker
    must not depend on being watched.

    Args:
        address: Host and port to bind.
        registry: What is served.
        token: The bearer token that readers must send; ``""``: none is needed.
    """
    host, port = address

    class Server(_LimitedServer):
        address_family = _family(host)

    try:
        application = metrics_application(registry, token)
        server = make_server(host, port, application, Server, _Handler)
    except OSError as error:
        log.error("metrics_unavailable", address=f"{host}:{port}", error=error)
        yield
        return
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="metrics", daemon=True)
    thread.start()
    log.info("metrics_served", url=f"http://{host}:{port}/metrics")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
