"""How the command line talks to the running daemon: a line of JSON each way on a Unix socket.

::

    -> {"v": 1, "id": 7, "do": "read", "with": {"url": "modbus-tcp://..."}}
    <- {"v": 1, "id": 7, "ok": true, "result": {...}}
    <- {"v": 1, "id": 7, "ok": false, "error": {"what": "...", "where": "...", "why": "...",
                                                "next": "..."}}

``STATE/control.sock`` has mode 0600: who may open it may do what the daemon may. Requests are
bounded (`REQUEST_LIMIT` bytes, `CLIENTS_LIMIT` clients, `IDLE_S` between requests); answers on
one connection come in the order of the requests.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from gateway.control.client import VERSION, ControlError, check_length, line

REQUEST_LIMIT: Final = 512 * 1024
REFUSED_S: Final = 1.0
"""How long a client that is one too many has to send the request that is refused."""
CLIENTS_LIMIT: Final = 16
IDLE_S: Final = 300.0

_SAME: Final = "use the `kanmon` of the same version as the daemon"
_SMALLER: Final = "send a smaller file: no configuration needs so much"

Command = Callable[[Mapping[str, Any]], Awaitable[Any]]

log = structlog.get_logger("kanmon.control")


@dataclass(slots=True)
class ControlServer:
    """Serves ``commands`` on a socket.

    Attributes:
        path: Where; what a dead daemon left there is replaced, a live one is an error.
        commands: By name. A `ControlError` they raise travels; anything else is a bug, logged
            here and told as such.
    """

    path: Path
    commands: Mapping[str, Command]
    _clients: set[asyncio.Task[None]] = field(default_factory=set)

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
            ready()
            async with server:
                await server.serve_forever()
        finally:
            listener.close()
            self.path.unlink(missing_ok=True)
            for client in self._clients:
                client.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._clients) >= CLIENTS_LIMIT:
            error = ControlError("too many commands at once", next_step="try again in a moment")
            writer.write(line({"v": VERSION, "id": None, "ok": False, "error": error.to_json()}))
            # Closing on an unread request would take our answer away from the client.
            with suppress(OSError, TimeoutError, ValueError):
                async with asyncio.timeout(REFUSED_S):
                    await reader.readline()
            await _close(writer)
            return
        self._clients.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, TimeoutError):
            pass  # the client went away, or said nothing for long
        except asyncio.CancelledError:
            pass  # the daemon stops; the stream's own task must not end in an error
        finally:
            self._clients.discard(task)
            await _close(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                async with asyncio.timeout(IDLE_S):
                    text = await reader.readline()
            except ValueError:
                error = ControlError(
                    f"a request of more than {REQUEST_LIMIT} bytes", next_step=_SMALLER
                )
                writer.write(
                    line({"v": VERSION, "id": None, "ok": False, "error": error.to_json()})
                )
                await writer.drain()
                return
            if not text:
                return
            writer.write(line(await self._answer(text)))
            await writer.drain()

    async def _answer(self, text: bytes) -> dict[str, Any]:
        number: object = None
        try:
            request = _request(text)
            number = request.get("id")
            command = self.commands.get(str(request.get("do")))
            if command is None:
                raise ControlError(
                    f"the daemon does not know {request.get('do')!r}",
                    next_step=_SAME,
                )
            arguments = request.get("with")
            result = await command(arguments if isinstance(arguments, dict) else {})
        except ControlError as error:
            return {"v": VERSION, "id": number, "ok": False, "error": error.to_json()}
        except Exception as error:  # a bug in one command must not end the daemon
            log.exception("a command broke", request=text[:200].decode(errors="replace"))
            told = ControlError(
                "the daemon could not do this: a fault of its own",
                why=f"{type(error).__name__}: {error}",
                next_step="report it with the daemon's log",
            )
            return {"v": VERSION, "id": number, "ok": False, "error": told.to_json()}
        return {"v": VERSION, "id": number, "ok": True, "result": result}


def _request(text: bytes) -> dict[str, Any]:
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise ControlError("the request is no JSON object", next_step=_SAME)
    if request.get("v") != VERSION:
        raise ControlError(
            f"the request speaks version {request.get('v')!r}, the daemon {VERSION}",
            next_step=_SAME,
        )
    return request


async def _close(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.CancelledError):
        writer.close()
        await writer.wait_closed()


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
            f"the control socket cannot be made: {(error.strerror or str(error)).lower()}",
            where=str(path),
            why="something that is no socket has its name" if taken else "",
            next_step="move it away" if taken else "let the gateway's user own the state folder",
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
    raise ControlError(
        "another daemon runs on this state folder",
        where=str(path),
        next_step="stop it first, or give this one another folder with --state",
    )
