"""From a configured device to one that can be polled: which driver, line and poll groups.

The driver table is loaded here, on first need, so that whoever only checks a file or asks the
daemon does not pay for the protocol libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from config.finding import Finding
from config.model import Configuration, Device
from config.secrets import no_secrets
from console.nearest import nearest
from console.templates import polling
from console.templates.control import DID_YOU_MEAN
from console.text import Message, MessageError
from drivers.context import DriverContext
from drivers.device_url import DeviceUrl, UrlError
from drivers.driver import AddressedKind, LineDrainKind, SerialFormatKind, WritableKind
from drivers.installation import Installation
from drivers.report import Clock, Report
from drivers.setting import WriteError
from gateway.polling.device_state import DeviceView
from gateway.polling.polled_device import PolledDevice, Reader
from protocols.errors import ProtocolError

if TYPE_CHECKING:
    from console.text import Message
    from drivers.context import ProfileStore
    from drivers.driver import DriverKind, SettingWriter
    from drivers.lines import Lines


SPARE_SHARE: Final = 20
"""The part of its period that a poll may take to find out what its device lacks: a twentieth."""


class DeviceError(MessageError):
    """A device that cannot be polled.

    A fault of the profile that its URL names has its location there; a fault of the URL has none.

    Args:
        findings: Every reason.

    Attributes:
        findings: As given. ``what`` is the first of them, with the number of the others.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        first, *others = self.findings
        if others:
            super().__init__(polling.FURTHER_PROBLEMS(problem=first.what, n=len(others)))
        else:
            place = first.where if first.location else ""
            super().__init__(first.what, where=place, why=first.why, next_step=first.next)

    def step(self, url: str) -> Message:
        """What to do about it: as the only finding says, else by the place of the faults."""
        if self.next_step:
            return self.next_step
        if all(finding.location for finding in self.findings):
            return polling.CORRECT_PROFILE()
        from drivers.registry import example_of

        return polling.CORRECT_URL(example=example_of(url.partition(":")[0].lower()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedDevice:
    """A device URL with the kind of driver that serves it."""

    url: DeviceUrl
    kind: DriverKind

    @property
    def address(self) -> int | str | None:
        """Its address on the line that it shares; ``None`` for a device with a line of its own."""
        return self.kind.address(self.url) if isinstance(self.kind, AddressedKind) else None


def resolve(text: str, profiles: ProfileStore) -> ResolvedDevice:
    """The driver kind for a device URL; raises `DeviceError` with every problem of it."""
    from drivers.registry import DRIVERS

    try:
        url = DeviceUrl.parse(text)
    except UrlError as error:
        raise DeviceError((Finding(what=error.what, next=error.next_step),)) from error
    kind = DRIVERS.get(url.scheme)
    if kind is None:
        near = nearest(url.scheme, DRIVERS)
        known = tuple(f"{scheme}://" for scheme in sorted(DRIVERS))
        step = DID_YOU_MEAN(name=f"{near}://") if near else polling.KNOWN_SCHEMES(known=known)
        raise DeviceError((Finding(what=polling.UNKNOWN_SCHEME(scheme=url.scheme), next=step),))
    problems = kind.check(url, profiles)
    if problems:
        raise DeviceError(problems)
    return ResolvedDevice(url=url, kind=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceOpener:
    """Opens devices, to be polled or once, with what every driver of this gateway shares.

    Attributes:
        lines: The open lines.
        now: Milliseconds since boot.
        secret: The value behind ``secret:NAME``; raises `config.finding.ConfigError`.
    """

    lines: Lines
    now: Callable[[], int]
    secret: Callable[[str], str] = no_secrets

    def polled(
        self, configuration: Configuration, profiles: ProfileStore
    ) -> tuple[list[PolledDevice], dict[str, Message]]:
        """The devices to poll, and by name why the others cannot be."""
        ready: list[PolledDevice] = []
        refused: dict[str, Message] = {}
        for device in configuration.devices:
            try:
                ready.append(self._polled(device, profiles))
            except DeviceError as error:
                refused[device.name] = error.what
        return ready, refused

    def _polled(self, device: Device, profiles: ProfileStore) -> PolledDevice:
        resolved = resolve(device.url, profiles)
        url, kind = resolved.url, resolved.kind
        periods = {
            group: round(1000 * (device.every_s if period is None else period))
            for group, period in kind.poll_groups(url, profiles).items()
        }
        spare_ms = min(periods.values()) // SPARE_SHARE
        context = replace(self._context(device, profiles), spare_ms=spare_ms)
        drain_s = kind.drain_s(url) if isinstance(kind, LineDrainKind) else 0.0
        return PolledDevice(
            name=device.name,
            line=kind.line_key(url),
            periods=periods,
            drain_ms=round(1000 * drain_s),
            open=partial(kind.open, url, context),
            settings=(
                replace(device, label=""),  # what people call it changes nothing
                profiles.profile(url.profile) if url.profile else None,
            ),
        )

    def _context(self, device: Device | None, profiles: ProfileStore) -> DriverContext:
        installation = Installation()
        if device is not None:
            installation = Installation(
                current_ratio=device.current_ratio,
                voltage_ratio=device.voltage_ratio,
                reversed=device.reversed,
            )
        return DriverContext(
            lines=self.lines,
            now=self.now,
            profiles=profiles,
            installation=installation,
            secret=self.secret,
        )

    @contextmanager
    def writer(
        self, url: str, device: Device | None, profiles: ProfileStore
    ) -> Iterator[SettingWriter]:
        """What writes the settings of a device, within the block.

        Args:
            url: Where it is.
            device: Its settings, when it is a configured one.
            profiles: Where its profile is.

        Raises:
            DeviceError: There is no driver or profile for it.
            WriteError: Devices of its kind have no settings.
        """
        resolved = resolve(url, profiles)
        if not isinstance(resolved.kind, WritableKind):
            raise WriteError(polling.NO_SETTINGS(), next_step=polling.USE_DEVICE_PANEL())
        with self._visit(resolved, device):
            yield resolved.kind.writer(resolved.url, self._context(device, profiles))

    @contextmanager
    def _visit(self, resolved: ResolvedDevice, device: Device | None) -> Iterator[None]:
        """Use a device's line within the block.

        How a configured device is reached is how its line is used from now on, whatever it was
        used in until the configuration changed.
        """
        if device is None:
            self._check_line(resolved)
        with self.lines.visit(resolved.kind.line_key(resolved.url)):
            yield

    def _check_line(self, resolved: ResolvedDevice) -> None:
        """Refuse to look at a device in another way than its line is used in."""
        url, kind = resolved.url, resolved.kind
        key = kind.line_key(url)
        line = self.lines.line_at(key)
        form = kind.form(url) if isinstance(kind, SerialFormatKind) else None
        if line is not None and line.form != form:
            used = (
                polling.LINE_AT_FORMAT(line=key, format=str(line.form))
                if line.form
                else polling.LINE_AS_NETWORK(line=key)
            )
            raise DeviceError((Finding(what=used, next=polling.SAME_FORMAT()),))

    async def read_once(
        self, url: str, device: Device | None, profiles: ProfileStore, clock: Clock
    ) -> Report:
        """Read everything of a device once, between polls of others on its line.

        Args:
            url: Where it is.
            device: Its settings, when it is a configured one.
            profiles: Where its profile is.
            clock: What the report says about its time.

        Raises:
            DeviceError: There is no driver or profile for it.
        """
        resolved = resolve(url, profiles)
        groups = frozenset(resolved.kind.poll_groups(resolved.url, profiles))
        view = DeviceView(device.name if device else resolved.url.host or resolved.url.path)
        with self._visit(resolved, device):
            driver: Reader = resolved.kind.open(resolved.url, self._context(device, profiles))
            try:
                seen = await driver.read(groups)
            except ProtocolError as error:
                return view.failed(error, self.now(), clock)
        return view.observed(seen, self.now(), clock)
