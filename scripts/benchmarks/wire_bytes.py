"""Bytes a reading on the wire: whole PUBLISH packets of polls of 50 readings."""

from __future__ import annotations

import random
import secrets
from typing import Final

from cloud_link import limits, records, topics, wire
from cloud_link.columns import data_record, table_for
from drivers.report import Quantity, Reading
from scripts.benchmarks.figures import Figure

_PACKET: Final = 1 + 2 + 2 + 2 + 1
"""Fixed header with two bytes of length, topic length, packet id, no properties."""
_READINGS: Final = 50
_WIDE: Final = 14
"""How many of them are counters of 32 bits; the others are gauges of 16."""


def _poll(n: int, chance: random.Random) -> list[Reading]:
    gauges = [
        Reading(
            quantity=Quantity.VOLTAGE,
            part=f"string={index + 1}",
            value=chance.randrange(300, 60_000),
            resolution=-1,
            at=1_000_000 + 1000 * n + (0 if index < 20 else 24),
        )
        for index in range(_READINGS - _WIDE)
    ]
    counters = [
        Reading(
            quantity=Quantity.ENERGY_IMPORT,
            part=f"tariff={index + 1}",
            value=184_213_000 + 977 * index + 13 * n,
            at=1_000_000 + 1000 * n + 24,
        )
        for index in range(_WIDE)
    ]
    return gauges + counters


def _cost(polls_a_message: int, messages: int) -> float:
    chance = random.Random(2)
    topic = topics.up("b-k3v9q2m7xa", topics.Up.DATA)
    epoch, boot = secrets.token_bytes(limits.EPOCH_SIZE), secrets.token_bytes(limits.BOOT_SIZE)
    total = 0
    for message in range(messages):
        items = []
        for poll in range(polls_a_message):
            n = message * polls_a_message + poll
            readings = _poll(n, chance)
            table = records.table_id(table_for("meter", readings))
            items.append((70_000 + n, records.encode_record(data_record(table, readings))))
        batch = wire.Batch(wire.VERSION, epoch, 12, wire.Lane.DATA, boot, tuple(items))
        total += _PACKET + len(topic) + len(wire.encode(batch))
    return total / (messages * polls_a_message * _READINGS)


def measure(scale: float = 1.0) -> list[Figure]:
    """Bytes a reading, alone and batched."""
    messages = max(2, int(200 * scale))
    alone, batched = _cost(1, messages), _cost(10, messages)
    mix = f"{_READINGS - _WIDE} values of 16 bits, {_WIDE} of 32, all random or growing"
    return [
        Figure(
            name=f"one poll of 50 a message ({mix})",
            value=f"{alone:.2f} bytes a reading",
            aim="5, at most 6",
            met=alone <= 6,
        ),
        Figure(
            name="ten polls a message",
            value=f"{batched:.2f} bytes a reading",
            aim="5",
            met=batched <= 5,
        ),
    ]
