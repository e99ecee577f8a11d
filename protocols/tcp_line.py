"""A `protocols.line.Wire` over TCP: one connection, kept, and opened again when it is lost.

::

    closed --exchange--> connecting --> open --exchange--> waiting --answer---> open
       ^                     |           ^                    |------timeout--> open (*)
       |                     v           |                    |
       +----- Unreachable <--+           +--fresh connection--+--connection lost, nothing came yet,
       |                                                      |  and it was an old one: once more
       +------------------------------------------------------+--otherwise: Unreachable

(*) A dead unit behind a gateway must not cost its neighbours the connection, so a timeout alone
keeps it: late answers are numbered, and `Transaction.feed` throws them away. What is left in the
buffer after a failure, though, belongs to no message; nothing that follows could be told from it,
so the connection is closed.

TCP_NODELAY is set: a request is one small segment and must not wait for the last one's
acknowledgement. TCP_USER_TIMEOUT tells a dead link from a dead unit: a gateway whose unit is silent
still acknowledges the request, while a link that takes nothing for `LINK_TIMEOUT_S` is closed by
the kernel, not after its usual quarter of an hour. Each answer wakes the waiting task once, when
it is whole.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from console.templates import protocol, system
from console.text import NO_MESSAGE, Duration, Message, verbatim
from protocols.errors import ProtocolError, Unreachable, unknown_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.line import Transaction

T = TypeVar("T")

LINK_TIMEOUT_S: Final = 10
"""How long sent bytes may go unacknowledged before the connection is lost."""
UNASKED_LIMIT: Final = 4096
"""Bytes that may come without being asked for before the connection is closed."""
_CLOSED_HERE: Final = protocol.CLOSED_HERE()


def line_key(host: str, port: int) -> str:
    """What names the line to a host and port, for people and as a key: ``tcp:192.0.2.7:502``."""
    return f"tcp:[{host}]:{port}" if ":" in host else f"tcp:{host}:{port}"


class TcpWire:
    """A `protocols.line.Wire` over one TCP connection to a device or gateway.

    Args:
        host: Name or address.
        port: TCP port.
        numbered: Whether answers carry the number of their request. Without (RTU over TCP) what
            is left over is thrown away before the next request, and the line drains it.
    """

    def __init__(self, host: str, port: int, *, numbered: bool = True) -> None:
        self._numbered = numbered
        self.host = host
        self.port = port
        self._where = line_key(host, port)
        self._connection: _Connection | None = None
        self._number = 0
        self._closes = 0

    @property
    def where(self) -> str:
        """See `line_key`."""
        return self._where

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._connection is not None and self._connection.lost is None

    async def exchange(self, transaction: Transaction[T], timeout_s: float) -> T:
        """See `protocols.line.Wire`.

        Opening a connection may take as long as the answer: ``timeout_s`` each.
        """
        connection, closes = self._connection, self._closes
        if connection is not None and connection.usable:
            try:
                return await self._over(connection, transaction, timeout_s)
            except _NoResponseError as error:
                # The peer had closed the old connection, or did before it read the request; or it
                # did read it: what must not be done twice, and what would be answered into the
                # next transaction, is not asked again.
                if closes != self._closes or not (self._numbered and transaction.repeatable):
                    raise self._lost(error) from error
        connection = self._connection = await self._connect(timeout_s)
        try:
            return await self._over(connection, transaction, timeout_s)
        except _NoResponseError as error:
            raise self._lost(error) from error

    def _lost(self, error: _NoResponseError) -> Unreachable:
        """The error of a connection that was lost before an answer."""
        if error.why == _CLOSED_HERE:
            return Unreachable(error.why, where=self._where, next_step=protocol.TRY_AGAIN())
        return Unreachable(protocol.CONNECTION_LOST(), where=self._where, why=error.why)

    def discard(self) -> bytes:
        """Throw away what arrived, where answers are not numbered.

        Where they are, what is left over is looked at before the next request: cutting a late
        answer in two would lose the framing of everything behind it.
        """
        if self._connection is None or self._numbered:
            return b""
        late = bytes(self._connection.buffer)
        self._connection.buffer.clear()
        return late

    def close(self) -> None:
        """Close the connection; a transaction under way ends with `Unreachable`."""
        self._closes += 1
        if self._connection is not None:
            self._connection.close(_CLOSED_HERE)
            self._connection = None

    async def _over(
        self, connection: _Connection, transaction: Transaction[T], timeout_s: float
    ) -> T:
        self._number += 1
        request = transaction.request(self._number)
        if not self._numbered:
            connection.buffer.clear()
        elif connection.buffer and not connection.explains(transaction):
            connection.close(protocol.UNREQUESTED_DATA())
            raise _NoResponseError(protocol.UNREQUESTED_DATA())
        try:
            return cast("T", await connection.ask(request, transaction, timeout_s))
        except ProtocolError:
            if connection.buffer and self._numbered:
                connection.close(protocol.UNKNOWN_DATA())
            raise

    async def _connect(self, timeout_s: float) -> _Connection:
        loop, closes = asyncio.get_running_loop(), self._closes
        if self._connection is not None:
            self._connection.close(protocol.REPLACED())
            self._connection = None
        try:
            async with asyncio.timeout(timeout_s):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self._where), self.host, self.port
                )
        except TimeoutError as error:
            what = protocol.NO_CONNECTION(limit=Duration(timeout_s))
            raise Unreachable(what, where=self._where) from error
        except (socket.gaierror, UnicodeError) as error:  # UnicodeError: no name to ask for
            raise unknown_name(self.host, self._where, error) from error
        except OSError as error:
            refused = isinstance(error, ConnectionRefusedError)
            raise Unreachable(
                protocol.CONNECTION_FAILED(),
                where=self._where,
                why=system.reason(error) if error.errno else NO_MESSAGE,  # of several addresses
                next_step=protocol.CHECK_PORT() if refused else protocol.CHECK_NETWORK(),
            ) from error
        if closes != self._closes:  # by somebody who could not close what was still connecting
            connection.close(_CLOSED_HERE)
            raise self._lost(_NoResponseError(_CLOSED_HERE))
        return connection


class _NoResponseError(Exception):
    """The connection was lost before a single byte of the answer.

    Attributes:
        why: The cause.
    """

    def __init__(self, why: Message) -> None:
        super().__init__(str(why))
        self.why = why


class _Connection(asyncio.Protocol):
    """What one connection has received, and who waits for it.

    Attributes:
        buffer: Bytes not yet understood.
        lost: Why there is no connection any more; ``None`` while there is.
    """

    def __init__(self, where: str) -> None:
        self.buffer = bytearray()
        self.lost: Message | None = None
        self._where = where
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Any] | None = None
        self._feed: Callable[[bytearray], object | None] | None = None
        self._heard = False

    @property
    def usable(self) -> bool:
        return self.lost is None

    def explains(self, transaction: Transaction[Any]) -> bool:
        """Whether what came between two exchanges is late answers, whole, and nothing else."""
        try:
            return transaction.feed(self.buffer) is None and not self.buffer
        except ProtocolError:
            return False

    async def ask(self, request: bytes, transaction: Transaction[T], timeout_s: float) -> T:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()
        self._waiter, self._feed, self._heard = waiter, transaction.feed, False
        timer = loop.call_later(timeout_s, self._give_up, transaction, timeout_s)
        try:
            assert self._transport is not None
            self._transport.write(request)
            return await waiter
        finally:
            timer.cancel()
            self._waiter = self._feed = None

    def close(self, why: Message) -> None:
        self._fail(why)
        if self._transport is not None:
            self._transport.abort()

    # --- what asyncio calls -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer: socket.socket = transport.get_extra_info("socket")
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, LINK_TIMEOUT_S * 1000)

    def data_received(self, data: bytes) -> None:
        self._heard = True
        self.buffer += data
        if self._feed is None or self._waiter is None or self._waiter.done():
            if len(self.buffer) > UNASKED_LIMIT:
                self.close(protocol.UNREQUESTED_DATA())
            return
        try:
            answer = self._feed(self.buffer)
        except ProtocolError as error:
            self._waiter.set_exception(error)
        else:
            if answer is not None:
                self._waiter.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(_reason(exc) if exc else protocol.CLOSED_BY_DEVICE())

    # --- ends of a transaction -------------------------------------------------------------

    def _give_up(self, transaction: Transaction[Any], timeout_s: float) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(transaction.timeout_error(self.buffer, timeout_s))

    def _fail(self, why: Message) -> None:
        if self.lost is not None:
            return
        self.lost = why
        if self._waiter is not None and not self._waiter.done():
            error: Exception = _NoResponseError(why)
            if self._heard:
                error = Unreachable(protocol.CUT_OFF(), where=self._where, why=why)
            self._waiter.set_exception(error)


def _reason(error: Exception) -> Message:
    """Why a connection was lost."""
    if isinstance(error, OSError):
        return system.reason(error)
    return verbatim(str(error) or type(error).__name__)
