"""Asking the simulated world for trouble: one line of JSON each way; see `control`."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, Final

from gateway.control.client import VERSION, line

_PATIENCE_S: Final = 15.0


class AskingError(Exception):
    """The simulated world did not do what it was asked."""


def ask(path: Path, do: str, **arguments: str) -> Any:
    """The result of a command; raises `AskingError`."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE_S)
            connection.connect(str(path))
            connection.sendall(line({"v": VERSION, "id": 1, "do": do, "with": arguments}))
            with connection.makefile("rb") as stream:
                answer = json.loads(stream.readline() or b"null")
    except (OSError, ValueError) as error:
        raise AskingError(f"the simulated sites do not answer: {error}") from error
    if not isinstance(answer, dict) or not answer.get("ok"):
        raise AskingError(f"the simulated sites said no: {answer}")
    return answer["result"]
