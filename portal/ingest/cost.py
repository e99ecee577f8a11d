"""What a message will cost, and its parts, each small enough for one turn. Pure.

A message of 64 kB, deflated to a few hundred bytes, can name sixty thousand readings. It is taken
apart into messages of the same form, which say together what it says and are stored one after the
other, so that no transaction is longer because a message is.

Source: ADR 0024.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from cloud_link.records import (
    ClockRecord,
    ConfigurationRecord,
    DataRecord,
    EventRecord,
    GapRecord,
    Table,
    WireError,
    table_id,
)
from cloud_link.topics import TopicError, Up, parse_up
from cloud_link.validation import Flaw, document_size, read_outline
from cloud_link.wire import VERSION, Batch, Online, Tables, decode, encode, inflate
from portal.ingest.messages import IncomingMessage, box_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloud_link.records import Record

T = TypeVar("T")

PART_ROWS: Final = 1_000
"""Rows of one part at most, unless a single record has more."""

# Rows that something costs beside its values, of which each costs one.
_MESSAGE: Final = 10
_EVENT: Final = 20
_CONDITION: Final = 5
_CLOCK: Final = 100
_EPOCH: Final = 5
_FLAW: Final = 50
_DOCUMENT_BYTES: Final = 200
"""Bytes of a configuration that are read, checked and stored in the time of a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A message, or a part of one, with what it costs.

    Attributes:
        rows: Rows to be written, in readings.
        devices: Hashes of the names of its devices.
        tables: Hashes of the ids of its tables, and of the names of the epochs it speaks of.
        clocks: How many clock records it holds.
        documents: Bytes of the configurations in it, inflated.
    """

    message: IncomingMessage
    rows: int
    devices: frozenset[int] = frozenset()
    tables: frozenset[int] = frozenset()
    clocks: int = 0
    documents: int = 0

    @property
    def box(self) -> str:
        """The box that sent it; "" where the topic names none."""
        return box_of(self.message.topic)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedMessage:
    """A message in parts; ``size``: bytes of its body, inflated."""

    size: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ItemCost:
    """What one record or table costs; ``table``: its id, or the name of an epoch."""

    rows: int
    device: str = ""
    table: bytes = b""
    clock: bool = False
    document: int = 0


def opened(message: IncomingMessage, rows: float = PART_ROWS) -> OpenedMessage:
    """A message in parts of at most ``rows`` rows, in its order.

    A record or table of more rows is a part of its own, and so is what cannot be decoded.
    """
    size = len(message.body)
    try:
        size = len(inflate(message.body))
        found = _parts(message, parse_up(message.topic).channel, rows)
    except (TopicError, WireError):  # the ingest says what is wrong with it
        found = []
    return OpenedMessage(size=size, parts=tuple(found) or (Part(message=message, rows=_MESSAGE),))


def _parts(message: IncomingMessage, channel: Up, rows: float) -> list[Part]:
    if channel is Up.TABLE:
        tables = [(table, _table_cost(table)) for table in decode(Tables, message.body).tables]
        return _apart(
            message, _groups(tables, rows), lambda group: encode(Tables(VERSION, tuple(group)))
        )
    if channel in {Up.DATA, Up.EVENT}:
        batch = decode(Batch, message.body)
        items = [(item, _record_cost(read_outline(item[1], batch.lane))) for item in batch.items]
        return _apart(
            message,
            _groups(items, rows),
            lambda group: encode(msgspec.structs.replace(batch, items=tuple(group))),
            frozenset({hash(batch.epoch)}),
        )
    if channel is Up.ONLINE:
        online = decode(Online, message.body)
        named = [online.epoch, *(one.epoch for one in online.acknowledged)]
        rows_of = _MESSAGE + _EPOCH * len(named)
        return [Part(message=message, rows=rows_of, tables=frozenset(map(hash, named)))]
    return []


def _apart(
    message: IncomingMessage,
    groups: Sequence[Sequence[tuple[T, _ItemCost]]],
    body: Callable[[Sequence[T]], bytes],
    epoch: frozenset[int] = frozenset(),
) -> list[Part]:
    if len(groups) == 1:
        return [_part(message, [one for _, one in groups[0]], epoch)]
    return [
        _part(
            IncomingMessage(topic=message.topic, body=body([item for item, _ in group])),
            [one for _, one in group],
            epoch,
        )
        for group in groups
    ]


def _groups(items: Sequence[tuple[T, _ItemCost]], limit: float) -> list[list[tuple[T, _ItemCost]]]:
    """Runs of items of at most ``limit`` rows together, or of one item."""
    groups: list[list[tuple[T, _ItemCost]]] = []
    rows = 0
    for item, cost in items:
        if not groups or rows + cost.rows > limit:
            groups.append([])
            rows = 0
        groups[-1].append((item, cost))
        rows += cost.rows
    return groups


def _part(message: IncomingMessage, costs: Sequence[_ItemCost], epoch: frozenset[int]) -> Part:
    return Part(
        message=message,
        rows=_MESSAGE + sum(one.rows for one in costs),
        devices=frozenset(hash(one.device) for one in costs if one.device),
        tables=epoch | {hash(one.table) for one in costs if one.table},
        clocks=sum(one.clock for one in costs),
        documents=sum(one.document for one in costs),
    )


def _table_cost(table: Table) -> _ItemCost:
    return _ItemCost(rows=1 + len(table.columns), device=table.device, table=table_id(table))


def _record_cost(record: Record | Flaw) -> _ItemCost:
    if isinstance(record, DataRecord):
        # A run of times or a quality costs a step, whether it holds a value or not.
        bits = len(record.column_bitmap or b"")
        return _ItemCost(
            rows=1 + len(record.values) + len(record.time_runs) + len(record.qualities) + bits
        )
    if isinstance(record, EventRecord):
        rows = _EVENT + _CONDITION * (len(record.conditions) + len(record.supplies))
        return _ItemCost(rows=rows, device=record.device)
    if isinstance(record, ClockRecord):
        return _ItemCost(rows=_CLOCK, clock=True)
    if isinstance(record, GapRecord):
        return _ItemCost(rows=_EVENT + len(record.ranges), table=record.epoch)
    if isinstance(record, ConfigurationRecord):  # names devices
        size = document_size(record)
        return _ItemCost(rows=_EVENT + size // _DOCUMENT_BYTES, document=size)
    return _ItemCost(rows=_FLAW)
