"""Patience that is learned: never shorter than what was seen, whole again after a miss."""

from __future__ import annotations

import pytest

from protocols.delays import ASSUMED_S, KEPT, KNOWN_FROM, Delays

LIMIT_S = 1.0
FLOOR_S = 0.05


def learned(*delays: float, times: int = KNOWN_FROM) -> Delays:
    made = Delays(FLOOR_S)
    for n in range(times):
        made.answered(delays[n % len(delays)])
    return made


def test_who_is_not_known_has_the_whole_limit_beside_the_wires_time() -> None:
    made = learned(0.01, times=KNOWN_FROM - 1)
    assert not made.known
    assert made.typical_s == ASSUMED_S
    assert made.timeout_s(1.5, LIMIT_S) == 2.5


def test_who_is_known_has_twice_the_slowest_and_at_least_the_floor() -> None:
    assert learned(0.01).timeout_s(0.1, LIMIT_S) == pytest.approx(0.1 + FLOOR_S)
    slow = learned(*[0.01] * 15, 0.3)
    assert slow.typical_s == 0.01
    assert slow.timeout_s(0.1, LIMIT_S) == pytest.approx(0.1 + 0.6)
    assert learned(5.0).timeout_s(0.1, LIMIT_S) == 1.1, "the limit is the limit"


def test_a_slower_answer_counts_at_once_and_is_forgotten_in_time() -> None:
    made = learned(0.01)
    made.answered(0.2)
    assert made.timeout_s(0, LIMIT_S) == pytest.approx(0.4)
    for _ in range(KEPT + 8):
        made.answered(0.01)
    assert made.timeout_s(0, LIMIT_S) == pytest.approx(FLOOR_S)


def test_after_a_miss_patience_is_whole_until_it_is_known_again() -> None:
    made = learned(0.01)
    made.missed()
    assert made.timeout_s(0, LIMIT_S) == LIMIT_S
    for _ in range(KNOWN_FROM):
        made.answered(0.02)
    assert made.timeout_s(0, LIMIT_S) == pytest.approx(FLOOR_S)
