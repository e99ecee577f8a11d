"""When a session is announced again."""

from __future__ import annotations

from cloud_link.uplink.model import UplinkLimits
from cloud_link.uplink.repeat import OnlineRepeat
from cloud_link.wire import VERSION, Ack, AcknowledgedEpoch, Lane

LIMITS = UplinkLimits(pause_ms=1_000, max_wait_ms=8_000, online_ms=60_000)
EPOCH = b"epoch-01"


def until(last: int) -> tuple[AcknowledgedEpoch, ...]:
    return (AcknowledgedEpoch(EPOCH, 1, {int(Lane.DATA): last}),)


def test_it_is_repeated_now_and_then() -> None:
    repeat = OnlineRepeat(LIMITS, 0)
    assert not repeat.due(59_999)
    assert repeat.due(60_000)
    repeat.on_sent(until(4), 60_000)
    assert not repeat.due(119_999)
    assert repeat.due(120_000)


def test_it_is_repeated_until_all_that_was_asked_for_is_acknowledged() -> None:
    repeat = OnlineRepeat(LIMITS, 0)
    repeat.on_asked(Ack(VERSION, EPOCH, Lane.DATA, resend=((2, 3), (8, 9))), 100)
    assert not repeat.due(1_099)
    assert repeat.due(1_100)
    repeat.on_sent(until(1), 1_100)
    assert repeat.due(2_100), "the records are on their way"
    repeat.on_sent(until(8), 2_100)
    assert not repeat.due(4_099), "each time later"
    assert repeat.due(4_100)
    repeat.on_sent(until(9), 4_100)
    assert not repeat.due(64_099)
