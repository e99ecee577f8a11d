"""`kanmon-portal ingest` as it runs in the field: a process, a file, a broker, signals."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import time
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest

from cloud_link.wire import Lane
from portal.environment import PACKAGE
from tests.portal.ingest.link import SOON_S, hear, link, publish
from tests.portal.ingest.sender import METER, Sender, meter

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests import peers

pytestmark = pytest.mark.peer("mosquitto")

BOX = "b-aaaaaaaaaa"
QUICK_S = 5.0
"""A service manager asks once and means it; the process is idle and has nothing to finish."""


async def portal(state: Path, broker: peers.Mosquitto, *words: str) -> Process:
    """`kanmon-portal` with a state folder of its own, on SQLite."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO"))}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "portal.cli",
        *words,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd=PACKAGE.parent,
        env=environ | {"KANMON_PORTAL_STATE": str(state), "KANMON_BROKER": broker.url},
    )


async def said(process: Process, words: str) -> None:
    """Return once its log says ``words``."""
    assert process.stderr is not None
    lines = []
    async with asyncio.timeout(SOON_S):
        async for line in process.stderr:
            lines.append(line.decode())
            if words in lines[-1]:
                return
    raise AssertionError("it ended:\n" + "".join(lines))


@asynccontextmanager
async def ingesting(state: Path, broker: peers.Mosquitto) -> AsyncIterator[Process]:
    """A portal that knows `BOX`, and its ingest process once it takes messages."""
    place = ["--organization", "Aoyama Foods", "--site", "Plant", "--time-zone", "Asia/Tokyo"]
    for words in (["migrate"], ["gateway", "add", *place, "--gateway", "Room", "--box", BOX]):
        made = await portal(state, broker, *words)
        _, complaint = await made.communicate()
        assert made.returncode == 0, complaint.decode()
    process = await portal(state, broker, "ingest")
    try:
        await said(process, "broker_connected")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ends_quickly(process: Process, number: signal.Signals) -> None:
    """It ends on the signal, at once, as a success and without a traceback."""
    began = time.monotonic()
    process.send_signal(number)
    async with asyncio.timeout(SOON_S):
        _, rest = await process.communicate()
    assert time.monotonic() - began < QUICK_S
    assert process.returncode == 0
    assert b"Traceback" not in rest


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
        await said(process, "takes nothing")
        assert rows(tmp_path, "ingest_sample") == 0
        await asyncio.to_thread(rename, tmp_path, "away", "ingest_receipt")
        await hear(session, Lane.DATA, 0)
        assert rows(tmp_path, "ingest_sample") == 3
        await ends_quickly(process, signal.SIGTERM)
