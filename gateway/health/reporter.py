"""The gateway's own report, made as often as its configuration says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from cloud_link.spool.model import SpoolError
from cloud_link.spool.writer import SpoolReader
from drivers.report import Report
from gateway.clock import BoxClock, next_moment
from gateway.health.health import Health, process_figures
from gateway.health.spool_stats import spool_figures
from gateway.polling.line_poller import LineCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthView:
    """What the report reads of the running gateway.

    Attributes:
        clock: The clocks.
        started_at: When the daemon began, milliseconds since boot.
        spool: Asked for its statistics.
        refusing: Whether the spool refused the last records.
        lines: The polls of each line.
        expires_at: When the box's certificate expires, Unix milliseconds; ``None`` without one.
    """

    clock: BoxClock
    started_at: int
    spool: SpoolReader
    refusing: Callable[[], bool]
    lines: Callable[[], Mapping[str, LineCounts]]
    expires_at: Callable[[], int | None]


class HealthReporter:
    """Makes the gateway's own report and hands it in.

    Args:
        health: Makes a report of figures.
        view: Where the figures are.
        period_s: Seconds from one report to the next, as configured now.
        put: Takes the report.
    """

    def __init__(
        self,
        health: Health,
        view: HealthView,
        period_s: Callable[[], float],
        put: Callable[[Report], Awaitable[None]],
    ) -> None:
        self._health = health
        self._view = view
        self._period_s = period_s
        self._put = put
        self._due = asyncio.Event()
        self._last: int | None = None

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            self._due.clear()
            await self._put(await self.report())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), self._period_s())

    def report_now(self) -> None:
        """Report without waiting for the period's end: a condition came or went."""
        self._due.set()

    async def report(self) -> Report:
        """The report of this moment."""
        view = self._view
        at = self._last = await next_moment(view.clock.now, self._last)
        stats = None
        with suppress(SpoolError):
            stats = await view.spool.call(lambda spool: spool.stats())
        figures = spool_figures(stats, view.clock.boot, refusing=view.refusing())
        process = process_figures(view.started_at, at)
        clock, expires_at = view.clock.clock(), view.expires_at()
        return self._health.report(at, clock, figures, process, view.lines(), expires_at)
