"""The portal served by gunicorn, which the command line starts."""

from __future__ import annotations

from ssl import OP_NO_RENEGOTIATION, TLSVersion
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from portal.authority.claim_worker import THREADS, ClaimWorker
from portal.logs import LineFormatter, RequestFilter
from portal.serving.worker import ReceptionWorker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from ssl import SSLContext

    from gunicorn.config import Config


class LineLogger(Logger):  # type: ignore[misc] # gunicorn ships no types
    """Gunicorn's own log, one line a record: it tells of requests, whose bytes others choose."""

    def setup(self, cfg: Config) -> None:
        """Set the log up as gunicorn does, with our formatter and the budget of requests."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(message)s"))
            handler.addFilter(RequestFilter())


class Server(BaseApplication):  # type: ignore[misc] # gunicorn ships no types
    """Gunicorn with the few settings this portal needs.

    It runs threads rather than many processes: pages wait for the database, and a small machine
    should carry the portal too.

    Args:
        bind: ``HOST:PORT``.
        workers: How many processes.
        tls: A file of key and certificate: with it, only claims are served, over TLS.
    """

    def __init__(self, *, bind: str, workers: int, tls: Path | None = None) -> None:
        self._claims_only = tls is not None
        self._settings: dict[str, Any] = {
            "bind": bind,
            "workers": workers,
            "threads": 4,
            "worker_class": ReceptionWorker,
            "keepalive": 0,
            "sendfile": False,  # there is no socket to send it to: the worker's loop has it
            "worker_tmp_dir": None,
            "graceful_timeout": 10,
            "proc_name": "kanmon-portal",
            "logger_class": LineLogger,
            "control_socket_disable": True,  # it would lie in the home folder
        }
        if tls is not None:
            # Read again by the worker when it is replaced.
            self._settings |= {
                "certfile": str(tls),
                "keyfile": str(tls),
                "ssl_context": _modern_context,
            }
            self._settings |= {"worker_class": ClaimWorker, "threads": THREADS}
        super().__init__()

    def load_config(self) -> None:
        """Apply the settings of the constructor; read no file, and no arguments of the program."""
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        """The application, which each worker imports for itself."""
        from portal import wsgi

        return wsgi.claims_only if self._claims_only else wsgi.application


def _modern_context(_: object, make: Callable[[], SSLContext]) -> SSLContext:
    context = make()
    context.minimum_version = TLSVersion.TLSv1_2
    context.options |= OP_NO_RENEGOTIATION  # a cost that the peer would choose
    return context
