"""The limits between which the clock of a boot lies that never had one."""

from __future__ import annotations

import pytest
from django.db.models import Q

from cloud_link.wire import Lane
from portal.fleet.models import Box
from portal.ingest import time_quality
from portal.ingest.store import ingest
from portal.ingest.undated import QUIET_MS
from tests.portal.ingest.sender import METER, OFFSET, Sender, meter
from tests.portal.ingest.test_undated import NEXT, at, rebooted

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]


def earlier(box: Box) -> list[int | None]:
    """By how much the times of each boot without a clock may be earlier, milliseconds."""
    return [one.earlier_ms for one in time_quality.estimated(Q(box=box), 0, 1 << 50)]


def test_an_estimate_has_an_earliest_time_too(box: Box, sender: Sender) -> None:
    """The boot before it had a clock, and the one after it; nothing of it came in time.

    The first boot was last heard of 2,000 s after it began; the third begins at 7,200 s. What was
    read 1 s and 3,000 s after the second one began was read within these limits.
    """
    ingest([sender.tables(METER), sender.clock()], at(0))
    for boot_ms in (1_000, 2_000_000):
        ingest([sender.send(Lane.DATA, meter(boot_ms, 9, 9, 9))], at(boot_ms))
    unset, later = rebooted(sender), rebooted(rebooted(sender))
    ingest(
        [later.online(3), later.clock(NEXT), later.send(Lane.DATA, meter(1, 3, 3, 3))],
        at(7_300_000),
    )
    ingest([unset.send(Lane.DATA, meter(1_000, 1, 1, 1), meter(3_000_000, 2, 2, 2))], at(7_400_000))
    (stretch,) = time_quality.estimated(Q(box=box), 0, 1 << 50)
    assert (stretch.start - OFFSET, stretch.end - OFFSET) == (4_201_000, 7_200_000)
    assert stretch.earlier_ms == 4_200_000 - 2_000_000, "it began between these two"


def test_the_limits_of_boots_in_a_row_add_up(box: Box, sender: Sender) -> None:
    """Two boots without a clock, between two with one: the second began after the first ended."""
    ingest([sender.tables(METER), sender.clock()], at(0))
    ingest([sender.send(Lane.DATA, meter(100_000, 9, 9, 9))], at(100_000))
    first, second = rebooted(sender), rebooted(rebooted(sender))
    later = rebooted(second)
    ingest([later.online(4), later.clock(NEXT)], at(7_300_000))
    ingest([first.send(Lane.DATA, meter(500_000, 1, 1, 1))], at(7_400_000))
    ingest([second.send(Lane.DATA, meter(700_000, 2, 2, 2))], at(7_400_000))
    ingest([later.online(4)], at(7_400_000 + QUIET_MS))
    # The first: from 100 s (the last of the boot before) to 6,500 s less its 500 s. The second:
    # from 600 s (100 s and the 500 s of the first) to 7,200 s less its 700 s.
    assert earlier(box) == [6_000_000 - 100_000, 6_500_000 - 600_000]


@pytest.mark.parametrize("before", ["nothing", "a clock without confirmation", "a wrong clock"])
def test_where_no_earlier_boot_is_known_the_earliest_time_is_not(
    box: Box, sender: Sender, before: str
) -> None:
    clocks = {
        "nothing": [],
        "a clock without confirmation": [sender.clock(synchronised=False)],
        "a wrong clock": [sender.clock(OFFSET + 9_000_000_000)],
    }
    ingest([sender.tables(METER), *clocks[before]], at(0))
    unset, later = rebooted(sender), rebooted(rebooted(sender))
    ingest([unset.online(2), unset.send(Lane.DATA, meter(1_000, 1, 1, 1))], at(50_000))
    ingest([later.online(3), later.clock(NEXT)], at(7_300_000))
    assert earlier(box) == [None]
