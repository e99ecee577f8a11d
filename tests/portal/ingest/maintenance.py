"""A worker that hears no message, and does what no message brings about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from django.db import connections

from portal.ingest.storage import Storage


async def maintain_until(condition: Callable[[], bool], patience_s: float) -> None:
    """Let a worker maintain the database until a condition holds, looked at in another thread."""

    def holds() -> bool:
        try:
            return condition()
        finally:
            connections.close_all()

    worker = Storage()
    working = asyncio.create_task(worker.maintain())
    try:
        async with asyncio.timeout(patience_s):
            while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - another thread's work
                await asyncio.sleep(0.05)  # a poll: nothing tells of a row
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await asyncio.to_thread(worker.close)
