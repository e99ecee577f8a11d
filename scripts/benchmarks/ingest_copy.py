"""Ingest on PostgreSQL beside a plain text COPY of the same rows into an identical table.

Runs as ``python -m tests.with_postgres python -m scripts.benchmarks.ingest_copy SCALE`` and prints
JSON, because Django's settings are of a process.
"""

from __future__ import annotations

import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from scripts.benchmarks.figures import Figure

if TYPE_CHECKING:
    from portal.ingest.messages import IncomingMessage

_SIZES: Final = (1_000, 10_000, 50_000)
_COLUMNS: Final = 50
_ROUNDS: Final = 7
_BOX: Final = "b-benchbench"


class _Sender:
    """Makes messages of polls of 50, and the same rows as text."""

    def __init__(self) -> None:
        from cloud_link import wire
        from cloud_link.columns import data_record, table_for
        from drivers.report import Quantity, Reading

        self._wire, self._record, self._reading = wire, data_record, Reading
        self._quantity = Quantity.CURRENT
        self.readings = self._poll(0)
        self.table = table_for("meter", self.readings)
        self._epoch, self.boot = secrets.token_bytes(8), secrets.token_bytes(8)
        self.polls = 0

    def _poll(self, n: int) -> list[Any]:
        return [
            self._reading(
                quantity=self._quantity,
                part=f"channel={column + 1}",
                value=1000 + (n * 31 + column * 7) % 60_000,
                resolution=-1,
                at=1_000_000 + n * 1000,
            )
            for column in range(_COLUMNS)
        ]

    def arrivals(self, rows: int) -> list[IncomingMessage]:
        """Messages that hold ``rows`` new readings, twenty polls each."""
        from cloud_link import records, topics
        from portal.ingest.messages import IncomingMessage

        wire, messages = self._wire, []
        name = records.table_id(self.table)
        left = rows // _COLUMNS
        while left:
            items = []
            for _ in range(min(left, 20)):
                record = self._record(name, self._poll(self.polls))
                items.append((self.polls, records.encode_record(record)))
                self.polls += 1
            left -= len(items)
            batch = wire.Batch(
                wire.VERSION, self._epoch, 1, wire.Lane.DATA, self.boot, tuple(items)
            )
            topic = topics.up(_BOX, topics.Up.DATA)
            messages.append(IncomingMessage(topic=topic, body=wire.encode(batch)))
        return messages


def _prepare(sender: _Sender) -> None:
    from django.core.management import call_command

    from cloud_link import records, topics, wire
    from portal.fleet.provisioning import GatewayPlacement, ensure_gateway
    from portal.ingest.messages import IncomingMessage
    from portal.ingest.store import ingest

    call_command("migrate", interactive=False, verbosity=0)
    ensure_gateway(
        GatewayPlacement(organization="B", site="B", time_zone="UTC", gateway="B", box_id=_BOX)
    )
    clock = records.encode_record(records.ClockRecord(0, 1_700_000_000_000, synchronised=True))
    batch = wire.Batch(
        wire.VERSION, secrets.token_bytes(8), 0, wire.Lane.EVENT, sender.boot, ((0, clock),)
    )
    tables = wire.encode(wire.Tables(wire.VERSION, (sender.table,)))
    ingest(
        [
            IncomingMessage(topic=topics.up(_BOX, topics.Up.TABLE), body=tables),
            IncomingMessage(topic=topics.up(_BOX, topics.Up.EVENT), body=wire.encode(batch)),
        ]
    )


def _copy(rows: list[tuple[int, int, int]]) -> float:
    from django.db import connection, transaction

    began = time.perf_counter()
    lines = "".join(f"{series}\t{at}\t{value}\t0\t1\n" for series, at, value in rows)
    statement = "COPY bench_sample (series_id, at, value, quality, clock_id) FROM STDIN"
    with transaction.atomic(), connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(lines)
    return time.perf_counter() - began


def ratios(scale: float) -> dict[int, list[float]]:
    """For each size ingest's speed over the plain COPY's, in pairs."""
    import django

    django.setup()
    from django.db import connection

    from portal.ingest.models import Sample
    from portal.ingest.store import ingest

    sender = _Sender()
    _prepare(sender)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_sample (LIKE ingest_sample INCLUDING ALL)")
    result: dict[int, list[float]] = {}
    for size in _SIZES:
        found = []
        for round_ in range(max(2, int(_ROUNDS * scale)) + 1):
            first = sender.polls
            messages = sender.arrivals(size)
            rows = [
                (column + 1, 1_700_001_000_000 + n * 1000, 1000 + (n * 31 + column * 7) % 60_000)
                for n in range(first, sender.polls)
                for column in range(_COLUMNS)
            ]
            before = Sample.objects.count()
            began = time.perf_counter()
            ingest(messages)
            took = time.perf_counter() - began
            assert Sample.objects.count() - before == size
            plain = _copy(rows)
            if round_:  # the first of a size warms the caches of both
                found.append(plain / took)
        result[size] = found
    return result


def measure(scale: float = 1.0) -> list[Figure]:
    """The medians, from a private PostgreSQL."""
    command = [
        sys.executable, "-m", "tests.with_postgres",
        sys.executable, "-m", "scripts.benchmarks.ingest_copy", str(scale),
    ]  # fmt: skip
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "portal.settings"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    figures = []
    for size, found in json.loads(done.stdout.splitlines()[-1]).items():
        ratio = statistics.median(found)
        aimed = int(size) == 10_000
        figures.append(
            Figure(
                name=f"ingest over plain text COPY, {int(size):,} rows a commit",
                value=f"{ratio:.2f} ({min(found):.2f} to {max(found):.2f})",
                aim="0.7" if aimed else "",
                met=ratio >= 0.7 if aimed else None,
            )
        )
    return figures


if __name__ == "__main__":
    print(json.dumps(ratios(float(sys.argv[1]))))
