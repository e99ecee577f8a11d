"""The pauses of the window: of a portal that accepts nothing, and of one that asks for them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cloud_link.uplink.flow import CircuitBreaker
from cloud_link.uplink.model import UplinkLimits
from cloud_link.wire import (
    VERSION,
    Ack,
    Lane,
)
from tests.cloud_link.virtual_box import LIMITS, Box, named


def test_silence_pauses_everything_and_tries_with_one_message_at_a_time() -> None:
    box = Box()
    for _ in range(100):
        box.add(Lane.DATA)
    window = box.connect()
    assert len(box.send(window)) > 1
    tries: list[int] = []
    for _ in range(8):
        wake = window.wake_at(box.now)
        assert wake is not None
        box.now = wake
        sent = box.send(window)
        window.needs_online = False
        if sent:
            assert len(sent) == 1, "half open: one at a time"
            tries.append(box.now)
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits == sorted(waits)
    assert waits[-1] > waits[0]
    while not (sent := box.send(window)):
        wake = window.wake_at(box.now)
        assert wake is not None
        box.now = wake
    box.ack(window, sent[0])
    assert len(box.send(window)) > 1, "an answer opens it again"


def test_many_refusals_at_once_are_one_pause() -> None:
    box = Box()
    for _ in range(100):
        box.add(Lane.DATA)
    window = box.connect()
    for batch in box.send(window):
        window.on_refused(batch, box.now)
    assert window.breaker.failures == 1
    assert window.in_flight == 0
    assert window.needs_online
    assert not box.send(window)


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0])
def test_the_breakers_jitter_only_shortens(spread: float) -> None:
    breaker = CircuitBreaker(UplinkLimits(), lambda: spread)
    breaker.trip(1_000)
    assert breaker.until is not None
    assert 1_750 <= breaker.until <= 2_000


def test_a_box_pauses_as_asked_and_then_sends_what_was_dropped_again() -> None:
    box = Box()
    window = box.connect()
    for _ in range(12):
        box.add(Lane.DATA)
    window.appended()
    first, *dropped = box.send(window)
    lost = named(dropped)
    assert lost
    box.ack(window, first, wait_ms=3_000)
    box.add(Lane.EVENT)
    window.appended()
    assert window.pausing
    box.now = 2_999
    assert box.send(window) == []
    assert window.wake_at(box.now) == 3_000
    box.now = 3_000
    window.expire(box.now)
    assert window.needs_online, "the announcement may have been dropped, too"
    again = box.send(window)
    assert again[0].lane is Lane.EVENT
    assert sorted(named(again[1:])) == lost
    assert again[1].due == box.now + LIMITS.ack_timeout(1), "a pause is not a failure of the record"


def test_what_is_sent_after_the_portal_asked_is_left_to_its_own_timeout() -> None:
    box = Box()
    box.add(Lane.DATA)
    window = box.connect()
    window.on_ack(Ack(VERSION, bytes(8), Lane.DATA, wait_ms=1_000), [], box.now)
    box.now = 1_000
    (sent,) = box.send(window)
    assert sent.sent == 1_000
    box.ack(window, sent)
    assert window.in_flight == 0


@pytest.mark.parametrize("absurd", [2**62, 2**31, 600_000])
def test_no_acknowledgement_mutes_a_box_for_longer_than_its_own_limit(absurd: int) -> None:
    box = Box()
    box.add(Lane.DATA)
    window = box.connect()
    for _ in range(3):
        window.on_ack(Ack(VERSION, bytes(8), Lane.DATA, wait_ms=absurd), [], box.now)
    wake = window.wake_at(box.now)
    assert wake is not None
    assert wake <= LIMITS.max_wait_ms * 5 // 4
    box.now = wake
    assert named(box.send(window)) == [1]


@pytest.mark.parametrize("nothing", [0, -1, -(2**62)])
def test_a_wait_that_asks_for_nothing_is_none(nothing: int) -> None:
    box = Box()
    box.add(Lane.DATA)
    window = box.connect()
    window.on_ack(Ack(VERSION, bytes(8), Lane.DATA, wait_ms=nothing), [], box.now)
    assert named(box.send(window)) == [1]
