"""Reads or writes a device without the daemon: its line is opened here, and closed again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.templates import control

if TYPE_CHECKING:
    from config.model import Device
    from console.text import Message
    from drivers.context import ProfileStore
    from gateway.polling.devices import DeviceOpener


async def read_here(state: Path, url: str, device: Device | None) -> str:
    """Read a device once; its report as JSON.

    Args:
        state: The state folder, where profiles and secrets are.
        url: Where it is.
        device: Its settings, when it is a configured one.

    Raises:
        ControlError: There is no driver or profile for it.
    """
    from drivers.report_json import dumps, to_json
    from gateway.clock import OffsetWatch, SystemClock, clock_of

    source, watch = SystemClock(), OffsetWatch()
    watch.update(source.sample())
    async with _device_opener(state, url, control.DEVICE_NOT_READ()) as (opener, profiles):
        report = await opener.read_once(url, device, profiles, clock_of(source, watch))
    return dumps(to_json(report))


async def write_here(
    state: Path, url: str, target: str, method: str, params: dict[str, str]
) -> Any:
    """Look at a setting (``method`` is ``setting``) or write it; as `gateway.control.writing`.

    Raises:
        ControlError: It is not allowed, or the device did not do it.
    """
    from drivers.setting import WriteError
    from gateway.control import writing

    async with _device_opener(state, url, control.DEVICE_NOT_WRITTEN()) as (opener, profiles):
        try:
            with opener.writer(url, None, profiles) as writer:
                if method == "setting":
                    return await writing.preview(writer, params["setting"], params["value"], target)
                return await writing.write(
                    writer,
                    params["setting"],
                    params["value"],
                    state=state,
                    who=params["who"],
                    device=target,
                )
        except WriteError as error:
            raise writing.refused(error, target) from error


@asynccontextmanager
async def _device_opener(
    state: Path, url: str, what: Message
) -> AsyncIterator[tuple[DeviceOpener, ProfileStore]]:
    """Yield what opens devices; ``what`` is said where there is no driver for ``url``."""
    from config.secrets import read_secret
    from drivers.lines import Lines
    from gateway.clock import SystemClock
    from gateway.configuration.loader import profiles_in
    from gateway.control.device_commands import refusal
    from gateway.polling.devices import DeviceError, DeviceOpener

    lines = Lines()
    try:
        yield (
            DeviceOpener(lines=lines, now=SystemClock().now, secret=partial(read_secret, state)),
            profiles_in(state),
        )
    except DeviceError as error:
        raise refusal(what, error, url) from error
    finally:
        await lines.aclose()
