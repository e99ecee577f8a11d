"""Serves the daemon's control socket: `gateway.control.protocol` on a Unix socket.

``STATE/control.sock`` has mode 0600: who may open it may do what the daemon may. Requests are
bounded (`REQUEST_LIMIT` bytes, `CLIENTS_LIMIT` clients, `IDLE_S` between requests); responses on
one connection come in the order of the requests. The server closes a connection

* after the response to a request above the limit, and to a client that is one too many, in both
  cases once it has read what that client sends meanwhile, for at most `LINGER_S`;
* when nothing was asked for `IDLE_S`, or a response was not read for as long. Where there is one
  client too many, that is done earlier to the one that is waited for the longest; only where all
  are being answered, the newcomer is the one too many. Half a request is answered as such;
* without a word when the daemon stops. What a client has not read `LINGER_S` later is thrown away.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from config.constraint import given_value
from console.templates import control, system
from console.text import verbatim
from gateway.control.client import check_length
from gateway.control.protocol import (
    ControlError,
    ErrorCode,
    decode_request,
    encode_error,
    encode_result,
)

REQUEST_LIMIT: Final = 512 * 1024
LINGER_S: Final = 1.0
"""Seconds that a client has to send the rest of a request that is refused, or to read a response
before its connection is closed."""
CLIENTS_LIMIT: Final = 16
IDLE_S: Final = 300.0

_SHOWN: Final = 80
"""Characters of a method's name that the log repeats."""

Command = Callable[[Mapping[str, Any]], Awaitable[Any]]

log = structlog.get_logger("kanmon.control")


@dataclass(slots=True)
class ControlServer:
    """Serves ``commands`` on a socket.

    Attributes:
        path: Where; what a dead daemon left there is replaced, a live one is an error.
        commands: By the name of their method. A `ControlError` they raise travels; anything else
            is a bug, logged here and reported as an internal error.
        idle_s: See `IDLE_S`.
        linger_s: See `LINGER_S`.
    """

    path: Path
    commands: Mapping[str, Command]
    idle_s: float = IDLE_S
    linger_s: float = LINGER_S
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _clients: dict[_Client, None] = field(default_factory=dict)
    """Those that are served, the one that asked the longest ago first."""

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until cancelled; the socket is then gone and every client disconnected.

        Raises:
            ControlError: The socket cannot be made, or another daemon serves it.
        """
        listener = _listen(self.path)
        try:
            server = await asyncio.start_unix_server(
                self._accept, sock=listener, limit=REQUEST_LIMIT
            )
            try:
                ready()
                # Not `serve_forever`: it would wait for its clients before they are disconnected
                # here (from Python 3.12 on).
                await asyncio.Event().wait()
            finally:
                server.close()
        finally:
            listener.close()
            self.path.unlink(missing_ok=True)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        client = _Client(reader, writer)
        served = self._has_room()
        if served:
            self._clients[client] = None
        # A client that goes away or says nothing for long, and the daemon's stop, end this task
        # without an error: the stream's own task must not end in one.
        try:
            with suppress(OSError, TimeoutError, asyncio.CancelledError):
                if served:
                    await self._serve(client)
                else:
                    await self._refuse(_too_many(), reader, writer)
        finally:
            self._clients.pop(client, None)
            await self._close(writer)
            self._tasks.discard(task)

    def _has_room(self) -> bool:
        """Whether there is room for one more client, which another may have to make."""
        if len(self._clients) < CLIENTS_LIMIT:
            return True
        for client in self._clients:
            if client.waiting is not None:
                client.waiting.reschedule(asyncio.get_running_loop().time())
                del self._clients[client]
                return True
        return False

    async def _serve(self, client: _Client) -> None:
        while True:
            try:
                async with self._waiting(client):
                    line = await client.reader.readline()
            except ValueError:
                await self._refuse(_too_large(), client.reader, client.writer)
                return
            except TimeoutError:
                if await client.has_begun():
                    client.writer.write(encode_error(None, _incomplete()))
                return
            if not line:
                return
            response = await respond(self.commands, line)
            if response is not None:
                client.writer.write(response)
                async with self._waiting(client):
                    await client.writer.drain()

    @asynccontextmanager
    async def _waiting(self, client: _Client) -> AsyncIterator[None]:
        """Wait for a client, for `idle_s` at most, or until another needs its room."""
        if client in self._clients:
            self._clients[client] = self._clients.pop(client)  # it comes last now
        try:
            async with asyncio.timeout(self.idle_s) as client.waiting:
                yield
        finally:
            client.waiting = None

    async def _refuse(
        self, error: ControlError, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Respond to a request that is not read.

        Closing on unread bytes would take the response away from the client, so they are read, too.
        """
        writer.write(encode_error(None, error))
        with suppress(TimeoutError):
            async with asyncio.timeout(self.linger_s):
                while b"\n" not in await reader.read(REQUEST_LIMIT) and not reader.at_eof():
                    continue

    async def _close(self, writer: asyncio.StreamWriter) -> None:
        """Close a connection once its client has read all, and after `linger_s` at most."""
        writer.close()
        with suppress(OSError, TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(self.linger_s):
                await writer.wait_closed()
        writer.transport.abort()


@dataclass(slots=True, eq=False)
class _Client:
    """A connection.

    Attributes:
        waiting: The limit on waiting for it; ``None`` while it is being answered.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    waiting: asyncio.Timeout | None = None

    async def has_begun(self) -> bool:
        """Whether a part of a request has come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0):
                return bool(await self.reader.read(1))
        return False


async def respond(commands: Mapping[str, Command], line: bytes) -> bytes | None:
    """Carry out the request on a line.

    Returns:
        The response as a line; ``None`` for a notification.
    """
    try:
        request = decode_request(line)
    except ControlError as error:
        return encode_error(None, error)
    try:
        command = commands.get(request.method)
        if command is None:
            raise ControlError(
                control.UNKNOWN_METHOD(method=given_value(request.method)),
                next_step=control.SAME_VERSION(),
                code=ErrorCode.METHOD_NOT_FOUND,
            )
        response = encode_result(request.id, await command(request.named_params()))
    except ControlError as error:
        response = encode_error(request.id, error)
    except (asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a bug in one command, or in a library in Rust, which panics
        log.exception("command_failed", method=request.method[:_SHOWN])
        fault = ControlError(
            control.INTERNAL_ERROR(),
            why=verbatim(f"{type(error).__name__}: {error}"),
            next_step=control.REPORT_WITH_LOG(),
            code=ErrorCode.INTERNAL_ERROR,
        )
        response = encode_error(request.id, fault)
    return None if request.notification else response


def _too_many() -> ControlError:
    return ControlError(control.TOO_MANY(), next_step=control.TRY_AGAIN(), code=ErrorCode.BUSY)


def _too_large() -> ControlError:
    return ControlError(
        control.TOO_LARGE(limit=REQUEST_LIMIT),
        next_step=control.SMALLER_FILE(),
        code=ErrorCode.TOO_LARGE,
    )


def _incomplete() -> ControlError:
    return ControlError(
        control.REQUEST_INCOMPLETE(),
        next_step=control.END_REQUEST(),
        code=ErrorCode.PARSE_ERROR,
    )


def _listen(path: Path) -> socket.socket:
    check_length(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # bind makes the file with the mode that umask leaves: nobody else, from the first instant.
    mask = os.umask(0o177)
    try:
        if path.is_socket():
            _refuse_if_served(path)
            path.unlink(missing_ok=True)
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        raise ControlError(
            control.SOCKET_FAILED(),
            where=str(path),
            why=control.SOCKET_NAME_TAKEN() if taken else system.reason(error),
            next_step=control.MOVE_FILE() if taken else control.OWN_STATE_FOLDER(),
        ) from error
    except ControlError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    return listener


def _refuse_if_served(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return
    raise ControlError(control.ALREADY_RUNNING(), where=str(path), next_step=control.STOP_OTHER())
