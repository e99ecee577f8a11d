"""Times that no time source vouches for: which they are, and how long."""

from __future__ import annotations

import pytest
from django.db.models import Q

from cloud_link.wire import Lane
from portal.fleet.models import Box
from portal.ingest.store import ingest
from portal.ingest.time_quality import unconfirmed
from portal.web.moments import nearest_datetime as moment
from tests.portal.ingest.sender import METER, OFFSET, Sender, meter

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

DAY = 86_400_000


def stretches(box: Box, start: int = 0, end: int = 1 << 50) -> list[tuple[int, int]]:
    found = unconfirmed(Q(box=box), start, end)
    assert all(one.earlier_ms is None for one in found)
    return [(one.start - OFFSET, one.end - OFFSET) for one in found]


def poll(sender: Sender, *boot_ms: int) -> None:
    for at in boot_ms:
        ingest([sender.send(Lane.DATA, meter(at, at, at, at))], moment(OFFSET + at))


def test_what_a_source_vouches_for_is_in_no_stretch(box: Box, dated: Sender) -> None:
    poll(dated, 1_000, 2_000)
    assert stretches(box) == []


def test_a_clock_without_confirmation_is_one_until_a_source_confirms_it(
    box: Box, sender: Sender
) -> None:
    ingest([sender.tables(METER), sender.clock(synchronised=False)])
    assert stretches(box) == [], "nothing is dated by it yet"
    poll(sender, 1_000, 500_000)
    assert stretches(box) == [(0, 500_000)]
    poll(sender, 520_000)
    assert stretches(box) == [(0, 500_000)], "known to the minute, for one write a minute"
    poll(sender, 560_000)
    assert stretches(box) == [(0, 560_000)]
    ingest([sender.clock(OFFSET - 7)])
    assert stretches(box) == []


@pytest.mark.parametrize("wrong", [DAY, -2 * DAY])
def test_an_unconfirmed_step_is_one_of_its_own(box: Box, dated: Sender, wrong: int) -> None:
    poll(dated, 1_000)
    ingest([dated.clock(OFFSET + wrong, since=100_000, synchronised=False)])
    poll(dated, 200_000)
    assert stretches(box) == [(100_000 + wrong, 200_000 + wrong)]
    assert stretches(box, OFFSET + 200_001 + max(wrong, 0)) == []
    ingest([dated.clock(OFFSET + 3, since=100_000)])
    poll(dated, 300_000)
    assert stretches(box) == []


def test_steps_in_a_row_are_stretches_each(box: Box, dated: Sender) -> None:
    ingest([dated.clock(OFFSET + DAY, since=100_000, synchronised=False)])
    poll(dated, 150_000)
    ingest([dated.clock(OFFSET - DAY, since=200_000, synchronised=False)])
    poll(dated, 250_000)
    assert stretches(box) == [(200_000 - DAY, 250_000 - DAY), (100_000 + DAY, 150_000 + DAY)]


def test_what_only_a_session_said_of_the_clock_is_unconfirmed(box: Box, sender: Sender) -> None:
    ingest([sender.tables(METER), sender.online(offset=OFFSET)])
    poll(sender, 1_000)
    assert stretches(box) == [(0, 1_000)]
    ingest([sender.clock()])
    assert stretches(box) == []
