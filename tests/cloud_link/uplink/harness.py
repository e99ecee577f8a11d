"""An uplink over a real spool, and waiting for what its far end sees."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cloud_link.mqtt.broker import Broker
from cloud_link.records import (
    ClockRecord,
    Column,
    DataRecord,
    Table,
    encode_record,
    table_id,
)
from cloud_link.spool.model import Entry, SpoolLimits, SpoolStats
from cloud_link.spool.writer import SpoolWriter
from cloud_link.uplink.model import BoxInfo, ConnectionSettings, UplinkLimits
from cloud_link.uplink.uplink import Uplink
from cloud_link.wire import Lane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

BOX, BOOT, SOON_S = "b-k3v9q2m7xa", b"boot-001", 20
TABLE = Table("main", (Column("power.active", "", 0), Column("voltage", "l1", -1)))
QUICK = UplinkLimits(ack_timeout_ms=300, pause_ms=50, max_wait_ms=500, poll_ms=200)
LINK = ConnectionSettings(keepalive_s=5, first_wait_s=0.02, max_wait_s=0.2)


def now() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def data(value: int, width: int = 2) -> Entry:
    values: list[int | str | None] = [value, *([2300] * (width - 1))]
    body = encode_record(DataRecord(table_id(TABLE), value, values))
    return Entry(lane=Lane.DATA, body=body, at=value, readings=2, table=TABLE)


def event(value: int) -> Entry:
    body = encode_record(ClockRecord(value, 0, synchronised=True))
    return Entry(lane=Lane.EVENT, body=body, at=value, readings=0)


@asynccontextmanager
async def spool(folder: Path) -> AsyncIterator[SpoolWriter]:
    limits = SpoolLimits(reserve_file_bytes=0)
    async with await SpoolWriter.open(folder / "spool", boot=BOOT, limits=limits) as writer:
        yield writer


@asynccontextmanager
async def uplink(
    writer: SpoolWriter, url: str, *, limits: UplinkLimits = QUICK, version: int = 5
) -> AsyncIterator[Uplink]:
    info = BoxInfo(boot=BOOT, software="1.2.3", now=now, offset=lambda: 42)
    address = Broker.parse(url, version=5 if version == 5 else 4)
    made = Uplink(writer, address, BOX, info, limits, LINK)
    task = asyncio.ensure_future(made.run())
    try:
        yield made
    finally:
        task.cancel()
        (done,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(done, asyncio.CancelledError), repr(done)


async def until(true: Callable[[], bool], what: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON_S
    while not true():
        assert time.monotonic() < deadline, what()
        await asyncio.sleep(0.005)  # the far end is another program: it offers no event


async def stats(writer: SpoolWriter) -> SpoolStats:
    return await writer.call(lambda spool: spool.stats())


async def until_empty(writer: SpoolWriter) -> None:
    deadline = time.monotonic() + SOON_S
    while sum((last := await stats(writer)).records.values()):
        assert time.monotonic() < deadline, last
        await asyncio.sleep(0.01)
