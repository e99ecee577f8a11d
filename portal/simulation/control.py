"""The client of the simulated world: JSON-RPC 2.0 on a Unix socket, one message a line.

::

    -> {"jsonrpc": "2.0", "id": 1, "method": "break", "params": {"version": 1, "what": "jam"}}
    <- {"jsonrpc": "2.0", "id": 1, "result": {"troubles": [{"name": "jam", "on": true,
                                              "left_s": 60} ...], "gateways": [...]}}

``mend`` has the same parameters, ``state`` none. The other side is
``scripts/demonstration/control.py``, which speaks the gateway's control protocol. The portal may
not import the gateway, and needs one request of it, so that it is written here;
``tests/portal/simulation/test_control.py`` holds it against ``gateway/control/protocol.py``.
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

VERSION: Final = 1
"""Of the control protocol."""
_PATIENCE_S: Final = 5.0
_RESPONSE_LIMIT: Final = 1 << 20
_ID: Final = 1


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


def call(path: Path, method: str, **params: str) -> WorldState:
    """Call a method of the simulated world; raises `AwayError`."""
    request = _request(method, params)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE_S)
            connection.connect(str(path))
            connection.sendall(request)
            with connection.makefile("rb") as stream:
                response = json.loads(stream.readline(_RESPONSE_LIMIT))
        if response["jsonrpc"] != "2.0" or response["id"] != _ID:
            raise AwayError("not the response to the request")
        if "error" in response:
            raise AwayError(f"{response['error']['code']}: {response['error']['message']}")
        return _state(response["result"])
    except (OSError, ArithmeticError, ValueError, LookupError, TypeError) as error:
        raise AwayError(str(error)) from error


def _request(method: str, params: dict[str, str]) -> bytes:
    named = {"version": VERSION, **params}
    message = {"jsonrpc": "2.0", "id": _ID, "method": method, "params": named}
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def _state(told: dict[str, Any]) -> WorldState:
    return WorldState(
        troubles=[
            Trouble(name=str(one["name"]), on=bool(one["on"]), left_s=int(one["left_s"]))
            for one in told["troubles"]
        ],
        spools=[SpoolWord.parse(one) for one in told["gateways"]],
    )
