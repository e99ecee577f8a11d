"""The daemon's hold on its metrics: opened as configured, opened anew when that changes.

An address that cannot be had is told once and tried again; polling never notices.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import structlog

from config.finding import ConfigError
from config.model import Metrics, host_and_port
from config.secrets import read_secret
from gateway.metrics.exposition import CONTENT_TYPE, exposition
from gateway.metrics.samples import Sample
from gateway.metrics.server import MetricsServer

AGAIN_S: Final = 10.0

log = structlog.get_logger("kanmon.metrics")


class Endpoint:
    """Where Prometheus reads.

    Args:
        state: The state folder, where the token is.
        look: Every sample of the moment.
        again_s: Seconds until an address that could not be had is tried again.
    """

    def __init__(
        self,
        state: Path,
        look: Callable[[], Awaitable[list[Sample]]],
        again_s: float = AGAIN_S,
    ) -> None:
        self._state = state
        self._look = look
        self._again_s = again_s
        self._settings = Metrics()
        self._changed = asyncio.Event()
        self._error = ""

    def configure(self, settings: Metrics) -> None:
        """Serve as ``settings`` say from now on."""
        self._settings = settings
        self._changed.set()

    def to_json(self) -> dict[str, Any]:
        """Where it is, and why nobody can read there."""
        return {"listen": self._settings.listen, "error": self._error}

    async def run(self) -> None:
        """Serve until cancelled; nothing listens then."""
        while True:
            self._changed.clear()
            serving = asyncio.create_task(self._serve(self._settings))
            try:
                await self._changed.wait()
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)

    async def _serve(self, settings: Metrics) -> None:
        self._error = ""
        if settings.listen is None:
            return
        host, port = host_and_port(settings.listen)
        while True:
            try:
                token = read_secret(self._state, settings.token) if settings.token else ""
                server = MetricsServer(self._page, CONTENT_TYPE, token)
                await server.run(host, port, self._opened)
            except (ConfigError, OSError) as error:
                self._failed(error)
            except Exception:  # metrics are never worth a gateway
                log.exception("the metrics broke")
            await asyncio.sleep(self._again_s)

    def _opened(self) -> None:
        self._error = ""
        log.info("metrics can be read", listen=self._settings.listen)

    def _failed(self, error: Exception) -> None:
        words = error.strerror if isinstance(error, OSError) else None
        told = (words or str(error)).lower()
        if told != self._error:
            log.error("metrics cannot be read; everything else goes on", error=told)
        self._error = told

    async def _page(self) -> bytes:
        return exposition(await self._look())
