"""The state of the installed service, as systemd and its files tell it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from gateway.install.machine import Machine, ServiceError
from gateway.install.preconditions import check_booted
from gateway.install.service import UNIT, WANTED
from gateway.install.unit import NAME, is_unedited

_PROPERTIES: Final = (
    "ActiveState",
    "SubState",
    "Result",
    "MainPID",
    "NRestarts",
    "MemoryCurrent",
    "ActiveEnterTimestamp",
    "UnitFileState",
)


def service_status(machine: Machine) -> dict[str, Any]:
    """Return the state of the service, as JSON values.

    Raises:
        ServiceError: It is not installed, or the service manager does not answer.
    """
    check_booted(machine)
    text = machine.read(UNIT)
    if text is None:
        raise ServiceError(
            "the service is not installed",
            where=UNIT,
            next_step="install it: sudo kanmon service install",
        )
    found: dict[str, Any] = {
        "unit": UNIT,
        "masked": not text,
        "edited": bool(text) and not is_unedited(text),
        "drop_ins": machine.exists(f"{UNIT}.d"),
        "enabled": machine.exists(WANTED),
    }
    if machine.booted:
        properties = ",".join(_PROPERTIES)
        said = machine.run("systemctl", "show", f"--property={properties}", NAME)
        found |= _properties(line.partition("=") for line in said.splitlines())
    return found


def _properties(pairs: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    said = {name: value for name, _, value in pairs}
    return {
        "active": said.get("ActiveState", ""),
        "detail": said.get("SubState", ""),
        "result": said.get("Result", ""),
        "pid": _number(said.get("MainPID")) or None,
        "restarts": _number(said.get("NRestarts")),
        "memory_bytes": _number(said.get("MemoryCurrent")),
        "since": said.get("ActiveEnterTimestamp") or None,
    }


def _number(text: str | None) -> int | None:
    """Read a number; systemd says ``[not set]`` or the largest one where it does not know it."""
    if text is None or not text.isdecimal() or int(text) >= 2**64 - 1:
        return None
    return int(text)
