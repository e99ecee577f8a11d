from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

from structlog.testing import capture_logs

from cloud_link.records import DataRecord, decode_record
from cloud_link.spool.model import Entry, SpoolFullError, SpoolLimits
from cloud_link.spool.writer import SpoolWriter
from cloud_link.wire import Lane
from console.text import verbatim
from drivers.report import Clock, Quantity, Reachability, Reading, Report
from gateway.intake.change_filter import ChangeFilter
from gateway.intake.intake import WAITING_LIMIT, Intake

BOOT = b"12345678"


def report(at: int, value: int, device: str = "d") -> Report:
    return Report(
        device=device,
        at=at,
        clock=Clock(boot=BOOT.hex(), offset=None),
        reachability=Reachability.ONLINE,
        readings=(Reading(quantity=Quantity.VOLTAGE, value=value, at=at),),
    )


class TurningSpool:
    """A spool that refuses, or drops, when told to."""

    def __init__(self) -> None:
        self.kept: list[Entry] = []
        self.rounds: list[int] = []
        self.refuses = False
        self.generation = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def append(self, entries: Iterable[Entry]) -> tuple[int, ...]:
        await self.gate.wait()
        batch = list(entries)
        if self.refuses:
            raise SpoolFullError(verbatim("the disk is full"))
        self.rounds.append(len(batch))
        self.kept += batch
        return tuple(range(len(batch)))


def values(entries: list[Entry]) -> list[object]:
    records = [decode_record(entry.body) for entry in entries if entry.lane is Lane.DATA]
    return [record.values[0] for record in records if isinstance(record, DataRecord)]


def intake(spool: TurningSpool, baseline: Callable[[], Iterable[Entry]] = tuple) -> Intake:
    return Intake(ChangeFilter(ZoneInfo("UTC"), 300_000), spool, baseline)


async def test_a_value_that_went_and_came_back_in_one_commit_is_sent_both_times() -> None:
    spool = TurningSpool()
    desk = intake(spool)
    for at, value in enumerate([1, 2, 1]):
        await desk.put(report(at, value))
        await desk.put(report(at, 7, "other"))
    await desk.drain()
    assert values([e for e in spool.kept if e.table and e.table.device == "d"]) == [1, 2, 1]
    assert len(spool.rounds) == 3


async def test_after_a_refusal_everything_is_offered_again_and_told_once() -> None:
    spool = TurningSpool()
    desk = intake(spool)
    with capture_logs() as logs:
        for at, refuses in enumerate([False, True, True, False, False]):
            spool.refuses = refuses
            await desk.put(report(at, 230 if at == 0 else 231))
            await desk.drain()
    assert values(spool.kept) == [230, 231]
    assert [entry["event"] for entry in logs] == [
        "spool_write_failed",
        "spool_writable",
    ]
    assert not desk.refused


async def test_after_a_drop_everything_is_said_again_standing_facts_included() -> None:
    spool = TurningSpool()
    fact = Entry(lane=Lane.EVENT, body=b"fact", at=0, readings=0)
    desk = intake(spool, lambda: [fact])
    for at in range(4):
        if at == 2:
            spool.generation += 1
        await desk.put(report(at, 230))
        await desk.drain()
    assert values(spool.kept) == [230, 230]
    assert spool.kept.count(fact) == 1


async def test_a_spool_that_does_not_keep_up_slows_its_suppliers_down() -> None:
    spool = TurningSpool()
    spool.gate.clear()
    desk = intake(spool)
    worker = asyncio.create_task(desk.run())
    supplied = 0

    async def supply() -> None:
        nonlocal supplied
        for at in range(3 * WAITING_LIMIT):
            await desk.put(report(at, at, f"d{at}"))
            supplied += 1

    supplier = asyncio.create_task(supply())
    for _ in range(4 * WAITING_LIMIT):
        await asyncio.sleep(0)
    assert supplied <= 2 * WAITING_LIMIT
    spool.gate.set()
    await asyncio.wait_for(supplier, 20)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    await desk.drain()
    assert len(values(spool.kept)) == 3 * WAITING_LIMIT


async def test_reports_reach_a_real_spool(tmp_path: Path) -> None:
    async with await SpoolWriter.open(tmp_path, boot=BOOT, limits=SpoolLimits()) as writer:
        desk = Intake(ChangeFilter(ZoneInfo("UTC"), 300_000), writer)
        worker = asyncio.create_task(desk.run())
        for at in range(50):
            await desk.put(report(at, at))
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        await desk.drain()
        stored = await writer.call(
            lambda spool: spool.pending(Lane.DATA, after=0, limit_bytes=1_000_000)
        )
        records = [decode_record(record.body) for record in stored]
        # The round that was cancelled may be there twice: nothing is ever there less than once.
        seen = [record.values[0] for record in records if isinstance(record, DataRecord)]
        assert sorted(set(map(int, map(str, seen)))) == list(range(50))
        assert len(seen) <= 51
