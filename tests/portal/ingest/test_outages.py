"""Workers at once, a database that goes: nothing twice, nothing answered that is not stored."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection, transaction

from cloud_link.wire import Lane, RejectCode
from portal.fleet.models import Device
from portal.ingest import store
from portal.ingest.isolation import ingest_or_isolate
from portal.ingest.messages import IncomingMessage
from portal.ingest.models import Latest, Receipt, Sample
from portal.ingest.sql import OUTAGES
from portal.ingest.store import ingest
from tests.portal.ingest.sender import METER, Sender, acks, event, meter, new_box, samples, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from portal.fleet.models import Box

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

ATTEMPTS = 40


@pytest.fixture
def workers() -> Iterator[ThreadPoolExecutor]:
    """Two threads, each with a connection of its own that is closed in the end."""
    with ThreadPoolExecutor(2) as pool:
        yield pool
        # Both threads are asked at once, or one would close twice and the other never.
        meeting = Barrier(2)
        for one in [pool.submit(_close, meeting) for _ in range(2)]:
            one.result()


def _close(meeting: Barrier) -> None:
    meeting.wait(30)
    connection.close()


def _persistent(part: Sequence[IncomingMessage]) -> store.IngestResult:
    """As a worker does: try again for as long as the database does not take it."""
    for _ in range(ATTEMPTS):
        try:
            return ingest(part)
        except OUTAGES:
            connection.close()
    raise AssertionError("the database never came back")


def test_two_workers_with_the_same_messages_store_them_once(
    box: Box, dated: Sender, workers: ThreadPoolExecutor
) -> None:
    messages = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(60)]
    halves = [messages[a : a + 6] for a in range(0, 60, 6)]
    backwards = [list(reversed(part)) for part in reversed(halves)]
    outcomes = list(
        workers.map(_persistent, [p for pair in zip(halves, backwards, strict=True) for p in pair])
    )
    answered = [n for one in outcomes for a, b in acks(one, dated).ok for n in range(a, b + 1)]
    assert sorted(answered) == sorted([*range(60), *range(60)])
    assert len(samples(box)) == 180
    assert {row.value for row in Latest.objects.all()} == {59}


def test_workers_never_wait_for_each_other_in_a_circle(
    transactional_db: None, workers: ThreadPoolExecutor
) -> None:
    """Boxes in either order, new tables, series, epochs and devices on both sides."""
    senders = [Sender(new_box().box_id) for _ in range(6)]
    rounds: list[list[IncomingMessage]] = []
    for turn in range(5):
        part = [
            message
            for one in senders
            for message in (
                one.tables(METER),
                one.clock(since=turn),
                one.send(Lane.DATA, meter(1000 * turn, 1, 2, 3)),
                one.send(Lane.EVENT, event(1000 * turn)),
            )
        ]
        rounds += [part, list(reversed(part))]
    list(workers.map(_persistent, rounds))
    assert Sample.objects.count() == 6 * 5 * 3
    assert Device.objects.count() == 6


@pytest.fixture
def cut(dated: Sender) -> Callable[[], None]:
    """Cuts this thread's database connection, as a dying server does."""

    def server_side() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    def client_side() -> None:
        raise OperationalError("disk I/O error")

    return server_side if connection.vendor == "postgresql" else client_side


STATEMENTS = ["INSERT INTO ingest_receipt", "ingest_latest", 'UPDATE "fleet_box"']


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("before", [True, False])
def test_a_connection_that_dies_within_the_transaction_leaves_nothing(
    box: Box, dated: Sender, cut: Callable[[], None], statement: str, before: bool
) -> None:
    message = dated.send(Lane.DATA, meter(1000, 1, 2, 3))
    known = state(box)
    struck = False

    def strike(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal struck
        hit = statement in sql and not struck
        struck = struck or hit
        if hit and before:
            cut()
        result = execute(sql, params, many, context)
        if hit and not before:
            cut()
        return result

    with connection.execute_wrapper(strike), pytest.raises(OUTAGES):
        ingest([message])
    connection.close()
    assert struck
    assert state(box) == known
    assert not Receipt.objects.filter(lane=Lane.DATA).exists()
    assert acks(ingest([message]), dated).ok == ((0, 0),)
    assert len(samples(box)) == 3


def test_a_commit_whose_answer_was_lost_is_a_duplicate_when_tried_again(
    box: Box, dated: Sender
) -> None:
    message = dated.send(Lane.DATA, meter(1000, 1, 2, 3))
    ingest([message])  # committed, and the worker died before it could say so
    assert acks(ingest([message]), dated).ok == ((0, 0),)
    assert len(samples(box)) == 3


def test_ingest_refuses_to_be_part_of_anothers_transaction(dated: Sender) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        ingest([dated.send(Lane.DATA, meter(1000, 1, 2, 3))])


def test_a_fault_of_our_own_costs_only_the_record_that_brings_it_out(
    box: Box, dated: Sender
) -> None:
    other = Sender(new_box().box_id)
    ingest([other.tables(METER), other.clock()])
    good = [dated.send(Lane.DATA, meter(1000 * n, n, n, n)) for n in range(4)]
    bad = other.send(Lane.DATA, meter(1000, 1, 2, 666_666))

    def faulty(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "666666" in repr(params):
            raise LookupError("a fault of ours")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(faulty):
        outcome = ingest_or_isolate([*good[:2], bad, *good[2:]])
    assert acks(outcome, dated).ok == ((0, 3),)
    assert acks(outcome, other).rejected == ((0, RejectCode.REFUSED),)
    assert len(samples(box)) == 12
