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
        """See `portal.ingest.worker.Took`."""
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


@contextmanager
def readable(address: tuple[str, int], registry: CollectorRegistry, token: str) -> Iterator[None]:
    """Let the registry be read at ``address`` as long as the block; nothing listens afterwards.

    An address that cannot be had is logged, and the block goes on without: the worker's work does
    not depend on who watches it.
    """
    host, port = address

    class Server(ThreadingWSGIServer):
        address_family = _family(host)
        daemon_threads = True

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
        return [body]

    return application
