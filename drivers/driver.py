"""The contracts of drivers: one small protocol for each power.

::

    DriverKind              one family over one way to reach its devices; `drivers.registry`
      |                     lists them by URL scheme
      |-- BusLoadKind       knows what a device asks of its line
      |-- AddressedKind     its devices take turns on a line, each with an address
      |-- SerialFormatKind  knows the serial format of its line
      |-- LineDrainKind     knows how long a line is left alone after a timeout
      `-- WritableKind      its devices have settings that may be written
            v
    Driver                  one device, opened
      |-- ReadPlanner       knows what it will ask its line for
      |-- Prober            finds out whether anything answers
      `-- Identifier        finds out who answers
    SettingWriter           writes the settings of one device

A family implements `DriverKind` and `Driver`, and of the other protocols those whose power it has;
who needs a power asks with `isinstance`. This file names no family.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from config.finding import Finding
    from drivers.bus_load import BusLoad, RequestTime
    from drivers.context import DriverContext, ProfileStore
    from drivers.device_url import DeviceUrl
    from drivers.report import Identity, Observation
    from drivers.setting import Setting
    from protocols.serial_format import SerialFormat


class Driver(Protocol):
    """Reads one device by its poll groups."""

    async def read(self, due: frozenset[str]) -> Observation:
        """Read the poll groups in ``due``, and stop at the first timeout.

        Cancelling it leaves the line usable.

        Raises:
            ProtocolError: The device could not be read; nothing else is ever raised, save by a
                bug.
        """


@runtime_checkable
class ReadPlanner(Protocol):
    """A driver that knows what it will ask its line for."""

    def planned(self) -> Mapping[str, tuple[RequestTime, ...]]:
        """By poll group, the requests that reading it alone takes, as far as the device is known.

        Empty where a network carries the line.
        """


@runtime_checkable
class Prober(Protocol):
    """A driver that finds out with its cheapest request whether anything answers."""

    async def probe(self) -> None:
        """Return when something answered, a refusal included.

        Cancelling it leaves the line usable.

        Raises:
            ProtocolError: Nothing that speaks this protocol answered.
        """


@runtime_checkable
class Identifier(Protocol):
    """A driver that finds out who answers without reading anything else."""

    async def identify(self) -> Identity:
        """Ask the device for its maker, model and serial number, as far as it tells them.

        Cancelling it leaves the line usable.

        Raises:
            ProtocolError: The device could not be asked.
        """


class SettingWriter(Protocol):
    """Writes the settings of one device."""

    def setting(self, name: str) -> Setting:
        """The setting called ``name``.

        Raises:
            WriteError: There is none, or it may not be written.
        """

    async def current(self, setting: Setting) -> Decimal:
        """The value that the device says it has; raises `ProtocolError`."""

    async def write(self, setting: Setting, value: Decimal) -> Decimal:
        """Write a value, and return the one that the device says it has then.

        Raises:
            ProtocolError: The device did not answer; it may have been written all the same.
            WriteError: The device cannot hold this value exactly.
        """


class DriverKind(Protocol):
    """What is known of all devices that one family reaches in one way."""

    @property
    def schemes(self) -> tuple[str, ...]:
        """The URL schemes it serves, lower case."""

    @property
    def example(self) -> str:
        """A URL of its first scheme, for a person who has to correct one."""

    def check(self, url: DeviceUrl, profiles: ProfileStore) -> list[Finding]:
        """Every problem of a URL; empty when it can be opened.

        A problem of the profile that it names has its location in the profile; a problem of the
        URL itself has none.
        """

    def line_key(self, url: DeviceUrl) -> str:
        """The key of the line the device is on: ``tcp:192.0.2.7:502``."""

    def poll_groups(self, url: DeviceUrl, profiles: ProfileStore) -> Mapping[str, float | None]:
        """Poll groups with their periods in seconds; ``None`` for the device's own."""

    def open(self, url: DeviceUrl, context: DriverContext) -> Driver:
        """The driver of one device; ``check`` must have found no problem. Does no I/O."""


@runtime_checkable
class BusLoadKind(Protocol):
    """A kind that knows what a device asks of its line."""

    def bus_load(self, url: DeviceUrl, profiles: ProfileStore) -> BusLoad:
        """What the device asks of its line, before anything is known of it."""


@runtime_checkable
class AddressedKind(Protocol):
    """A kind whose devices take turns on a line, each with an address of its own there."""

    def address(self, url: DeviceUrl) -> int | str:
        """Return the device's address on its line: a unit id, a primary address.

        It is a text where the protocol has texts, as IEC 62056-21 and ECHONET Lite do.
        """


@runtime_checkable
class SerialFormatKind(Protocol):
    """A kind whose lines have a serial format, at the box or behind a serial server."""

    def form(self, url: DeviceUrl) -> SerialFormat:
        """The speed and character of the device's line, on which all its devices must agree."""


@runtime_checkable
class LineDrainKind(Protocol):
    """A kind whose lines are left alone after a timeout, so that a late response is not misread."""

    def drain_s(self, url: DeviceUrl) -> float:
        """Seconds for which the line is left alone, at most, after a device did not answer."""


@runtime_checkable
class WritableKind(Protocol):
    """A kind whose devices may have settings that can be written."""

    def settings(self, url: DeviceUrl, profiles: ProfileStore) -> tuple[str, ...]:
        """The names of the device's settings; empty where none may be written."""

    def writer(self, url: DeviceUrl, context: DriverContext) -> SettingWriter:
        """What writes the device's settings; ``check`` must have found no problem. No I/O."""
