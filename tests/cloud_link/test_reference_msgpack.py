"""The reference MessagePack package reads what ours (msgspec) writes, and writes what ours reads.

The wire is described as positional arrays (docs/reference/wire.md). `positional` makes that form
from a message's fields without either codec, so that the three can only agree by being right.
"""

from __future__ import annotations

import typing
from enum import Enum
from hashlib import blake2b
from typing import Any, Final

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect as layout

from cloud_link import limits, records, wire
from tests.cloud_link.wire_fixtures import GOLDEN_MESSAGES, GOLDEN_RECORDS

STRUCTURES: Final[list[Any]] = [
    one
    for one in (*vars(records).values(), *vars(wire).values())
    if isinstance(one, type) and issubclass(one, msgspec.Struct)
]
WITHIN: Final = {records.WireEvidence}
"""Read entry by entry from a field of any type, so that no decoded structure holds them."""
RECORDS: Final[tuple[Any, ...]] = typing.get_args(records.Record)
MESSAGES: Final[tuple[Any, ...]] = wire.M.__constraints__
FIXTURES: Final = [*GOLDEN_RECORDS, *GOLDEN_MESSAGES]

EDGES: Final = [0, 1, -1, *(2**n - d for n in (5, 7, 8, 15, 16, 31, 32, 63) for d in (0, 1))]
"""Where MessagePack changes the size of an integer; the negative ones beside them."""
i64 = st.sampled_from([*EDGES, *(-n for n in EDGES)]).filter(lambda n: -(2**63) <= n < 2**63)
integers = i64 | st.integers(-(2**63), 2**63 - 1)
TEXTS: Final = ["", "トナー", "a" * 31, "b" * 32, "c" * 256]
texts = st.sampled_from(TEXTS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
OCTETS: Final = [b"", b"text", b"\xc1\xff", bytes(256)]


def within(kind: layout.IntType) -> st.SearchStrategy[int]:
    """Integers that a field allows, most of them where an encoding or the field ends."""
    least = kind.ge if kind.ge is not None else -(2**63) if kind.gt is None else kind.gt + 1
    most = kind.le if kind.le is not None else 2**63 - 1 if kind.lt is None else kind.lt - 1
    edges = [n for n in {*EDGES, *(-n for n in EDGES), least, most} if least <= n <= most]
    return st.sampled_from(sorted(edges)) | st.integers(least, most)


def sized(
    kind: layout.StrType | layout.BytesType, samples: list[Any], other: Any
) -> st.SearchStrategy[Any]:
    """Texts or octets of a length that a field allows."""
    least, most = kind.min_length or 0, kind.max_length
    some = [one for one in samples if least <= len(one) <= (most or len(one))]
    found: st.SearchStrategy[Any] = other(min_size=least, max_size=min(most or 40, 40))
    return st.sampled_from(some) | found if some else found


def characters(**sizes: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]), **sizes)


SCALARS: Final[dict[type, Any]] = {
    layout.IntType: within,
    layout.StrType: lambda kind: sized(kind, TEXTS, characters),
    layout.BytesType: lambda kind: sized(kind, OCTETS, st.binary),
    layout.BoolType: lambda _: st.booleans(),
    layout.NoneType: lambda _: st.none(),
}


json_values = st.recursive(
    texts | integers | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
"""What a field of any type may hold."""


def unpacked(body: bytes) -> Any:
    return msgpack.unpackb(body, raw=False, strict_map_key=False)


def positional(value: Any) -> Any:
    """A structure as the wire's page says: an array of its fields, a record's tag before them."""
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        fields = [positional(getattr(value, name)) for name in value.__struct_fields__]
        return fields if tag is None else [tag, *fields]
    if isinstance(value, list | tuple):
        return [positional(one) for one in value]
    if isinstance(value, dict):
        return {positional(key): positional(one) for key, one in value.items()}
    return value.value if isinstance(value, Enum) else value


def same(one: Any, other: Any) -> bool:
    """Equal and of the same types: 1 is not True, and bytes are not text."""
    if isinstance(one, dict) and isinstance(other, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def held(value: Any) -> set[type]:
    """The structures that a value is made of, itself included."""
    found: set[type] = set()
    if isinstance(value, msgspec.Struct):
        found.add(type(value))
        value = [getattr(value, name) for name in value.__struct_fields__]
    if isinstance(value, list | tuple):
        found.update(*map(held, value))
    return found


def drawn(kind: layout.Type) -> st.SearchStrategy[Any]:
    """Values of a type, from its description: a new structure or field is drawn without a word."""
    if type(kind) in SCALARS:
        found: st.SearchStrategy[Any] = SCALARS[type(kind)](kind)
        return found
    match kind:
        case layout.Metadata(type=inner):
            return drawn(inner)
        case layout.AnyType():
            return json_values
        case layout.EnumType(cls=cls):
            return st.sampled_from(cls)
        case layout.UnionType(types=types):
            return st.one_of([drawn(one) for one in types])
        case layout.ListType(item_type=item):
            return st.lists(drawn(item), max_size=4)
        case layout.VarTupleType(item_type=item):
            return st.lists(drawn(item), max_size=4).map(tuple)
        case layout.TupleType(item_types=items):
            return st.tuples(*map(drawn, items))
        case layout.DictType(key_type=key, value_type=value):
            return st.dictionaries(drawn(key), drawn(value), max_size=4)
        case layout.StructType(cls=cls, fields=fields):
            return st.builds(cls, **{one.name: drawn(one.type) for one in fields})
    raise AssertionError(f"the wire uses {kind}, which this test cannot draw")


def test_every_structure_of_the_wire_has_a_fixture() -> None:
    assert {type(one) for one, _ in FIXTURES} == {*RECORDS, *MESSAGES}
    assert set().union(*(held(one) for one, _ in FIXTURES)) == set(STRUCTURES) - WITHIN


def test_every_structure_of_the_wire_is_drawn() -> None:
    def described(kind: Any) -> set[type]:
        found = {kind.cls} if isinstance(kind, layout.StructType) else set()
        if isinstance(kind, layout.StructType):
            return found.union(*(described(one.type) for one in kind.fields))
        parts = [getattr(kind, name, ()) for name in ("types", "item_types")]
        parts.append([getattr(kind, "item_type", None)])
        return found.union(*(described(one) for some in parts for one in some if one))

    drawn_kinds = set().union(*(described(layout.type_info(k)) for k in (*RECORDS, *MESSAGES)))
    assert drawn_kinds == set(STRUCTURES) - WITHIN


@pytest.mark.parametrize(("ours", "golden"), FIXTURES, ids=lambda one: type(one).__name__)
def test_the_reference_reads_every_fixture(ours: Any, golden: str) -> None:
    body = wire.inflate(bytes.fromhex(golden))
    assert same(unpacked(body), positional(ours))
    assert msgpack.packb(positional(ours)) == body


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_the_reference_reads_every_record(kind: Any, data: st.DataObject) -> None:
    record = data.draw(drawn(layout.type_info(kind)))
    body = records.encode_record(record)
    assert same(unpacked(body), positional(record))
    assert records.decode_record(msgpack.packb(positional(record))) == record


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_the_reference_reads_every_message(kind: Any, data: st.DataObject) -> None:
    message = data.draw(drawn(layout.type_info(kind)))
    message = msgspec.structs.replace(message, version=wire.VERSION)
    body = wire.inflate(wire.encode(message))
    assert same(unpacked(body), positional(message))
    assert wire.decode(kind, msgpack.packb(positional(message))) == message


@given(st.lists(drawn(layout.type_info(records.WireEvidence)), max_size=3))
def test_the_reference_reads_evidence_and_its_writing_is_read(entries: list[Any]) -> None:
    ours = records.WireCondition("media.jam", "error", "", "", "", None, evidence=entries)
    *_, evidence, _next, _id, _args = unpacked(msgspec.msgpack.encode(ours))
    assert same(evidence, positional(entries))
    read = msgspec.convert(positional(ours), records.WireCondition)
    assert records.readable_evidence(read, 3) == entries


@given(drawn(layout.type_info(records.Table)))
def test_a_reader_finds_a_tables_name_with_the_reference(table: records.Table) -> None:
    name = blake2b(msgpack.packb(positional(table)), digest_size=limits.TABLE_ID_SIZE).digest()
    assert name == records.table_id(table)


def test_a_record_within_a_batch_is_read_by_the_reference_alone() -> None:
    kept = [one for one, _ in GOLDEN_RECORDS]
    items = tuple((seq, records.encode_record(one)) for seq, one in enumerate(kept))
    batch = wire.Batch(wire.VERSION, b"e" * 8, 1, wire.Lane.EVENT, b"b" * 8, items)
    *_, found = unpacked(wire.inflate(wire.encode(batch)))
    assert [seq for seq, _ in found] == list(range(len(kept)))
    assert all(same(unpacked(b), positional(r)) for (_, b), r in zip(found, kept, strict=True))
