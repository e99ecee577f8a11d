"""The commands that read or write one device through the daemon, which owns the lines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from config.finding import Finding
from console.templates import control
from drivers.setting import WriteError
from gateway.configuration.loader import LoadError
from gateway.control.protocol import ControlError, cause, text_param
from gateway.control.unknown_device import unknown_device
from gateway.polling.devices import DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from config.model import Configuration, Device
    from console.text import Message
    from drivers.context import ProfileStore
    from drivers.driver import SettingWriter
    from drivers.report import Clock, Report


class ProfileSource(Protocol):
    """The configuration and its profiles (`gateway.configuration.running.ActiveConfiguration`)."""

    @property
    def configuration(self) -> Configuration:
        """The settings that run now."""

    @property
    def profiles(self) -> ProfileStore:
        """The profiles that its devices name."""

    async def profiles_of(self, url: str) -> ProfileStore:
        """The profile that the URL of any device names; raises ``LoadError``."""


class OnDemandAccess(Protocol):
    """The lines and drivers, as `gateway.polling.devices.DeviceOpener` reaches them."""

    async def read_once(
        self, url: str, device: Device | None, profiles: ProfileStore, clock: Clock
    ) -> Report:
        """Read everything of a device, between the polls of others; raises ``DeviceError``."""

    def writer(
        self, url: str, device: Device | None, profiles: ProfileStore
    ) -> AbstractContextManager[SettingWriter]:
        """What writes the settings of a device, within a ``with`` block.

        Raises:
            DeviceError: There is no driver or profile for it.
            WriteError: Devices of its kind have no settings.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAccess:
    """What these commands read and use of the running gateway.

    Attributes:
        settings: Configured devices, and profiles.
        opener: Reads and writes devices on demand.
        reports: The latest report of each device, by name.
        clock: What a report made now says about its time.
        state: The state folder, where the audit is.
    """

    settings: ProfileSource
    opener: OnDemandAccess
    reports: Mapping[str, Report]
    clock: Callable[[], Clock]
    state: Path


def refusal(what: Message, error: DeviceError, url: str) -> ControlError:
    """The error that a device cannot be used: its one problem as the cause, several as findings."""
    step = error.step(url)
    if len(error.findings) == 1:
        return ControlError(what, where=error.where or url, why=cause(error), next_step=step)
    found = ControlError(what, where=url, next_step=step)
    found.findings = error.findings
    return found


class DeviceCommands:
    """One look at a device, or one write; every result is made of JSON values."""

    def __init__(self, access: DeviceAccess) -> None:
        self._access = access

    async def read(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Read a device now: ``name`` of a configured one, or ``url`` of any."""
        from drivers.report_json import dumps, to_json

        url, device = self._target(params)
        try:
            report = await self._read(url, device)
        except DeviceError as error:
            raise refusal(control.DEVICE_NOT_READ(), error, url) from error
        # As text: the report's own JSON is exact to the digit, which a float would not be.
        return {"report": dumps(to_json(report))}

    async def why(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The latest report of a device, with when each condition began; `read` of another one."""
        from drivers.report_json import dumps, to_json

        url, device = self._target(params)
        latest = self._access.reports.get(device.name) if device else None
        if latest is None:
            return await self.read(params) | {"url": url}
        return {"report": dumps(to_json(latest)), "url": url}

    async def setting(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """What writing ``setting`` of a device to ``value`` would change; writes nothing."""
        from gateway.control.writing import preview

        url, device = self._target(params)
        name, value = text_param(params, "setting"), text_param(params, "value")
        async with self._writer(url, device) as writer:
            return await preview(writer, name, value, device.name if device else url)

    async def write(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Write ``setting`` of a device to ``value``, on behalf of ``who``."""
        from gateway.control.writing import write

        url, device = self._target(params)
        name, value = text_param(params, "setting"), text_param(params, "value")
        who = text_param(params, "who", "")
        async with self._writer(url, device) as writer:
            return await write(
                writer,
                name,
                value,
                state=self._access.state,
                who=who,
                device=device.name if device else url,
            )

    def _target(self, params: Mapping[str, Any]) -> tuple[str, Device | None]:
        """The URL that ``name`` or ``url`` means, and the configured device there."""
        known = {device.name: device for device in self._access.settings.configuration.devices}
        if "name" not in params:
            url = text_param(params, "url")
            return url, next((d for d in known.values() if d.url == url), None)
        name = text_param(params, "name")
        device = known.get(name)
        if device is None:
            raise unknown_device(name, known)
        return device.url, device

    async def _profiles(self, url: str, device: Device | None) -> ProfileStore:
        settings = self._access.settings
        try:
            return settings.profiles if device else await settings.profiles_of(url)
        except LoadError as error:
            found = Finding(what=error.what, why=error.why, next=error.next_step)
            raise DeviceError((found,)) from error

    @asynccontextmanager
    async def _writer(self, url: str, device: Device | None) -> AsyncIterator[SettingWriter]:
        from gateway.control.writing import refused

        try:
            profiles = await self._profiles(url, device)
            with self._access.opener.writer(url, device, profiles) as writer:
                yield writer
        except WriteError as error:
            raise refused(error, device.name if device else url) from error
        except DeviceError as error:
            raise refusal(control.DEVICE_NOT_WRITTEN(), error, url) from error

    async def _read(self, url: str, device: Device | None) -> Report:
        profiles = await self._profiles(url, device)
        return await self._access.opener.read_once(url, device, profiles, self._access.clock())
