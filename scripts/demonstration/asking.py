"""Asking the simulated world for faults: the client of `scripts.demonstration.control`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from gateway.control.client import exchange
from gateway.control.protocol import ControlError, decode_response, encode_request

_PATIENCE_S: Final = 15.0


class AskingError(Exception):
    """The simulated world did not do what it was asked."""


def ask(path: Path, method: str, **params: str) -> Any:
    """The result of a method; raises `AskingError`."""
    try:
        return decode_response(exchange(path, encode_request(method, params), _PATIENCE_S))
    except (OSError, ValueError) as error:
        raise AskingError(f"the simulated sites do not answer: {error}") from error
    except ControlError as error:
        raise AskingError(f"the simulated sites said no: {error}") from error
