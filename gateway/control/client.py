"""The client of the control socket: what the command line uses. See `gateway.control.protocol`.

Apart from the server, so that a command loads no event loop and no logging.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from console.templates import control
from console.text import Message
from gateway.control.protocol import (
    ControlError,
    ErrorCode,
    ResponseError,
    decode_response,
    encode_request,
)
from gateway.control.results import check_result

SOCKET: Final = "control.sock"
RESPONSE_LIMIT: Final = 64 * 1024 * 1024
_CHUNK: Final = 256 * 1024
_PATH_LIMIT: Final = 107
"""Bytes of a Unix socket's path (unix(7))."""


class NoDaemonError(ControlError):
    """Nothing answers on the socket."""


def check_length(path: Path) -> None:
    """Raise `ControlError` for a path that no socket can have."""
    if len(os.fsencode(path)) > _PATH_LIMIT:
        raise ControlError(
            control.PATH_TOO_LONG(),
            where=str(path),
            next_step=control.SHORTER_PATH(limit=_PATH_LIMIT - len(SOCKET) - 1),
        )


def call(state: Path, method: str, timeout_s: float = 30.0, /, **params: Any) -> Any:
    """Call a method of the daemon of a state folder, and return its result. Blocks.

    Raises:
        NoDaemonError: None runs there.
        ControlError: It refused, did not respond within ``timeout_s`` seconds, or responded what
            is not expected.
    """
    path = state / SOCKET
    check_length(path)
    sent = {name: _sent(value) for name, value in params.items()}
    try:
        line = exchange(path, encode_request(method, sent), timeout_s)
    except OSError as error:
        raise _unanswered(path, error) from error
    except ResponseError as error:
        raise unexpected_answer(state, error.what) from error
    if not line:
        raise ControlError(control.STOPPED(), where=str(path), next_step=control.CHECK_LOG())
    try:
        result = decode_response(line)
        check_result(method, result)
    except ResponseError as error:
        if not line.endswith(b"\n"):
            raise _incomplete(path) from error
        raise unexpected_answer(state, error.what) from error
    return result


def unexpected_answer(state: Path, why: Message) -> ControlError:
    """The error that the daemon of a state folder answered something that is not expected."""
    return ControlError(
        control.UNEXPECTED_ANSWER(),
        where=str(state / SOCKET),
        why=why,
        next_step=control.SAME_VERSION(),
    )


def exchange(path: Path, request: bytes, timeout_s: float) -> bytes:
    """Send a line to the socket at ``path``, and return the line that comes back.

    Raises:
        OSError: Nobody serves it, or it broke off; `TimeoutError` after ``timeout_s`` seconds.
        ResponseError: More than `RESPONSE_LIMIT` bytes came back.
    """
    until = time.monotonic() + timeout_s
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        connection.connect(str(path))
        # A server that refuses a request has its response sent before it has read all of it.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        received = bytearray()
        while chunk := _receive(connection, until):
            received += chunk
            if b"\n" in chunk:
                break
            if len(received) > RESPONSE_LIMIT:
                raise ResponseError(control.ANSWER_TOO_LARGE(limit=RESPONSE_LIMIT))
    line, end, _ = bytes(received).partition(b"\n")
    return line + end


def _receive(connection: socket.socket, until: float) -> bytes:
    """What comes next, until ``until`` by `time.monotonic`; ``b""`` at the end."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
    return connection.recv(_CHUNK)


def _sent(value: Any) -> Any:
    """A word as it can travel: bytes that are not UTF-8 are written as numbers."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode()


def _unanswered(path: Path, error: OSError) -> ControlError:
    """The error that the socket at ``path`` gave no answer."""
    where = str(path)
    match error:
        case FileNotFoundError() | ConnectionRefusedError() | NotADirectoryError():
            return NoDaemonError(control.NOT_RUNNING(), where=where, next_step=control.START())
        case PermissionError():
            return ControlError(control.NOT_ALLOWED(), where=where, next_step=control.AS_OWNER())
        case TimeoutError():
            step = control.RESTART_IF_STUCK()
            return ControlError(control.NO_ANSWER(), where=where, next_step=step)
        case BlockingIOError():  # more clients wait to be accepted than the system lets
            what, step = control.TOO_MANY(), control.TRY_AGAIN()
            return ControlError(what, where=where, next_step=step, code=ErrorCode.BUSY)
    return _incomplete(path)


def _incomplete(path: Path) -> ControlError:
    return ControlError(
        control.ANSWER_INCOMPLETE(), where=str(path), next_step=control.CHECK_LOG_AND_RETRY()
    )
