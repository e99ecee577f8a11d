"""What an ingest worker shows, on a port of its own, to this machine only."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import ThreadingWSGIServer

from portal.metrics import table
from portal.metrics.views import CONTENT_TYPE, shows_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

    from portal.ingest.store import Outcome
    from portal.metrics.table import Metric

disable_created_metrics()  # type: ignore[no-untyped-call] # the library's; a series more for each
log = logging.getLogger(__name__)

READERS_LIMIT: Final = 8
"""Readers that are served at once."""


class IngestFigures:
    """The counts of one worker, in a registry of their own."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._now = now
        self._counters = {
            metric: Counter(metric.name, metric.meaning, metric.labels, registry=self.registry)
            for metric in table.INGEST
            if metric.kind == "counter"
        }
        self._commit = self._histogram(table.COMMIT)
        self._age = self._histogram(table.AGE)

    def _histogram(self, metric: Metric) -> Histogram:
        return Histogram(
            metric.name, metric.meaning, buckets=metric.buckets, registry=self.registry
        )

    def took(self, outcome: Outcome, messages: int, seconds: float) -> None:
        """See `portal.ingest.worker.OutcomeListener`."""
        tally, counters = outcome.tally, self._counters
        counters[table.BATCHES].inc()
        counters[table.MESSAGES].inc(messages)
        counters[table.UNUSABLE].inc(sum(count for count, _ in outcome.unusable.values()))
        counters[table.REPEATED].inc(tally.repeated)
        counters[table.TABLES_ASKED].inc(tally.without_table)
        counters[table.READINGS].inc(tally.readings)
        counters[table.ANSWERS].inc(len(outcome.answers))
        for lane, count in tally.received.items():
            counters[table.RECEIPTS].labels(lane).inc(count)
        for code, count in tally.quarantined.items():
            counters[table.QUARANTINED].labels(code).inc(count)
        self._commit.observe(seconds)
        now = self._now()
        for moment in tally.moments:
            self._age.observe(max(0.0, now - moment / 1000))


class _Handler(WSGIRequestHandler):
    """Says nothing of each request, and waits for no reader for long."""

    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 # the base's name
        """Nothing: one line each fifteen seconds would be all that the log holds."""


class _FewReaders(ThreadingWSGIServer):
    """Serves few at once, and hangs up on the others: threads and files are the worker's."""

    daemon_threads = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = threading.BoundedSemaphore(READERS_LIMIT)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve it in a thread of its own, where there is a place."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """As the library's; the place is free afterwards."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()


@contextmanager
def readable(address: tuple[str, int], registry: CollectorRegistry, token: str) -> Iterator[None]:
    """Let the registry be read at ``address`` as long as the block; nothing listens afterwards.

    An address that cannot be had is logged, and the block goes on without: the worker's work does
    not depend on who watches it.
    """
    host, port = address

    class Server(_FewReaders):
        address_family = _family(host)

    try:
        server = make_server(host, port, _application(registry, token), Server, _Handler)
    except OSError as error:
        log.error("metrics cannot be read at %s:%d: %s; everything else goes on", host, port, error)
        yield
        return
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="metrics", daemon=True)
    thread.start()
    log.info("metrics can be read at http://%s:%d/metrics", host, port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _family(host: str) -> Any:
    import socket

    return socket.AF_INET6 if ":" in host else socket.AF_INET


_NOWHERE: Final = ("404 Not Found", b"Only /metrics is here.\n")


def _application(
    registry: CollectorRegistry, token: str
) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status, body = _NOWHERE
        allowed = not token or shows_token(environ.get("HTTP_AUTHORIZATION", ""), token)
        wanted = environ.get("PATH_INFO") == "/metrics" and environ["REQUEST_METHOD"] == "GET"
        if allowed and wanted:
            status, body = "200 OK", generate_latest(registry)
        headers = [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(body)))]
        start_response(status, headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    return application
