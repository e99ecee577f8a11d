"""A line that several devices share: one exchange at a time, and the silence between them.

::

    Line                one owner at a time, first come first served
      |  silence_s      kept after every exchange       (RTU: 3.5 characters; slow gateways)
      |  drain_s        kept after a timeout, counted from it, with the time the answer itself
      |                 takes; what arrives then is thrown away, because the late reply to the
      |                 last request is otherwise taken for the answer to the next
      v                                       (RTU; 0 where replies are numbered, as on TCP)
    Wire                moves the bytes: `protocols.tcp_line.TcpWire`,
      ^                 `protocols.serial_line.SerialWire`, `protocols.modbus.replay.ReplayWire`
      |  request(n)     the bytes to send, n counting the wire's exchanges
    Exchange            one request and what its answer must look like; pure (`protocols.modbus`)
         collect(buf)   the answer once it is whole

Source: design section 4; Modbus over serial line V1.02, 2.5.1.1 (the 3.5 characters).
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from protocols.delays import Delays
from protocols.errors import Garbled, ProtocolError, Timeout, Unreachable
from protocols.timing import LineTiming

if TYPE_CHECKING:
    from protocols.serial_format import SerialFormat

NETWORK_FLOOR_S: Final = 0.5
"""What any answer may be late by over TCP: a lost segment is sent again after 0.2 s or more."""

_WITHOUT_ECHO: Final = 3
"""Reads in a row without an echo, after which there is none."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Exchange(Protocol[T_co]):
    """One request and its answer. Pure: it sees bytes, never a socket."""

    def request(self, number: int) -> bytes:
        """The bytes to send; ``number`` counts the exchanges of the wire, from 1."""

    @property
    def repeatable(self) -> bool:
        """Whether asking twice does no harm: a write may be done twice."""

    def collect(self, buffer: bytearray) -> T_co | None:
        """Take what it can from the front of ``buffer``.

        Whole messages that are not the answer are taken away; what cannot be understood stays.

        Returns:
            The answer, or ``None`` while it is not whole.

        Raises:
            ProtocolError: What came can never become the answer, or is a refusal.
        """

    def missing(self, buffer: bytearray) -> int:
        """At least so many bytes are still to come before `collect` can succeed; at least 1.

        A wire that knows its speed need not look before they can have come.
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

    def close(self) -> None:
        """Let go of the line; an exchange under way ends, a later one opens it again."""


@dataclass(slots=True, kw_only=True)
class Echo:
    """Whether a line gives back what is sent on it, as adapters of two-wire lines may.

    Attributes:
        heard: As reads tell. One that hears an echo is believed at once, `False` only after a few
            in a row: an echo that was spoilt once is no sign that there is none.
    """

    heard: bool = False
    _without: int = 0

    def read(self, *, echoed: bool) -> None:
        """A read was answered, with its echo in front or without."""
        self._without = 0 if echoed else self._without + 1
        if echoed or self._without >= _WITHOUT_ECHO:
            self.heard = echoed


@dataclass(slots=True, kw_only=True)
class Member:
    """What a line knows of one of its devices.

    Attributes:
        delays: How long it takes to answer, whatever it is asked.
        asked: Requests sent to it; each ended in one of the following, or was cancelled.
        answered: With what was asked for.
        refused: With an exception.
        timeouts: With nothing in time.
        garbled: With something that was no answer: a wrong checksum, somebody else's frame.
    """

    delays: Delays
    asked: int = 0
    answered: int = 0
    refused: int = 0
    timeouts: int = 0
    garbled: int = 0
    _by_read: dict[Hashable, Delays] = field(default_factory=dict)
    _floor_s: float = NETWORK_FLOOR_S

    @classmethod
    def with_floor(cls, floor_s: float) -> Member:
        """A device of whom nothing is known; ``floor_s`` as in `Delays`."""
        return cls(delays=Delays(floor_s), _floor_s=floor_s)

    def delays_of(self, read: Hashable) -> Delays:
        """How long it takes to answer one read."""
        known = self._by_read.get(read)
        if known is None:
            known = self._by_read[read] = Delays(self._floor_s)
        return known


class Line:
    """One shared line.

    Args:
        wire: What moves its bytes.
        timing: Its silences.
        form: Speed and character, where it is a serial line.

    Attributes:
        timing: May be widened while it is in use.
        echo: What is known of its echo.
        members: The devices that were asked, by address.
        busy_s: For how long it has been in use, silences included.
    """

    def __init__(
        self, wire: Wire, timing: LineTiming | None = None, form: SerialFormat | None = None
    ) -> None:
        self.wire = wire
        self.timing = timing or LineTiming()
        self.form = form
        self.echo = Echo()
        self.members: dict[int, Member] = {}
        self.busy_s = 0.0
        self._opened_at: float | None = None
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
            began = asyncio.get_running_loop().time()
            if self._opened_at is None:
                self._opened_at = began
            pause = self.timing.silence_s
            try:
                return await self.wire.exchange(exchange, timeout_s)
            except (Timeout, Garbled):
                pause = self.timing.drain_after(exchange.missing(bytearray()))
                raise
            except (asyncio.CancelledError, Unreachable):
                if self.timing.drain_s:  # the answer may still come, as late as any
                    pause = timeout_s + self.timing.drain_after(exchange.missing(bytearray()))
                raise
            finally:
                ended = asyncio.get_running_loop().time()
                self.busy_s += ended - began + pause
                if pause:
                    self._quiet_until = ended + pause

    @property
    def open_s(self) -> float:
        """How long ago its first exchange was; 0 before."""
        if self._opened_at is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._opened_at

    def member(self, address: int) -> Member:
        """The device at ``address``; whoever asks for it next finds what was learned of it."""
        known = self.members.get(address)
        if known is None:
            floor_s = NETWORK_FLOOR_S if self.form is None else self.timing.drain_s
            known = self.members[address] = Member.with_floor(floor_s)
        return known

    async def aclose(self) -> None:
        """Let go of the wire, whoever may be using it."""
        self.close()

    def close(self) -> None:
        """The same, at once."""
        self.wire.close()

    async def _silence(self) -> None:
        if not self._quiet_until:
            return
        left = self._quiet_until - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(left)
        self._quiet_until = 0.0
        self.wire.discard()
