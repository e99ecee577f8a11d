"""Writing one setting of a device: looked at, written, read back, and kept in the audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.setting import WriteError
from gateway.control.audit import note
from gateway.control.protocol import ControlError
from protocols.errors import ProtocolError

if TYPE_CHECKING:
    from drivers.driver import SettingWriter


async def look(writer: SettingWriter, name: str, text: str, where: str) -> dict[str, Any]:
    """What a write would do, as JSON values: ``now``, ``then``, ``unit``.

    Raises:
        ControlError: It is not allowed, or the device does not say what it has now.
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
    """Write a setting; returns ``before`` and ``after``, as the device says them.

    Args:
        writer: Writes the device.
        name: Which setting.
        text: What it shall be.
        state: The state folder, where the audit is.
        who: The account that asked.
        device: Its name or URL, for the audit and errors.

    Raises:
        ControlError: Nothing was written, or the device did not confirm it; says which.
        OSError: The audit cannot be kept; nothing was written.
    """
    seen = await look(writer, name, text, device)
    setting = writer.setting(name)
    value = setting.number(text)
    facts = {"who": who, "did": "write", "device": device, "setting": name}
    note(state, **facts, before=seen["now"], wanted=seen["then"], result="asked")
    try:
        after = await writer.write(setting, value)
    except ProtocolError as error:
        note(state, **facts, wanted=seen["then"], result=str(error))
        raise _failed("the device did not confirm the write", error) from error
    held = after == value or setting.held(after) == setting.held(value)
    try:
        note(state, **facts, after=format(after, "f"), result="written" if held else "not held")
    except OSError as error:
        raise ControlError(
            f"it was written, and the audit could not be kept: {error.strerror}",
            where=str(state),
            next_step="make room on the disk, and note down what was written",
        ) from error
    if not held:
        raise ControlError(
            f"the device took the write and still says {after}{setting.suffix}",
            where=device,
            next_step="look in its manual: it may want a password, or a restart",
        )
    return {"before": seen["now"], "after": format(after, "f"), "unit": seen["unit"]}


def refused(error: WriteError, where: str) -> ControlError:
    """The error that nothing was written, for a person."""
    return ControlError(error.what, where=where, next_step=error.next_step)


def _failed(what: str, error: ProtocolError) -> ControlError:
    return ControlError(what, where=error.where, why=error.what, next_step=error.next_step)
