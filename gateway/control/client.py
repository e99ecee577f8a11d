"""The asking side of the control socket: what the command line uses. See `gateway.control.server`.

Apart from the server, so that a command loads no event loop and no logging.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

VERSION: Final = 1
SOCKET: Final = "control.sock"
_PATH_LIMIT: Final = 107
"""Bytes of a Unix socket's path (unix(7))."""


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


def line(answer: Mapping[str, Any]) -> bytes:
    """A message as it travels."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _sent(value: Any) -> Any:
    """A word as it can travel: what of it is not UTF-8 names nothing, and is told as a number."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode()


def check_length(path: Path) -> None:
    """Raise `ControlError` for a path that no socket can have."""
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
    check_length(path)
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
        sent = {name: _sent(value) for name, value in arguments.items()}
        return _converse(connection, path, {"v": VERSION, "id": 1, "do": do, "with": sent})


def _converse(connection: socket.socket, path: Path, request: Mapping[str, Any]) -> Any:
    try:
        connection.sendall(line(request))
        with connection.makefile("rb") as stream:
            answer = json.loads(stream.readline() or b"null")
    except TimeoutError as error:
        raise ControlError(
            "the daemon does not answer",
            where=str(path),
            next_step="look at its log; restart it if it hangs",
        ) from error
    except (OSError, ValueError) as error:
        what, step = "the daemon's answer broke off", "see its log, and try again"
        raise ControlError(what, where=str(path), next_step=step) from error
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
