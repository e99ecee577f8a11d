"""From reports to accepted records: the one place where the pipeline meets the spool.

::

    pollers, health --put--> waiting (bounded) --a round--> Pipeline.take --> append --> sent
                                 ^                                                |
                                 +---- the rest, when one device has two ---------+

A round takes everything that waits, at most one report a device, and appends it in one commit.
It begins `GATHER_S` after the first report came, so that several devices share the commit, the
message and the portal's answer: those cost more than the readings in them. While a commit takes
long, reports gather for the next round; when too many wait, `put` waits too, which slows the
lines down instead of filling the memory.

Nothing is lost silently: when the spool refuses, the pipeline forgets what it last sent, so that
everything is offered again, and the spool itself counts what it could not take.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol

import structlog

from cloud_link.spool.model import Entry, SpoolError
from cloud_link.wire import Lane, WireError
from drivers.report import Report
from gateway.intake.change_filter import Offer, Pipeline

GATHER_S: Final = 0.1
"""Source: design section 5, "grouped up to 100 ms"."""
WAITING_LIMIT: Final = 1_000
"""Reports that may wait for the spool."""

log = structlog.get_logger("kanmon.intake")


class RecordSink(Protocol):
    """The spool, as the intake sees it (`cloud_link.spool.writer.SpoolWriter`)."""

    async def append(self, entries: Iterable[Entry]) -> tuple[int, ...]:
        """Return when all entries are on the disk; raises ``SpoolError``."""

    @property
    def generation(self) -> int:
        """`cloud_link.spool.spool.Spool.generation`, as the last append left it or later."""


class Intake:
    """Takes reports, keeps what is worth keeping.

    Args:
        pipeline: Knows what was sent last.
        spool: Where records go.
        standing: What must be said again after anything was dropped, besides the reports.
        appended: Called whenever something was accepted, with its lanes.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        spool: RecordSink,
        standing: Callable[[], Iterable[Entry]] = tuple,
        appended: Callable[[frozenset[Lane]], None] = lambda _lanes: None,
    ) -> None:
        self._pipeline = pipeline
        self._spool = spool
        self._waiting: deque[Report] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Condition()
        self._standing = standing
        self._appended = appended
        self._generation: int | None = None
        self.latest: dict[str, Report] = {}
        self.refused = False
        """Whether the spool refused the last round."""

    async def put(self, report: Report) -> None:
        """Hand in a report; waits while too many do. Cancelled while it waits, it is not kept."""
        async with self._room:
            await self._room.wait_for(lambda: len(self._waiting) < WAITING_LIMIT)
            self._waiting.append(report)
        self.latest[report.device] = report
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled; what a running round appends may or may not be accepted then."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            while self._waiting:
                await self._round()

    async def drain(self) -> None:
        """Work off what waits, once nobody hands in any more and `run` has ended."""
        while self._waiting:
            await self._round()

    def forget(self, devices: frozenset[str]) -> None:
        """These devices are gone, or other ones now."""
        for device in devices:
            self._pipeline.drop(device)
            self.latest.pop(device, None)

    async def _round(self) -> None:
        entries: list[Entry] = []
        generation = self._spool.generation
        if generation != self._generation:
            if self._generation is not None:
                self._pipeline.forget()
                entries.extend(self._standing())
            self._generation = generation
        offers = [offer for report in await self._take_one_each() if (offer := self._offer(report))]
        entries.extend(entry for offer in offers for entry in offer.entries)
        if entries:
            await self._append(entries, offers)

    def _offer(self, report: Report) -> Offer | None:
        """What is worth keeping of a report; one that cannot travel costs its device only."""
        try:
            return self._pipeline.take(report)
        except WireError as error:
            log.error("report_encoding_failed", device=report.device, error=str(error))
            return None

    async def _append(self, entries: list[Entry], offers: list[Offer]) -> None:
        try:
            await self._spool.append(entries)
        except SpoolError as error:
            self._pipeline.forget()
            if not self.refused:
                log.error("spool_write_failed", error=str(error), records=len(entries))
            self.refused = True
            return
        if self.refused:
            log.info("spool_writable")
        self.refused = False
        self._appended(frozenset(entry.lane for entry in entries))
        for offer in offers:
            self._pipeline.sent(offer)

    async def _take_one_each(self) -> list[Report]:
        async with self._room:
            seen: set[str] = set()
            taken: list[Report] = []
            rest: deque[Report] = deque()
            for report in self._waiting:
                if report.device in seen:
                    rest.append(report)
                else:
                    seen.add(report.device)
                    taken.append(report)
            self._waiting = rest
            self._room.notify_all()
        return taken
