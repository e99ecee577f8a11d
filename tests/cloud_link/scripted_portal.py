"""A portal that does as a test tells it: stores, stays silent, asks, refuses, dies."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cloud_link import topics
from cloud_link.mqtt.broker import Broker, MqttError
from cloud_link.mqtt.connect import connect
from cloud_link.mqtt.session import Session
from cloud_link.records import (
    DataRecord,
    WireError,
    decode_record,
    table_id,
)
from cloud_link.topics import Down, Up
from cloud_link.wire import (
    VERSION,
    Ack,
    Batch,
    Online,
    Tables,
    decode,
    encode,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

Name = tuple[bytes, int, int]


class Portal:
    """What arrived, and how it is answered.

    Attributes:
        stored: Content by (epoch, lane, seq), of what was acknowledged as stored.
        seen: How often each came.
        order: Names in order of arrival.
        online: Every greeting and goodbye.
        answer: The acknowledgement of a batch; ``None`` to stay silent.
        permits: Where there is one, every batch waits for its own before it is looked at.
    """

    def __init__(self, address: Broker, box: str) -> None:
        self._address, self._box = address, box
        self.stored: dict[Name, bytes] = {}
        self.seen: Counter[Name] = Counter()
        self.order: list[Name] = []
        self.online: list[Online] = []
        self.tables: set[bytes] = set()
        self.table_messages = 0
        self.messages = 0
        self.answer: Callable[[Batch], Ack | None] = self.store
        self.permits: asyncio.Semaphore | None = None
        self.ready = asyncio.Event()

    def store(self, batch: Batch) -> Ack | None:
        """Keep what can be kept, as the real one does."""
        ok, wanted = [], []
        for seq, body in batch.items:
            record = decode_record(body)
            if isinstance(record, DataRecord) and record.table not in self.tables:
                wanted.append((seq, record.table))
                continue
            name = (batch.epoch, int(batch.lane), seq)
            assert self.stored.setdefault(name, body) == body, "one name, one content"
            ok.append((seq, seq))
        return Ack(VERSION, batch.epoch, batch.lane, ok=tuple(ok), need_table=tuple(wanted))

    def silent(self, _batch: Batch) -> Ack | None:
        """Take it and say nothing."""
        return None

    async def run(self) -> None:
        """Work until cancelled, over as many connections as it takes."""
        while True:
            try:
                async with connect(self._address, "portal") as session:
                    await session.subscribe(topics.ALL_UP)
                    self.ready.set()
                    await self._work(session)
            except MqttError:
                self.ready.clear()
                await asyncio.sleep(0.02)

    async def _work(self, session: Session) -> None:
        async for message in session.messages():
            match topics.parse_up(message.topic).channel:
                case Up.ONLINE:
                    self.online.append(decode(Online, message.payload))
                case Up.TABLE:
                    self.table_messages += 1
                    self._learn(message.payload)
                case Up.DATA | Up.EVENT:
                    if self.permits is not None:
                        await self.permits.acquire()
                    ack = self._take(decode(Batch, message.payload))
                    if ack is not None:
                        await session.publish(topics.down(self._box, Down.ACK), encode(ack))
                case Up.REPLY:
                    raise WireError("nobody asked")
            message.ack()

    def _learn(self, payload: bytes) -> None:
        self.tables.update(table_id(table) for table in decode(Tables, payload).tables)

    def _take(self, batch: Batch) -> Ack | None:
        self.messages += 1
        names = [(batch.epoch, int(batch.lane), seq) for seq, _ in batch.items]
        self.order += names
        self.seen.update(names)
        return self.answer(batch)


@asynccontextmanager
async def portal(url: str, box: str, version: int = 5) -> AsyncIterator[Portal]:
    """A portal at work."""
    made = Portal(Broker.parse(url, version=5 if version == 5 else 4), box)
    task = asyncio.ensure_future(made.run())
    try:
        async with asyncio.timeout(15):
            await made.ready.wait()
        yield made
    finally:
        task.cancel()
        done = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(done[0], asyncio.CancelledError), done
