"""A gap record is one that the portal accepts, whatever a damaged row said."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud_link.limits import SEQ_LIMIT
from cloud_link.spool.gaps import GapReason, OpenGap
from cloud_link.validation import sendable
from cloud_link.wire import Lane

numbers = st.integers(-(2**70), 2**70)
boots = st.binary(max_size=12)
moments = st.tuples(boots, numbers)


@given(numbers, numbers, moments, moments, st.sampled_from(Lane))
def test_its_numbers_are_within_the_limits(
    records: int, readings: int, first: tuple[bytes, int], last: tuple[bytes, int], lane: Lane
) -> None:
    gap = OpenGap(
        ordinal=1,
        lane=lane,
        reason=GapReason.DAMAGED,
        ranges=((0, 3), (5, SEQ_LIMIT - 1)),
        records=records,
        readings=readings,
        first=first,
        last=last,
    )
    assert sendable(gap.record(b"epoch-01"))
