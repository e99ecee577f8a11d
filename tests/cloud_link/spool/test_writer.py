"""The spool's async side: order, grouping, errors, cancellation, closing."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from cloud_link.spool.model import SpoolError, SpoolLockedError
from cloud_link.spool.spool import Spool
from cloud_link.spool.writer import GROUP_ENTRIES, SpoolWriter
from cloud_link.wire import Lane
from tests.faults.spool_child import BOOT, SMALL, all_pending, entry


async def _writer(tmp_path: Path) -> SpoolWriter:
    return await SpoolWriter.open(tmp_path / "s", boot=BOOT, limits=SMALL)


class _Gate:
    """Holds the spool's thread inside a call until it is opened."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self.reached = threading.Event()

    def __call__(self, spool: Spool) -> int:
        self.reached.set()
        assert self._opened.wait(10)
        return spool.ordinal

    def open(self) -> None:
        self._opened.set()


async def test_what_waits_behind_a_commit_shares_the_next_one(tmp_path: Path) -> None:
    async with await _writer(tmp_path) as writer:
        statements: list[str] = []
        await writer.call(lambda spool: spool._database.db.set_trace_callback(statements.append))
        gate = _Gate()
        held = asyncio.create_task(writer.call(gate))
        await asyncio.to_thread(gate.reached.wait)
        waiting = [
            asyncio.create_task(writer.append([entry(Lane.DATA, i), entry(Lane.EVENT, i)]))
            for i in range(20)
        ]
        await asyncio.sleep(0)
        gate.open()
        numbers = await asyncio.gather(*waiting)
        await held
        assert numbers == [(i, i) for i in range(20)]
        assert statements.count("COMMIT") == 1
        await writer.append([entry(Lane.DATA, 99)])
        assert statements.count("COMMIT") == 2


async def test_a_lone_append_is_accepted_at_once(tmp_path: Path) -> None:
    async with await _writer(tmp_path) as writer:
        await writer.append([entry(Lane.DATA, 0)])
        loop = asyncio.get_running_loop()
        took = []
        for serial in range(1, 9):
            start = loop.time()
            await writer.append([entry(Lane.DATA, serial)])
            took.append(loop.time() - start)
        assert min(took) < 0.05


async def test_calls_and_appends_keep_their_order(tmp_path: Path) -> None:
    async with await _writer(tmp_path) as writer:
        steps = [
            asyncio.create_task(coroutine)
            for serial in range(5)
            for coroutine in (
                writer.append([entry(Lane.DATA, serial)]),
                writer.call(lambda spool: spool.next_seqs()[Lane.DATA]),
            )
        ]
        done = await asyncio.gather(*steps)
        assert done[1::2] == [1, 2, 3, 4, 5]


async def test_a_group_is_bounded(tmp_path: Path) -> None:
    async with await _writer(tmp_path) as writer:
        many = [entry(Lane.DATA, i, 20) for i in range(GROUP_ENTRIES)]
        first, second = await asyncio.gather(writer.append(many), writer.append(many))
        assert (first[0], second[0]) == (0, GROUP_ENTRIES)


async def test_errors_reach_the_one_who_asked(tmp_path: Path) -> None:
    async with await _writer(tmp_path) as writer:
        with pytest.raises(ZeroDivisionError):
            await writer.call(lambda _spool: 1 // 0)
        assert await writer.append([entry(Lane.DATA, 1)]) == (0,)
        assert await writer.append([]) == ()
        with pytest.raises(SpoolLockedError):
            await _writer(tmp_path)


async def test_a_cancelled_append_may_be_accepted_and_disturbs_nobody(tmp_path: Path) -> None:
    async with await _writer(tmp_path) as writer:
        gate = _Gate()
        held = asyncio.create_task(writer.call(gate))
        await asyncio.to_thread(gate.reached.wait)
        given_up = asyncio.create_task(writer.append([entry(Lane.DATA, 1)]))
        other = asyncio.create_task(writer.append([entry(Lane.DATA, 2)]))
        await asyncio.sleep(0)
        given_up.cancel()
        gate.open()
        assert await other == (1,)
        await held
        with pytest.raises(asyncio.CancelledError):
            await given_up
        assert len(await writer.call(lambda spool: list(all_pending(spool)))) == 2


async def test_closing_finishes_what_was_asked_and_frees_the_folder(tmp_path: Path) -> None:
    writer = await _writer(tmp_path)
    last = asyncio.create_task(writer.append([entry(Lane.DATA, 1)]))
    await asyncio.sleep(0)
    await writer.aclose()
    assert await last == (0,)
    await writer.aclose()
    with pytest.raises(SpoolError, match="closed"):
        await writer.append([entry(Lane.DATA, 2)])
    async with await _writer(tmp_path) as again:
        assert (await again.call(lambda spool: spool.stats())).records[Lane.DATA] == 1
