"""A box over its budget, with the real uplink and spool: slower, and nothing lost or doubled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from django.db import connections

from cloud_link.mqtt.broker import Broker
from cloud_link.records import ClockRecord, encode_record
from cloud_link.spool.model import Entry
from cloud_link.uplink.flow import RequestedPause
from cloud_link.wire import Lane
from portal.ingest import budget
from portal.ingest.budget import Allowance, Resource
from portal.ingest.models import Receipt, Sample
from portal.ingest.worker import Worker
from tests.cloud_link.uplink.harness import BOX, data, spool, until_empty, uplink
from tests.portal.ingest.sender import OFFSET

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from portal.fleet.models import Box
    from portal.ingest.inbox import Turn
    from tests import peers

pytestmark = [
    pytest.mark.database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.peer("mosquitto"),
]

RECORDS = 600


async def _ask(question: Callable[[], int]) -> int:
    def asked() -> int:
        try:
            return question()
        finally:
            connections.close_all()

    return await asyncio.to_thread(asked)


@pytest.mark.parametrize("knows", [True, False], ids=["new box", "old box"])
async def test_a_box_over_its_budget_delivers_every_record_once(
    broker: peers.Mosquitto,
    box: Box,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    knows: bool,
) -> None:
    rows = Allowance(per_minute=60 * 2_000, burst=600)
    monkeypatch.setattr(budget, "ALLOWANCES", {**budget.ALLOWANCES, Resource.ROWS: rows})
    monkeypatch.setattr(budget, "SHORTEST_S", 0.05)
    if not knows:
        monkeypatch.setattr(RequestedPause, "ask", lambda *_: None)
    box.box_id = BOX
    await asyncio.to_thread(box.save)
    clock = encode_record(ClockRecord(0, OFFSET, synchronised=True))
    turns: list[Turn] = []
    worker = Worker(Broker.parse(broker.url), on_turn=turns.append)
    running = asyncio.create_task(worker.run())
    try:
        async with spool(tmp_path) as writer:
            await writer.append(
                [
                    Entry(lane=Lane.EVENT, body=clock, at=0, readings=0),
                    *(data(n) for n in range(1, RECORDS + 1)),
                ]
            )
            async with uplink(writer, broker.url) as link:
                await until_empty(writer)
            assert link.state.delivered == RECORDS + 1
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.to_thread(worker.close)
    assert sum(turn.dropped[Resource.ROWS] for turn in turns) > 0, "it was over its budget"
    assert await _ask(Receipt.objects.count) == RECORDS + 1
    assert await _ask(Sample.objects.count) == 2 * RECORDS
