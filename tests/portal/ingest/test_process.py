"""`kanmon-portal ingest` as it runs in the field: a process, a file, a broker, signals."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from cloud_link.wire import Lane
from tests import fork_server
from tests.portal.ingest.link import SOON_S, hear, link, publish
from tests.portal.ingest.sender import METER, Sender, meter
from tests.portal.program import Portal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests import peers

pytestmark = pytest.mark.peer("mosquitto")

BOX = "b-aaaaaaaaaa"
QUICK_S = 5.0
"""A service manager asks once and means it; the process is idle and has nothing to finish."""


@dataclass(frozen=True)
class Worker:
    """`kanmon-portal ingest` with a state folder of its own, on SQLite, and its log."""

    process: fork_server.Process
    log: Path


def worker(state: Path, broker: peers.Mosquitto) -> Worker:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO"))}
    environ |= {"KANMON_PORTAL_STATE": str(state), "KANMON_BROKER": broker.url}
    log = state.with_name(f"{state.name}.log")
    with log.open("wb") as stream:
        process = fork_server.start("portal.cli", "ingest", env=environ, output=stream)
    return Worker(process, log)


async def said(worker: Worker, words: str) -> None:
    """Return once its log says ``words``."""
    async with asyncio.timeout(SOON_S):
        while words not in worker.log.read_text():
            assert worker.process.poll() is None, f"it ended:\n{worker.log.read_text()}"
            await asyncio.sleep(0.02)


@asynccontextmanager
async def ingesting(state: Path, broker: peers.Mosquitto) -> AsyncIterator[Worker]:
    """A portal that knows `BOX`, and its ingest process once it takes messages."""
    place = ["--organization", "Aoyama Foods", "--site", "Plant", "--time-zone", "Asia/Tokyo"]
    portal = Portal(state)
    await asyncio.to_thread(portal.migrate)
    words = ["gateway", "add", *place, "--gateway", "Room", "--box", BOX]
    await asyncio.to_thread(portal.done, *words)
    running = worker(state, broker)
    try:
        await said(running, "broker_connected")
        yield running
    finally:
        running.process.kill()
        running.process.wait()


async def ends_quickly(worker: Worker, number: signal.Signals) -> None:
    """It ends on the signal, at once, as a success and without a traceback."""
    began = time.monotonic()
    worker.process.send_signal(number)
    code = await asyncio.to_thread(worker.process.wait, SOON_S)
    assert time.monotonic() - began < QUICK_S
    assert code == 0
    assert "Traceback" not in worker.log.read_text()


def rows(state: Path, table: str) -> int:
    with closing(sqlite3.connect(state / "db.sqlite3")) as database:
        (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(count)


def rename(state: Path, old: str, new: str) -> None:
    with closing(sqlite3.connect(state / "db.sqlite3", timeout=SOON_S)) as database:
        database.execute(f"ALTER TABLE {old} RENAME TO {new}")


async def test_a_signal_ends_it_and_what_was_answered_is_in_the_file(
    tmp_path: Path, broker: peers.Mosquitto
) -> None:
    sender = Sender(BOX)
    async with ingesting(tmp_path, broker) as process:
        async with link(broker, sender) as session:
            await publish(session, sender.tables(METER), sender.clock())
            await publish(session, sender.send(Lane.DATA, meter(1000, 1, 2, 3)))
            await hear(session, Lane.DATA, 0)
        await ends_quickly(process, signal.SIGTERM)
    assert rows(tmp_path, "ingest_sample") == 3


async def test_a_signal_ends_it_while_the_broker_is_away(
    tmp_path: Path, broker: peers.Mosquitto
) -> None:
    async with ingesting(tmp_path, broker) as process:
        await asyncio.to_thread(broker.kill)
        await said(process, "broker_lost")
        await ends_quickly(process, signal.SIGINT)


async def test_a_database_whose_tables_vanish_is_told_as_what_it_is(
    tmp_path: Path, broker: peers.Mosquitto
) -> None:
    sender = Sender(BOX)
    async with ingesting(tmp_path, broker) as process, link(broker, sender) as session:
        await asyncio.to_thread(rename, tmp_path, "django_migrations", "away")
        await asyncio.to_thread(rename, tmp_path, "ingest_receipt", "away2")
        await publish(session, sender.tables(METER), sender.clock())
        await said(process, "run 'kanmon-portal migrate'")
        await ends_quickly(process, signal.SIGTERM)


async def test_a_database_that_fails_and_heals_costs_nothing(
    tmp_path: Path, broker: peers.Mosquitto
) -> None:
    """Every statement on receipts fails for a while; nothing is answered, then all of it is."""
    sender = Sender(BOX)
    async with ingesting(tmp_path, broker) as process, link(broker, sender) as session:
        await publish(session, sender.tables(METER), sender.clock())
        await hear(session, Lane.EVENT, 0)
        await asyncio.to_thread(rename, tmp_path, "ingest_receipt", "away")
        await publish(session, sender.send(Lane.DATA, meter(1000, 1, 2, 3)))
        await said(process, "database_failed")
        assert rows(tmp_path, "ingest_sample") == 0
        await asyncio.to_thread(rename, tmp_path, "away", "ingest_receipt")
        await hear(session, Lane.DATA, 0)
        assert rows(tmp_path, "ingest_sample") == 3
        await ends_quickly(process, signal.SIGTERM)
