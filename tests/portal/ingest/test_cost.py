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
from cloud_link.wire import AcknowledgedEpoch, Batch, Lane, Tables, decode
from portal.ingest.cost import PART_ROWS, opened
from portal.ingest.messages import IncomingMessage
from tests.portal.ingest.sender import Sender, gap
from tests.portal.ingest.wide_polls import WIDE, polls


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
    found = opened(message, rows)
    whole = decode(Batch, message.body)
    batches = [decode(Batch, part.message.body) for part in found.parts]
    assert tuple(item for batch in batches for item in batch.items) == whole.items
    assert {(b.epoch, b.ordinal, b.lane, b.boot) for b in batches} == {
        (whole.epoch, whole.ordinal, whole.lane, whole.boot)
    }
    for part, batch in zip(found.parts, batches, strict=True):
        assert part.message.topic == message.topic
        assert len(batch.items) <= 1 or part.rows <= rows + 10
    assert found.size >= len(message.body)


def test_tables_are_counted_by_name_and_come_apart() -> None:
    tables = tuple(Table(f"d{n}", (Column("jobs", "", 0),)) for n in range(1_200))
    found = opened(Sender("b-1").tables(*tables))
    assert len(found.parts) == 3
    assert sum(len(part.devices) for part in found.parts) == 1_200
    assert sum(len(part.tables) for part in found.parts) == 1_200
    came = [t for part in found.parts for t in decode(Tables, part.message.body).tables]
    assert tuple(came) == tables


def test_epochs_are_counted_by_name_whatever_names_them() -> None:
    """Each is a row that stays: a box that invents some must not fill the database."""
    sender = Sender("b-1")
    (first,) = opened(sender.batch(Lane.DATA, [(0, b"\xc1")])).parts
    (again,) = opened(sender.batch(Lane.EVENT, [(0, b"\xc1")])).parts
    assert len(first.tables) == 1
    assert again.tables == first.tables
    other = Sender("b-1")
    (gapped,) = opened(sender.send(Lane.GAP, gap(other, Lane.DATA, (0, 5)))).parts
    assert len(gapped.tables - first.tables) == 1
    told = tuple(AcknowledgedEpoch(b"epoch%03d" % n, 0, {3: 1}) for n in range(64))
    (online,) = opened(sender.online(acknowledged=told)).parts
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
    (part,) = opened(message).parts
    assert part.message is message


def test_empty_time_runs_are_not_free() -> None:
    sender = Sender("b-1")
    record = DataRecord(table_id(WIDE), 1, [7], None, ((0, 0),) * 300 + ((1, 0),))
    message = sender.batch(Lane.DATA, [(0, encode_record(record))])
    assert opened(message).parts[0].rows > 300


def test_a_part_is_small_unless_one_record_is_large() -> None:
    assert max(part.rows for part in opened(polls(Sender("b-1"), 100)).parts) <= PART_ROWS + 10


def test_a_configuration_costs_what_its_document_is_without_being_read() -> None:
    """A message of some hundred bytes names fifty megabytes of documents."""
    text = b'{"a": [' + b"[]," * 600_000 + b"0]}"
    bomb = ConfigurationRecord(1, sha256(text).digest(), "root", zlib.compress(text))
    message = Sender("b-1").batch(Lane.EVENT, [(n, encode_record(bomb)) for n in range(28)])
    assert len(message.body) < 1_000
    with patch("cloud_link.validation.json.loads", side_effect=AssertionError("it was read")):
        parts = opened(message).parts
    assert [part.documents for part in parts] == [len(text)] * 28
    assert all(part.rows > PART_ROWS for part in parts)
