"""From a configured device to one that can be polled: which driver, line and poll groups.

The driver table is loaded here, on first need, so that whoever only checks a file or asks the
daemon does not pay for the protocol libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from config.model import Configuration, Device
from drivers.report import Clock, Report
from gateway.device_view import DeviceView
from gateway.poller import PolledDevice, Reads, code_of
from protocols.errors import ProtocolError

if TYPE_CHECKING:
    from drivers.driver import DeviceUrl, DriverKind, Lines, Surroundings

PROFILES: Final = "profiles"
"""Folder below the state folder that is searched for profiles before the packaged ones."""


class DeviceError(Exception):
    """A device that cannot be polled: ``problems`` says why, all of it."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A URL with the kind of driver that serves it."""

    url: DeviceUrl
    kind: DriverKind


def find(text: str, profiles: tuple[Path, ...]) -> Found:
    """The driver for a device URL; raises `DeviceError` with every problem of it."""
    from drivers.driver import DRIVERS, DeviceUrl, UrlError

    try:
        url = DeviceUrl.parse(text)
    except UrlError as error:
        raise DeviceError((str(error),)) from error
    kind = DRIVERS.get(url.scheme)
    if kind is None:
        known = ", ".join(f"{scheme}://" for scheme in sorted(DRIVERS))
        raise DeviceError((f"no driver speaks {url.scheme}://; there are {known}",))
    problems = kind.check(url, profiles)
    if problems:
        raise DeviceError(problems)
    return Found(url=url, kind=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What every driver of this gateway shares."""

    lines: Lines
    now: Callable[[], int]
    profiles: tuple[Path, ...]

    def polled(self, configuration: Configuration) -> tuple[list[PolledDevice], dict[str, str]]:
        """The devices to poll, and by name why the others cannot be."""
        ready, refused = [], {}
        for device in configuration.devices:
            try:
                ready.append(self._polled(device))
            except DeviceError as error:
                refused[device.name] = str(error)
        return ready, refused

    def _polled(self, device: Device) -> PolledDevice:
        found = find(device.url, self.profiles)
        groups = found.kind.groups(found.url, self.profiles)
        return PolledDevice(
            name=device.name,
            line=found.kind.line(found.url),
            periods={
                group: round(1000 * (device.every_s if period is None else period))
                for group, period in groups.items()
            },
            open=partial(found.kind.open, found.url, self._around(device)),
            settings=device.model_copy(update={"label": ""}),  # what people call it changes nothing
        )

    def _around(self, device: Device | None) -> Surroundings:
        from drivers.driver import Installation, Surroundings

        installation = Installation()
        if device is not None:
            installation = Installation(
                current_ratio=device.current_ratio,
                voltage_ratio=device.voltage_ratio,
                reversed=device.reversed,
            )
        return Surroundings(
            lines=self.lines, now=self.now, profiles=self.profiles, installation=installation
        )

    async def read_once(self, url: str, device: Device | None, clock: Clock) -> Report:
        """Read everything of a device once, between polls of others on its line.

        Args:
            url: Where it is.
            device: Its settings, when it is a configured one.
            clock: What the report says about its time.

        Raises:
            DeviceError: There is no driver or profile for it.
        """
        found = find(url, self.profiles)
        groups = frozenset(found.kind.groups(found.url, self.profiles))
        driver: Reads = found.kind.open(found.url, self._around(device))
        view = DeviceView(device.name if device else found.url.host)
        try:
            seen = await driver.read(groups)
        except ProtocolError as error:
            return view.failed(code_of(error), str(error), type(error).__name__, self.now(), clock)
        return view.observed(seen, self.now(), clock)
