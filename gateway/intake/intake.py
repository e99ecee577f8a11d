"""From reports to accepted records: the one place where the change filter meets the spool.

::

    pollers, health --put--> waiting (bounded) --a round--> select --> append --> commit
                                 ^                             |
                                 +-- the rest, when one device has two

A round takes everything that waits, at most one report a device, and appends it in one commit.
It begins `GATHER_S` after the first report came, so that several devices share the commit, the
message and the portal's answer: those cost more than the readings in them. While a commit takes
long, reports gather for the next round; when too many wait, `put` waits too, which slows the
lines down instead of filling the memory.

Nothing is lost silently: when the spool refuses, the change filter forgets what was sent, so that
everything is selected again, and the spool itself counts what it could not take. What a portal
would refuse is replaced, left out or announced as lost (`gateway.intake.corrections`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import structlog

from cloud_link.spool.model import Entry, SpoolError
from cloud_link.spool.writer import RecordSink
from cloud_link.wire import Lane
from drivers.report import Report
from gateway.intake.change_filter import ChangeFilter, Changes
from gateway.intake.corrections import Corrections

GATHER_S: Final = 0.1
"""Source: design section 5, "grouped up to 100 ms"."""
WAITING_LIMIT: Final = 1_000
"""Reports that may wait for the spool."""

log = structlog.get_logger("kanmon.intake")


class Intake:
    """Takes reports, and appends what is worth sending to the spool.

    Args:
        change_filter: Selects what of a report is worth sending.
        spool: Takes the records.
        baseline: Makes the records to append again after records were dropped, besides reports.
        appended: Called after each accepted append, with the lanes of its records.

    Attributes:
        latest: The last report of each device, by name, with what the intake says of it.
        refused: Whether the spool refused the last append.
    """

    def __init__(
        self,
        change_filter: ChangeFilter,
        spool: RecordSink,
        baseline: Callable[[], Iterable[Entry]] = tuple,
        appended: Callable[[frozenset[Lane]], None] = lambda _lanes: None,
    ) -> None:
        self._change_filter = change_filter
        self._spool = spool
        self._waiting: deque[Report] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Condition()
        self._baseline = baseline
        self._appended = appended
        self._generation: int | None = None
        self.latest: dict[str, Report] = {}
        self.refused = False
        self._left_out: dict[str, int] = {}
        self._failing: set[str] = set()

    @property
    def corrections(self) -> Mapping[str, Corrections]:
        """By device, what was not sent as it was read."""
        return self._change_filter.corrections

    async def put(self, report: Report) -> None:
        """Take a report; waits while `WAITING_LIMIT` do. Cancelled meanwhile, it is not taken."""
        async with self._room:
            await self._room.wait_for(lambda: len(self._waiting) < WAITING_LIMIT)
            self._waiting.append(report)
        self.latest[report.device] = self._change_filter.mark(report)
        self._wake.set()

    async def run(self) -> None:
        """Append until cancelled; what is being appended then may or may not be accepted."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            while self._waiting:
                await self._round()

    async def drain(self) -> None:
        """Append what waits, once `put` is called no more and `run` has ended."""
        while self._waiting:
            await self._round()

    def remove(self, devices: frozenset[str]) -> None:
        """Forget devices that are gone, or are other ones now."""
        for device in devices:
            self._change_filter.remove(device)
            self.latest.pop(device, None)
            self._left_out.pop(device, None)
            self._failing.discard(device)

    def refuse(self, device: str, at: int) -> None:
        """Count a record of ``device`` that was refused elsewhere, and announced as lost."""
        self._change_filter.refused(device, 1, at)

    async def _round(self) -> None:
        entries: list[Entry] = []
        generation = self._spool.generation
        if generation != self._generation:
            if self._generation is not None:
                self._change_filter.reset()
                entries.extend(self._baseline())
            self._generation = generation
        reports = await self._take_one_each()
        selected = list(map(self._select, reports))
        entries.extend(entry for changes in selected for entry in changes.entries)
        if entries:
            await self._append(entries, selected)

    def _select(self, report: Report) -> Changes:
        """Return what of a report is worth sending; a fault of it costs its device only."""
        device = report.device
        try:
            changes = self._change_filter.select(report)
        except Exception as error:  # whatever is in a report: it is announced, and others go on
            if device not in self._failing:
                log.exception("report_not_readable", device=device)
            changes = self._change_filter.refuse(report, str(error))
        else:
            self._log(changes)
        (self._failing.add if changes.refusals else self._failing.discard)(device)
        if device in self.latest and changes.report.at >= self.latest[device].at:
            self.latest[device] = changes.report
        return changes

    def _log(self, changes: Changes) -> None:
        """Log what is not sent of a device, once when it begins or changes."""
        device = changes.device
        left_out = self.corrections[device].left_out
        if left_out != self._left_out.get(device, 0):
            self._left_out[device] = left_out
            log.warning("readings_left_out", device=device, readings=left_out)
        if changes.refusals and device not in self._failing:
            log.error("records_refused", device=device, error=changes.refusals[0])

    async def _append(self, entries: list[Entry], selected: list[Changes]) -> None:
        try:
            await self._spool.append(entries)
        except SpoolError as error:
            self._change_filter.reset()
            if not self.refused:
                log.error("spool_write_failed", error=str(error), records=len(entries))
            self.refused = True
            return
        if self.refused:
            log.info("spool_writable")
        self.refused = False
        self._appended(frozenset(entry.lane for entry in entries))
        for changes in selected:
            self._change_filter.commit(changes)

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
