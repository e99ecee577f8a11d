"""A line that several devices share: one transaction at a time, and the silence between them.

::

    Line                one owner at a time, first come first served
      |  silence_s      kept after every transaction    (RTU: 3.5 characters; slow gateways)
      |  drain_s        kept after a timeout, counted from it, with the time the answer itself
      |                 takes; what arrives then is thrown away, because the late reply to the
      |                 last request is otherwise taken for the answer to the next
      v                                       (RTU; 0 where replies are numbered, as on TCP)
    Wire                moves the bytes: `protocols.tcp_line.TcpWire`,
      ^                 `protocols.serial_line.SerialWire`, `protocols.modbus.replay.ReplayWire`
      |  request(n)     the bytes to send, n counting the wire's transactions
    Transaction         one request and what its answer must look like; pure (`protocols.modbus`)
         feed(buf)      the answer once it is whole

Source: design section 4; Modbus over serial line V1.02, 2.5.1.1 (the 3.5 characters).
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from protocols.delays import Delays
from protocols.errors import InvalidResponse, LineClosed, ProtocolError, Timeout, Unreachable
from protocols.timing import LineTiming

if TYPE_CHECKING:
    from protocols.serial_format import SerialFormat

NETWORK_FLOOR_S: Final = 0.5
"""What any answer may be late by over TCP: a lost segment is sent again after 0.2 s or more."""

_WITHOUT_ECHO: Final = 3
"""Reads in a row without an echo, after which there is none."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Transaction(Protocol[T_co]):
    """One request and its answer. Pure: it sees bytes, never a socket."""

    def request(self, number: int) -> bytes:
        """The bytes to send; ``number`` counts the transactions of the wire, from 1."""

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no harm: a write may be done twice."""

    def feed(self, buffer: bytearray) -> T_co | None:
        """Consume what it can from the front of ``buffer``.

        Whole messages that are not the answer are taken away; what cannot be understood stays.

        Returns:
            The answer, or ``None`` while it is not whole.

        Raises:
            InvalidResponse: What came can never become the answer.
            ErrorResponse: The device refused the request.
        """

    def bytes_missing(self, buffer: bytearray) -> int:
        """At least so many bytes must still come before `feed` can return the answer; at least 1.

        A wire that knows its speed need not look before they can have come.
        """

    def timeout_error(self, buffer: bytearray, timeout_s: float) -> ProtocolError:
        """The error that there is no answer after ``timeout_s``, with ``buffer`` left over."""


class Wire(Protocol):
    """Moves bytes to the devices of one line and back."""

    @property
    def where(self) -> str:
        """The line, for people."""

    async def exchange(self, transaction: Transaction[T], timeout_s: float) -> T:
        """Send the request and wait for the answer.

        Cancelling leaves the request on its way; its late answer is not taken for another.

        Raises:
            Timeout: Nothing came.
            Unreachable: The wire is not there.
            InvalidResponse, ErrorResponse: As `Transaction.feed`.
        """

    def discard(self) -> bytes:
        """Throw away the bytes that arrived and were not read; returns what it can of them."""

    def close(self) -> None:
        """Let go of the line; a transaction under way ends, a later one opens it again."""


@dataclass(slots=True, kw_only=True)
class Echo:
    """Whether a line gives back what is sent on it, as adapters of two-wire lines may.

    Attributes:
        present: As reads tell: one read with an echo proves it, while only a few in a row without
            one prove that there is none, because an echo may be spoilt.
    """

    present: bool = False
    _without: int = 0

    def read(self, *, echoed: bool) -> None:
        """Learn from a read that was answered, with its echo in front or without."""
        self._without = 0 if echoed else self._without + 1
        if echoed or self._without >= _WITHOUT_ECHO:
            self.present = echoed


@dataclass(slots=True, kw_only=True)
class DeviceStats:
    """What a line knows of one of its devices.

    Attributes:
        delays: How long it takes to answer any request.
        requests: Requests sent to it; each ended in one of the following, or was cancelled.
        responses: Those that brought what was asked for.
        error_responses: Those that the device refused.
        timeouts: Those that nothing came to in time.
        invalid_responses: Those that brought something else: a wrong checksum, another's frame.
        late: Whether the response to a request came after its timeout, and none came in time since.
    """

    delays: Delays
    requests: int = 0
    responses: int = 0
    error_responses: int = 0
    timeouts: int = 0
    invalid_responses: int = 0
    late: bool = False
    _by_request: dict[Hashable, Delays] = field(default_factory=dict)
    _floor_s: float = NETWORK_FLOOR_S

    @classmethod
    def with_floor(cls, floor_s: float) -> DeviceStats:
        """A device of whom nothing is known; ``floor_s`` as in `Delays`."""
        return cls(delays=Delays(floor_s), _floor_s=floor_s)

    def delays_of(self, request: Hashable) -> Delays:
        """How long it takes to answer one kind of request."""
        known = self._by_request.get(request)
        if known is None:
            known = self._by_request[request] = Delays(self._floor_s)
        return known


@dataclass(frozen=True, slots=True, kw_only=True)
class UnansweredRequest:
    """A request that got no response in time.

    Attributes:
        transaction: The request.
        stats: The device's, where a late response is noted.
    """

    transaction: Transaction[object]
    stats: DeviceStats

    def check(self, late: bytes) -> None:
        """Note whether what came after the timeout is the response."""
        with suppress(ProtocolError):
            if self.transaction.feed(bytearray(late)) is not None:
                self.stats.late = True


class Line:
    """A line that devices share, one transaction at a time.

    Args:
        wire: What moves its bytes.
        timing: The pauses that it keeps.
        form: Speed and character, where it is a serial line.

    Attributes:
        timing: Its pauses; they may be widened while it is in use.
        echo: Whether it gives back what is sent on it.
        devices: What is known of the devices that were asked, by address.
        busy_s: Seconds that it has been in use, silences included.
        unanswered: The last request, where nothing came in time: its response may still come.
    """

    def __init__(
        self, wire: Wire, timing: LineTiming | None = None, form: SerialFormat | None = None
    ) -> None:
        self.wire = wire
        self.timing = timing or LineTiming()
        self.form = form
        self.echo = Echo()
        self.devices: dict[int | str, DeviceStats] = {}
        self.busy_s = 0.0
        self._opened_at: float | None = None
        self._closed = False
        self.unanswered: UnansweredRequest | None = None
        self._turn = asyncio.Lock()
        self._quiet_until = 0.0

    async def exchange(self, transaction: Transaction[T], timeout_s: float) -> T:
        """Wait for the turn and the silence, then exchange.

        Args:
            transaction: The request and what its answer must look like.
            timeout_s: Counted from the moment it is sent, waiting for the turn not included.

        Raises:
            ProtocolError: As `Wire.exchange`.
            LineClosed: See `close`.
        """
        async with self._turn:
            await self._silence()
            self._check_open()
            began = asyncio.get_running_loop().time()
            if self._opened_at is None:
                self._opened_at = began
            pause = self.timing.silence_s
            try:
                return await self.wire.exchange(transaction, timeout_s)
            except (Timeout, InvalidResponse):
                pause = self.timing.drain_after(transaction.bytes_missing(bytearray()))
                raise
            except (asyncio.CancelledError, Unreachable) as error:
                if isinstance(error, Unreachable):
                    self._check_open()
                if self.timing.drain_s:  # the answer may still come, as late as any
                    pause = timeout_s + self.timing.drain_after(
                        transaction.bytes_missing(bytearray())
                    )
                raise
            finally:
                ended = asyncio.get_running_loop().time()
                self.busy_s += ended - began + pause
                if pause:
                    self._quiet_until = ended + pause

    @property
    def open_s(self) -> float:
        """Seconds since its first transaction; 0 before."""
        if self._opened_at is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._opened_at

    def device(self, address: int | str) -> DeviceStats:
        """The statistics of the device at ``address``, kept for as long as the line is."""
        known = self.devices.get(address)
        if known is None:
            floor_s = NETWORK_FLOOR_S if self.form is None else self.timing.drain_s
            known = self.devices[address] = DeviceStats.with_floor(floor_s)
        return known

    async def aclose(self) -> None:
        """Close the wire, whoever may be using it; a later transaction opens it again."""
        self.wire.close()

    def close(self) -> None:
        """Close the line for good: its port may be another line's from now on.

        A transaction under way and every later one ends with `LineClosed`.
        """
        self._closed = True
        self.wire.close()

    def _check_open(self) -> None:
        if self._closed:
            raise LineClosed(where=self.wire.where)

    async def _silence(self) -> None:
        if not self._quiet_until:
            return
        left = self._quiet_until - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(left)
        self._quiet_until = 0.0
        late = self.wire.discard()
        if late and self.unanswered is not None:
            self.unanswered.check(late)
        self.unanswered = None
