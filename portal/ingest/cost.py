"""What a message will cost, and its parts, each small enough for one turn. Pure.

A message of 64 kB, deflated to a few hundred bytes, can name sixty thousand readings. It is taken
apart into messages of the same form, which say together what it says and are stored one after the
other, so that no transaction is longer because a message is.

Source: ADR 0024.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

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

PART_ROWS: Final = 1_000
"""Rows of one part at most, unless a single record has more."""

# Rows that something costs beside its values, of which each costs one: about what it takes beside a
# reading, so that the first turn of a box is not long either.
_MESSAGE: Final = 10
_EVENT: Final = 20
_CONDITION: Final = 5
_CLOCK: Final = 500
_GAP: Final = 200
_TABLE: Final = 50
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
class _ItemCost:
    """What one record or table costs; ``table``: its id, or the name of an epoch."""

    rows: int
    device: str = ""
    table: bytes = b""
    clock: bool = False
    document: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contents:
    """What a message holds.

    Attributes:
        items: Its records or tables.
        cost: What one of them costs.
        body: The body of a message of the same form that holds only some of them.
        epoch: The hash of the epoch that it speaks of.
    """

    items: Sequence[Any]
    cost: Callable[[Any], _ItemCost]
    body: Callable[[Sequence[Any]], bytes]
    epoch: frozenset[int] = frozenset()


class OpenedMessage:
    """A message that comes apart, each part when it is needed: a message may have thousands.

    Attributes:
        size: Bytes of its body, inflated.

    Args:
        message: As it came. What cannot be decoded is one part: the ingest says what is wrong.
    """

    def __init__(self, message: IncomingMessage) -> None:
        self.size = len(message.body)
        self._message = message
        self._contents: _Contents | None = None
        self._head: Part | None = None
        self._costs: list[_ItemCost] = []
        """Those of the items from ``_start`` on, as far as they were needed."""
        self._start = 0
        try:
            self.size = len(inflate(message.body))
            found = _opened(message, parse_up(message.topic).channel)
        except (TopicError, WireError):
            found = None
        if isinstance(found, _Contents) and found.items:
            self._contents = found
        else:
            self._head = found if isinstance(found, Part) else Part(message=message, rows=_MESSAGE)

    def __bool__(self) -> bool:
        """Whether anything is left of it."""
        if self._contents is None:
            return self._head is not None
        return self._start < len(self._contents.items)

    def head(self, rows: float = PART_ROWS) -> Part:
        """The next part, of at most ``rows`` rows, or of a single record or table of more.

        One that has more than twice as many, because more were allowed when it was made, is made
        again.

        Raises:
            IndexError: Nothing is left.
        """
        contents = self._contents
        if self._head is not None and (
            contents is None or len(self._costs) == 1 or self._head.rows <= 2 * rows + _MESSAGE
        ):
            return self._head
        if contents is None or not self:
            raise IndexError("nothing is left of the message")
        self._costs = self._next_costs(contents, rows)
        stop = self._start + len(self._costs)
        message = self._message
        if stop - self._start < len(contents.items):
            body = contents.body(contents.items[self._start : stop])
            message = IncomingMessage(topic=message.topic, body=body)
        self._head = _part(message, self._costs, contents.epoch)
        return self._head

    def _next_costs(self, contents: _Contents, rows: float) -> list[_ItemCost]:
        found, sum_ = list[_ItemCost](), 0
        known = iter(self._costs)
        for item in islice(contents.items, self._start, None):
            cost = next(known, None) or contents.cost(item)
            sum_ += cost.rows
            if found and sum_ > rows:
                break
            found.append(cost)
        return found

    def take(self) -> Part:
        """Take the part that `head` returned."""
        part, self._head = self.head(), None
        self._start += len(self._costs)
        self._costs = []
        return part


def _opened(message: IncomingMessage, channel: Up) -> _Contents | Part | None:
    if channel is Up.TABLE:
        tables = decode(Tables, message.body).tables
        return _Contents(
            items=tables,
            cost=_table_cost,
            body=lambda group: encode(Tables(VERSION, tuple(group))),
        )
    if channel in {Up.DATA, Up.EVENT}:
        batch = decode(Batch, message.body)
        return _Contents(
            items=batch.items,
            cost=lambda item: _record_cost(read_outline(item[1], batch.lane)),
            body=lambda group: encode(msgspec.structs.replace(batch, items=tuple(group))),
            epoch=frozenset({hash(batch.epoch)}),
        )
    if channel is Up.ONLINE:
        online = decode(Online, message.body)
        named = [online.epoch, *(one.epoch for one in online.acknowledged)]
        rows = _MESSAGE + _EPOCH * len(named)
        return Part(message=message, rows=rows, tables=frozenset(map(hash, named)))
    return None


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
    return _ItemCost(rows=_TABLE + len(table.columns), device=table.device, table=table_id(table))


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
        return _ItemCost(rows=_GAP + len(record.ranges), table=record.epoch)
    if isinstance(record, ConfigurationRecord):  # names devices
        size = document_size(record)
        return _ItemCost(rows=_EVENT + size // _DOCUMENT_BYTES, document=size)
    return _ItemCost(rows=_FLAW)
