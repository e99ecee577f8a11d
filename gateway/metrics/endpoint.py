"""Serves the metrics as configured, and elsewhere when the configuration changes.

An address that is not available is logged once and tried again; polling is not affected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_fixed

from config.finding import ConfigError
from config.model import Metrics, host_and_port
from config.secrets import read_secret
from console.templates import control, system
from console.text import NO_MESSAGE, Message
from gateway.metrics.exposition import CONTENT_TYPE, exposition
from gateway.metrics.samples import Sample
from gateway.metrics.server import MetricsServer

RETRY_S: Final = 10.0

log = structlog.get_logger("kanmon.metrics")


class Endpoint:
    """The metrics' listener.

    Args:
        state: The state folder, where the token is.
        collect: Takes every sample of the moment.
        retry_s: Seconds until an address that was not available is tried again.
    """

    def __init__(
        self,
        state: Path,
        collect: Callable[[], Awaitable[list[Sample]]],
        retry_s: float = RETRY_S,
    ) -> None:
        self._state = state
        self._collect = collect
        self._retry_s = retry_s
        self._settings = Metrics()
        self._changed = asyncio.Event()
        self._error: Message = NO_MESSAGE

    def configure(self, settings: Metrics) -> None:
        """Serve by these settings from now on."""
        self._settings = settings
        self._changed.set()

    def to_json(self) -> dict[str, Any]:
        """The address, and why it is not served, a message or null, as JSON values."""
        error = self._error.to_json() if self._error else None
        return {"listen": self._settings.listen, "error": error}

    async def run(self) -> None:
        """Serve until cancelled; the address is then closed."""
        while True:
            self._changed.clear()
            serving = asyncio.create_task(self._serve(self._settings))
            try:
                await self._changed.wait()
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)

    async def _serve(self, settings: Metrics) -> None:
        self._error = NO_MESSAGE
        if settings.listen is None:
            return
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(Exception),  # metrics are never worth a gateway
            wait=wait_fixed(self._retry_s),
            before_sleep=self._failed,
        )
        await retrying(self._listen, settings)

    async def _listen(self, settings: Metrics) -> None:
        assert settings.listen is not None
        host, port = host_and_port(settings.listen)
        token = read_secret(self._state, settings.token) if settings.token else ""
        await MetricsServer(self._page, CONTENT_TYPE, token).run(host, port, self._opened)

    def _opened(self) -> None:
        self._error = NO_MESSAGE
        log.info("metrics_listening", listen=self._settings.listen)

    def _failed(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, ConfigError | OSError):
            log.error("metrics_failed", exc_info=error)
            return
        found = _why(error)
        if found != self._error:
            log.error("metrics_unavailable", listen=self._settings.listen, error=str(found))
        self._error = found

    async def _page(self) -> bytes:
        return exposition(await self._collect())


def _why(error: ConfigError | OSError) -> Message:
    if isinstance(error, OSError):
        return system.reason(error)
    found = error.findings[0]
    return control.cause(found.what, found.why)
