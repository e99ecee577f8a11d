"""Samples dated again, a few at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_link.records import ClockRecord
from cloud_link.wire import Lane
from portal.ingest import redating
from portal.ingest.models import Redating, Sample
from portal.ingest.store import ingest
from tests.portal.ingest.maintenance import maintain_until
from tests.portal.ingest.sender import METER, OFFSET, Sender, meter, new_box, redate_all

if TYPE_CHECKING:
    from portal.fleet.models import Box

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redating, "MOVED_AT_ONCE", 4)
    monkeypatch.setattr(redating, "SERIES_AT_ONCE", 2)
    monkeypatch.setattr(redating, "_WINDOWS_AT_ONCE", 3)


def moments(box: Box) -> dict[int | None, int]:
    """When each value of the power was read, in milliseconds since the box began."""
    rows = Sample.objects.filter(
        series__device__gateway=box.gateway_id, series__quantity="power.active"
    )
    return {value: at - OFFSET for value, at in rows.values_list("value", "at")}


def wrong_by_an_hour(polls: int = 20) -> tuple[Box, Sender]:
    box = new_box()
    sender = Sender(box.box_id)
    ingest([sender.tables(METER), sender.clock(OFFSET - 3_600_000, synchronised=False)])
    ingest([sender.send(Lane.DATA, *[meter(1000 * n, n, n, n) for n in range(polls)])])
    return box, sender


def test_a_transaction_moves_a_few_and_the_rest_follows() -> None:
    box, sender = wrong_by_an_hour()
    ingest([sender.clock()])
    assert 0 < Sample.objects.filter(at__gte=OFFSET).count() <= 4
    assert redate_all() >= 14
    assert moments(box) == {n: 1000 * n for n in range(20)}
    assert not Redating.objects.exists()


def test_a_transaction_moves_samples_of_a_few_series() -> None:
    """However few samples each of them has: every series has pages of its own."""
    box, sender = wrong_by_an_hour(1)
    ingest([sender.clock()])
    assert Sample.objects.filter(at__gte=OFFSET).count() == 2
    assert redate_all() == 1
    assert moments(box) == {0: 0}


@pytest.mark.parametrize("step", [1000, -1000, 3000, -250])
def test_samples_may_move_to_where_others_were(step: int) -> None:
    """By less than the samples that move at once are apart, in either direction."""
    box = new_box()
    sender = Sender(box.box_id)
    ingest([sender.tables(METER), sender.clock(OFFSET - step, synchronised=False)])
    ingest([sender.send(Lane.DATA, *[meter(1000 * n, n, n, n) for n in range(20)])])
    ingest([sender.clock()])
    redate_all()
    assert moments(box) == {n: 1000 * n for n in range(20)}


def test_samples_that_no_clock_concerns_are_looked_at_once() -> None:
    """A correction at the end of many samples passes them in parts, and none of them twice."""
    box, sender = wrong_by_an_hour(60)
    ingest([sender.clock(since=59_000, synchronised=False)])
    assert redate_all() <= 1 + 3 * 3
    expected = {n: 1000 * n - 3_600_000 for n in range(59)} | {59: 59_000}
    assert moments(box) == expected


def test_boxes_take_turns() -> None:
    pairs = [wrong_by_an_hour() for _ in range(3)]
    ingest([sender.clock() for _, sender in pairs])
    after, turns = 0, []
    for _ in range(6):
        after = redating.go_on(after) or 0
        turns.append(after)
    assert turns == 2 * sorted(box.pk for box, _ in pairs)


def test_samples_that_cannot_move_keep_their_times_and_hold_up_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    box, sender = wrong_by_an_hour()
    ingest([sender.clock()])
    honest = redating._move_within
    left = moments(box)

    def fail(*_: object) -> None:
        raise ValueError("100 ms are taken")

    monkeypatch.setattr(redating, "_move_within", fail)
    assert redating.go_on() == box.pk
    monkeypatch.setattr(redating, "_move_within", honest)
    assert redating.go_on() is None
    assert moments(box) == left
    ingest([sender.send(Lane.DATA, meter(90_000, 90, 90, 90))])
    assert moments(box)[90] == 90_000


async def test_a_worker_moves_them_though_no_message_comes() -> None:
    box, sender = await asyncio.to_thread(wrong_by_an_hour, 8)
    await asyncio.to_thread(ingest, [sender.clock()])

    await maintain_until(lambda: moments(box) == {n: 1000 * n for n in range(8)}, 60)


clocks = st.builds(
    ClockRecord,
    st.sampled_from([0, 2000, 5000, 9000]),
    st.sampled_from([OFFSET + 1000 * n for n in (-3, -1, 0, 1, 2)]),
    st.booleans(),
)
steps = st.lists(clocks | st.sampled_from(["data", "move"]), max_size=9)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=steps)
def test_in_the_end_every_reading_has_the_time_of_the_clock_that_counts(
    steps: list[ClockRecord | str],
) -> None:
    """Whatever comes while samples are still to be moved; all have equal values."""
    box = new_box()
    sender = Sender(box.box_id)
    told = [ClockRecord(0, OFFSET, False)]
    ingest([sender.tables(METER), sender.send(Lane.EVENT, told[0])])
    sent = 0
    for step in [*steps, "data"]:
        if isinstance(step, ClockRecord):
            told.append(step)
            ingest([sender.send(Lane.EVENT, step)])
        elif step == "move":
            redating.go_on()
        else:
            polls = [meter(1000 * (sent + n), 7, 7, 7) for n in range(3)]
            sent += 3
            ingest([sender.send(Lane.DATA, *polls)])
    redate_all()
    expected = sorted(
        next(one.offset for one in reversed(told) if one.since <= at) + at
        for at in range(0, 1000 * sent, 1000)
    )
    rows = Sample.objects.filter(
        series__device__gateway=box.gateway_id, series__quantity="power.active"
    )
    found = sorted(rows.values_list("at", flat=True))
    # Where two clocks put two readings at one moment, one stands a few milliseconds later.
    assert [at // 1000 for at in found] == [at // 1000 for at in expected]
