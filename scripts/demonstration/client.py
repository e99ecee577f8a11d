"""The client of the simulated world: calls the methods of `scripts.demonstration.control`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from gateway.control.client import exchange
from gateway.control.protocol import ControlError, decode_response, encode_request

_PATIENCE_S: Final = 15.0


class WorldError(Exception):
    """The simulated world did not answer, or refused."""


def call(path: Path, method: str, **params: str) -> Any:
    """The result of a method; raises `WorldError`."""
    try:
        return decode_response(exchange(path, encode_request(method, params), _PATIENCE_S))
    except (OSError, ValueError) as error:
        raise WorldError(f"the simulated sites do not answer: {error}") from error
    except ControlError as error:
        raise WorldError(f"the simulated sites said no: {error}") from error
