"""Acknowledgements that are settled together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from cloud_link.limits import SEQ_LIMIT
from cloud_link.ranges import Range, clamp
from cloud_link.uplink.gathering import is_plain, joined
from cloud_link.wire import VERSION, Ack, Lane

numbers = st.integers(0, 40)
runs = st.lists(st.tuples(numbers, numbers), max_size=4).map(tuple)
acks = st.lists(
    st.builds(
        Ack,
        st.just(VERSION),
        st.sampled_from((bytes(8), bytes(range(8)))),
        st.sampled_from(Lane),
        ok=runs,
        rejected=st.sampled_from(((),) * 3 + (((7, "invalid"),),)),
        renew=st.sampled_from((None,) * 3 + (1,)),
        wait_ms=st.sampled_from((0,) * 3 + (2_000,)),
    ),
    max_size=16,
)


@given(acks)
def test_joining_leaves_out_and_adds_no_number(gathered: list[Ack]) -> None:
    assert stored(joined(gathered)) == stored(gathered)


@given(acks)
def test_none_passes_one_that_says_more(gathered: list[Ack]) -> None:
    before, after = parts(gathered), parts(joined(gathered))
    assert [one for one, _ in before] == [one for one, _ in after]
    assert [stored(plain) for _, plain in before] == [stored(plain) for _, plain in after]
    for _, plain in after:
        assert len({(one.epoch, one.lane) for one in plain}) == len(plain), "each is joined"


def test_sixteen_answers_of_one_lane_are_one() -> None:
    gathered = [Ack(VERSION, b"epoch678", Lane.DATA, ok=((n, n),)) for n in range(16)]
    (one,) = joined(gathered)
    assert clamp(one.ok, SEQ_LIMIT) == [(0, 15)]


def stored(gathered: Iterable[Ack]) -> dict[tuple[bytes, Lane], list[Range]]:
    """What is stored of each epoch and lane."""
    found: dict[tuple[bytes, Lane], list[Range]] = defaultdict(list)
    for ack in gathered:
        found[ack.epoch, ack.lane] += ack.ok
    return {key: clamp(ranges, SEQ_LIMIT) for key, ranges in found.items()}


def parts(gathered: Iterable[Ack]) -> list[tuple[Ack | None, list[Ack]]]:
    """Each acknowledgement that says more, with the plain ones up to the next."""
    found: list[tuple[Ack | None, list[Ack]]] = [(None, [])]
    for ack in gathered:
        if is_plain(ack):
            found[-1][1].append(ack)
        else:
            found.append((ack, []))
    return found
