"""However messages are ordered, repeated, cut into batches and transactions: the same state."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_link import topics
from cloud_link.records import (
    ClockRecord,
    Column,
    DataRecord,
    Table,
    WireIdentity,
    encode_record,
    table_id,
)
from cloud_link.wire import Lane
from portal.ingest.messages import IncomingMessage
from portal.ingest.receipts import compact
from portal.ingest.store import ingest
from tests.portal.ingest.sender import (
    METER,
    OFFSET,
    Sender,
    condition,
    configuration,
    event,
    gap,
    meter,
    new_box,
    samples,
    state,
)

if TYPE_CHECKING:
    from cloud_link.records import Record
    from portal.fleet.models import Box

    History = tuple[list[DataRecord], list[Record], tuple[tuple[int, int], ...]]

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

NOTE = Table("meter", (Column("note", "", 0), Column("frequency", "", -2)))
_CODES = ["media.jam", "supply.low", "comm.timeout"]

_polls = st.builds(meter, st.integers(0, 40).map(lambda n: n * 500), *[st.integers(-9, 9)] * 3)
_notes = st.builds(
    lambda at, text: DataRecord(table_id(NOTE), at * 500 + 7, [text, 5000]),
    st.integers(0, 40),
    st.sampled_from(["a", "b"]),
)
# Clocks hours apart: one boot's moments never meet, so that no sample has to give way.
_clocks = st.builds(
    ClockRecord,
    st.sampled_from([0, 0, 5000, 9000]),
    st.sampled_from([OFFSET, OFFSET + 3_600_000_000, OFFSET + 7_200_000_123]),
    st.booleans(),
)
_events = st.builds(
    lambda at, codes, answers, serial: event(
        at * 500,
        # A condition of a device that does not answer would be the gateway's word, as of then.
        *[condition(c, "error", since=at) for c in codes if answers or c.startswith("comm.")],
        reachability="online" if answers else "unreachable",
        identity=WireIdentity(serial=serial),
    ),
    st.integers(0, 40),
    st.sets(st.sampled_from(_CODES)),
    st.booleans(),
    st.sampled_from(["", "S-1", "S-2"]),
)
_histories = st.lists(_polls | _notes, max_size=8).flatmap(
    lambda data: st.tuples(
        st.just(data), st.lists(_events | _clocks, max_size=6), st.sampled_from([(), ((90, 95),)])
    )
)


def _distinct(data: list[DataRecord]) -> list[DataRecord]:
    """Polls of different moments: two at one moment are told apart by who comes first."""
    return list({(one.table, one.at): one for one in data}.values())


def _messages(sender: Sender, history: History) -> list[IncomingMessage]:
    """One message a record, a new epoch half way, and the clock that dates all in the end."""
    data, events, ranges = history
    later = sender.restarted()
    result = [sender.tables(METER, NOTE)]
    for index, record in enumerate(_distinct(data)):
        result.append((sender if index % 2 else later).send(Lane.DATA, record))
    for index, event_ in enumerate([*events, configuration(1, {"devices": []})]):
        half = sender if index < len(events) / 2 else later
        result.append(half.send(Lane.EVENT, event_))
    result.append(later.send(Lane.EVENT, ClockRecord(0, OFFSET, synchronised=True)))
    result += [sender.send(Lane.GAP, gap(sender, Lane.DATA, one)) for one in ranges]
    return result


def _of(box: str, messages: list[IncomingMessage]) -> list[IncomingMessage]:
    """The same messages, from another box."""
    return [
        IncomingMessage(topic=topics.up(box, topics.parse_up(one.topic).channel), body=one.body)
        for one in messages
    ]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=_histories, data=st.data())
def test_any_interleaving_yields_the_same_state(history: History, data: st.DataObject) -> None:
    first, second = new_box(), new_box()
    messages = _messages(Sender(first.box_id), history)
    for message in messages:
        ingest([message])

    again = _of(second.box_id, messages)
    shuffled = data.draw(
        st.permutations(again + data.draw(st.lists(st.sampled_from(again), max_size=5)))
    )
    cuts = sorted(data.draw(st.sets(st.integers(0, len(shuffled)), max_size=6)))
    edges = [0, *cuts, len(shuffled)]
    for a, b in pairwise(edges):
        ingest(shuffled[a:b])
    if data.draw(st.booleans()):
        compact(1 << 60)
    ingest(again)  # what needed its table comes again, as a box sends it again

    assert state(second) == state(first)
    assert len(samples(second)) == sum(
        3 if one.table == table_id(METER) else 1 for one in _distinct(history[0])
    )


def test_the_same_records_batched_otherwise(box: Box, dated: Sender) -> None:
    records = [meter(1000 * n, n, n, n) for n in range(10)]
    one = dated.send(Lane.DATA, *records)
    pieces = [dated.batch(Lane.DATA, [(n, encode_record(records[n]))]) for n in range(10)]
    ingest([pieces[7], pieces[3]])
    ingest([one])
    ingest(pieces)
    assert len(samples(box)) == 30
