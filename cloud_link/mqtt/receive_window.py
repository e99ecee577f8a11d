"""The flow control of MQTT 5: no more unanswered publishes than the broker's Receive Maximum.

Source: MQTT 5.0 section 4.9.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud_link.mqtt.broker import MqttError


class ReceiveWindow:
    """The broker's Receive Maximum: so many publishes may be unanswered; the next ones queue.

    Attributes:
        free: How many more may be sent now.
    """

    def __init__(self) -> None:
        self.free = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> None:
        """Wait for a place in the window and take it.

        Cancelled, it leaves no place taken. Raises the error that `fail` was given.
        """
        if self.free > 0 and not self._waiting:
            self.free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.release()  # the place was given in the same moment: pass it on
            raise

    def release(self, places: int = 1) -> None:
        """Free ``places`` places; the longest waiting callers of `acquire` get them first."""
        self.free += places
        while self.free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                self.free -= 1
                turn.set_result(None)

    def fail(self, make: Callable[[], MqttError]) -> None:
        """Raise an error of ``make`` in every waiting caller of `acquire`."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(make())
