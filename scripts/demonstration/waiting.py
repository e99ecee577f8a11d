"""Looking at something again and again until it is as expected, or patience ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_delay, wait_fixed

T = TypeVar("T")


def wait_until(
    look: Callable[[], T],
    reached: Callable[[T], bool],
    otherwise: Callable[[T], Exception],
    *,
    patience_s: float,
    every_s: float = 0.2,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Look until ``reached``, and return what was seen then.

    Args:
        look: Looks once; an exception of it ends the waiting.
        reached: Whether what was seen is what is waited for.
        otherwise: Makes the error from what was seen last, once patience ends.
        patience_s: Seconds from the first look after which no further one is made.
        every_s: Seconds between two looks.
        sleep: Waits for so many seconds.
    """

    def give_up(state: RetryCallState) -> T:
        assert state.outcome is not None, "patience ends after a look"
        raise otherwise(state.outcome.result())

    retrying = Retrying(
        retry=retry_if_result(lambda seen: not reached(seen)),
        stop=stop_after_delay(patience_s),
        wait=wait_fixed(every_s),
        retry_error_callback=give_up,
        sleep=sleep,
    )
    return retrying(look)
