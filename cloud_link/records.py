"""The records that a box's spool keeps and the portal stores, as MessagePack. Pure.

Each record is a positional array with a tag, encoded by itself. A data record carries integers in
the order of a `Table`, which it names by hash; an event record carries a device's whole state.
Fields are only ever appended. `cloud_link.wire` carries records in batches.

Source: design section 5; MessagePack specification.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated, Any

import msgspec

from cloud_link.fields import (
    Boot,
    BootMs,
    Code,
    ColumnBitmap,
    Count,
    Digest,
    EpochName,
    Int64,
    LaneNumber,
    Ordinal,
    Qualities,
    Runs,
    TableId,
    TimeRuns,
    Values,
    Word,
)
from cloud_link.limits import RECORD_LIMIT, TABLE_ID_SIZE


class WireError(ValueError):
    """Bytes that cannot be decoded or sent; the message says what was expected."""


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

    table: TableId
    at: BootMs
    values: Values
    column_bitmap: ColumnBitmap | None = None
    time_runs: TimeRuns = ()
    qualities: Qualities = ()


Arguments = Annotated[
    Any,
    msgspec.Meta(
        description="arguments of a message by name, JSON values",
        extra_json_schema={"type": "object"},
    ),
]
"""Any type is read: the code that shows the message checks its arguments, and has its text."""


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
"""Any type is read: pages read the evidence entry by entry (`readable_evidence`)."""


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

    code: Code
    severity: Word
    component: str
    message: str
    source: str
    since: BootMs | None
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
    level: Int64 | None
    capacity: Int64 | None
    unit: str
    state: Word


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
    at: BootMs
    reachability: Word
    state: Word
    identity: WireIdentity
    conditions: tuple[WireCondition, ...]
    supplies: tuple[WireSupply, ...]


class ClockRecord(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """The offset of this boot's milliseconds to Unix time, once it is known.

    Attributes:
        since: Boot time from which ``offset`` holds; 0 for the boot from its start.
        offset: Milliseconds to add to a boot time to get Unix time.
        synchronised: Whether a time source confirms it. When one does, ``since`` is where the
            last confirmed offset ended (0 for the first time): what an assumed clock had dated in
            between is dated again. A step that none confirms is a record without it, and holds
            from when it was seen.
    """

    since: BootMs
    offset: Int64
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
        reason: ``cap`` (the byte cap), ``disk`` (no space), ``damaged`` (unreadable on disk),
            ``invalid`` (refused by `cloud_link.validation` before it was ever sent),
            ``portal`` (the portal lost what it had acknowledged, and the box no longer has it),
            ``moved`` (not dropped: sent again under other numbers, after a conflict).
    """

    epoch: EpochName
    ordinal: Ordinal
    lane: LaneNumber
    ranges: Runs
    records: Count
    readings: Count
    first: tuple[Boot, BootMs]
    last: tuple[Boot, BootMs]
    reason: Word


class ConfigurationRecord(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """The configuration that now runs: its SHA-256, its author, its text deflated with zlib."""

    at: BootMs
    digest: Digest
    author: str
    document: bytes


Record = DataRecord | EventRecord | ClockRecord | GapRecord | ConfigurationRecord


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)
_table_decoder: msgspec.msgpack.Decoder[Table] = msgspec.msgpack.Decoder(Table)


def encode_record(record: Record) -> bytes:
    """Encode a record as the spool keeps it.

    Raises:
        WireError: It has more than `RECORD_LIMIT` bytes, an integer of more than 64 bits, or a
            text that is none in UTF-8.
    """
    try:
        body = _encoder.encode(record)
    except (OverflowError, UnicodeError) as error:
        raise WireError(f"a {type(record).__name__} cannot be encoded: {error}") from error
    if len(body) > RECORD_LIMIT:
        raise WireError(
            f"a {type(record).__name__} of {len(body)} bytes exceeds {RECORD_LIMIT}; "
            "split it into smaller ones"
        )
    return body


def decode_record(body: bytes) -> Record:
    """Decode the record in ``body``; raises `WireError` that names the first error."""
    try:
        return _decoder.decode(body)
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


def encode_table(table: Table) -> bytes:
    """Encode a table as the spool and a session keep it: a tenth of its size as an object."""
    return _encoder.encode(table)


def decode_table(body: bytes) -> Table:
    """Decode what `encode_table` made; raises msgspec.MsgspecError for anything else."""
    return _table_decoder.decode(body)


def table_id(table: Table) -> bytes:
    """The name of a table: the first 8 bytes of its content's BLAKE2b hash."""
    return blake2b(_encoder.encode(table), digest_size=TABLE_ID_SIZE).digest()


def content_hash(boot: bytes, record: bytes) -> int:
    """The hash that distinguishes records with the same number: a signed 64-bit integer."""
    digest = blake2b(record, digest_size=8, key=boot).digest()
    return int.from_bytes(digest, "big", signed=True)
