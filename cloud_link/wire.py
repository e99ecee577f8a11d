"""The messages between box and portal, as MessagePack. Pure: no I/O, no MQTT.

The spool keeps records, and records are counted; a batch carries (seq, record) pairs of one lane::

    up/online   Online                       once a session, and as the will
    up/table    Tables = [Table ...]         data records name them by hash
    up/data     Batch of DATA or BOUNDARY: version, epoch, ordinal, lane, boot, items
    up/event    Batch of EVENT or GAP
    down/ack    Ack = epoch, lane, ok ranges, rejected, need_table, renew

    DataRecord  = table, at, values [, column_bitmap, time_runs, qualities]
    Table       = device, ((quantity, part, resolution) ...)       immutable, named by its hash

A data record carries integers in its table's order; ``column_bitmap`` says which columns when not
all. All structures are positional arrays; fields are only ever appended, so an old reader skips
what it does not know and an old writer's missing fields take their defaults. A body of more than
`DEFLATE_FROM` bytes is deflated when that makes it smaller: zlib's first byte (0x78) can never
start one of our arrays.

`cloud_link.columns` turns readings and reports into records and back.

Source: design section 5; MessagePack specification; RFC 1950 for the deflated form.
"""

from __future__ import annotations

import zlib
from enum import IntEnum
from hashlib import blake2b
from typing import Annotated, Any, Final, TypeVar, cast

import msgspec

VERSION: Final = 1
MESSAGE_LIMIT: Final = 65_536
"""Bytes of one message's body, before and after deflating."""
RECORD_LIMIT: Final = 60_000
"""Bytes of one record; a larger one would not fit a message beside its header."""
DEFLATE_FROM: Final = 200
TABLE_ID_SIZE: Final = 8
EPOCH_SIZE: Final = 8
BOOT_SIZE: Final = 8


class WireError(ValueError):
    """Bytes that cannot be decoded or sent; the message says what was expected."""


class Lane(IntEnum):
    """The queue in which a record travels; each lane has its own sequence numbers.

    The order is that of sending. The byte cap drops ``DATA`` first, then ``EVENT``, then
    ``BOUNDARY``, and never ``GAP``.
    """

    GAP = 0
    """Records of drops, so that the portal shows a gap as a gap."""
    EVENT = 1
    """State, conditions, clock, configuration."""
    BOUNDARY = 2
    """Counters read near the site's midnight, the basis of billing."""
    DATA = 3
    """All other readings."""


class Column(msgspec.Struct, frozen=True, array_like=True):
    """One column of a table: ``quantity`` as in `drivers.report.Quantity`, part, exponent."""

    quantity: str
    part: str
    resolution: int


class Table(msgspec.Struct, frozen=True, array_like=True):
    """The meaning of a data record's integers. Immutable; see `table_id`."""

    device: str
    columns: tuple[Column, ...]


class DataRecord(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Readings of one device from one poll.

    Attributes:
        table: `table_id` of the table that explains ``values``.
        at: Milliseconds since boot of the first reading.
        values: One per present column: an integer of the column's resolution, a text, or ``None``.
        column_bitmap: Bit i (byte i // 8, value ``1 << i % 8``) is set when column i is present;
            ``None`` when all are.
        time_runs: (count, milliseconds after ``at``) of each run of values read in one
            transaction; empty when all were read at ``at``.
        qualities: (index into ``values``, position in `cloud_link.columns.QUALITIES`) of every
            value that is ``None``.
    """

    table: bytes
    at: int
    values: list[int | str | None]
    column_bitmap: bytes | None = None
    time_runs: tuple[tuple[int, int], ...] = ()
    qualities: tuple[tuple[int, int], ...] = ()


Arguments = Annotated[
    Any,
    msgspec.Meta(
        description="arguments of a message by name, JSON values",
        extra_json_schema={"type": "object"},
    ),
]
"""Any type is read: whoever shows the message checks its arguments, and has its text."""


class WireEvidence(msgspec.Struct, frozen=True, array_like=True):
    """A `drivers.report.Evidence` as it travels, its kind by value.

    Attributes:
        meaning: What the value was read as, in English.
        meaning_id: The id of its template; ``""`` for words that are not ours.
        meaning_args: Its arguments, as `console.text.Message.args_json` makes them.
    """

    kind: str
    address: str = ""
    label: str = ""
    value: str = ""
    meaning: str = ""
    meaning_id: str = ""
    meaning_args: Arguments = msgspec.field(default_factory=dict)
    profile: str = ""


EvidenceList = Annotated[
    Any,
    msgspec.Meta(
        description="list of evidence",
        extra_json_schema={
            "type": "array",
            "items": {"$ref": "#/components/schemas/WireEvidence"},
        },
    ),
]
"""Any type is read: whoever shows the evidence reads it entry by entry (`readable_evidence`)."""


class WireCondition(msgspec.Struct, frozen=True, array_like=True):
    """A `drivers.report.Condition`; texts are English.

    Attributes:
        source: The evidence as one text.
        since: Milliseconds since boot; ``None`` if earlier.
        message_id: The id of the template of ``message``; ``""`` for words that are not ours.
        message_args: Its arguments, as `console.text.Message.args_json` makes them.
        evidence: A list of `WireEvidence`.
        next: What to do about this cause; ``""`` where the code says enough.
        next_id: The id of the template of ``next``, and its arguments in ``next_args``.
    """

    code: str
    severity: str
    component: str
    message: str
    source: str
    since: int | None
    message_id: str = ""
    message_args: Arguments = msgspec.field(default_factory=dict)
    evidence: EvidenceList = msgspec.field(default_factory=list)
    next: str = ""
    next_id: str = ""
    next_args: Arguments = msgspec.field(default_factory=dict)


class WireSupply(msgspec.Struct, frozen=True, array_like=True):
    """A `drivers.report.Supply` as it travels, its state by value."""

    kind: str
    colour: str
    name: str
    level: int | None
    capacity: int | None
    unit: str
    state: str


class WireIdentity(msgspec.Struct, frozen=True, array_like=True):
    """A `drivers.report.Identity` as it travels."""

    maker: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    mac: str = ""


class EventRecord(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """A device's whole state, sent whenever a part of it changed; it replaces all earlier ones."""

    device: str
    at: int
    reachability: str
    state: str
    identity: WireIdentity
    conditions: tuple[WireCondition, ...]
    supplies: tuple[WireSupply, ...]


class ClockRecord(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """The offset of this boot's milliseconds to Unix time, once it is known.

    Attributes:
        since: Boot time from which ``offset`` holds; 0 for the boot from its start.
        offset: Milliseconds to add to a boot time to get Unix time.
        synchronised: Whether a time source confirms it. When one does for the first time, the
            record has ``since`` 0: times that an assumed clock had dated are dated anew.
    """

    since: int
    offset: int
    synchronised: bool


class GapRecord(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """Records that were accepted and then dropped, and why.

    Attributes:
        epoch: The epoch of the sequence numbers in ``ranges``, and its ``ordinal``.
        lane: The lane they were dropped from.
        ranges: First and last sequence number of every run dropped, ascending.
        records: How many records.
        readings: How many readings were in them.
        first: (boot, milliseconds) of the oldest reading dropped.
        last: (boot, milliseconds) of the newest.
        reason: ``cap`` (the byte cap), ``disk`` (no space), ``damaged`` (unreadable on disk).
    """

    epoch: bytes
    ordinal: int
    lane: int
    ranges: tuple[tuple[int, int], ...]
    records: int
    readings: int
    first: tuple[bytes, int]
    last: tuple[bytes, int]
    reason: str


class ConfigurationRecord(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """The configuration that now runs: its SHA-256, its author, its text deflated with zlib."""

    at: int
    digest: bytes
    author: str
    document: bytes


Record = DataRecord | EventRecord | ClockRecord | GapRecord | ConfigurationRecord


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """Records of one lane, one epoch and one boot: ``items`` are (seq, encoded record).

    Each record is a byte string of its own, so that an unreadable one does not affect the others.
    """

    version: int
    epoch: bytes
    ordinal: int
    lane: Lane
    boot: bytes
    items: tuple[tuple[int, bytes], ...]


class Tables(msgspec.Struct, frozen=True, array_like=True):
    """Tables that the portal may not know yet."""

    version: int
    tables: tuple[Table, ...]


class Online(msgspec.Struct, frozen=True, array_like=True):
    """A session begins, or (as the will, or on a clean stop) ends.

    Attributes:
        session: Grows with every session of this box; an older session's will changes nothing.
        alive: Whether it begins.
        boot: The first `BOOT_SIZE` bytes of the boot id.
        epoch: The epoch that new records are appended to, and its ``ordinal``.
        next: For each lane of that epoch, the sequence number the next record will get.
        software: Version of the gateway's software.
        offset: The box's present `ClockRecord.offset`; ``None`` while unknown.
    """

    version: int
    session: int
    alive: bool
    boot: bytes
    epoch: bytes
    ordinal: int
    next: dict[int, int]
    software: str
    offset: int | None


class Ack(msgspec.Struct, frozen=True, array_like=True):
    """The outcome of records: committed by the portal, rejected for good, or not stored yet.

    Attributes:
        epoch: The epoch of the sequence numbers.
        lane: The lane of the sequence numbers.
        ok: (first, last) runs that are stored, now or before. The box may delete them.
        rejected: (seq, code) kept in the portal's quarantine. The box may delete them.
        need_table: (seq, table id) not stored: the box sends the table, then the record again.
        conflict: Sequence numbers under which the portal already holds *other* content: the box
            gives these records new numbers in a new epoch.
        renew: An ordinal that the box's next epoch must exceed, when the portal knows more of
            this epoch than the box does (a restored or cloned spool); else ``None``.
    """

    version: int
    epoch: bytes
    lane: Lane
    ok: tuple[tuple[int, int], ...] = ()
    rejected: tuple[tuple[int, str], ...] = ()
    need_table: tuple[tuple[int, bytes], ...] = ()
    conflict: tuple[int, ...] = ()
    renew: int | None = None


class RejectCode:
    """The codes of `Ack.rejected`: why a record is in quarantine."""

    UNREADABLE: Final = "unreadable"
    """The bytes are not a record."""
    MISFIT: Final = "misfit"
    """A data record that does not fit its table."""
    UNKNOWN_WORD: Final = "unknown_word"
    """A quantity, state or code that this portal's vocabulary lacks."""
    REFUSED: Final = "refused"
    """The database would not take it."""


M = TypeVar("M", Batch, Tables, Online, Ack)

_encoder = msgspec.msgpack.Encoder()
_record_decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)
_message_decoders: dict[type, msgspec.msgpack.Decoder[Batch | Tables | Online | Ack]] = {
    kind: msgspec.msgpack.Decoder(kind) for kind in (Batch, Tables, Online, Ack)
}


def encode_record(record: Record) -> bytes:
    """Encode a record as the spool keeps it; raises `WireError` above `RECORD_LIMIT` bytes."""
    body = _encoder.encode(record)
    if len(body) > RECORD_LIMIT:
        raise WireError(
            f"a {type(record).__name__} of {len(body)} bytes exceeds {RECORD_LIMIT}; "
            "split it into smaller ones"
        )
    return body


def decode_record(body: bytes) -> Record:
    """Decode the record in ``body``; raises `WireError` that names the first error."""
    try:
        return _record_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"not a record: {error}") from error


def readable_evidence(condition: WireCondition, limit: int) -> list[WireEvidence]:
    """The first ``limit`` entries of a condition's evidence; unreadable ones are left out."""
    if not isinstance(condition.evidence, list | tuple):
        return []
    found = []
    for entry in condition.evidence[:limit]:
        try:
            found.append(msgspec.convert(entry, WireEvidence))
        except msgspec.ValidationError:
            continue
    return found


def table_id(table: Table) -> bytes:
    """The name of a table: the first 8 bytes of its content's BLAKE2b hash."""
    return blake2b(_encoder.encode(table), digest_size=TABLE_ID_SIZE).digest()


def content_hash(boot: bytes, record: bytes) -> int:
    """The hash that distinguishes records with the same number: a signed 64-bit integer."""
    digest = blake2b(record, digest_size=8, key=boot).digest()
    return int.from_bytes(digest, "big", signed=True)


def encode(message: Batch | Tables | Online | Ack) -> bytes:
    """Encode a message, deflated where that is smaller; raises `WireError` above the limit."""
    body = _encoder.encode(message)
    if len(body) > MESSAGE_LIMIT:
        raise WireError(f"a message of {len(body)} bytes exceeds {MESSAGE_LIMIT}")
    if len(body) > DEFLATE_FROM:
        small = zlib.compress(body, 1)
        if len(small) < len(body):
            return small
    return body


def decode(kind: type[M], body: bytes) -> M:
    """Decode the message of ``kind`` in ``body``; raises `WireError` for anything else."""
    plain = inflate(body)
    try:
        message = _message_decoders[kind].decode(plain)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"not a {kind.__name__} message: {error}") from error
    if message.version != VERSION:
        raise WireError(
            f"a {kind.__name__} message of wire version {message.version}; this side speaks "
            f"{VERSION}: update the older side"
        )
    return cast("M", message)


def inflate(body: bytes) -> bytes:
    """``body`` as written, never more than `MESSAGE_LIMIT` bytes; raises `WireError`."""
    if not body or body[0] != 0x78:
        plain = body
    else:
        expander = zlib.decompressobj()
        try:
            plain = expander.decompress(body, MESSAGE_LIMIT + 1)
        except zlib.error as error:
            raise WireError(f"a damaged deflated body: {error}") from error
        if not expander.eof and len(plain) <= MESSAGE_LIMIT:
            raise WireError("a truncated deflated body")
    if len(plain) > MESSAGE_LIMIT:
        raise WireError(f"a body of more than {MESSAGE_LIMIT} bytes")
    return plain
