"""A wire without a network, shipped so that drivers can be tried anywhere.

`ReplayWire` keeps the contract of `protocols.line.Wire`; the same tests run over it, over a real
TCP connection to our simulator, to pymodbus's and to one written in C with libmodbus.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from protocols.errors import ProtocolError
from protocols.modbus.simulator import answer_of

if TYPE_CHECKING:
    from protocols.line import Exchange
    from protocols.modbus.capture import Capture
    from protocols.modbus.simulator import Unit

T = TypeVar("T")


class ReplayWire:
    """A wire whose units are objects in memory.

    Silence takes no time: what would be answered late or never is `Timeout` at once.

    Args:
        units: By unit id; another one is answered for by the gateway, as in the simulator.
        where: Its name.
    """

    def __init__(self, units: Mapping[int, Unit], where: str = "replay") -> None:
        self.units = units
        self._where = where
        self._buffer = bytearray()
        self._number = 0

    @classmethod
    def of(cls, capture: Capture) -> ReplayWire:
        """The wire on which a capture is said again."""
        return cls(capture.units(), f"replay of {capture.device}")

    @property
    def where(self) -> str:
        """What it replays."""
        return self._where

    async def exchange(self, exchange: Exchange[T], timeout_s: float) -> T:
        """See `protocols.line.Wire`."""
        self._number += 1
        request = exchange.request(self._number)
        await asyncio.sleep(0)  # a real wire lets others run, and can be cancelled here
        frame, late_s = answer_of(self.units, request)
        self._buffer += b"" if late_s else frame
        try:
            answer = exchange.collect(self._buffer)
        except ProtocolError:
            self._buffer.clear()
            raise
        if answer is None:
            error = exchange.unanswered(self._buffer, timeout_s)
            self._buffer.clear()
            raise error
        return answer

    def discard(self) -> None:
        """See `protocols.line.Wire`."""
        self._buffer.clear()

    def close(self) -> None:
        """Nothing is held."""
