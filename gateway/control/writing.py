"""Writes one setting of a device: shows the change, writes, reads back, and keeps the audit."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.templates import control, system
from drivers.setting import WriteError
from gateway.control import audit
from gateway.control.protocol import ControlError, cause
from protocols.errors import ProtocolError

if TYPE_CHECKING:
    from console.text import Message
    from drivers.driver import SettingWriter


async def preview(writer: SettingWriter, name: str, text: str, where: str) -> dict[str, Any]:
    """Show what a write would change, and write nothing.

    Args:
        writer: Writes the device.
        name: Which setting.
        text: Its new value.
        where: The device's name or URL, for errors.

    Returns:
        ``now``, ``then`` and ``unit``, as JSON values.

    Raises:
        ControlError: It is not allowed, or the device does not tell its present value.
    """
    try:
        setting = writer.setting(name)
        value = setting.number(text)
        setting.held(value)
        now = await writer.current(setting)
    except WriteError as error:
        raise refused(error, where) from error
    except ProtocolError as error:
        raise _failed(control.VALUE_NOT_READ(setting=name), error) from error
    return {"now": format(now, "f"), "then": format(value, "f"), "unit": setting.unit}


async def write(
    writer: SettingWriter, name: str, text: str, *, state: Path, who: str, device: str
) -> dict[str, Any]:
    """Write a setting, and read it back.

    Args:
        writer: Writes the device.
        name: Which setting.
        text: Its new value.
        state: The state folder, where the audit is.
        who: The account that asked.
        device: Its name or URL, for the audit and errors.

    Returns:
        ``before``, ``after`` and ``unit``, as the device says them, as JSON values.

    Raises:
        ControlError: Nothing was written, or the device did not confirm it; says which.
    """
    change = await preview(writer, name, text, device)
    setting = writer.setting(name)
    value = setting.number(text)
    details = {"action": "write", "who": who, "device": device, "setting": name}
    requested = change["then"]
    _begin_audit(state, {**details, "before": change["now"], "requested": requested})
    try:
        after = await writer.write(setting, value)
    except ProtocolError as error:
        with suppress(OSError):  # the attempt is on record, and this error matters more
            audit.append(state, outcome=str(error), requested=requested, **details)
        raise _failed(control.NOT_CONFIRMED(setting=name), error) from error
    held = after == value or setting.held(after) == setting.held(value)
    outcome = "written" if held else "not applied"
    _end_audit(state, {"outcome": outcome, "after": format(after, "f"), **details})
    if not held:
        raise ControlError(
            control.NOT_APPLIED(setting=name, value=setting.amount(after)),
            where=device,
            next_step=control.SEE_DEVICE_MANUAL(),
        )
    return {"before": change["now"], "after": format(after, "f"), "unit": change["unit"]}


def _begin_audit(state: Path, details: dict[str, Any]) -> None:
    """Record the attempt; raises `ControlError` where that fails: then nothing is written."""
    try:
        audit.append(state, outcome="attempted", **details)
    except OSError as error:
        linked = isinstance(error, audit.LinkedFileError)
        raise ControlError(
            control.AUDIT_NOT_WRITTEN(),
            where=str(state / audit.NAME),
            why=control.AUDIT_LINKED() if linked else system.reason(error),
            next_step=control.MOVE_FILE() if linked else control.FREE_SPACE_AND_RETRY(),
        ) from error


def _end_audit(state: Path, details: dict[str, Any]) -> None:
    """Record the outcome; raises `ControlError` where that fails: the device has been written."""
    try:
        audit.append(state, **details)
    except OSError as error:
        raise ControlError(
            control.AUDIT_INCOMPLETE(),
            where=str(state / audit.NAME),
            why=system.reason(error),
            next_step=control.NOTE_CHANGE(),
        ) from error


def refused(error: WriteError, where: str) -> ControlError:
    """The error that nothing was written, for a person."""
    return ControlError(error.what, where=where, next_step=error.next_step)


def _failed(what: Message, error: ProtocolError) -> ControlError:
    return ControlError(what, where=error.where, why=cause(error), next_step=error.next_step)
