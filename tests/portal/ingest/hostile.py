"""What a hostile box sends: honest messages as plain MessagePack, with values exchanged in them."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any, Final

import msgspec
from hypothesis import strategies as st

from cloud_link import limits
from cloud_link.records import (
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
    ]  # fmt: skip


def plain(record: Record) -> Any:
    """A record as lists, texts and numbers."""
    return msgspec.msgpack.decode(encode_record(record))


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
