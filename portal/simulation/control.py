"""Asking the simulated world: a line of JSON each way on a Unix socket.

::

    -> {"v": 1, "id": 1, "do": "break", "with": {"what": "jam"}}
    <- {"v": 1, "id": 1, "ok": true, "result": {"troubles": [{"name": "jam", "on": true,
                                                 "left_s": 60} ...], "gateways": [...]}}

``mend`` is asked for in the same way, and ``state`` of nothing. The other side is
``scripts/demonstration/control.py``.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from portal.ingest.ledger import SpoolWord

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE_S: Final = 5.0
_ANSWER_LIMIT: Final = 1 << 20


class AwayError(Exception):
    """Nobody simulates anything just now, or what was asked is not known there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that can be broken.

    Attributes:
        on: Whether it is.
        left_s: After how many seconds it heals.
    """

    name: str
    on: bool
    left_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldState:
    """What is broken, and what the gateways' spools say."""

    troubles: Sequence[Trouble]
    spools: Sequence[SpoolWord]


def ask(path: Path, do: str, **arguments: str) -> WorldState:
    """Let the simulated world do something; raises `AwayError`."""
    request = json.dumps({"v": 1, "id": 1, "do": do, "with": arguments}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE_S)
            connection.connect(str(path))
            connection.sendall(request)
            with connection.makefile("rb") as stream:
                answer = json.loads(stream.readline(_ANSWER_LIMIT))
        return _state(answer["result"])
    except (OSError, ArithmeticError, ValueError, LookupError, TypeError) as error:
        raise AwayError(str(error)) from error


def _state(told: dict[str, Any]) -> WorldState:
    return WorldState(
        troubles=[
            Trouble(name=str(one["name"]), on=bool(one["on"]), left_s=int(one["left_s"]))
            for one in told["troubles"]
        ],
        spools=[SpoolWord.parse(one) for one in told["gateways"]],
    )
