"""What messages cost, and the parts that they come apart in, without a database."""

from __future__ import annotations

import zlib
from hashlib import sha256
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_link.records import (
    Column,
    ConfigurationRecord,
    DataRecord,
    Table,
    encode_record,
    table_id,
)
from cloud_link.validation import read_outline
from cloud_link.wire import AcknowledgedEpoch, Batch, Lane, Tables, decode
from portal.ingest.cost import PART_ROWS, OpenedMessage, Part
from portal.ingest.messages import IncomingMessage
from tests.portal.ingest.sender import Sender, gap
from tests.portal.ingest.wide_polls import WIDE, polls


def parts_of(message: IncomingMessage, rows: float = PART_ROWS) -> list[Part]:
    opened, found = OpenedMessage(message), list[Part]()
    while opened:
        head = opened.head(rows)
        assert opened.head(rows) is head
        assert opened.take() is head
        found.append(head)
    with pytest.raises(IndexError):
        opened.head(rows)
    return found


def test_a_part_is_made_again_where_fewer_rows_are_allowed_by_then() -> None:
    opened = OpenedMessage(polls(Sender("b-1"), 100, width=10))
    large = opened.head(500)
    assert 400 < large.rows <= 510
    assert opened.head(300) is large, "it is not much larger"
    small = opened.head(50)
    assert small.rows <= 60
    assert opened.head(1).rows <= 21
    opened.take()
    rest = [decode(Batch, opened.head(50).message.body).items]
    while opened:
        opened.take()
        if opened:
            rest.append(decode(Batch, opened.head(50).message.body).items)
    assert sum(map(len, rest)) == 99


def test_only_what_is_needed_of_a_message_is_read() -> None:
    """Thousands of records that are none took the ingest's event loop a tenth of a second."""
    message = Sender("b-1").batch(Lane.EVENT, [(n, b"\xc1") for n in range(2_000)])
    with patch("portal.ingest.cost.read_outline", wraps=read_outline) as reading:
        opened = OpenedMessage(message)
        opened.head(100)
        assert reading.call_count <= 4
        opened.take()
        opened.head(100)
        assert reading.call_count <= 8


@settings(max_examples=50, deadline=None)
@given(counts=st.lists(st.integers(0, 400), max_size=12), rows=st.integers(1, 1_500))
def test_the_parts_of_a_message_say_together_what_it_says(counts: list[int], rows: int) -> None:
    sender = Sender("b-1")
    message = sender.batch(
        Lane.DATA,
        [
            (
                sender.number(Lane.DATA),
                encode_record(DataRecord(table_id(WIDE), n, [7] * max(1, count))),
            )
            for n, count in enumerate(counts)
        ],
    )
    found = parts_of(message, rows)
    whole = decode(Batch, message.body)
    batches = [decode(Batch, part.message.body) for part in found]
    assert tuple(item for batch in batches for item in batch.items) == whole.items
    assert {(b.epoch, b.ordinal, b.lane, b.boot) for b in batches} == {
        (whole.epoch, whole.ordinal, whole.lane, whole.boot)
    }
    for part, batch in zip(found, batches, strict=True):
        assert part.message.topic == message.topic
        assert len(batch.items) <= 1 or part.rows <= rows + 10
    assert OpenedMessage(message).size >= len(message.body)


def test_tables_are_counted_by_name_and_come_apart() -> None:
    tables = tuple(Table(f"d{n}", (Column("jobs", "", 0),)) for n in range(1_200))
    found = parts_of(Sender("b-1").tables(*tables))
    assert 10 < len(found) < 100
    assert sum(len(part.devices) for part in found) == 1_200
    assert sum(len(part.tables) for part in found) == 1_200
    came = [t for part in found for t in decode(Tables, part.message.body).tables]
    assert tuple(came) == tables


def test_epochs_are_counted_by_name_whatever_names_them() -> None:
    """Each is a row that stays: a box that invents some must not fill the database."""
    sender = Sender("b-1")
    (first,) = parts_of(sender.batch(Lane.DATA, [(0, b"\xc1")]))
    (again,) = parts_of(sender.batch(Lane.EVENT, [(0, b"\xc1")]))
    assert len(first.tables) == 1
    assert again.tables == first.tables
    other = Sender("b-1")
    (gapped,) = parts_of(sender.send(Lane.GAP, gap(other, Lane.DATA, (0, 5))))
    assert len(gapped.tables - first.tables) == 1
    told = tuple(AcknowledgedEpoch(b"epoch%03d" % n, 0, {3: 1}) for n in range(64))
    (online,) = parts_of(sender.online(acknowledged=told))
    assert len(online.tables - first.tables) == 64
    assert online.rows > first.rows + 64


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("kanmon/1/b-1/up/data", b"\xc1"),
        ("kanmon/1/b-1/up/data", b"x\x9c\x00"),
        ("kanmon/1/b-1/up/data", b""),
        ("kanmon/1/b-1/up/reply", b"x"),
        ("elsewhere", b"\x90"),
    ],
)
def test_what_cannot_be_decoded_is_one_part(topic: str, body: bytes) -> None:
    message = IncomingMessage(topic=topic, body=body)
    (part,) = parts_of(message)
    assert part.message is message


def test_empty_time_runs_are_not_free() -> None:
    sender = Sender("b-1")
    record = DataRecord(table_id(WIDE), 1, [7], None, ((0, 0),) * 300 + ((1, 0),))
    message = sender.batch(Lane.DATA, [(0, encode_record(record))])
    assert parts_of(message)[0].rows > 300


def test_a_part_is_small_unless_one_record_is_large() -> None:
    assert max(part.rows for part in parts_of(polls(Sender("b-1"), 100))) <= PART_ROWS + 10


def test_a_configuration_costs_what_its_document_is_without_being_read() -> None:
    """A message of some hundred bytes names fifty megabytes of documents."""
    text = b'{"a": [' + b"[]," * 600_000 + b"0]}"
    bomb = ConfigurationRecord(1, sha256(text).digest(), "root", zlib.compress(text))
    message = Sender("b-1").batch(Lane.EVENT, [(n, encode_record(bomb)) for n in range(28)])
    assert len(message.body) < 1_000
    with patch("cloud_link.validation.json.loads", side_effect=AssertionError("it was read")):
        parts = parts_of(message)
    assert [part.documents for part in parts] == [len(text)] * 28
    assert all(part.rows > PART_ROWS for part in parts)
