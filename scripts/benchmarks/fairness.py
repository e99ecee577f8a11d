"""How long an honest box waits for its answers, alone and beside boxes that send too much.

On SQLite and on PostgreSQL, both on the disk. Each attack has a worker of its own, so that none
is measured with what the one before left.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloud_link.mqtt.broker import Broker
from cloud_link.mqtt.connect import connect
from cloud_link.records import Column, DataRecord, Table, table_id
from cloud_link.topics import Down, down
from cloud_link.wire import Ack, Lane, decode
from scripts.benchmarks.fairness_attacks import ATTACKS, POISON_MS, BenchBox, publish
from scripts.benchmarks.figures import Figure, NotMeasuredError
from scripts.demonstration import broker
from scripts.demonstration.ports import free_port
from scripts.demonstration.processes import Children, listening

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROOT: Final = Path(__file__).resolve().parents[2]
_SECONDS: Final = 32.0
_EVERY_S: Final = 0.1
_AIM: Final = 2.0
_GOOD: Final = "b-good"
_SMALL: Final = Table("meter", (Column("power.active", "l1", 0), Column("voltage", "l1", -1)))
_PROGRAM: Final = (sys.executable, "-m", "portal.cli")
_POISON: Final = {
    "SQLite": (
        (
            "CREATE TRIGGER poison BEFORE INSERT ON ingest_gap WHEN NEW.first_boot_ms = "
            f"{POISON_MS} BEGIN SELECT RAISE(ABORT, 'poison'); END"
        ),
    ),
    "PostgreSQL": (
        (
            "CREATE FUNCTION poison() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'poison' "
            "USING ERRCODE = '54000'; END $$ LANGUAGE plpgsql"
        ),
        (
            "CREATE TRIGGER poison BEFORE INSERT ON ingest_gap FOR EACH ROW "
            f"WHEN (NEW.first_boot_ms = {POISON_MS}) EXECUTE FUNCTION poison()"
        ),
    ),
}
"""Statements by which the database refuses a record in which the portal finds no fault."""
_EXECUTE: Final = (
    "import sys, django; django.setup()\n"
    "from django.db import connection\n"
    "with connection.cursor() as cursor: [cursor.execute(one) for one in sys.argv[1:]]"
)


def measure(scale: float = 1.0) -> list[Figure]:
    """Median and 99th percentile alone, and beside each kind of attack."""
    seconds = max(2.0, _SECONDS * scale)
    return [figure for database in _POISON for figure in _measure(database, seconds)]


def _measure(database: str, seconds: float) -> list[Figure]:
    with _portal(database) as portal:
        with portal.worker() as url:
            alone = asyncio.run(_answers(url, seconds))
        figures = [Figure(name=f"{database}: alone", value=_words(alone))]
        for number, kind in enumerate(ATTACKS):
            with portal.worker() as url, portal.attack(url, _evil(number), kind):
                beside = asyncio.run(_answers(url, seconds))
            ratio = _percentile(beside, 0.99) / _percentile(alone, 0.99)
            value = f"{_words(beside)}; the latter {ratio:.2f} of alone"
            name = f"{database}: beside {kind}"
            figures.append(Figure(name=name, value=value, aim="under twice", met=ratio < _AIM))
        return figures


def _evil(number: int) -> str:
    return f"b-evil-{number}"


def _words(waits: Sequence[float]) -> str:
    median, high = statistics.median(waits) * 1000, _percentile(waits, 0.99) * 1000
    return f"p50 {median:.0f} ms, p99 {high:.0f} ms of {len(waits)}"


def _percentile(waits: Sequence[float], share: float) -> float:
    return sorted(waits)[min(int(len(waits) * share), len(waits) - 1)]


@dataclass(frozen=True, kw_only=True)
class _Portal:
    """A portal's database that knows the boxes, and where its processes run."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str) -> None:
        environment = os.environ | self.environment
        subprocess.run(command, env=environment, check=True, capture_output=True)

    @contextmanager
    def worker(self) -> Iterator[str]:
        """A broker and a worker, both new; the broker's URL."""
        port = free_port()
        url = f"mqtt://127.0.0.1:{port}"
        children = Children(logs=self.folder / "logs")
        try:
            plain = broker.plain(self.folder, port)
            children.start("broker", plain.command, self.environment | plain.environment)
            children.wait_until(lambda: listening(port), "the broker", 60)
            environment = self.environment | {"KANMON_BROKER": url}
            children.start("ingest", [*_PROGRAM, "ingest"], environment)
            asyncio.run(_answers(url, 2.0))  # until it has done everything once
            yield url
        finally:
            children.stop()

    @contextmanager
    def attack(self, url: str, box: str, kind: str) -> Iterator[None]:
        command = [sys.executable, "-m", "scripts.benchmarks.fairness_attacks", url, box, kind]
        with subprocess.Popen(command, env=os.environ | self.environment) as process:
            try:
                yield
            finally:
                process.kill()


@contextmanager
def _portal(database: str) -> Iterator[_Portal]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = {
            "PYTHONPATH": str(_ROOT),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "KANMON_PORTAL_STATE": str(folder / "portal"),
        }
        if database == "PostgreSQL":
            environment["KANMON_DATABASE_URL"] = stack.enter_context(_postgres())
        portal = _Portal(folder=folder, environment=environment)
        portal.run(*_PROGRAM, "migrate")
        add = ("gateway", "add", "--organization", "Bench", "--site", "Bench")
        for box in (_GOOD, *(_evil(number) for number in range(len(ATTACKS)))):
            portal.run(*_PROGRAM, *add, "--gateway", box, "--box", box)
        portal.run(sys.executable, "-c", _EXECUTE, *_POISON[database])
        yield portal


@contextmanager
def _postgres() -> Iterator[str]:
    from tests import peers

    try:
        with peers.postgres() as server:
            yield server.url
    except peers.PeerError as error:
        raise NotMeasuredError(str(error)) from error


async def _answers(url: str, seconds: float) -> list[float]:
    """Seconds from each record to its answer; what stays unanswered counts as the whole time."""
    box, sent, waits = BenchBox(_GOOD), dict[int, float](), list[float]()
    async with connect(Broker.parse(url), box.name) as session:
        await session.subscribe(down(box.name, Down.ACK))
        for topic, body in box.greeting(_SMALL):
            await publish(session, topic, body)

        async def hear() -> None:
            async for message in session.messages():
                message.ack()
                ack = decode(Ack, message.payload)
                for first, last in ack.ok if ack.lane is Lane.DATA else ():
                    waits.extend(
                        time.monotonic() - sent.pop(seq)
                        for seq in range(first, last + 1)
                        if seq in sent
                    )

        hearing = asyncio.create_task(hear())
        at = round(time.time() * 1000) % 10_000_000_000  # no moment comes twice
        for n in range(int(seconds / _EVERY_S)):
            sent[n] = time.monotonic()
            record = DataRecord(table_id(_SMALL), at + n * 100, [n, 2300])
            await publish(session, *box.records(Lane.DATA, record))
            await asyncio.sleep(_EVERY_S)
        await asyncio.sleep(2.0)
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
    return waits + [seconds] * len(sent)
