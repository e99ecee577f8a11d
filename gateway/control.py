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
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

VERSION: Final = 1
SOCKET: Final = "control.sock"
REQUEST_LIMIT: Final = 512 * 1024
CLIENTS_LIMIT: Final = 16
IDLE_S: Final = 300.0
_PATH_LIMIT: Final = 107
"""Bytes of a Unix socket's path (unix(7))."""

Command = Callable[[Mapping[str, Any]], Awaitable[Any]]

log = structlog.get_logger("kanmon.control")


class ControlError(Exception):
    """A request that was not done: ``what``, ``where``, ``why``, and the ``next`` step."""

    def __init__(self, what: str, *, where: str = "", why: str = "", next_step: str = "") -> None:
        super().__init__("; ".join(part for part in (what, where, why, next_step) if part))
        self.what = what
        self.where = where
        self.why = why
        self.next = next_step
        self.findings: list[dict[str, Any]] = []

    def to_json(self) -> dict[str, Any]:
        """The error as it travels."""
        fields = {"what": self.what, "where": self.where, "why": self.why, "next": self.next}
        return {**fields, "findings": self.findings} if self.findings else dict(fields)


class NoDaemonError(ControlError):
    """Nothing answers on the socket."""


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
            writer.write(_line({"v": VERSION, "id": None, "ok": False, "error": error.to_json()}))
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
                error = ControlError(f"a request of more than {REQUEST_LIMIT} bytes")
                writer.write(
                    _line({"v": VERSION, "id": None, "ok": False, "error": error.to_json()})
                )
                await writer.drain()
                return
            if not text:
                return
            writer.write(_line(await self._answer(text)))
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
                    next_step="use the `kanmon` of the same version as the daemon",
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
        raise ControlError("the request is no JSON object")
    if request.get("v") != VERSION:
        raise ControlError(
            f"the request speaks version {request.get('v')!r}, the daemon {VERSION}",
            next_step="use the `kanmon` of the same version as the daemon",
        )
    return request


def _line(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


async def _close(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.CancelledError):
        writer.close()
        await writer.wait_closed()


def _listen(path: Path) -> socket.socket:
    _check_length(path)
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
        raise ControlError(
            f"the control socket cannot be made: {error.strerror}",
            where=str(path),
            next_step="let the gateway's user own the state folder",
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


def _check_length(path: Path) -> None:
    if len(os.fsencode(path)) > _PATH_LIMIT:
        raise ControlError(
            "the state folder's path is too long for a socket in it",
            where=str(path),
            next_step=f"choose one with at most {_PATH_LIMIT - len(SOCKET) - 1} bytes",
        )


def ask(state: Path, do: str, timeout_s: float = 30.0, /, **arguments: Any) -> Any:
    """Let the daemon of a state folder do something, and return its result. Blocks.

    Raises:
        NoDaemonError: None runs there.
        ControlError: It said no, or nothing within ``timeout_s`` seconds.
    """
    path = state / SOCKET
    _check_length(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            raise NoDaemonError(
                "the gateway is not running",
                where=str(path),
                next_step="start it with `kanmon run`, or name its folder with --state",
            ) from error
        except PermissionError as error:
            raise ControlError(
                "the daemon's socket may not be opened",
                where=str(path),
                next_step="run the command as the user the gateway runs as, or with sudo",
            ) from error
        return _converse(connection, path, {"v": VERSION, "id": 1, "do": do, "with": arguments})


def _converse(connection: socket.socket, path: Path, request: Mapping[str, Any]) -> Any:
    try:
        connection.sendall(_line(request))
        with connection.makefile("rb") as stream:
            answer = json.loads(stream.readline() or b"null")
    except TimeoutError as error:
        raise ControlError(
            "the daemon does not answer",
            where=str(path),
            next_step="look at its log; restart it if it hangs",
        ) from error
    except (OSError, ValueError) as error:
        raise ControlError("the daemon's answer broke off", where=str(path)) from error
    if not isinstance(answer, dict):
        raise ControlError(
            "the daemon ended while it worked on this", where=str(path), next_step="see its log"
        )
    if answer.get("ok"):
        return answer.get("result")
    told = answer.get("error") or {}
    refusal = ControlError(
        str(told.get("what", "the daemon said no")),
        where=str(told.get("where", "")),
        why=str(told.get("why", "")),
        next_step=str(told.get("next", "")),
    )
    refusal.findings = list(told.get("findings") or [])
    raise refusal
