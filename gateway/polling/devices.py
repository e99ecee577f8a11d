"""From a configured device to one that can be polled: which driver, line and poll groups.

The driver table is loaded here, on first need, so that whoever only checks a file or asks the
daemon does not pay for the protocol libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from config.model import Configuration, Device
from config.secrets import no_secrets
from drivers.report import Clock, Report
from gateway.polling.device_state import DeviceView, code_of
from gateway.polling.polled_device import PolledDevice, Reader
from protocols.errors import ProtocolError

if TYPE_CHECKING:
    from drivers.driver import DeviceUrl, DriverKind, Lines, Surroundings, Writes
    from drivers.modbus.profile_store import Shelf


SPARE_SHARE: Final = 20
"""What part of its period a poll may take to find out what its device lacks: a twentieth."""


_METER_STEP: Final = "correct the URL, as in modbus-tcp://host:502/?unit=1&profile=eastron-sdm630"
_PRINTER_STEP: Final = "correct the URL, as in snmp://192.0.2.7/?version=2c"


def url_step(url: str) -> str:
    """What to do about a device that cannot be polled, where its problems do not say it."""
    return _PRINTER_STEP if url.lower().startswith("snmp:") else _METER_STEP


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


def find(text: str, shelf: Shelf) -> Found:
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
    problems = kind.check(url, shelf)
    if problems:
        raise DeviceError(problems)
    return Found(url=url, kind=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What every driver of this gateway shares."""

    lines: Lines
    now: Callable[[], int]
    secret: Callable[[str], str] = no_secrets

    def polled(
        self, configuration: Configuration, shelf: Shelf
    ) -> tuple[list[PolledDevice], dict[str, str]]:
        """The devices to poll, and by name why the others cannot be."""
        ready, refused = [], {}
        for device in configuration.devices:
            try:
                ready.append(self._polled(device, shelf))
            except DeviceError as error:
                refused[device.name] = str(error)
        return ready, refused

    def _polled(self, device: Device, shelf: Shelf) -> PolledDevice:
        found = find(device.url, shelf)
        groups = found.kind.groups(found.url, shelf)
        profile = found.url.query.get("profile")
        periods = {
            group: round(1000 * (device.every_s if period is None else period))
            for group, period in groups.items()
        }
        around = replace(self._around(device, shelf), spare_ms=min(periods.values()) // SPARE_SHARE)
        return PolledDevice(
            name=device.name,
            line=found.kind.line(found.url),
            periods=periods,
            drain_ms=round(1000 * found.kind.drain_s(found.url)),
            open=partial(found.kind.open, found.url, around),
            settings=(
                replace(device, label=""),  # what people call it changes nothing
                shelf.profile(profile) if profile else None,
            ),
        )

    def _around(self, device: Device | None, shelf: Shelf) -> Surroundings:
        from drivers.driver import Installation, Surroundings

        installation = Installation()
        if device is not None:
            installation = Installation(
                current_ratio=device.current_ratio,
                voltage_ratio=device.voltage_ratio,
                reversed=device.reversed,
            )
        return Surroundings(
            lines=self.lines,
            now=self.now,
            shelf=shelf,
            installation=installation,
            secret=self.secret,
        )

    def writer(self, url: str, shelf: Shelf) -> Writes:
        """What writes settings of the device at ``url``; raises `DeviceError`."""
        found = find(url, shelf)
        self._check_line(found)
        return found.kind.writer(found.url, self._around(None, shelf))

    def _check_line(self, found: Found) -> None:
        """Refuse to look at a device in another way than its line is used in."""
        key = found.kind.line(found.url)
        line, form = self.lines.opened.get(key), found.kind.form(found.url)
        if line is not None and line.form != form:
            way = f"at {line.form}" if line.form else "with Modbus TCP's own frames"
            raise DeviceError((f"{key} is in use {way}; name the same speed, character, protocol",))

    async def read_once(
        self, url: str, device: Device | None, shelf: Shelf, clock: Clock
    ) -> Report:
        """Read everything of a device once, between polls of others on its line.

        Args:
            url: Where it is.
            device: Its settings, when it is a configured one.
            shelf: Where its profile is.
            clock: What the report says about its time.

        Raises:
            DeviceError: There is no driver or profile for it.
        """
        found = find(url, shelf)
        self._check_line(found)
        groups = frozenset(found.kind.groups(found.url, shelf))
        driver: Reader = found.kind.open(found.url, self._around(device, shelf))
        view = DeviceView(device.name if device else found.url.host or found.url.path)
        try:
            seen = await driver.read(groups)
        except ProtocolError as error:
            return view.failed(code_of(error), str(error), type(error).__name__, self.now(), clock)
        return view.observed(seen, self.now(), clock)
