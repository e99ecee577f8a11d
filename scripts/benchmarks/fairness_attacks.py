"""Boxes that send what takes the ingest long, each as fast as it can be sent without harm to us.

Runs as ``python -m scripts.benchmarks.fairness_attacks URL BOX KIND`` until it is ended: a process
of its own, so that making the messages delays no box whose answers are timed.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from cloud_link.mqtt.broker import Broker, MqttError, PublishRefusedError
from cloud_link.mqtt.connect import connect
from cloud_link.records import (
    ClockRecord,
    Column,
    DataRecord,
    EventRecord,
    GapRecord,
    Record,
    Table,
    WireCondition,
    WireIdentity,
    encode_record,
    table_id,
)
from cloud_link.topics import Up, up
from cloud_link.wire import VERSION, Batch, Lane, Tables, encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloud_link.mqtt.session import Session

OFFSET: Final = 1_780_000_000_000
POISON_MS: Final = 666
"""Milliseconds since boot in a gap that the database refuses (`scripts.benchmarks.fairness`)."""
_EVERY_S: Final = 0.2
_GREETED_S: Final = 1.0
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


class BenchBox:
    """What a box sends, with numbers of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.epoch, self.boot = secrets.token_bytes(8), secrets.token_bytes(8)
        self._numbers = {lane: itertools.count() for lane in Lane}

    def records(self, lane: Lane, *records: Record) -> tuple[str, bytes]:
        """A message of records."""
        return self.raw(lane, [encode_record(one) for one in records])

    def raw(self, lane: Lane, bodies: Sequence[bytes]) -> tuple[str, bytes]:
        """A message of the bytes of records."""
        items = tuple((next(self._numbers[lane]), body) for body in bodies)
        batch = Batch(VERSION, self.epoch, 1, lane, self.boot, items)
        channel = Up.DATA if lane is Lane.DATA else Up.EVENT
        return up(self.name, channel), encode(batch)

    def tables(self, *tables: Table) -> tuple[str, bytes]:
        """A message of tables."""
        return up(self.name, Up.TABLE), encode(Tables(VERSION, tables))

    def greeting(self, table: Table) -> list[tuple[str, bytes]]:
        """What a box with this table sends first."""
        clock = ClockRecord(0, OFFSET, synchronised=True)
        return [self.tables(table), self.records(Lane.EVENT, clock)]


async def publish(session: Session, topic: str, body: bytes) -> None:
    """Publish, again for as long as no worker listens."""
    while True:
        try:
            return await session.publish(topic, body)
        except PublishRefusedError:
            await asyncio.sleep(0.1)


_Attack = Callable[[BenchBox, int], tuple[str, bytes]]


def _readings(box: BenchBox, turn: int) -> tuple[str, bytes]:
    """A hundred polls of 495 registers, in half a kilobyte."""
    values: list[int | str | None] = [7] * len(_WIDE.columns)
    polls = [
        DataRecord(table_id(_WIDE), 1_000_000 * (turn + 1) + n * 1000, values) for n in range(100)
    ]
    return box.records(Lane.DATA, *polls)


def _redated(box: BenchBox, turn: int) -> tuple[str, bytes]:
    """The same, and every two seconds a clock that overrules the one before."""
    if turn % 10 == 9:
        return box.records(Lane.EVENT, ClockRecord(0, OFFSET + turn, synchronised=True))
    return _readings(box, turn)


def _collisions(box: BenchBox, turn: int) -> tuple[str, bytes]:
    """Other values for the same moments, again and again."""
    polls = [
        DataRecord(table_id(_WIDE), 1_000_000 + n * 1000, [turn] * len(_WIDE.columns))
        for n in range(20)
    ]
    return box.records(Lane.DATA, *polls)


def _devices(box: BenchBox, turn: int) -> tuple[str, bytes]:
    column = (Column("jobs", "", 0),)
    return box.tables(*(Table(f"{turn:x}-{n:x}", column) for n in range(1_500)))


def _nonsense(box: BenchBox, _: int) -> tuple[str, bytes]:
    return box.raw(Lane.EVENT, [b"\xc1"] * 2_000)


def _clocks(box: BenchBox, turn: int) -> tuple[str, bytes]:
    return box.records(
        Lane.EVENT,
        *(ClockRecord(0, OFFSET + turn * 100 + n, synchronised=True) for n in range(100)),
    )


def _events(box: BenchBox, turn: int) -> tuple[str, bytes]:
    """Twenty devices, each with thirty conditions that it did not have before."""
    identity = WireIdentity("maker", "model", "serial", "1", "")

    def event(n: int) -> EventRecord:
        conditions = tuple(
            WireCondition("media.jam", "error", f"{turn}-{k}", "jam", "jam", 500, evidence=[])
            for k in range(30)
        )
        return EventRecord(
            f"device-{n}", 1_000 + turn, "online", "running", identity, conditions, ()
        )

    return box.records(Lane.EVENT, *map(event, range(20)))


def _poison(box: BenchBox, turn: int) -> tuple[str, bytes]:
    """Gaps that nothing is wrong with, and that only the database refuses."""

    def gap(n: int) -> GapRecord:
        first, last = (box.boot, POISON_MS), (box.boot, POISON_MS + 1)
        return GapRecord(box.epoch, 1, int(Lane.DATA), ((n, n + 1),), 1, 1, first, last, "cap")

    return box.records(Lane.GAP, *(gap(7 * turn + n) for n in range(7)))


ATTACKS: Final[dict[str, _Attack]] = {
    "250,000 readings a second in 5 messages": _readings,
    "as many, and a clock that dates them again every 2 s": _redated,
    "50,000 other readings a second for the same moments": _collisions,
    "7,500 new devices a second": _devices,
    "3,000 new conditions a second": _events,
    "10,000 records that are none a second": _nonsense,
    "500 clock records a second": _clocks,
    "35 records a second that only the database refuses": _poison,
}


async def _attack(url: str, name: str, kind: str) -> None:
    box = BenchBox(name)
    with suppress(MqttError):
        async with connect(Broker.parse(url), box.name) as session:
            for topic, body in box.greeting(_WIDE):
                await publish(session, topic, body)
            await asyncio.sleep(_GREETED_S)
            for turn in itertools.count():
                await publish(session, *ATTACKS[kind](box, turn))
                await asyncio.sleep(_EVERY_S)


if __name__ == "__main__":
    asyncio.run(_attack(*sys.argv[1:4]))
