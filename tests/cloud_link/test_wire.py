"""The wire: round trips, hostile bytes, and bytes that must never change."""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloud_link import limits
from cloud_link.limits import MESSAGE_LIMIT, RECORD_LIMIT
from cloud_link.records import (
    ClockRecord,
    Column,
    ConfigurationRecord,
    DataRecord,
    EventRecord,
    GapRecord,
    Record,
    Table,
    WireCondition,
    WireError,
    WireEvidence,
    WireIdentity,
    WireSupply,
    content_hash,
    decode_record,
    encode_record,
    readable_evidence,
    table_id,
)
from cloud_link.wire import (
    DEFLATE_FROM,
    VERSION,
    Ack,
    AcknowledgedEpoch,
    Batch,
    Lane,
    Online,
    Tables,
    decode,
    encode,
    inflate,
)
from tests.cloud_link.wire_fixtures import (
    GOLDEN_MESSAGES,
    GOLDEN_RECORDS,
    OLDER_MESSAGES,
    OLDER_RECORDS,
    TABLE,
)

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: tuple[type[Batch | Tables | Online | Ack], ...] = (Batch, Tables, Online, Ack)

i64 = st.integers(-(2**63), 2**63 - 1)
seq = st.integers(0, limits.SEQ_LIMIT - 1)
ordinal = st.integers(0, limits.ORDINAL_LIMIT - 1)
boot_ms = st.integers(0, limits.BOOT_LIMIT_MS - 1)
count = st.integers(0, limits.COUNT_LIMIT - 1)
name8 = st.binary(min_size=8, max_size=8)
word = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
lanes = st.sampled_from(Lane)
pairs = st.lists(st.tuples(seq, seq), max_size=4).map(tuple)
nexts = st.dictionaries(st.integers(0, 3), seq, max_size=4)
optional = st.none() | i64
place = st.integers(0, limits.COLUMNS_LIMIT - 1)

json_args = st.dictionaries(
    word, st.recursive(word | i64, lambda inner: st.lists(inner, max_size=2)), max_size=2
)
evidence = st.lists(
    st.tuples(*[word] * 6, json_args, word).map(list), max_size=2
)  # lists: that is what any type is read as
conditions = st.builds(
    WireCondition,
    *[word] * 5,
    st.none() | boot_ms,
    word,
    json_args,
    evidence,
    word,
    word,
    json_args,
)
records: st.SearchStrategy[Record] = st.one_of(
    st.builds(
        DataRecord,
        name8,
        boot_ms,
        st.lists(i64 | word | st.none(), max_size=60),
        st.none() | st.binary(max_size=9),
        st.lists(st.tuples(place, boot_ms), max_size=4).map(tuple),
        st.lists(st.tuples(place, st.integers(0, 255)), max_size=4).map(tuple),
    ),
    st.builds(
        EventRecord,
        word,
        boot_ms,
        word,
        word,
        st.builds(WireIdentity, word, word, word, word, word),
        st.lists(conditions, max_size=3).map(tuple),
        st.lists(
            st.builds(WireSupply, word, word, word, optional, optional, word, word), max_size=3
        ).map(tuple),
    ),
    st.builds(ClockRecord, boot_ms, i64, synchronised=st.booleans()),
    st.builds(
        GapRecord,
        name8,
        ordinal,
        lanes.map(int),
        pairs,
        count,
        count,
        st.tuples(name8, boot_ms),
        st.tuples(name8, boot_ms),
        word,
    ),
    st.builds(ConfigurationRecord, boot_ms, st.binary(max_size=32), word, st.binary(max_size=100)),
)
tables = st.builds(Table, word, st.lists(st.builds(Column, word, word, i64), max_size=5).map(tuple))
messages: st.SearchStrategy[Batch | Tables | Online | Ack] = st.one_of(
    st.builds(
        Batch,
        st.just(VERSION),
        name8,
        ordinal,
        lanes,
        name8,
        st.lists(st.tuples(seq, st.binary(max_size=400)), max_size=5).map(tuple),
    ),
    st.builds(Tables, st.just(VERSION), st.lists(tables, max_size=4).map(tuple)),
    st.builds(
        Online,
        st.just(VERSION),
        st.integers(0, limits.SESSION_LIMIT - 1),
        st.booleans(),
        name8,
        name8,
        ordinal,
        nexts,
        word,
        optional,
        st.lists(st.builds(AcknowledgedEpoch, name8, ordinal, nexts, nexts), max_size=3).map(tuple),
        st.lists(st.tuples(ordinal, ordinal), max_size=4).map(tuple),
    ),
    st.builds(
        Ack,
        st.just(VERSION),
        name8,
        lanes,
        pairs,
        st.lists(st.tuples(seq, word), max_size=3).map(tuple),
        st.lists(st.tuples(seq, name8), max_size=3).map(tuple),
        st.lists(seq, max_size=3).map(tuple),
        st.none() | ordinal,
        pairs,
        st.integers(0, limits.WAIT_LIMIT_MS),
    ),
)


@given(records)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    assert decode_record(encode_record(record)) == record


@given(messages)
def test_a_message_comes_back_as_it_was(message: Batch | Tables | Online | Ack) -> None:
    kind: Any = type(message)
    assert decode(kind, encode(message)) == message


@settings(max_examples=500)
@given(st.binary(max_size=300))
@example(b"\x78")
@example(b"\x78\x9c")
@example(b"\xc1")
@example(b"\xdf\xff\xff\xff\xff")
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\xdb\xff\xff\xff\xff")
@example(b"\x91" * 100_000)
@example(zlib.compress(b"\x91" * 60_000))
def test_hostile_bytes_end_in_a_value_or_a_wire_error(body: bytes) -> None:
    attempts: list[Callable[[], object]] = [lambda: decode_record(body)]
    attempts += [lambda kind=kind: decode(kind, body) for kind in KINDS]  # type: ignore[misc] # bound now
    for attempt in attempts:
        with suppress(WireError):
            attempt()


@settings(max_examples=300)
@given(messages, st.data())
def test_a_damaged_message_ends_in_a_value_or_a_wire_error(
    message: Batch | Tables | Online | Ack, draw: st.DataObject
) -> None:
    kind: Any = type(message)
    body = bytearray(encode(message))
    for _ in range(draw.draw(st.integers(1, 3))):
        body[draw.draw(st.integers(0, len(body) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(body)))
    for damaged in (bytes(body), bytes(body[:cut]), encode(message) + b"\0"):
        with suppress(WireError):
            decode(kind, damaged)


def test_bombs_stop_at_the_limit() -> None:
    bomb = zlib.compress(b"\0" * 100_000_000, 9)
    assert len(bomb) > MESSAGE_LIMIT  # so nested below: what fits a message and grows
    smaller = zlib.compress(b"\0" * 10_000_000, 9)
    assert len(smaller) < MESSAGE_LIMIT
    for body in (bomb, smaller):
        with pytest.raises(WireError, match="more than 65536"):
            inflate(body)
    assert inflate(zlib.compress(b"\x90" * MESSAGE_LIMIT)) == b"\x90" * MESSAGE_LIMIT
    with pytest.raises(WireError, match="truncated"):
        inflate(zlib.compress(b"\x90" * 1_000)[:-3])
    with pytest.raises(WireError, match="more than"):
        inflate(b"\x90" * (MESSAGE_LIMIT + 1))


def test_deep_nesting_is_an_error_and_no_recursion() -> None:
    for opener in (b"\x91", b"\x81\x01"):
        with pytest.raises(WireError):
            decode(Batch, opener * 30_000)
        with pytest.raises(WireError):
            decode_record(opener * 30_000)


def test_limits_are_kept_when_encoding() -> None:
    with pytest.raises(WireError, match="split it"):
        encode_record(ConfigurationRecord(0, b"", "", bytes(RECORD_LIMIT)))
    items = ((0, bytes(60_000)), (1, bytes(6_000)))
    with pytest.raises(WireError, match="exceeds 65536"):
        encode(Batch(VERSION, b"e" * 8, 1, Lane.DATA, b"b" * 8, items))


def test_deflating_happens_only_where_it_pays() -> None:
    def batch(body: bytes) -> Batch:
        return Batch(VERSION, b"e" * 8, 1, Lane.DATA, b"b" * 8, ((0, body),))

    noise = bytes((n * n * 31 + n * 7) % 251 for n in range(100))
    assert encode(batch(noise))[0] != 0x78
    assert encode(batch(bytes(DEFLATE_FROM)))[0] == 0x78
    assert len(encode(batch(bytes(DEFLATE_FROM)))) < DEFLATE_FROM


def test_another_version_says_what_to_do() -> None:
    body = msgspec.msgpack.encode([VERSION + 1, b"e" * 8, 3])
    with pytest.raises(WireError, match="update the older side"):
        decode(Ack, body)


def test_fields_may_be_appended_and_old_ones_left_out() -> None:
    longer = msgspec.msgpack.encode(
        [VERSION, b"e" * 8, 3, [[0, 4]], [], [], [], None, [], 0, "later"]
    )
    shorter = msgspec.msgpack.encode([VERSION, b"e" * 8, 3])
    assert decode(Ack, longer) == Ack(VERSION, b"e" * 8, Lane.DATA, ok=((0, 4),))
    assert decode(Ack, shorter) == Ack(VERSION, b"e" * 8, Lane.DATA)


def test_one_unreadable_record_spoils_no_other() -> None:
    good = encode_record(ClockRecord(0, 5, synchronised=True))
    items = ((0, good), (1, b"\xc1"), (2, good))
    batch = decode(Batch, encode(Batch(VERSION, b"e" * 8, 1, Lane.EVENT, b"b" * 8, items)))
    assert decode_record(batch.items[0][1]) == decode_record(batch.items[2][1])
    with pytest.raises(WireError):
        decode_record(batch.items[1][1])


@pytest.mark.parametrize(("record", "golden"), GOLDEN_RECORDS, ids=lambda x: type(x).__name__)
def test_golden_records(record: Record, golden: str) -> None:
    """What boxes in the field hold in their spools: these bytes may gain readers, never change."""

    assert encode_record(record).hex() == golden
    assert decode_record(bytes.fromhex(golden)) == record


@pytest.mark.parametrize(("record", "older"), OLDER_RECORDS, ids=lambda x: type(x).__name__)
def test_records_of_earlier_versions_are_read(record: Record, older: str) -> None:
    assert decode_record(bytes.fromhex(older)) == record


@pytest.mark.parametrize(("message", "older"), OLDER_MESSAGES, ids=lambda x: type(x).__name__)
def test_messages_of_earlier_versions_are_read(
    message: Batch | Tables | Online | Ack, older: str
) -> None:
    kind: Any = type(message)
    assert decode(kind, bytes.fromhex(older)) == message


def test_an_older_reader_reads_a_condition_with_its_texts() -> None:
    """A portal from before evidence had fields: it takes the positions that it knows."""

    class OldCondition(msgspec.Struct, frozen=True, array_like=True):
        code: str
        severity: str
        component: str
        message: str
        source: str
        since: int | None

    entry = WireEvidence("oid", "1.3.6.1", "prtAlertCode", "8", "jam", "evidence.x", {"a": 1})
    new = WireCondition("media.jam", "error", "", "paper jam", "x = 8", 5, "a.b", {"n": 1}, [entry])
    old = msgspec.msgpack.decode(msgspec.msgpack.encode(new), type=OldCondition)
    assert old == OldCondition("media.jam", "error", "", "paper jam", "x = 8", 5)


@pytest.mark.parametrize(
    ("evidence", "values"),
    [
        ([["oid", "1.3", "name", "8"], ["gateway"]], ["8", ""]),
        ([["oid", "1.3", "name", "8", "", "", {}, "", "of a newer version"]], ["8"]),
        ([["oid", 7], ["oid", "1.3", "", "8"], 5, None, [], {"kind": "oid"}], ["8"]),
        ([["oid", "", "", "1"], ["oid", "", "", "2"], ["oid", "", "", "3"]], ["1", "2"]),
        ("oid", []),
        (None, []),
        ({"a": 1}, []),
    ],
)
def test_unreadable_evidence_is_left_out_and_the_rest_read(
    evidence: object, values: list[str]
) -> None:
    sent = WireCondition("media.jam", "error", "", "", "", None, evidence=evidence)
    event = EventRecord("d", 1, "online", "error", WireIdentity(), (sent,), ())
    (read,) = cast("EventRecord", decode_record(encode_record(event))).conditions
    assert [entry.value for entry in readable_evidence(read, 2)] == values


@pytest.mark.parametrize(("message", "golden"), GOLDEN_MESSAGES, ids=lambda x: type(x).__name__)
def test_golden_messages(message: Batch | Tables | Online | Ack, golden: str) -> None:
    kind: Any = type(message)
    assert encode(message).hex() == golden
    assert decode(kind, bytes.fromhex(golden)) == message


def test_golden_names() -> None:
    assert table_id(TABLE).hex() == "1e14ecc4d1e41147"
    assert content_hash(b"boot-001", b"record") == -1_983_878_725_597_827_572
    assert content_hash(b"boot-002", b"record") != content_hash(b"boot-001", b"record")


@given(tables, tables)
def test_a_tables_name_is_its_contents(one: Table, two: Table) -> None:
    assert (table_id(one) == table_id(two)) == (one == two)
