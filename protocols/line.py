"""A line that several devices share: one exchange at a time, and the silence between them.

::

    Line                one owner at a time, first come first served
      |  silence_s      kept after every exchange       (RTU: 3.5 characters; slow gateways)
      |  drain_s        kept after a timeout, counted from it; what arrives then is thrown away,
      |                 because the late reply to the last request is otherwise taken for the
      |                 answer to the next                            (RTU; 0 where replies are
      v                                                                numbered, as on TCP)
    Wire                moves the bytes: `protocols.tcp_line.TcpWire`, `protocols.fakes.ReplayWire`
      ^
      |  request(n)     the bytes to send, n counting the wire's exchanges
    Exchange            one request and what its answer must look like; pure: `protocols.modbus`
         collect(buf)   the answer once it is whole

Source: design section 4; Modbus over serial line V1.02, 2.5.1.1 (the 3.5 characters).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol, TypeVar

from protocols.errors import ProtocolError, Timeout

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Exchange(Protocol[T_co]):
    """One request and its answer. Pure: it sees bytes, never a socket."""

    def request(self, number: int) -> bytes:
        """The bytes to send; ``number`` counts the exchanges of the wire, from 1."""

    def collect(self, buffer: bytearray) -> T_co | None:
        """Take what it can from the front of ``buffer``.

        Whole messages that are not the answer are taken away; what cannot be understood stays.

        Returns:
            The answer, or ``None`` while it is not whole.

        Raises:
            ProtocolError: What came can never become the answer, or is a refusal.
        """

    def unanswered(self, buffer: bytearray, timeout_s: float) -> ProtocolError:
        """Why there is no answer after ``timeout_s``, with ``buffer`` left over."""


class Wire(Protocol):
    """Moves bytes to the devices of one line and back."""

    @property
    def where(self) -> str:
        """The line, for people."""

    async def exchange(self, exchange: Exchange[T], timeout_s: float) -> T:
        """Send the request and wait for the answer.

        Cancelling leaves the request on its way; its late answer is not taken for another.

        Raises:
            ProtocolError: As `Exchange`, or the wire is not there.
        """

    def discard(self) -> None:
        """Throw away whatever arrived."""

    async def aclose(self) -> None:
        """Let go of the line; a later exchange opens it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long a line is left alone, in seconds; see the module."""

    silence_s: float = 0.0
    drain_s: float = 0.0


class Line:
    """One shared line.

    Attributes:
        pace: Its silences; may be widened while it is in use.
    """

    def __init__(self, wire: Wire, pace: Pace | None = None) -> None:
        self.wire = wire
        self.pace = pace or Pace()
        self._turn = asyncio.Lock()
        self._quiet_until = 0.0

    async def exchange(self, exchange: Exchange[T], timeout_s: float) -> T:
        """Wait for the turn and the silence, then exchange.

        Args:
            exchange: The request.
            timeout_s: Counted from the moment it is sent, waiting for the turn not included.

        Raises:
            ProtocolError: As `Wire.exchange`.
        """
        async with self._turn:
            await self._silence()
            pause = self.pace.silence_s
            try:
                return await self.wire.exchange(exchange, timeout_s)
            except Timeout:
                pause = max(pause, self.pace.drain_s)
                raise
            finally:
                if pause:
                    self._quiet_until = asyncio.get_running_loop().time() + pause

    async def aclose(self) -> None:
        """Let go of the wire, whoever may be using it."""
        await self.wire.aclose()

    async def _silence(self) -> None:
        if not self._quiet_until:
            return
        left = self._quiet_until - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(left)
        self._quiet_until = 0.0
        self.wire.discard()
