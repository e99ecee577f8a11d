"""A poller in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from drivers.report import Clock, Report
from gateway.fakes import VirtualLoop
from gateway.polling.line_poller import PollClock
from gateway.polling.polled_device import PolledDevice, Reader
from gateway.polling.poller import Poller

CLOCK = Clock(boot="0" * 32, offset=None)


class PollerHarness:
    """A poller in virtual time, and everything it reported.

    Attributes:
        slept_ms: How long the box slept: its clock since boot went on, that of the loop did not.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self.reports: list[Report] = []
        self.loop = loop
        self.slept_ms = 0
        self.poller = Poller(PollClock(now=self._now, clock=lambda: CLOCK), self._keep)

    def _now(self) -> int:
        return self.loop.now() + self.slept_ms

    async def _keep(self, report: Report) -> None:
        self.reports.append(report)

    async def run(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.poller.run()
        except TimeoutError:
            pass

    def of(self, name: str) -> list[Report]:
        return [report for report in self.reports if report.device == name]


def polled(name: str, driver: Reader, periods: Mapping[str, int], line: str = "a") -> PolledDevice:
    """A device of one line; periods in milliseconds."""
    return PolledDevice(name=name, line=line, periods=periods, open=lambda: driver)
