"""What a hostile box sends: honest messages as plain MessagePack, with values exchanged in them."""

from __future__ import annotations

import copy
import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
from hypothesis import strategies as st

from cloud_link import limits
from cloud_link.records import (
    ClockRecord,
    Column,
    DataRecord,
    EventRecord,
    Table,
    WireCondition,
    WireIdentity,
    WireSupply,
    encode_record,
    table_id,
)
from cloud_link.wire import Lane, inflate
from tests.portal.ingest.sender import OFFSET, configuration, gap, meter

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud_link.records import Record
    from portal.ingest.messages import IncomingMessage
    from tests.portal.ingest.sender import Sender

NOTES: Final = Table("meter", (Column("note", "", 0), Column("voltage", "l2", -1)))
CONFIGURATION: Final[dict[str, Any]] = {
    "gateway": {"heartbeat_s": 60, "health_s": 60},
    "devices": [{"name": "meter", "label": "計器", "url": "snmp://192.0.2.1"}],
}
_YEAR_9999: Final = 253_402_298_999_000
_NESTED: Final[list[Any]] = []
for _ in range(60):
    _NESTED[:] = [copy.copy(_NESTED)]

NUMBERS: Final = tuple(
    number
    for edge in (
        0, 1, 100, 255, limits.COLUMNS_LIMIT, limits.ORDINAL_LIMIT, limits.SEQ_LIMIT,
        limits.BOOT_LIMIT_MS, limits.COUNT_LIMIT, limits.EARLIEST_MS - OFFSET,
        limits.LATEST_MS - OFFSET, _YEAR_9999 - OFFSET, _YEAR_9999, 2**31, 2**32, 2**63,
    )
    for number in (edge - 1, edge, -edge)
)  # fmt: skip
TEXTS: Final = (
    "", " ", "\0", "a\0b", "a\nb", "\x1b[2J", "\u202eevil", "a\u200bb", "\ufeff", "\u3164",
    "計器", "𝟙" * 40, "x" * 33, "x" * 65, "x" * 101, "x" * 256, "x" * 4001, "x" * 20_000,
    "online", "error", "media.jam", "</td><script>", "{name}", "%s",
)  # fmt: skip
OTHERS: Final[tuple[Any, ...]] = (
    None, True, 1.5, math.nan, math.inf, b"", b"8 bytes!", b"\0" * 9, b"\xff" * 8000, [], {},
    [[]], [None], {"seconds": math.inf}, {1: 2}, {"n": 2**64 - 1}, {"n": "x" * 5000},
    {f"k{n}": n for n in range(300)}, _NESTED, {"a": _NESTED}, [[0, 0]] * 1001, [""] * 501,
    msgspec.msgpack.Ext(-1, b"\0\0\0\0"), msgspec.msgpack.Ext(5, b"any"),
)  # fmt: skip

values: st.SearchStrategy[Any] = (
    st.sampled_from([n for n in NUMBERS if -(2**63) <= n < 2**64])
    | st.sampled_from(TEXTS)
    | st.sampled_from(OTHERS)
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
)


def honest_records(sender: Sender) -> list[tuple[Lane, Record]]:
    """A record of each kind, with every field in use."""
    conditions = tuple(
        WireCondition(
            code, "error", component, "it broke", "hr 1 = 2", 900,
            "condition.placed", {"what": "phase", "place": "L1", "for": {"seconds": 3.5}},
            [["register", "holding 7", "", "0x2", "1", "evidence.register_bit", {"bit": 1}, "p"]],
            "check it", "next_step.phase_lost", {},
        )
        for code, component in (("media.jam", "tray 2"), ("comm.timeout", ""))
    )  # fmt: skip
    supplies = (WireSupply("toner", "black", "T", 40, 1000, "%", "ok"),)
    identity = WireIdentity("Acme", "M1", "S1", "1.0", "00:11:22:33:44:55")
    return [
        (Lane.DATA, meter(1000, 1, 2, 3)),
        (Lane.BOUNDARY, meter(2000, 1, None, 3, qualities=((1, 2),))),
        (Lane.DATA, DataRecord(table_id(NOTES), 3000, ["it says", 5], b"\x03", ((1, 0), (1, 9)))),
        (
            Lane.EVENT,
            EventRecord("meter", 1000, "online", "running", identity, conditions, supplies),
        ),
        (
            Lane.EVENT,
            configuration(1500, CONFIGURATION),
        ),
        (Lane.GAP, gap(sender, Lane.DATA, (0, 0), at=500)),
        (Lane.EVENT, ClockRecord(5000, OFFSET + 7, True)),
    ]  # fmt: skip


KINDS: Final = 7
"""How many `honest_records` there are."""


def plain(record: Record) -> Any:
    """A record as lists, texts and numbers."""
    return msgspec.msgpack.decode(encode_record(record))


def defaults(record: Record, first: int) -> list[Any]:
    """The fields of a record from its ``first`` on (its tag counts as one), which it left out."""
    fields = msgspec.structs.asdict(record)
    return [msgspec.to_builtins(one) for one in list(fields.values())[first - 1 :]]


def plain_message(message: IncomingMessage) -> Any:
    """A message's body as lists, texts and numbers."""
    return msgspec.msgpack.decode(inflate(message.body))


def spoil(data: st.DataObject, value: Any) -> Any:
    """``value`` with one to three of what is in it exchanged, at any depth."""
    spoiled = copy.deepcopy(value)
    for _ in range(data.draw(st.integers(1, 3))):
        _exchange(data, spoiled)
    return spoiled


def _exchange(data: st.DataObject, value: Any) -> None:
    while True:
        keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        inner = value[key]
        deeper = isinstance(inner, list | dict) and inner and data.draw(st.integers(0, 4))
        if not deeper:
            value[key] = copy.deepcopy(data.draw(values))
            return
        value = inner


def packed(value: Any) -> bytes:
    """Any value as MessagePack."""
    return msgspec.msgpack.encode(value)


# --- forms of MessagePack that an encoder of ours never writes --------------------------------


@dataclass(frozen=True)
class RawText:
    """A text of these bytes, which need not be UTF-8."""

    content: bytes


@dataclass(frozen=True)
class Pairs:
    """A map of these pairs, keys among which may be equal."""

    pairs: tuple[tuple[Any, Any], ...]


BROKEN_TEXTS: Final = (
    b"\xed\xa0\x80", b"\xed\xb0\x80\xed\xa0\x80", b"\xff", b"\xc0\x80", b"a\xe2\x80",
    b"\xf4\x90\x80\x80",
)  # fmt: skip
"""Halves of surrogate pairs, overlong and cut forms."""


def widest(value: Any) -> bytes:
    """``value`` in the longest form of each of its parts, as no encoder of ours writes it.

    Source: the MessagePack specification, "Formats".
    """
    if value is None or isinstance(value, bool | float | msgspec.msgpack.Ext):
        return msgspec.msgpack.encode(value)
    if isinstance(value, int):
        return struct.pack(">BQ", 0xCF, value) if value >= 0 else struct.pack(">Bq", 0xD3, value)
    if isinstance(value, bytes):
        return struct.pack(">BI", 0xC6, len(value)) + value
    if isinstance(value, str | RawText):
        text = value.encode() if isinstance(value, str) else value.content
        return struct.pack(">BI", 0xDB, len(text)) + text
    if isinstance(value, dict):
        return widest(Pairs(tuple(value.items())))
    if isinstance(value, Pairs):
        parts = b"".join(widest(one) for pair in value.pairs for one in pair)
        return struct.pack(">BI", 0xDF, len(value.pairs)) + parts
    return struct.pack(">BI", 0xDD, len(value)) + b"".join(map(widest, value))


def mangle(data: st.DataObject, honest: Any) -> bytes:
    """The bytes of a record in a form that is valid, or nearly, and that no encoder writes."""
    kind = data.draw(
        st.sampled_from(
            ["widest", "appended", "cut", "trailing", "flipped", "broken text", "twice", "nested"]
        )
    )
    plain_bytes = packed(honest)
    if kind == "appended":
        return packed([*honest, *data.draw(st.lists(values, min_size=1, max_size=3))])
    if kind == "cut":
        return plain_bytes[: data.draw(st.integers(0, len(plain_bytes) - 1))]
    if kind == "trailing":
        return plain_bytes + data.draw(st.binary(min_size=1, max_size=9))
    if kind == "flipped":
        flipped = bytearray(plain_bytes)
        for _ in range(data.draw(st.integers(1, 3))):
            flipped[data.draw(st.integers(0, len(flipped) - 1))] = data.draw(st.integers(0, 255))
        return bytes(flipped)
    changed = copy.deepcopy(honest)
    if kind == "broken text":
        broken = RawText(data.draw(st.sampled_from(BROKEN_TEXTS)))
        _replace_some(data, changed, lambda one: broken if isinstance(one, str) else one)
    if kind == "twice":
        twice = Pairs((("n", 1), ("n", "2"), ("m", [])))
        _replace_some(data, changed, lambda one: twice if isinstance(one, dict) else one)
    if kind == "nested":
        depth = data.draw(st.sampled_from([20, 21, 500, 5_000]))
        return widest(changed)[:-1] + b"\x91" * depth + b"\xc0"
    return widest(changed)


def _replace_some(data: st.DataObject, value: Any, change: Callable[[Any], Any]) -> None:
    """Change some of the leaves and maps within lists, in place."""
    for index, one in enumerate(value):
        if isinstance(one, list):
            _replace_some(data, one, change)
        elif data.draw(st.booleans()):
            value[index] = change(one)
