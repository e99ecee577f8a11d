"""The state of the installed service, as systemd and its files tell it."""

from __future__ import annotations

from typing import Any, Final

from console.text import Template
from gateway.install.machine import Machine, ServiceError
from gateway.install.preconditions import check_booted
from gateway.install.service import NAME, UNIT, WANTED, is_unedited

NOT_INSTALLED: Final = Template("service.not_installed", "the service is not installed")
INSTALL: Final = Template("service.install", "install it with `sudo kanmon service install`")


def service_status(machine: Machine) -> dict[str, Any]:
    """Return the state of the service, as JSON values.

    Raises:
        ServiceError: It is not installed, or the service manager does not answer.
    """
    check_booted(machine)
    text = machine.read(UNIT)
    if text is None:
        raise ServiceError(NOT_INSTALLED(), where=UNIT, next_step=INSTALL())
    files = {
        "unit": UNIT,
        "masked": not text,
        "edited": bool(text) and not is_unedited(text),
        "drop_ins": machine.exists(f"{UNIT}.d"),
        "enabled": machine.exists(WANTED),
    }
    return files | _process(machine) if machine.booted else files


def _process(machine: Machine) -> dict[str, Any]:
    names = "ActiveState,SubState,Result,MainPID,NRestarts,MemoryCurrent,ActiveEnterTimestamp"
    lines = machine.run("systemctl", "show", f"--property={names}", NAME).splitlines()
    said = {name: value for name, _, value in (line.partition("=") for line in lines)}
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
