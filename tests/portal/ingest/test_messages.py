"""Whatever bytes come, reading them raises nothing."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_link.limits import MESSAGE_LIMIT, RECORD_LIMIT
from cloud_link.ranges import runs_of
from cloud_link.records import (
    ConfigurationRecord,
    WireError,
    decode_record,
    encode_record,
)
from cloud_link.validation import Flaw, read_record, storable_text
from cloud_link.wire import (
    VERSION,
    Batch,
    Lane,
    encode,
)
from portal.ingest.messages import (
    IncomingMessage,
    MessageBatch,
    decode_messages,
    order,
)
from tests.portal.ingest.sender import METER, Sender, configuration, event, meter

CHANNELS = ["online", "table", "data", "event", "reply", "other"]


def arrive(channel: str, body: bytes, box: str = "b-box") -> MessageBatch:
    return decode_messages([IncomingMessage(topic=f"kanmon/1/{box}/up/{channel}", body=body)])


def templates() -> list[bytes]:
    """Bodies that are sound, as a start for unsound ones."""
    sender = Sender("b-box")
    return [
        sender.online().body,
        sender.tables(METER).body,
        sender.send(Lane.DATA, meter(1, 2, 3, 4)).body,
        sender.send(Lane.EVENT, event(1)).body,
        sender.clock().body,
        sender.send(Lane.EVENT, configuration(1, {"devices": ["x" * 400]})).body,
    ]


@given(st.sampled_from(CHANNELS), st.binary(max_size=200))
def test_noise_is_counted(channel: str, body: bytes) -> None:
    batch = arrive(channel, body)
    assert batch.unusable.total() + sum(len(box.items) for box in batch.boxes.values()) <= 1


@given(st.sampled_from(CHANNELS), st.sampled_from(range(6)), st.data())
def test_damaged_messages_are_records_with_flaws_or_counted(
    channel: str, which: int, data: st.DataObject
) -> None:
    body = bytearray(templates()[which])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    arrive(channel, bytes(body[: data.draw(st.integers(0, len(body)))]))


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=8),
    max_leaves=30,
)


@given(st.sampled_from(CHANNELS), st.lists(_VALUES, max_size=9))
def test_well_formed_nonsense_is_counted(channel: str, body: list[object]) -> None:
    arrive(channel, msgspec.msgpack.encode([VERSION, *body]))


@given(st.text(max_size=40))
def test_any_topic(topic: str) -> None:
    decode_messages([IncomingMessage(topic=topic, body=b"")])


@given(st.sampled_from(Lane), st.binary(max_size=60))
def test_a_record_is_understood_or_flawed(lane: Lane, raw: bytes) -> None:
    assert read_record(raw, lane) is not None


def test_a_record_above_the_limit_is_flawed() -> None:
    raw = b"\x00" * (RECORD_LIMIT + 1)
    assert isinstance(read_record(raw, Lane.DATA), Flaw)


def test_a_bomb_of_zeros_is_not_unpacked() -> None:
    with pytest.raises(WireError):
        encode(Batch(VERSION, bytes(8), 1, Lane.DATA, bytes(8), ((0, bytes(MESSAGE_LIMIT)),)))
    record = ConfigurationRecord(1, bytes(32), "", bytes(1000))
    assert decode_record(encode_record(record)) == record


@pytest.mark.parametrize(("epoch", "boot"), [(b"", bytes(8)), (bytes(8), bytes(9))])
def test_ids_of_another_length_are_none(epoch: bytes, boot: bytes) -> None:
    batch = Sender("b-box", epoch=epoch, boot=boot).send(Lane.DATA, meter(1, 2, 3, 4))
    assert decode_messages([batch]).unusable == {"b-box": 1}


@pytest.mark.parametrize(("ordinal", "seq"), [(-1, 0), (1 << 22, 0), (1, -1), (1, 1 << 40)])
def test_numbers_that_no_spool_makes_are_none(ordinal: int, seq: int) -> None:
    sender = Sender("b-box", ordinal=ordinal)
    assert decode_messages([sender.batch(Lane.DATA, [(seq, b"\x00")])]).unusable == {"b-box": 1}


@given(st.tuples(st.integers(0, 2**22 - 1), st.integers(0, 2**40 - 1)), st.data())
def test_orders_compare_like_their_parts(one: tuple[int, int], data: st.DataObject) -> None:
    two = data.draw(st.tuples(st.integers(0, 2**22 - 1), st.integers(0, 2**40 - 1)))
    assert (order(*one) < order(*two)) == (one < two)
    assert 0 <= order(*one) < 2**63


@given(st.sets(st.integers(0, 50)))
def test_runs_are_the_same_numbers(numbers: set[int]) -> None:
    found = runs_of(sorted(numbers))
    assert {n for first, last in found for n in range(first, last + 1)} == numbers
    assert all(a[1] + 1 < b[0] for a, b in pairwise(found))


@given(st.text(), st.integers(0, 20))
def test_words_fit(text: str, limit: int) -> None:
    assert len(storable_text(text, limit)) <= limit
    assert "\0" not in storable_text(text, limit)
