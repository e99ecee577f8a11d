"""The validator of what travels: one rule for both sides, and no input makes it raise."""

from __future__ import annotations

import json
import zlib
from hashlib import sha256
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_link import limits
from cloud_link.records import (
    ClockRecord,
    Column,
    ConfigurationRecord,
    EventRecord,
    GapRecord,
    Table,
    WireCondition,
    WireError,
    WireIdentity,
    WireSupply,
    encode_record,
)
from cloud_link.validation import (
    Flaw,
    document_size,
    json_flaw,
    read_record,
    record_flaw,
    sendable,
    storable_text,
    table_flaw,
)
from cloud_link.wire import VERSION, Ack, Lane, Online, RejectCode, decode
from config.model import _NAME_PATTERN, RESERVED_NAMES
from config.reading import read
from console.name import is_name

BOOT_MS = 1_000
EPOCH = b"epoch-01"

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=30,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(Lane), st.integers(1, 5), st.lists(values, max_size=10))
def test_any_record_is_read_or_has_a_flaw(lane: Lane, tag: int, fields: list[Any]) -> None:
    found = read_record(msgspec.msgpack.encode([tag, *fields]), lane)
    if not isinstance(found, Flaw):
        assert sendable(found) == encode_record(found)


@pytest.mark.parametrize(
    "name",
    ["meter", "計器 2", "a-b", "colour=mono,size=A4", "é", "x" * 64],
)
def test_a_name_is_read_the_same_everywhere(name: str) -> None:
    assert is_name(name, 64)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        " a",
        "a ",
        "a  b",
        "a\0",
        "a\nb",
        "a\x1b[2J",
        "a\x7f",
        "a\u200b",
        "a\u200d",
        "\u202ea",
        "a\u2066",
        "\ufeffa",
        "a\u00ad",
        "a\u3164",
        "a\ufe0f",
        "a\u034f",
        "a\u2028b",
        "a\u3000b",
        "a\ue000",
        "a\U000e0041",
        "x" * 65,
    ],
)
def test_what_cannot_be_seen_is_no_name(name: str) -> None:
    assert not is_name(name, 64)
    assert table_flaw(Table(name, (Column("voltage", "l1", 0),))) is not None
    flaw = record_flaw(EventRecord(name, 1, "online", "ready", WireIdentity(), (), ()))
    assert flaw is not None
    assert flaw.code == RejectCode.NAME
    assert flaw.detail.isprintable()


@pytest.mark.parametrize("resolution", [0, -1])
def test_a_table_tells_each_quantity_of_a_part_once(resolution: int) -> None:
    columns = (Column("voltage", "l1", 0), Column("voltage", "l2", 0), Column("current", "l1", 0))
    assert table_flaw(Table("meter", columns)) is None
    flaw = table_flaw(Table("meter", (*columns, Column("voltage", "l1", resolution))))
    assert flaw is not None
    assert (flaw.code, flaw.detail) == (RejectCode.MISFIT, "a table names 'voltage l1' twice")


@settings(max_examples=30, deadline=None)
@given(st.from_regex(_NAME_PATTERN, fullmatch=True))
def test_a_name_that_a_configuration_accepts_travels(name: str) -> None:
    document = {
        "version": 1,
        "site": {"time_zone": "Asia/Tokyo"},
        "devices": [{"name": name, "url": "snmp://192.0.2.1"}],
    }
    if name not in RESERVED_NAMES:
        (device,) = read(json.dumps(document).encode(), "gateway.yaml").devices
        assert device.name == name
    assert is_name(name, limits.DEVICE_LENGTH)


def event(**fields: Any) -> EventRecord:
    whole: dict[str, Any] = {
        "device": "meter",
        "at": BOOT_MS,
        "reachability": "online",
        "state": "ready",
        "identity": WireIdentity(),
        "conditions": (),
        "supplies": (),
    }
    return EventRecord(**(whole | fields))


def gap(**fields: Any) -> GapRecord:
    whole: dict[str, Any] = {
        "epoch": EPOCH,
        "ordinal": 1,
        "lane": 3,
        "ranges": ((0, 1),),
        "records": 2,
        "readings": 6,
        "first": (EPOCH, 0),
        "last": (EPOCH, 1),
        "reason": "cap",
    }
    return GapRecord(**(whole | fields))


def configuration(said: object, **fields: Any) -> ConfigurationRecord:
    text = said if isinstance(said, bytes) else json.dumps(said).encode()
    whole: dict[str, Any] = {
        "at": BOOT_MS,
        "digest": sha256(text).digest(),
        "author": "root",
        "document": zlib.compress(text),
    }
    return ConfigurationRecord(**(whole | fields))


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


JAM = WireCondition("media.jam", "error", "tray 1", "m", "s", None)
INK = WireSupply("ink", "", "", 5, None, "", "ok")
FULL = WireSupply("ink", "", "", 101, None, "", "ok")


@pytest.mark.parametrize(
    ("record", "lane", "code"),
    [
        (event(), Lane.DATA, RejectCode.MISFIT),
        (event(at=limits.BOOT_LIMIT_MS), Lane.EVENT, RejectCode.INVALID),
        (event(at=-1), Lane.EVENT, RejectCode.INVALID),
        (event(state="x" * 25), Lane.EVENT, RejectCode.INVALID),
        (event(state="dancing"), Lane.EVENT, RejectCode.UNKNOWN_WORD),
        (event(conditions=(JAM, JAM)), Lane.EVENT, RejectCode.MISFIT),
        (event(supplies=(INK,) * 101), Lane.EVENT, RejectCode.INVALID),
        (
            event(supplies=(msgspec.structs.replace(INK, level=101),)),
            Lane.EVENT,
            RejectCode.INVALID,
        ),
        (
            event(supplies=(msgspec.structs.replace(INK, capacity=2**63),)),
            Lane.EVENT,
            RejectCode.INVALID,
        ),
        (
            event(
                conditions=tuple(
                    msgspec.structs.replace(JAM, component=f"tray {n}") for n in range(101)
                )
            ),
            Lane.EVENT,
            RejectCode.INVALID,
        ),
        (gap(epoch=bytes(8000)), Lane.GAP, RejectCode.INVALID),
        (gap(ordinal=limits.ORDINAL_LIMIT), Lane.GAP, RejectCode.INVALID),
        (gap(ordinal=2**64 - 1), Lane.GAP, RejectCode.INVALID),
        (gap(lane=4), Lane.GAP, RejectCode.INVALID),
        (gap(ranges=((0, limits.SEQ_LIMIT),)), Lane.GAP, RejectCode.INVALID),
        (gap(ranges=((0, 0),) * 1001), Lane.GAP, RejectCode.INVALID),
        (gap(ranges=((5, 4),)), Lane.GAP, RejectCode.MISFIT),
        (gap(readings=2**63), Lane.GAP, RejectCode.INVALID),
        (gap(first=(b"short", 0)), Lane.GAP, RejectCode.INVALID),
        (gap(reason="mood"), Lane.GAP, RejectCode.UNKNOWN_WORD),
        (ClockRecord(0, 253_402_300_799_000, True), Lane.EVENT, RejectCode.TIME),
        (ClockRecord(0, 2**63, True), Lane.EVENT, RejectCode.INVALID),
        (configuration([]), Lane.EVENT, RejectCode.MISFIT),
        (configuration({}, digest=bytes(32)), Lane.EVENT, RejectCode.MISFIT),
        (configuration({}, digest=bytes(33)), Lane.EVENT, RejectCode.INVALID),
        (configuration({}, document=b"\x78"), Lane.EVENT, RejectCode.MISFIT),
        (configuration(deep(limits.JSON_DEPTH + 1)), Lane.EVENT, RejectCode.MISFIT),
        (configuration(b"[" * 100_000), Lane.EVENT, RejectCode.MISFIT),
        (configuration(b'{"a": 1e999}'), Lane.EVENT, RejectCode.MISFIT),
        (configuration(b'{"a": NaN}'), Lane.EVENT, RejectCode.MISFIT),
        (configuration({"a": [0] * limits.DOCUMENT_VALUES}), Lane.EVENT, RejectCode.MISFIT),
        (configuration(b'{"a": 9223372036854775808}'), Lane.EVENT, RejectCode.MISFIT),
        (configuration(b'{"a": "\\ud800"}'), Lane.EVENT, RejectCode.MISFIT),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, msgspec.Struct) else str(value),
)
def test_a_record_beyond_a_limit_is_refused_by_both_sides(
    record: Any, lane: Lane, code: str
) -> None:
    found = read_record(encode_record(record), lane)
    assert isinstance(found, Flaw)
    assert found.code == code
    if code != RejectCode.MISFIT or lane is not Lane.DATA:  # the lane is the spool's to choose
        with pytest.raises(WireError):
            sendable(record)


def test_what_is_within_every_limit_travels() -> None:
    conditions = tuple(msgspec.structs.replace(JAM, component=f"tray {n}") for n in range(100))
    for record in (
        event(at=limits.BOOT_LIMIT_MS - 1, conditions=conditions, supplies=(INK,) * 100),
        gap(ordinal=limits.ORDINAL_LIMIT - 1, ranges=((0, limits.SEQ_LIMIT - 1),)),
        ClockRecord(0, limits.LATEST_MS - 1, synchronised=True),
        configuration(deep(limits.JSON_DEPTH)),
    ):
        assert record_flaw(record) is None
        assert sendable(record) == encode_record(record)


def test_a_record_of_a_later_version_is_not_understood_rather_than_wrong() -> None:
    found = read_record(msgspec.msgpack.encode([9, "anything"]), Lane.EVENT)
    assert isinstance(found, Flaw)
    assert found.code == RejectCode.UNREADABLE


@pytest.mark.parametrize(
    "table",
    [
        Table("m", ()),
        Table("m", (Column("note", "", 0),) * 501),
        Table("m", (Column("x" * 41, "", 0),)),
        Table("m", (Column("x\n2026 INFO forged", "", 0),)),
        Table("m", (Column("note", "x" * 101, 0),)),
        Table("m", (Column("note", "", 19),)),
        Table("m", (Column("note", "", 2**64 - 1),)),
    ],
)
def test_a_table_beyond_a_limit_is_refused(table: Table) -> None:
    flaw = table_flaw(table)
    assert flaw is not None
    assert flaw.detail.isprintable()
    assert len(flaw.detail) <= 500


@pytest.mark.parametrize(
    "fields",
    [
        {"renew": limits.ORDINAL_LIMIT},
        {"renew": 2**53 - 1},
        {"wait_ms": limits.WAIT_LIMIT_MS + 1},
        {"wait_ms": -1},
        {"ok": ((0, 2**63),)},
        {"resend": ((-1, 0),)},
        {"need_table": ((0, b"short"),)},
        {"epoch": b""},
    ],
)
def test_an_acknowledgement_beyond_a_limit_is_not_one(fields: dict[str, Any]) -> None:
    whole: dict[str, Any] = {"version": VERSION, "epoch": EPOCH, "lane": Lane.DATA} | fields
    with pytest.raises(WireError):
        decode(Ack, msgspec.msgpack.encode(Ack(**whole)))


def test_an_online_message_may_name_the_end_of_its_numbers_and_no_more() -> None:
    def online(following: int) -> bytes:
        message = Online(VERSION, 1, True, EPOCH, EPOCH, 1, {3: following}, "1", None)
        return msgspec.msgpack.encode(message)

    assert decode(Online, online(limits.SEQ_LIMIT)).next == {3: limits.SEQ_LIMIT}
    with pytest.raises(WireError):
        decode(Online, online(limits.SEQ_LIMIT + 1))


@given(values)
def test_json_that_has_no_flaw_can_be_written(value: object) -> None:
    if json_flaw(value, limits.ARGUMENTS_COUNT) is None:
        assert json.dumps(value, allow_nan=False)


@given(st.text(), st.integers(0, 20))
def test_a_text_for_people_fits_and_has_no_nul(text: str, most: int) -> None:
    found = storable_text(text, most)
    assert len(found) <= most
    assert "\0" not in found


@given(
    st.recursive(
        st.none() | st.integers(0, 9) | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    )
)
def test_a_configuration_is_never_of_more_values_than_are_counted(value: Any) -> None:
    """What is counted before it is read bounds what reading makes of it."""
    document = {"a": value}
    level: list[Any] = [document]
    count = 0
    while level:
        count += len(level)
        level = [
            inner
            for one in level
            for inner in (
                [*one, *one.values()]
                if isinstance(one, dict)
                else one
                if isinstance(one, list)
                else ()
            )
        ]
    with patch.object(limits, "DOCUMENT_VALUES", count - 2):
        assert isinstance(read_record(encode_record(configuration(document)), Lane.EVENT), Flaw)


@pytest.mark.parametrize(
    "text", [b"", b"x", b" " * 70_000, b"[" * limits.DOCUMENT_LIMIT, b" " * 3_000_000]
)
def test_the_size_of_a_document_is_told_without_keeping_it(text: bytes) -> None:
    assert document_size(configuration(text)) == min(len(text), limits.DOCUMENT_LIMIT)
    assert document_size(configuration(text, document=b"x\x9cno zlib")) <= limits.DOCUMENT_LIMIT
