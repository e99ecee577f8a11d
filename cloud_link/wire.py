"""The messages between box and portal, as MessagePack. Pure: no I/O, no MQTT.

The spool keeps records, and records are counted; a batch carries (seq, record) pairs of one lane::

    up/online   Online                       a session begins, goes on, or (the will) ends
    up/table    Tables = [Table ...]         data records name them by hash
    up/data     Batch of DATA or BOUNDARY: version, epoch, ordinal, lane, boot, items
    up/event    Batch of EVENT or GAP
    down/ack    Ack = epoch, lane, ok ranges, rejected, need_table, conflict, renew, resend, wait

    DataRecord  = table, at, values [, column_bitmap, time_runs, qualities]
    Table       = device, ((quantity, part, resolution) ...)       immutable, named by its hash

A data record carries integers in its table's order; ``column_bitmap`` says which columns when not
all. All structures are positional arrays; fields are only ever appended, so an old reader skips
what it does not know and an old writer's missing fields take their defaults. A body of more than
`DEFLATE_FROM` bytes is deflated when that makes it smaller: zlib's first byte (0x78) can never
start one of our arrays.

`cloud_link.records` defines the records; `cloud_link.columns` turns readings and reports into
records and back.

Source: design section 5; MessagePack specification; RFC 1950 for the deflated form.
"""

from __future__ import annotations

import zlib
from enum import IntEnum
from typing import Annotated, Final, TypeVar, cast

import msgspec

from cloud_link.fields import (
    Boot,
    Code,
    EpochName,
    Int64,
    LastSeqs,
    NextSeqs,
    Ordinal,
    OrdinalRuns,
    Runs,
    Seq,
    SessionNumber,
    TableId,
    WaitMs,
)
from cloud_link.limits import (
    EPOCHS_LIMIT,
    ITEMS_LIMIT,
    MESSAGE_LIMIT,
    RUNS_LIMIT,
    TABLES_LIMIT,
)
from cloud_link.records import Table, WireError

VERSION: Final = 1
DEFLATE_FROM: Final = 200
_RUNS: Final = msgspec.Meta(max_length=RUNS_LIMIT)


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


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """Records of one lane, one epoch and one boot: ``items`` are (seq, encoded record).

    Each record is a byte string of its own, so that an unreadable one does not affect the others.
    """

    version: int
    epoch: EpochName
    ordinal: Ordinal
    lane: Lane
    boot: Boot
    items: Annotated[tuple[tuple[Seq, bytes], ...], msgspec.Meta(max_length=ITEMS_LIMIT)]


class Tables(msgspec.Struct, frozen=True, array_like=True):
    """Tables that the portal may not know yet."""

    version: int
    tables: Annotated[tuple[Table, ...], msgspec.Meta(max_length=TABLES_LIMIT)]


class AcknowledgedEpoch(msgspec.Struct, frozen=True, array_like=True):
    """How far the records of an epoch are acknowledged without a hole.

    Attributes:
        epoch: The epoch, and its ``ordinal``.
        lanes: For each lane, the highest number up to which every record was acknowledged or
            dropped; a lane without any is left out.
        next: For each lane, the number after the last one that the epoch gave out; a lane of which
            the box cannot tell is left out.
    """

    epoch: EpochName
    ordinal: Ordinal
    lanes: LastSeqs
    next: NextSeqs = msgspec.field(default_factory=dict)


class Online(msgspec.Struct, frozen=True, array_like=True):
    """A session begins or goes on, or (as the will, or on a clean stop) ends.

    Attributes:
        session: Grows with every session of this box; an older session's will changes nothing.
        alive: Whether it begins or goes on.
        boot: The first `BOOT_SIZE` bytes of the boot id.
        epoch: The epoch that new records are appended to, and its ``ordinal``.
        next: For each lane of that epoch, the sequence number the next record will get.
        software: Version of the gateway's software.
        offset: The box's present `ClockRecord.offset`; ``None`` while unknown.
        acknowledged: The epochs that the box still knows, so that the portal can look for numbers
            below these that it does not have.
        complete: (first, last) runs of ordinals of which ``acknowledged`` names every epoch in
            which the box gave out numbers: it does not know any other.
    """

    version: int
    session: SessionNumber
    alive: bool
    boot: Boot
    epoch: EpochName
    ordinal: Ordinal
    next: NextSeqs
    software: str
    offset: Int64 | None
    acknowledged: Annotated[
        tuple[AcknowledgedEpoch, ...], msgspec.Meta(max_length=EPOCHS_LIMIT)
    ] = ()
    complete: OrdinalRuns = ()


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
        resend: (first, last) runs that were acknowledged and that the portal does not have (any
            more): the box sends them again, or announces them as dropped.
        wait_ms: Milliseconds for which the box sends nothing, because it used up its budget.
    """

    version: int
    epoch: EpochName
    lane: Lane
    ok: Runs = ()
    rejected: Annotated[tuple[tuple[Seq, Code], ...], _RUNS] = ()
    need_table: Annotated[tuple[tuple[Seq, TableId], ...], _RUNS] = ()
    conflict: Annotated[tuple[Seq, ...], _RUNS] = ()
    renew: Ordinal | None = None
    resend: Runs = ()
    wait_ms: WaitMs = 0


class RejectCode:
    """The codes of `Ack.rejected`: why a record is in quarantine."""

    UNREADABLE: Final = "unreadable"
    """The bytes are not a record of a kind that this portal knows."""
    INVALID: Final = "invalid"
    """A field is of another type, longer, greater or more numerous than it may be."""
    NAME: Final = "name"
    """A name that is empty, too long, or has characters that cannot be seen."""
    TIME: Final = "time"
    """A time outside the years that `cloud_link.limits` allows."""
    MISFIT: Final = "misfit"
    """Fields that do not fit each other, or a data record that does not fit its table."""
    UNKNOWN_WORD: Final = "unknown_word"
    """A quantity, state or code that this portal's vocabulary lacks."""
    REFUSED: Final = "refused"
    """It cannot be stored, while a canary of its kind can: it failed alone, twice. Or its gateway
    names more devices, series or tables than the portal keeps of one."""


M = TypeVar("M", Batch, Tables, Online, Ack)

_encoder = msgspec.msgpack.Encoder()
_message_decoders: dict[type, msgspec.msgpack.Decoder[Batch | Tables | Online | Ack]] = {
    kind: msgspec.msgpack.Decoder(kind) for kind in (Batch, Tables, Online, Ack)
}


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
