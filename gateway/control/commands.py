"""What may be asked of the running daemon: every method of its control socket, by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.control.configuration_commands import ConfigurationCommands
    from gateway.control.device_commands import DeviceCommands
    from gateway.control.server import Command
    from gateway.control.status import StatusCommands


def commands(
    status: StatusCommands,
    devices: DeviceCommands,
    configuration: ConfigurationCommands,
    stop: Callable[[], None],
) -> Mapping[str, Command]:
    """The table; ``stop`` ends the daemon in good order."""

    async def end() -> dict[str, Any]:
        stop()
        return {}

    return {
        "status": _plain(status.status),
        "outbox": _plain(status.outbox),
        "devices": _plain(status.devices),
        "bus": _plain(status.bus),
        "read": devices.read,
        "why": devices.why,
        "setting": devices.setting,
        "write": devices.write,
        "apply": configuration.apply,
        "reload": _plain(configuration.reload),
        "configuration": _plain(configuration.configuration),
        "stop": _plain(end),
    }


def _plain(method: Callable[[], Awaitable[Any]]) -> Command:
    """A command that takes no parameters, whatever is sent with it."""

    async def command(_: Mapping[str, Any]) -> Any:
        return await method()

    return command
