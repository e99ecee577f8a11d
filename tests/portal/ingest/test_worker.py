"""The worker between a real broker and the database."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection, connections

from cloud_link.mqtt.broker import Broker
from cloud_link.records import Column, Table
from cloud_link.wire import Ack, Lane, RejectCode, decode
from portal.ingest import bounds, isolation
from portal.ingest.messages import IncomingMessage
from portal.ingest.models import Receipt, Sample, WireTable
from portal.ingest.storage import Storage
from portal.ingest.store import IngestResult, ingest
from portal.ingest.tables import load_layouts
from portal.ingest.worker import KEEPALIVE_S, Worker, _listen
from tests import peers
from tests.portal.ingest.link import SOON_S, hear, hear_all, link, publish
from tests.portal.ingest.sender import METER, Sender, meter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import Literal


pytestmark = [
    pytest.mark.database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.peer("mosquitto"),
]


async def ask(question: Callable[[], Any]) -> Any:
    """The answer of the database, asked from a thread whose connection is then closed."""

    def asked() -> Any:
        try:
            return question()
        finally:
            connections.close_all()

    return await asyncio.to_thread(asked)


@asynccontextmanager
async def working(broker: peers.Mosquitto, version: Literal[4, 5] = 5) -> AsyncIterator[Worker]:
    """A worker that runs as long as the block."""
    worker = Worker(Broker.parse(broker.url, version=version))
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.to_thread(worker.close)


@pytest.mark.parametrize("version", [5, 4])
async def test_what_a_box_publishes_is_stored_and_then_acknowledged(
    broker: peers.Mosquitto, sender: Sender, version: Literal[4, 5]
) -> None:
    async with working(broker, version), link(broker, sender) as session:
        await publish(session, sender.tables(METER), sender.clock())
        await publish(session, sender.send(Lane.DATA, meter(1000, 1, 2, 3)))
        await hear(session, Lane.DATA, 0)
        assert await ask(Sample.objects.count) == 3


async def test_what_nobody_takes_is_left_to_the_broker() -> None:
    """While the database is away the listener stops, and with it the reading of the socket."""

    class Pouring:
        given = 0

        async def messages(self) -> AsyncIterator[int]:
            while True:
                self.given += 1
                yield self.given

    pouring, inbox = Pouring(), asyncio.Queue[Any](5)
    listening = asyncio.create_task(_listen(pouring, inbox))  # type: ignore[arg-type] # all it uses
    try:
        for _ in range(50):
            await asyncio.sleep(0)
        assert (inbox.qsize(), pouring.given) == (5, 6)
        inbox.get_nowait()
        for _ in range(50):
            await asyncio.sleep(0)
        assert (inbox.qsize(), pouring.given) == (5, 7)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_a_missing_table_is_asked_for(broker: peers.Mosquitto, sender: Sender) -> None:
    async with working(broker), link(broker, sender) as session:
        record = sender.send(Lane.DATA, meter(1000, 1, 2, 3))
        await publish(session, sender.clock(), record)
        async with asyncio.timeout(SOON_S):
            async for message in session.messages():
                message.ack()
                if decode(Ack, message.payload).need_table:
                    break
        await publish(session, sender.tables(METER), record)
        await hear(session, Lane.DATA, 0)


async def test_two_workers_share_the_messages(broker: peers.Mosquitto, dated: Sender) -> None:
    messages = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(80)]
    async with working(broker), working(broker), link(broker, dated) as session:
        await publish(session, *messages)
        await hear_all(session, 80)
    assert await ask(Sample.objects.count) == 240


async def test_a_killed_broker_costs_nothing(broker: peers.Mosquitto, dated: Sender) -> None:
    messages = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(10)]
    async with working(broker):
        async with link(broker, dated) as session:
            await publish(session, *messages[:5])
            await hear(session, Lane.DATA, 4)
        await asyncio.to_thread(broker.kill)
        await asyncio.to_thread(broker.start)
        async with link(broker, dated) as session:  # the box sends again what it was not told of
            await publish(session, *messages)
            await hear(session, Lane.DATA, 9)
    assert await ask(Sample.objects.count) == 30


async def test_a_worker_that_is_stopped_leaves_nothing_half_done(
    broker: peers.Mosquitto, dated: Sender
) -> None:
    messages = [
        dated.send(Lane.DATA, *[meter(1000 * n + k, n, n, n) for k in range(50)]) for n in range(20)
    ]
    async with link(broker, dated) as session:
        async with working(broker):
            await publish(session, *messages)
        whole = await ask(Receipt.objects.filter(lane=Lane.DATA).count)
        assert await ask(Sample.objects.count) == 3 * whole
        async with working(broker):
            await publish(session, *messages)
            await hear(session, Lane.DATA, 999)
    assert await ask(Sample.objects.count) == 3000


@pytest.fixture
def cut(transactional_db: None) -> Callable[[], None]:
    """Cuts every connection to the database but this thread's, as an administrator would."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite is a file: there is no connection to cut")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (mine,) = cursor.fetchone()

    def others() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid NOT IN (pg_backend_pid(), %s)",
                [mine],
            )

    return others


async def test_a_database_connection_that_is_cut_is_opened_anew(
    broker: peers.Mosquitto, dated: Sender, cut: Callable[[], None]
) -> None:
    messages = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(30)]
    async with working(broker), link(broker, dated) as session:
        for n, message in enumerate(messages):
            await publish(session, message)
            if n % 5 == 4:
                await ask(cut)
        await hear_all(session, 30)
    assert await ask(Sample.objects.count) == 90


async def test_a_stranger_is_named_once_and_told_nothing(
    broker: peers.Mosquitto, dated: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = Sender("b-stranger")
    async with working(broker), link(broker, dated) as session:
        for n in range(5):
            await publish(session, stranger.send(Lane.DATA, meter(n, 1, 2, 3)))
            await publish(session, dated.send(Lane.DATA, meter(n, 1, 2, 3)))
            await hear(session, Lane.DATA, n)
    said = [record for record in caplog.records if "b-stranger" in record.getMessage()]
    assert len(said) == 1


async def test_a_message_that_ends_every_connection_does_not_hold_up_others(
    dated: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    def choking(messages: list[IncomingMessage], *args: Any, **kwargs: Any) -> IngestResult:
        if any(message.body == poison.body for message in messages) and not kwargs.get("read"):
            raise OperationalError("server closed the connection unexpectedly")
        return ingest(messages, *args, **kwargs)

    monkeypatch.setattr(isolation, "ingest", choking)
    storage = Storage(sleep=sleep)
    poison, good = (dated.send(Lane.DATA, meter(1000 * n, 1, 2, 3)) for n in (1, 2))
    outcome = await storage.store([poison, good])
    storage.close()
    found = [(one.ack.ok, one.ack.rejected) for one in outcome.answers if not one.ack.resend]
    assert sorted(found) == [((), ((0, RejectCode.REFUSED),)), (((1, 1),), ())]
    assert await ask(Sample.objects.count) == 3
    assert waits == [0.2, 0.5, 1.0]
    assert outcome.suspects == {dated.box}


async def test_a_worker_that_hangs_gets_messages_for_less_than_half_a_minute(
    broker: peers.Mosquitto, dated: Sender
) -> None:
    """The broker ends its session after one and a half times what it promised."""
    async with working(broker), link(broker, dated) as session:
        await publish(session, dated.send(Lane.DATA, meter(1000, 1, 2, 3)))
        await hear(session, Lane.DATA, 0)
    broker.stop()  # its log is whole then
    lines = [line for line in broker.log.read_text().splitlines() if " as ingest-" in line]
    assert len(lines) == 1
    assert f", k{KEEPALIVE_S})" in lines[0]
    assert KEEPALIVE_S * 1.5 < 30


async def test_a_broker_that_is_away_is_tried_ever_more_rarely() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 7:
            raise asyncio.CancelledError

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    worker = Worker(Broker.parse(f"mqtt://127.0.0.1:{port}"), sleep=sleep)
    with pytest.raises(asyncio.CancelledError):
        await worker.run()
    worker.close()
    assert waits == [0.2, 0.5, 1.0, 2.0, 5.0, 5.0, 5.0]


def test_more_tables_than_a_query_takes_values_are_kept(
    dated: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "DEVICES_MOST", 2_000)
    many = [Table(f"d{n}", (Column("voltage", "", -1),)) for n in range(1_200)]
    for start in range(0, len(many), 400):
        ingest([dated.tables(*many[start : start + 400])])
    keys = {(pk, table) for pk, table in WireTable.objects.values_list("box_id", "table_id")}
    assert len(load_layouts({(pk, bytes(table)) for pk, table in keys})) == len(keys) >= 1_200
