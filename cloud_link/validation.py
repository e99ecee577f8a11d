"""The one validator of what travels, asked by boxes as they send and by the portal. Pure.

::

    bytes --msgspec, cloud_link.fields--> types, lengths, ranges, counts      unreadable, invalid
          --record_flaw--> names, words, times, nesting, what fits together   name, time, misfit ...

A record without a flaw can be stored in either database, shown, logged and acknowledged. A table
is checked by `table_flaw` where it is new: its records are many, and are then checked by column.

Texts for people are never a flaw: `storable_text` makes what either database stores, and whoever
shows or logs one escapes it.

Source: design section 5.
"""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import msgspec

from cloud_link import limits
from cloud_link.records import (
    ClockRecord,
    Column,
    ConfigurationRecord,
    DataRecord,
    EventRecord,
    GapRecord,
    Record,
    Table,
    WireError,
    decode_record,
    encode_record,
)
from cloud_link.wire import Lane, RejectCode
from console.name import is_name
from drivers.report import Code, Reachability, Severity, State, SupplyState

LANES: Final[dict[type, frozenset[Lane]]] = {
    DataRecord: frozenset({Lane.DATA, Lane.BOUNDARY}),
    EventRecord: frozenset({Lane.EVENT}),
    ClockRecord: frozenset({Lane.EVENT}),
    ConfigurationRecord: frozenset({Lane.EVENT}),
    GapRecord: frozenset({Lane.GAP}),
}
"""Where each kind of record travels: an order compares numbers of one lane only."""
GAP_REASONS: Final = frozenset({"cap", "disk", "damaged", "invalid", "portal", "moved"})
"""What `cloud_link.records.GapRecord.reason` may say."""
_PIECE: Final = 1 << 16
_JSON_MARKS: Final = (b",", b":", b"[", b"{")
"""One of these stands before every key and value but the outermost."""
_KINDS: Final = range(1, 6)
"""The tags of the records that this version knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Why a record is refused: a code of `cloud_link.wire.RejectCode`, and a detail in English.

    Attributes:
        cause: What refusals that are alike have in common, where an error was raised; ``""`` for
            what is in the record.
    """

    code: str
    detail: str
    cause: str = ""


# Records


def read_record(raw: bytes, lane: Lane) -> Record | Flaw:
    """Decode a record that travels in ``lane``, or say why it is refused; never raises."""
    record = read_outline(raw, lane)
    if isinstance(record, ConfigurationRecord):
        return _configuration_flaw(record) or record
    return record


def read_outline(raw: bytes, lane: Lane) -> Record | Flaw:
    """As `read_record`, but leave the document of a configuration as it came, and unchecked.

    A document can be a thousand times as large as its record.
    """
    if len(raw) > limits.RECORD_LIMIT:
        return Flaw(code=RejectCode.INVALID, detail=f"a record of {len(raw)} bytes")
    try:
        record = decode_record(raw)
    except WireError as error:
        code = RejectCode.INVALID if _known_kind(raw) else RejectCode.UNREADABLE
        return Flaw(code=code, detail=str(error))
    if lane not in LANES[type(record)]:
        detail = f"a {type(record).__name__} does not travel in lane {lane.name}"
        return Flaw(code=RejectCode.MISFIT, detail=detail)
    if isinstance(record, ConfigurationRecord):
        return record
    return record_flaw(record) or record


def sendable(record: Record) -> bytes:
    """Encode a record as the spool keeps it; raises `WireError` for one the portal refuses."""
    body = encode_record(record)
    flaw = record_flaw(decode_record(body))
    if flaw is not None:
        raise WireError(f"a {type(record).__name__} is refused ({flaw.code}): {flaw.detail}")
    return body


def record_flaw(record: Record) -> Flaw | None:
    """Why a decoded record is refused, if it is. A data record is checked with its table."""
    if isinstance(record, EventRecord):
        return _event_flaw(record)
    if isinstance(record, ClockRecord):
        return _clock_flaw(record)
    if isinstance(record, GapRecord):
        return _gap_flaw(record)
    if isinstance(record, ConfigurationRecord):
        return _configuration_flaw(record)
    return None


def _known_kind(raw: bytes) -> bool:
    """Whether the bytes are MessagePack, and a record of a kind that this version knows."""
    try:
        first = msgspec.msgpack.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return False
    return isinstance(first, list) and bool(first) and first[0] in _KINDS


def _event_flaw(record: EventRecord) -> Flaw | None:
    if len(record.conditions) > limits.CONDITIONS_LIMIT:
        return _invalid(f"an event with {len(record.conditions)} conditions")
    if len(record.supplies) > limits.SUPPLIES_LIMIT:
        return _invalid(f"an event with {len(record.supplies)} supplies")
    if not is_name(record.device, limits.DEVICE_LENGTH):
        return _name("device", record.device)
    for condition in record.conditions:
        component = condition.component
        if component and not is_name(component, limits.COMPONENT_LENGTH):
            return _name("component", component)
    for supply in record.supplies:
        if supply.level is not None and supply.level not in limits.LEVELS:
            return _invalid(f"a supply's level of {supply.level} per cent")
    keys = {(condition.code, condition.component) for condition in record.conditions}
    if len(keys) != len(record.conditions):
        return Flaw(code=RejectCode.MISFIT, detail="a condition is given twice")
    return _words_flaw(record)


def _words_flaw(record: EventRecord) -> Flaw | None:
    try:
        Reachability(record.reachability)
        State(record.state)
        for condition in record.conditions:
            Code(condition.code)
            Severity(condition.severity)
        for supply in record.supplies:
            SupplyState(supply.state)
    except ValueError as error:
        return Flaw(code=RejectCode.UNKNOWN_WORD, detail=str(error))
    return None


def _clock_flaw(record: ClockRecord) -> Flaw | None:
    if plausible(record.since + record.offset):
        return None
    detail = f"the clock with offset {record.offset} from {record.since} on is not plausible"
    return Flaw(code=RejectCode.TIME, detail=detail)


def _gap_flaw(record: GapRecord) -> Flaw | None:
    edges = [edge for run in record.ranges for edge in run]
    if edges != sorted(edges):
        return Flaw(code=RejectCode.MISFIT, detail="a gap whose runs do not ascend")
    if record.reason not in GAP_REASONS:
        return Flaw(code=RejectCode.UNKNOWN_WORD, detail=f"the reason {record.reason!r} of a gap")
    return None


# Configurations


def _configuration_flaw(record: ConfigurationRecord) -> Flaw | None:
    try:
        configuration_document(record)
    except WireError as error:
        return Flaw(code=RejectCode.MISFIT, detail=f"the configuration is not one: {error}")
    return None


def configuration_document(record: ConfigurationRecord) -> dict[str, Any]:
    """The configuration in a record; raises `WireError` for one that cannot be stored."""
    expander = zlib.decompressobj()
    try:
        text = expander.decompress(record.document, limits.DOCUMENT_LIMIT)
        if not expander.eof:
            raise WireError(f"truncated, or of more than {limits.DOCUMENT_LIMIT} bytes")
        if sha256(text).digest() != record.digest:
            raise WireError("its digest is another document's")
        if sum(map(text.count, _JSON_MARKS)) > limits.DOCUMENT_VALUES:
            raise WireError(f"more than {limits.DOCUMENT_VALUES} keys and values")
        document = json.loads(text)
        json.dumps(document, ensure_ascii=False).encode()
    except (zlib.error, RecursionError, ValueError) as error:
        raise WireError(str(error)) from error
    if not isinstance(document, dict):
        raise WireError("not an object")
    if reason := json_flaw(document):
        raise WireError(reason)
    return document


def document_size(record: ConfigurationRecord) -> int:
    """The bytes of a configuration's text, as far as it can be inflated; at most the limit."""
    expander = zlib.decompressobj()
    size, rest = 0, record.document
    try:
        while rest and size < limits.DOCUMENT_LIMIT:
            size += len(expander.decompress(rest, _PIECE))
            rest = expander.unconsumed_tail
    except zlib.error:
        pass
    return min(size, limits.DOCUMENT_LIMIT)


def json_flaw(value: Any, most: int | None = None) -> str | None:
    """Why JSON values cannot be stored and shown, if they cannot; no value of them recurses.

    Args:
        value: What was decoded.
        most: How many values there may be, at all depths; ``None`` where only bytes count.
    """
    level, depth, count = [value], 0, 0
    while level:
        if depth > limits.JSON_DEPTH:
            return f"nested deeper than {limits.JSON_DEPTH} levels"
        count += len(level)
        if most is not None and count > most:
            return f"more than {most} values"
        deeper: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                deeper += [*one.keys(), *one.values()]
            elif isinstance(one, list | tuple):
                deeper += one
            elif isinstance(one, float) and not math.isfinite(one):
                return "a number that is not finite"
            elif isinstance(one, int) and not limits.INT64_LEAST <= one <= limits.INT64_MOST:
                return "an integer of more than 64 bits"
            elif not (one is None or isinstance(one, str | int | float)):
                return f"a value of type {type(one).__name__}"
        level, depth = deeper, depth + 1
    return None


# Tables


def table_flaw(table: Table) -> Flaw | None:
    """Why a table is refused, and every record that needs it, if it is."""
    if not 0 < len(table.columns) <= limits.COLUMNS_LIMIT:
        return _invalid(f"a table of {len(table.columns)} columns")
    if not is_name(table.device, limits.DEVICE_LENGTH):
        return _name("device", table.device)
    flaw = next(filter(None, map(column_flaw, table.columns)), None)
    if flaw is None and (repeated := repeated_columns(table)):
        named = f"{repeated[0].quantity} {repeated[0].part}".rstrip()
        return Flaw(code=RejectCode.MISFIT, detail=f"a table names {named[:100]!a} twice")
    return flaw


def repeated_columns(table: Table) -> list[Column]:
    """The columns whose quantity and part an earlier one has: which value were the device's?"""
    seen: set[tuple[str, str]] = set()
    repeated = []
    for column in table.columns:
        key = (column.quantity, column.part)
        if key in seen:
            repeated.append(column)
        seen.add(key)
    return repeated


def column_flaw(column: Column) -> Flaw | None:
    """Why a table with this column is refused, if it is."""
    if not is_name(column.quantity, limits.QUANTITY_LENGTH):
        return _name("quantity", column.quantity)
    if column.part and not is_name(column.part, limits.PART_LENGTH):
        return _name("part", column.part)
    if column.resolution not in limits.RESOLUTIONS:
        return _invalid(f"a resolution of {column.resolution}")
    return None


# Texts, times


def storable_text(text: str, most: int) -> str:
    """A text for people as both databases store it: without NUL, at most ``most`` characters."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:most]


def plausible(unix_ms: int) -> bool:
    """Whether something can have happened at this time, in Unix milliseconds."""
    return limits.EARLIEST_MS <= unix_ms < limits.LATEST_MS


def _invalid(detail: str) -> Flaw:
    return Flaw(code=RejectCode.INVALID, detail=detail)


def _name(kind: str, text: str) -> Flaw:
    return Flaw(code=RejectCode.NAME, detail=f"the name of a {kind}: {text[:100]!a}")
