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

from gateway.control.protocol import ControlError, ErrorCode, decode_response, encode_request
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
            "the state folder's path is too long for a socket in it",
            where=str(path),
            next_step=f"choose one with at most {_PATH_LIMIT - len(SOCKET) - 1} bytes",
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
    except TimeoutError as error:
        raise ControlError(
            "the daemon does not answer",
            where=str(path),
            next_step="look at its log; restart it if it hangs",
        ) from error
    except BlockingIOError as error:  # more clients wait to be accepted than the system lets
        step = "try again in a moment"
        raise ControlError(
            "too many commands at once", where=str(path), next_step=step, code=ErrorCode.BUSY
        ) from error
    except OSError as error:
        raise _broken_off(path) from error
    except ValueError as error:
        raise unexpected_answer(state, str(error)) from error
    if not line:
        raise ControlError(
            "the daemon ended while it worked on this", where=str(path), next_step="see its log"
        )
    try:
        result = decode_response(line)
        check_result(method, result)
    except ValueError as error:
        if not line.endswith(b"\n"):
            raise _broken_off(path) from error
        raise unexpected_answer(state, str(error)) from error
    return result


def unexpected_answer(state: Path, why: str) -> ControlError:
    """The error that the daemon of a state folder answered something that is not expected."""
    return ControlError(
        "the daemon's answer is not the expected one",
        where=str(state / SOCKET),
        why=why,
        next_step="use the `kanmon` of the same version as the daemon",
    )


def exchange(path: Path, request: bytes, timeout_s: float) -> bytes:
    """Send a line to the socket at ``path``, and return the line that comes back.

    Raises:
        OSError: Nobody serves it, or it broke off; `TimeoutError` after ``timeout_s`` seconds.
        ValueError: More than `RESPONSE_LIMIT` bytes came back.
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
                raise ValueError(f"the response has more than {RESPONSE_LIMIT} bytes")
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
    """A word as it can travel: what of it is not UTF-8 names nothing, and is told as a number."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode()


def _broken_off(path: Path) -> ControlError:
    what, step = "the daemon's answer broke off", "see its log, and try again"
    return ControlError(what, where=str(path), next_step=step)
