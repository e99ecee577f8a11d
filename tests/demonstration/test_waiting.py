from __future__ import annotations

import pytest

from scripts.demonstration.waiting import wait_until


def test_what_is_waited_for_is_returned_and_waited_for_in_steps() -> None:
    slept: list[float] = []
    seen = wait_until(
        lambda: len(slept),
        lambda count: count == 3,
        lambda count: AssertionError(count),
        patience_s=60,
        every_s=0.3,
        sleep=slept.append,
    )
    assert seen == 3
    assert slept == [0.3] * 3


def test_what_was_seen_last_is_in_the_error_once_patience_ends() -> None:
    with pytest.raises(TimeoutError, match="saw 7"):
        wait_until(
            lambda: 7, lambda _: False, lambda seen: TimeoutError(f"saw {seen}"), patience_s=0
        )


def test_a_look_that_fails_ends_the_waiting() -> None:
    def look() -> int:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        wait_until(look, lambda _: True, lambda _: TimeoutError(), patience_s=60)
