"""The sign of life: given to the service manager only while the daemon gets on with its work.

::

    every half watchdog period
      event loop   turns, or this would not run
      spool        its thread has done what it was asked to
      poller       no line is in one poll for longer than any poll may take
                                                                       `--> WATCHDOG=1

When the sign stays away, the manager ends the daemon and starts it again: a gateway that runs and
reads nothing is worse than one that begins anew, because nobody on site would notice.

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

SHARE: Final = 2
"""Signs in one watchdog period: one may come late."""

log = structlog.get_logger("kanmon.watchdog")


class Notifier(Protocol):
    """Who waits for the sign, as `gateway.health.sd_notify.ServiceManager` does."""

    @property
    def watchdog_s(self) -> float | None:
        """How long it waits; ``None``: it does not."""

    def tell(self, *assignments: str) -> None:
        """Take ``KEY=value`` lines."""


class SpoolThread(Protocol):
    """The spool's thread, as `cloud_link.spool.writer.SpoolWriter` has it."""

    async def call(self, function: Callable[[Spool], T]) -> T:
        """Return what ``function`` does there, after everything asked for before."""


class Pulse:
    """Gives the sign of life.

    Args:
        manager: To whom.
        spool: Must answer.
        stalled: Names the lines that do not move.
    """

    def __init__(
        self, manager: Notifier, spool: SpoolThread, stalled: Callable[[], Sequence[str]]
    ) -> None:
        self._manager = manager
        self._spool = spool
        self._stalled = stalled
        self._said: Sequence[str] = ()

    async def run(self) -> None:
        """Give it until cancelled; at once done where nobody waits for it."""
        period = self._manager.watchdog_s
        if period is None:
            return
        while True:
            try:
                await self._spool.call(_nothing)
            except SpoolError:
                return  # it is closed: the daemon stops, for which there is a limit of its own
            self._look()
            await asyncio.sleep(period / SHARE)

    def _look(self) -> None:
        stalled = self._stalled()
        if not stalled:
            self._manager.tell("WATCHDOG=1")
        elif stalled != self._said:
            log.error("lines_stalled", lines=stalled)
        self._said = stalled


def _nothing(_: Spool) -> None:
    """What the spool's thread does to show that it can."""
