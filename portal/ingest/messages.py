"""Messages decoded, and collected by box. Pure: no database, no MQTT.

Whatever a box sends, decoding never raises: a message in an unknown form is counted, a record that
cannot be decoded is an item with a flaw, and its neighbours never notice.

The topic alone says whose a message is; the broker's access list makes that true.

Source: design section 5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from cloud_link.limits import SEQ_BITS
from cloud_link.records import Record, Table, WireError, content_hash, table_id
from cloud_link.topics import TopicError, Up, parse_up
from cloud_link.validation import Flaw, read_record
from cloud_link.wire import VERSION, Batch, Lane, Online, Tables, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable


def order(ordinal: int, seq: int) -> int:
    """One integer that grows with (epoch ordinal, sequence number); fits 63 bits."""
    return ordinal << SEQ_BITS | seq


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMessage:
    """An MQTT message as the broker delivered it: its topic and its payload."""

    topic: str
    body: bytes


@dataclass(frozen=True, slots=True, order=True)
class Number:
    """The identity of a record within its box."""

    epoch: bytes
    lane: Lane
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """A record on its way into the database; compared and hashed by identity.

    Attributes:
        ordinal: Of the epoch, as the batch said.
        content: `cloud_link.records.content_hash`.
        record: What ``raw`` says, or the `Flaw` that keeps it from saying anything.
        received_ms: When it was received, Unix milliseconds, of a record that was kept as it came;
            ``None`` of one that is received now.
    """

    box: str
    number: Number
    ordinal: int
    boot: bytes
    raw: bytes
    content: int
    record: Record | Flaw
    received_ms: int | None = None

    def received(self, now_ms: int) -> int:
        """When it was received, at ``now_ms`` of the portal's time; both in Unix milliseconds."""
        return now_ms if self.received_ms is None else self.received_ms


@dataclass(slots=True, kw_only=True)
class BoxMessages:
    """Everything in a batch of messages that one box sent, in the order it came.

    Attributes:
        box: The box's id.
        tables: The tables it sent, by `cloud_link.records.table_id`.
        online: The session messages it sent.
        items: The first record under each number.
        repeated: Further records under the same numbers: redelivered, or of a cloned spool.
    """

    box: str
    tables: dict[bytes, Table] = field(default_factory=dict)
    online: list[Online] = field(default_factory=list)
    items: dict[Number, Item] = field(default_factory=dict)
    repeated: list[Item] = field(default_factory=list)

    def add(self, item: Item) -> None:
        """Add a record: the first of its number to ``items``, any other to ``repeated``."""
        if self.items.setdefault(item.number, item) is not item:
            self.repeated.append(item)


@dataclass(slots=True, kw_only=True)
class MessageBatch:
    """Decoded messages.

    Attributes:
        boxes: What each box sent, by its id.
        unusable: How many messages of each box ("" where the topic names none) could not be
            decoded.
        errors: Why the last of each could not.
    """

    boxes: dict[str, BoxMessages] = field(default_factory=dict)
    unusable: Counter[str] = field(default_factory=Counter)
    errors: dict[str, str] = field(default_factory=dict)


Reader = Callable[[bytes, Lane], "Record | Flaw"]
"""Decodes a record that came in a lane; see `cloud_link.validation.read_record`."""


def decode_messages(
    messages: Iterable[IncomingMessage], read: Reader | None = None
) -> MessageBatch:
    """Decode messages and collect them by box; never raises for what is in them.

    ``read`` decodes the records, `cloud_link.validation.read_record` where it is not given.
    """
    batch = MessageBatch()
    for message in messages:
        box = ""
        try:
            topic = parse_up(message.topic)
            box = topic.box
            sent = batch.boxes.setdefault(box, BoxMessages(box=box))
            _decode_message(sent, topic.channel, message.body, read or read_record)
        except (TopicError, WireError) as error:
            batch.unusable[box] += 1
            batch.errors[box] = str(error)
    return batch


def box_of(topic: str) -> str:
    """The box that an ``up`` topic names, ``""`` where it names none."""
    try:
        return parse_up(topic).box
    except TopicError:
        return ""


def _decode_message(sent: BoxMessages, channel: Up, body: bytes, read: Reader) -> None:
    if channel is Up.TABLE:
        for table in decode(Tables, body).tables:
            sent.tables[table_id(table)] = table
    elif channel is Up.ONLINE:
        sent.online.append(decode(Online, body))
    elif channel in {Up.DATA, Up.EVENT}:
        for item in _items(sent.box, decode(Batch, body), read):
            sent.add(item)


def _items(box: str, batch: Batch, read: Reader) -> list[Item]:
    return [
        Item(
            box=box,
            number=Number(batch.epoch, batch.lane, seq),
            ordinal=batch.ordinal,
            boot=batch.boot,
            raw=raw,
            content=content_hash(batch.boot, raw),
            record=read(raw, batch.lane),
        )
        for seq, raw in batch.items
    ]


def split(message: IncomingMessage) -> list[IncomingMessage]:
    """Messages of one record or table each, which say together what ``message`` says.

    Records under one number stay together. What cannot be decoded, or is one already, is returned
    as it is.
    """
    try:
        channel = parse_up(message.topic).channel
        if channel is Up.TABLE:
            bodies = [
                encode(Tables(VERSION, (one,))) for one in decode(Tables, message.body).tables
            ]
        elif channel in {Up.DATA, Up.EVENT}:
            batch = decode(Batch, message.body)
            by_number: dict[int, list[tuple[int, bytes]]] = {}
            for seq, raw in batch.items:
                by_number.setdefault(seq, []).append((seq, raw))
            bodies = [
                encode(msgspec.structs.replace(batch, items=tuple(items)))
                for items in by_number.values()
            ]
        else:
            return [message]
    except (TopicError, WireError):
        return [message]
    if len(bodies) <= 1:
        return [message]
    return [IncomingMessage(topic=message.topic, body=body) for body in bodies]
