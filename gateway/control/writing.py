"""Writes one setting of a device: shows the change, writes, reads back, and keeps the audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.setting import WriteError
from gateway.control import audit
from gateway.control.protocol import ControlError
from protocols.errors import ProtocolError

if TYPE_CHECKING:
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
        raise _failed("the device does not say what it is set to", error) from error
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
        OSError: The audit cannot be kept; nothing was written.
    """
    change = await preview(writer, name, text, device)
    setting = writer.setting(name)
    value = setting.number(text)
    details = {"action": "write", "who": who, "device": device, "setting": name}
    requested = change["then"]
    audit.append(state, outcome="attempted", before=change["now"], requested=requested, **details)
    try:
        after = await writer.write(setting, value)
    except ProtocolError as error:
        audit.append(state, outcome=str(error), requested=requested, **details)
        raise _failed("the device did not confirm the write", error) from error
    held = after == value or setting.held(after) == setting.held(value)
    try:
        outcome = "written" if held else "not applied"
        audit.append(state, outcome=outcome, after=format(after, "f"), **details)
    except OSError as error:
        raise ControlError(
            f"it was written, and the audit could not be kept: {error.strerror}",
            where=str(state),
            next_step="make room on the disk, and note down what was written",
        ) from error
    if not held:
        raise ControlError(
            f"the device took the write and still says {setting.amount(after)}",
            where=device,
            next_step="look in its manual: it may want a password, or a restart",
        )
    return {"before": change["now"], "after": format(after, "f"), "unit": change["unit"]}


def refused(error: WriteError, where: str) -> ControlError:
    """The error that nothing was written, for a person."""
    return ControlError(error.what, where=where, next_step=error.next_step)


def _failed(what: str, error: ProtocolError) -> ControlError:
    return ControlError(what, where=error.where, why=error.what, next_step=error.next_step)
