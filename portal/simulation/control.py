"""The client of the simulated world: JSON-RPC 2.0 on a Unix socket, one message a line.

::

    -> {"jsonrpc": "2.0", "id": 1, "method": "break", "params": {"version": 1, "what": "jam"}}
    <- {"jsonrpc": "2.0", "id": 1, "result": {"faults": [{"name": "jam", "on": true,
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

from portal.ingest.ledger import SpoolReport

if TYPE_CHECKING:
    from pathlib import Path

VERSION: Final = 1
"""The version of the control protocol."""
_PATIENCE_S: Final = 5.0
_RESPONSE_LIMIT: Final = 1 << 20
_ID: Final = 1


class SimulationUnavailableError(Exception):
    """The simulated world does not answer, or does not know what was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedFault:
    """A fault that the simulated world can inject.

    Attributes:
        on: Whether it is injected now.
        left_s: Seconds until it ends by itself.
    """

    name: str
    on: bool
    left_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldState:
    """The faults that can be injected, and what the gateways' spools report."""

    faults: Sequence[InjectedFault]
    spools: Sequence[SpoolReport]


def call(path: Path, method: str, **params: str) -> WorldState:
    """Call a method of the simulated world; raises `SimulationUnavailableError`."""
    request = _request(method, params)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE_S)
            connection.connect(str(path))
            connection.sendall(request)
            with connection.makefile("rb") as stream:
                response = json.loads(stream.readline(_RESPONSE_LIMIT))
        if response["jsonrpc"] != "2.0" or response["id"] != _ID:
            raise SimulationUnavailableError("not the response to the request")
        if "error" in response:
            raise SimulationUnavailableError(
                f"{response['error']['code']}: {response['error']['message']}"
            )
        return _state(response["result"])
    except (
        OSError,
        ArithmeticError,
        ValueError,
        LookupError,
        TypeError,
        RecursionError,
    ) as error:
        raise SimulationUnavailableError(str(error)) from error


def _request(method: str, params: dict[str, str]) -> bytes:
    named = {"version": VERSION, **params}
    message = {"jsonrpc": "2.0", "id": _ID, "method": method, "params": named}
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def _state(result: dict[str, Any]) -> WorldState:
    return WorldState(
        faults=[
            InjectedFault(name=str(one["name"]), on=bool(one["on"]), left_s=int(one["left_s"]))
            for one in result["faults"]
        ],
        spools=[SpoolReport.parse(one) for one in result["gateways"]],
    )
