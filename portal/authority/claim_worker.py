"""The gunicorn worker of the claim service: over TLS, by a certificate that it keeps current."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from gunicorn.sock import ssl_context

from portal.logs import event_log
from portal.serving.connection import SECONDS, Phase
from portal.serving.worker import ReceptionWorker
from provisioning.claim import MOST_BYTES

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

THREADS: Final = 4
"""Threads that answer requests; claims are decided one after the other anyway."""

log = event_log(__name__)


class ClaimWorker(ReceptionWorker):
    """Serves claims."""

    most_body: ClassVar[int] = MOST_BYTES
    seconds: ClassVar[Mapping[Phase, float]] = SECONDS

    def run(self) -> None:
        """Serve until stopped, and keep the service's certificate current meanwhile."""
        from portal.authority.claim_certificate import RenewalThread  # needs Django set up

        RenewalThread().start()
        super().run()

    def tls(self) -> Callable[[], ssl.SSLContext]:
        """Gives the TLS context of the current certificate."""
        return _CurrentContext(self.cfg)


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
