"""Devices whose drivers answer, fail or stay silent as a test says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.text import verbatim
from drivers.report import Observation
from gateway.polling.polled_device import PolledDevice
from protocols.errors import ErrorResponse, InvalidResponse, Timeout, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.fakes import ScriptedDriver

TIMEOUT_S = 0.5
WHERE = "modbus-tcp 192.0.2.1:502 unit 1"


def ok(_: frozenset[str]) -> Observation:
    return Observation()


def raises(error: Callable[[], Exception]) -> Callable[[frozenset[str]], Observation]:
    def script(_: frozenset[str]) -> Observation:
        raise error()

    return script


def in_turn(*answers: Exception | None) -> Callable[[frozenset[str]], Observation]:
    """Fails with each of these in turn, ``None`` standing for an answer; then always answers."""
    left = list(answers)

    def script(_: frozenset[str]) -> Observation:
        if left and (error := left.pop(0)):
            raise error
        return Observation()

    return script


def timeout() -> Exception:
    return Timeout(verbatim("no answer"), where=WHERE)


def unreachable() -> Exception:
    return Unreachable(verbatim("no connection"), where="d")


def garbled() -> Exception:
    return InvalidResponse(
        expected=verbatim("function 3"), came=verbatim("function 4"), where=WHERE
    )


def refused() -> Exception:
    return ErrorResponse(
        code=2,
        reason=verbatim("illegal data address"),
        what=verbatim("x"),
        where=WHERE,
        next_step=verbatim("y"),
    )


def device(
    name: str, driver: ScriptedDriver, period: int = 1_000, line: str = "a", settings: object = None
) -> PolledDevice:
    return PolledDevice(
        name=name, line=line, periods={"fast": period}, open=lambda: driver, settings=settings
    )
