"""How long an honest box waits for its answers, alone and beside boxes that send too much."""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloud_link.mqtt.broker import Broker, MqttError, PublishRefusedError
from cloud_link.mqtt.connect import connect
from cloud_link.records import (
    ClockRecord,
    Column,
    DataRecord,
    Record,
    Table,
    encode_record,
    table_id,
)
from cloud_link.topics import Down, Up, down, up
from cloud_link.wire import VERSION, Ack, Batch, Lane, Tables, decode, encode
from scripts.benchmarks.figures import Figure
from scripts.demonstration import broker
from scripts.demonstration.ports import free_port
from scripts.demonstration.processes import Children, listening

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cloud_link.mqtt.session import Session

_ROOT: Final = Path(__file__).resolve().parents[2]
_SECONDS: Final = 30.0
_EVERY_S: Final = 0.1
_ATTACK_EVERY_S: Final = 0.2
_AIM: Final = 2.0
_OFFSET: Final = 1_780_000_000_000
_SMALL: Final = Table("meter", (Column("power.active", "l1", 0), Column("voltage", "l1", -1)))
_WIDE: Final = Table(
    "wide",
    tuple(
        Column(quantity, f"{key}={n}", -1)
        for quantity, key in (
            ("current", "channel"),
            ("voltage", "string"),
            ("power.active", "channel"),
            ("temperature", "channel"),
            ("pressure", "channel"),
        )
        for n in range(1, 100)
    ),
)


class _Box:
    """What a box sends, with numbers of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.epoch, self.boot = secrets.token_bytes(8), secrets.token_bytes(8)
        self._numbers = {lane: itertools.count() for lane in Lane}

    def records(self, lane: Lane, *records: Record) -> tuple[str, bytes]:
        return self.raw(lane, [encode_record(one) for one in records])

    def raw(self, lane: Lane, bodies: Sequence[bytes]) -> tuple[str, bytes]:
        items = tuple((next(self._numbers[lane]), body) for body in bodies)
        batch = Batch(VERSION, self.epoch, 1, lane, self.boot, items)
        channel = Up.DATA if lane is Lane.DATA else Up.EVENT
        return up(self.name, channel), encode(batch)

    def tables(self, *tables: Table) -> tuple[str, bytes]:
        return up(self.name, Up.TABLE), encode(Tables(VERSION, tables))

    def greeting(self, table: Table) -> list[tuple[str, bytes]]:
        clock = ClockRecord(0, _OFFSET, synchronised=True)
        return [self.tables(table), self.records(Lane.EVENT, clock)]


_Attack = Callable[[_Box, int], tuple[str, bytes]]


def _readings(box: _Box, turn: int) -> tuple[str, bytes]:
    """A hundred polls of 495 registers, in half a kilobyte."""
    values: list[int | str | None] = [7] * len(_WIDE.columns)
    polls = [
        DataRecord(table_id(_WIDE), 1_000_000 * (turn + 1) + n * 1000, values) for n in range(100)
    ]
    return box.records(Lane.DATA, *polls)


def _devices(box: _Box, turn: int) -> tuple[str, bytes]:
    column = (Column("jobs", "", 0),)
    return box.tables(*(Table(f"{turn:x}-{n:x}", column) for n in range(1_500)))


def _nonsense(box: _Box, _: int) -> tuple[str, bytes]:
    return box.raw(Lane.EVENT, [b"\xc1"] * 2_000)


def _clocks(box: _Box, turn: int) -> tuple[str, bytes]:
    return box.records(
        Lane.EVENT,
        *(ClockRecord(0, _OFFSET + turn * 100 + n, synchronised=True) for n in range(100)),
    )


_ATTACKS: Final[dict[str, _Attack]] = {
    "250,000 readings a second in 5 messages": _readings,
    "7,500 new devices a second": _devices,
    "10,000 records that are none a second": _nonsense,
    "500 clock records a second": _clocks,
}


def measure(scale: float = 1.0) -> list[Figure]:
    """Median and 99th percentile alone, and beside each kind of attack."""
    seconds = max(2.0, _SECONDS * scale)
    with tempfile.TemporaryDirectory() as name, _portal(Path(name)) as url:
        alone = asyncio.run(_answers(url, "b-good", seconds))
        quiet = _percentile(alone, 0.99)
        figures = [Figure(name="alone", value=_words(alone))]
        for number, (kind, attack) in enumerate(_ATTACKS.items()):
            beside = asyncio.run(_beside(url, number, attack, seconds))
            ratio = _percentile(beside, 0.99) / quiet
            figures.append(
                Figure(
                    name=f"beside {kind}",
                    value=f"{_words(beside)}; the latter {ratio:.2f} of alone",
                    aim="under twice",
                    met=ratio < _AIM,
                )
            )
    return figures


def _words(waits: Sequence[float]) -> str:
    median = statistics.median(waits) * 1000
    return f"p50 {median:.0f} ms, p99 {_percentile(waits, 0.99) * 1000:.0f} ms"


def _percentile(waits: Sequence[float], share: float) -> float:
    return sorted(waits)[min(int(len(waits) * share), len(waits) - 1)]


@contextmanager
def _portal(folder: Path) -> Iterator[str]:
    """A broker and an ingest worker that knows the boxes; the broker's URL."""
    port = free_port()
    url = f"mqtt://127.0.0.1:{port}"
    environment = {
        "PYTHONPATH": str(_ROOT),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "KANMON_PORTAL_STATE": str(folder / "portal"),
        "KANMON_BROKER": url,
    }
    program = [sys.executable, "-m", "portal.cli"]
    names = ["b-good", *(f"b-evil-{number}" for number in range(len(_ATTACKS)))]
    add = ["gateway", "add", "--organization", "Bench", "--site", "Bench"]
    for words in (["migrate"], *([*add, "--gateway", one, "--box", one] for one in names)):
        subprocess.run(
            [*program, *words], env=os.environ | environment, check=True, capture_output=True
        )
    children = Children(logs=folder / "logs")
    try:
        plain = broker.plain(folder, port)
        children.start("broker", plain.command, environment | plain.environment)
        children.wait_until(lambda: listening(port), "the broker", 60)
        children.start("ingest", [*program, "ingest"], environment)
        yield url
    finally:
        children.stop()


async def _publish(session: Session, topic: str, body: bytes) -> None:
    """Publish, again for as long as no worker listens."""
    while True:
        try:
            return await session.publish(topic, body)
        except PublishRefusedError:
            await asyncio.sleep(0.1)


async def _answers(url: str, name: str, seconds: float) -> list[float]:
    """Seconds from each record to its answer; what stays unanswered counts as the whole time."""
    box, sent, waits = _Box(name), dict[int, float](), list[float]()
    async with connect(Broker.parse(url), name) as session:
        await session.subscribe(down(name, Down.ACK))
        for topic, body in box.greeting(_SMALL):
            await _publish(session, topic, body)

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
        for n in range(int(seconds / _EVERY_S)):
            sent[n] = time.monotonic()
            record = DataRecord(table_id(_SMALL), 1_000_000 + n * 100, [n, 2300])
            await _publish(session, *box.records(Lane.DATA, record))
            await asyncio.sleep(_EVERY_S)
        await asyncio.sleep(2.0)
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
    return waits + [seconds] * len(sent)


async def _beside(url: str, number: int, attack: _Attack, seconds: float) -> list[float]:
    """`_answers` while another box attacks."""

    async def send() -> None:
        box = _Box(f"b-evil-{number}")
        with suppress(MqttError):
            async with connect(Broker.parse(url), box.name) as session:
                for topic, body in box.greeting(_WIDE):
                    await _publish(session, topic, body)
                for turn in itertools.count():
                    await _publish(session, *attack(box, turn))
                    await asyncio.sleep(_ATTACK_EVERY_S)

    attacking = asyncio.create_task(send())
    try:
        return await _answers(url, "b-good", seconds)
    finally:
        attacking.cancel()
        await asyncio.gather(attacking, return_exceptions=True)
