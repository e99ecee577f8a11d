"""Notifies the service manager's watchdog, only while the daemon makes progress.

::

    every half watchdog period
      event loop   turns, or this would not run
      spool        its thread has done what it was asked to
      poller       no line is in one poll for longer than any poll may take
                                                                       `--> WATCHDOG=1

Without notifications, the manager restarts the daemon: a gateway that runs and reads nothing is
worse than one that begins anew, because nobody on site would notice.

Source: systemd.service(5), ``WatchdogSec=``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

import structlog

from cloud_link.spool.model import SpoolError
from cloud_link.spool.spool import Spool

T = TypeVar("T")

NOTIFICATIONS_PER_PERIOD: Final = 2
"""Two in one watchdog period, so that one may come late; sd_watchdog_enabled(3)."""

log = structlog.get_logger("kanmon.watchdog")


class Notifier(Protocol):
    """A service manager, as `gateway.health.sd_notify.ServiceManager` is one."""

    @property
    def watchdog_s(self) -> float | None:
        """Seconds that its watchdog waits for a notification; ``None``: its watchdog is off."""

    def notify(self, *assignments: str) -> None:
        """Send it ``KEY=value`` lines."""


class SpoolThread(Protocol):
    """The spool's thread, as `cloud_link.spool.writer.SpoolWriter` has it."""

    async def call(self, function: Callable[[Spool], T]) -> T:
        """Return what ``function`` does there, after everything asked for before."""


class Watchdog:
    """Notifies the watchdog, and logs why it does not.

    Args:
        manager: The service manager.
        spool: The spool; its thread must answer.
        stalled: Returns the keys of the lines that are stalled.
    """

    def __init__(
        self, manager: Notifier, spool: SpoolThread, stalled: Callable[[], Sequence[str]]
    ) -> None:
        self._manager = manager
        self._spool = spool
        self._stalled = stalled
        self._logged: Sequence[str] = ()

    async def run(self) -> None:
        """Notify until cancelled; returns at once where the watchdog is off."""
        period = self._manager.watchdog_s
        if period is None:
            return
        while True:
            try:
                await self._spool.call(_nothing)
            except SpoolError:
                return  # it is closed: the daemon stops, for which there is a limit of its own
            self._notify()
            await asyncio.sleep(period / NOTIFICATIONS_PER_PERIOD)

    def _notify(self) -> None:
        stalled = self._stalled()
        if not stalled:
            self._manager.notify("WATCHDOG=1")
        elif stalled != self._logged:
            log.error("lines_stalled", lines=stalled)
        self._logged = stalled


def _nothing(_: Spool) -> None:
    """Run in the spool's thread: that it returns shows that the thread works."""
