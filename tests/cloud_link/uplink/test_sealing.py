"""When open gaps become gap records."""

from __future__ import annotations

import itertools

from cloud_link.uplink.sealing import MOST_UNANSWERED_MS, SEAL_MS, UNANSWERED_MS, GapSealing

MONTH_MS = 30 * 86_400_000


def sealed(sealing: GapSealing, start: int, end: int, *, announced: bool) -> list[int]:
    """The times at which gaps are sealed, by a session that reads the spool once a minute."""
    return [
        now
        for now in range(start, end, 60_000)
        if sealing.due(now) and sealing.allows(now, announced=announced)
    ]


def test_gaps_are_sealed_at_most_once_a_second_while_no_gap_record_waits() -> None:
    sealing = GapSealing()
    assert sealing.due(0)
    assert sealing.allows(0, announced=False)
    assert not sealing.due(SEAL_MS - 1)
    assert sealing.due(SEAL_MS)
    sealing.begin_session()
    assert sealing.due(1)


def test_a_gap_record_that_is_never_answered_keeps_later_gaps_open_for_a_bounded_time() -> None:
    sealing = GapSealing()
    times = sealed(sealing, 0, MONTH_MS, announced=True)
    assert times[0] == UNANSWERED_MS
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert waits == sorted(waits)
    assert max(waits) == MOST_UNANSWERED_MS
    assert len(times) < 45
    assert MONTH_MS - times[-1] <= MOST_UNANSWERED_MS


def test_an_answer_makes_the_wait_short_again() -> None:
    sealing = GapSealing()
    sealed(sealing, 0, MONTH_MS, announced=True)
    assert sealing.allows(MONTH_MS, announced=False)
    start = MONTH_MS + 60_000
    times = sealed(sealing, start, start + 3 * UNANSWERED_MS, announced=True)
    assert times[0] == start + UNANSWERED_MS
