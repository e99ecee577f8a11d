"""Devices that speak Modbus, however it travels.

::

    modbus-tcp://host:502/?unit=1&profile=eastron-sdm630[&timeout_s=1][&pause_ms=0]
    modbus-rtu:///dev/ttyUSB0?unit=1&profile=eastron-sdm630[&baud=9600][&parity=E][&stop=1]
    modbus-rtu+tcp://host:port/?unit=1&profile=...              the same, behind a serial server

``pause_ms`` is the silence some gateways need between two requests. ``baud``, ``parity`` and
``stop`` are the serial line's: every device of a line names the same. Behind a serial server, which
has settings of its own, they tell how long things take.

The codec is imported when the first device is opened: a configuration can be checked without.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from config.finding import Finding
from console.templates import device_url as texts
from console.templates import profile as profile_texts
from drivers.context import ProfileError
from drivers.device_url import not_a_choice
from drivers.modbus.bus_load import bus_load_of
from drivers.modbus.profile_store import modbus_profile
from protocols.modbus.rtu_timing import LONGEST_FRAME, RtuTiming
from protocols.serial_format import BAUDS, PARITIES, SerialFormat
from protocols.serial_format import line_key as serial_key
from protocols.tcp_line import TcpWire
from protocols.tcp_line import line_key as tcp_key
from protocols.timing import LineTiming

if TYPE_CHECKING:
    from drivers.bus_load import BusLoad
    from drivers.context import DriverContext, ProfileStore
    from drivers.device_url import DeviceUrl
    from drivers.driver import Driver, SettingWriter
    from drivers.modbus.profile import Profile
    from protocols.line import Line, Wire
    from protocols.modbus.unit import Framing, ModbusUnit

PORT: Final = 502
UNITS: Final = range(1, 248)
"""Who can be asked on a serial line: 0 is everybody and answers nothing, above 247 is reserved."""
_COMMON: Final = frozenset({"unit", "profile", "timeout_s"})
_SERIAL: Final = frozenset({"baud", "parity", "stop"})


class _Modbus(ABC):
    """What the kinds share; each knows its URLs, its line and how requests are framed on it."""

    schemes: ClassVar[tuple[str, ...]]
    example: ClassVar[str]

    @abstractmethod
    def line_key(self, url: DeviceUrl) -> str:
        """See `drivers.driver.DriverKind`."""

    def _serial_format(self, _url: DeviceUrl) -> SerialFormat | None:
        """The serial format of its line; ``None`` where only a network carries it."""
        return None

    @abstractmethod
    def _timing(self, url: DeviceUrl) -> LineTiming:
        """The pauses that its line keeps."""

    @abstractmethod
    def _wire(self, url: DeviceUrl) -> Wire:
        """What moves the bytes of its line."""

    @abstractmethod
    def _framing(self, line: Line) -> Framing:
        """How requests travel on its line; imports the codec."""

    def address(self, url: DeviceUrl) -> int:
        """See `drivers.driver.AddressedKind`: the unit id."""
        return _unit(url, range(256), [])

    def drain_s(self, url: DeviceUrl) -> float:
        """See `drivers.driver.LineDrainKind`; with the longest answer that may still come."""
        timing = self._timing(url)
        return max(timing.silence_s, timing.drain_s + LONGEST_FRAME * timing.character_s)

    def bus_load(self, url: DeviceUrl, profiles: ProfileStore) -> BusLoad:
        """See `drivers.driver.BusLoadKind`."""
        profile = _profile(url, profiles)
        timeout_s = _timeout_s(url, profile.modbus.timeout_s, [])
        return bus_load_of(profile, self._serial_format(url), self._timing(url), timeout_s)

    def poll_groups(self, url: DeviceUrl, profiles: ProfileStore) -> Mapping[str, float | None]:
        """See `drivers.driver.DriverKind`."""
        return _profile(url, profiles).periods

    def open(self, url: DeviceUrl, context: DriverContext) -> Driver:
        """See `drivers.driver.DriverKind`."""
        from drivers.modbus.driver import ProfiledDriver

        profile = _profile(url, context.profiles)
        unit = self._unit(url, context)
        return ProfiledDriver(
            profile, unit, context.installation, context.spare_ms, url.profile or ""
        )

    def settings(self, url: DeviceUrl, profiles: ProfileStore) -> tuple[str, ...]:
        """See `drivers.driver.WritableKind`."""
        return tuple(_profile(url, profiles).writable)

    def writer(self, url: DeviceUrl, context: DriverContext) -> SettingWriter:
        """See `drivers.driver.WritableKind`."""
        from drivers.modbus.writing import ProfiledWriter

        return ProfiledWriter(_profile(url, context.profiles), self._unit(url, context))

    def _unit(self, url: DeviceUrl, context: DriverContext) -> ModbusUnit:
        from protocols.modbus.unit import ModbusUnit

        default_s = _profile(url, context.profiles).modbus.timeout_s
        wire = partial(self._wire, url)
        form = self._serial_format(url)
        line = context.lines.line(self.line_key(url), wire, self._timing(url), form)
        return ModbusUnit(
            line,
            self.address(url),
            now=context.now,
            timeout_s=_timeout_s(url, default_s, []),
            framing=self._framing(line),
        )


class ModbusTcp(_Modbus):
    """The `drivers.driver.DriverKind` of ``modbus-tcp://``."""

    schemes: ClassVar[tuple[str, ...]] = ("modbus-tcp",)
    example: ClassVar[str] = "modbus-tcp://host:502/?unit=1&profile=eastron-sdm630"

    def check(self, url: DeviceUrl, profiles: ProfileStore) -> list[Finding]:
        """See `drivers.driver.DriverKind`."""
        problems = _check_host(url)
        if url.port == 0:
            problems.append(Finding(what=texts.INVALID_PORT(port=0), next=texts.PORT_RANGE()))
        problems += url.unknown(_COMMON | {"pause_ms"}) + _check_unit(url, range(256))
        _silence_s(url, problems)
        return [*problems, *_check_profile(url, profiles)]

    def line_key(self, url: DeviceUrl) -> str:
        """See `drivers.driver.DriverKind`."""
        return tcp_key(url.host, url.port or PORT)

    def _timing(self, url: DeviceUrl) -> LineTiming:
        return LineTiming(silence_s=_silence_s(url, []))

    def _wire(self, url: DeviceUrl) -> Wire:
        return TcpWire(url.host, url.port or PORT)

    def _framing(self, line: Line) -> Framing:  # replies are numbered, whatever the line
        from protocols.modbus.mbap import MbapTransaction

        return MbapTransaction


class ModbusRtu(_Modbus):
    """The `drivers.driver.DriverKind` of ``modbus-rtu://``."""

    schemes: ClassVar[tuple[str, ...]] = ("modbus-rtu",)
    example: ClassVar[str] = "modbus-rtu:///dev/ttyUSB0?unit=1&profile=eastron-sdm630"

    def check(self, url: DeviceUrl, profiles: ProfileStore) -> list[Finding]:
        """See `drivers.driver.DriverKind`."""
        problems = url.unknown(_COMMON | _SERIAL)
        example = texts.EXAMPLE(example="modbus-rtu:///dev/ttyUSB0")
        if url.host or url.port or url.user:
            problems.append(Finding(what=texts.THREE_SLASHES(), next=example))
        elif url.path in ("", "/"):
            problems.append(Finding(what=texts.NO_SERIAL_PORT(), next=example))
        _form(url, problems)
        return [*problems, *_check_unit(url, UNITS), *_check_profile(url, profiles)]

    def line_key(self, url: DeviceUrl) -> str:
        """See `drivers.driver.DriverKind`."""
        return serial_key(url.path)

    def form(self, url: DeviceUrl) -> SerialFormat:
        """See `drivers.driver.SerialFormatKind`."""
        return _form(url, [])

    def _serial_format(self, url: DeviceUrl) -> SerialFormat:
        return self.form(url)

    def _timing(self, url: DeviceUrl) -> LineTiming:
        return RtuTiming(self.form(url)).line

    def _wire(self, url: DeviceUrl) -> Wire:
        from protocols.serial_line import SerialWire  # only a gateway with a serial line needs it

        return SerialWire(url.path, self.form(url))

    def _framing(self, line: Line) -> Framing:
        from protocols.modbus.rtu import RtuTransaction

        return partial(RtuTransaction, echo=line.echo)


class ModbusRtuTcp(ModbusRtu):
    """The `drivers.driver.DriverKind` of ``modbus-rtu+tcp://``."""

    schemes: ClassVar[tuple[str, ...]] = ("modbus-rtu+tcp",)
    example: ClassVar[str] = "modbus-rtu+tcp://host:4001/?unit=1&profile=eastron-sdm630"

    def check(self, url: DeviceUrl, profiles: ProfileStore) -> list[Finding]:
        """See `drivers.driver.DriverKind`."""
        problems = [*_check_host(url), *url.unknown(_COMMON | _SERIAL)]
        if not url.port:
            missing = Finding(
                what=texts.NO_PORT(), why=texts.NO_STANDARD_PORT(), next=texts.PORT_RANGE()
            )
            problems.append(missing)
        _form(url, problems)
        return [*problems, *_check_unit(url, UNITS), *_check_profile(url, profiles)]

    def line_key(self, url: DeviceUrl) -> str:
        """See `drivers.driver.DriverKind`."""
        return tcp_key(url.host, url.port or 0)

    def _timing(self, url: DeviceUrl) -> LineTiming:
        return RtuTiming(self.form(url)).line_over_network

    def _wire(self, url: DeviceUrl) -> Wire:
        return TcpWire(url.host, url.port or 0, numbered=False)


def _profile(url: DeviceUrl, profiles: ProfileStore) -> Profile:
    return modbus_profile(url.query["profile"], profiles)


# --- what the parts of a URL say ----------------------------------------------------------------


def _check_host(url: DeviceUrl) -> list[Finding]:
    problems = []
    if not url.host:
        example = f"{url.scheme}://192.0.2.7"
        problems.append(Finding(what=texts.NO_HOST(), next=texts.EXAMPLE(example=example)))
    if url.user:
        problems.append(Finding(what=texts.NO_USERS(), next=texts.REMOVE_USER()))
    if url.path not in ("", "/"):
        problems.append(Finding(what=texts.PATH(path=url.path), next=texts.OPTIONS_FOLLOW()))
    return problems


def _check_unit(url: DeviceUrl, units: range) -> list[Finding]:
    problems: list[Finding] = []
    _unit(url, units, problems)
    _timeout_s(url, 1.0, problems)
    return problems


def _check_profile(url: DeviceUrl, profiles: ProfileStore) -> list[Finding]:
    if not url.profile:
        if "profile=" in url.path:
            return []  # the path is what is wrong
        step = texts.ADD_PROFILE(example="?profile=eastron-sdm630")
        return [Finding(what=texts.NO_PROFILE(), next=step)]
    try:
        profiles.profile(url.profile)
    except ProfileError as error:
        return [_named(finding, url.profile) for finding in error.findings]
    return []


def _named(finding: Finding, name: str) -> Finding:
    """A finding in a profile that says which one, and what to correct."""
    if finding.location is None:
        return finding
    what = profile_texts.INVALID(name=name, problem=finding.what)
    return replace(finding, what=what, next=finding.next or profile_texts.CORRECT(name=name))


def _unit(url: DeviceUrl, units: range, problems: list[Finding]) -> int:
    given = url.query.get("unit", "1")
    problems_before = len(problems)
    unit = url.number("unit", 1, least=units[0], most=units[-1], problems=problems)
    if len(problems) == problems_before and not (given.isascii() and given.isdecimal()):
        what, step = texts.NOT_WHOLE(name="unit", value=given), texts.WRITE_WHOLE()
        problems.append(Finding(what=what, next=step))
    return int(unit)


def _timeout_s(url: DeviceUrl, default: float, problems: list[Finding]) -> float:
    return url.number("timeout_s", default, least=0.05, most=30, problems=problems)


def _silence_s(url: DeviceUrl, problems: list[Finding]) -> float:
    return url.number("pause_ms", 0, least=0, most=5000, problems=problems) / 1000


def _form(url: DeviceUrl, problems: list[Finding]) -> SerialFormat:
    """Speed and character of the serial line; what is wrong with them goes to ``problems``."""
    usual = SerialFormat()
    baud = url.query.get("baud", str(usual.baud))
    parity = url.query.get("parity", usual.parity).upper()
    stop = url.query.get("stop", str(usual.stop))
    if baud not in {str(known) for known in BAUDS}:
        problems.append(not_a_choice("baud", baud, map(str, BAUDS)))
        baud = str(usual.baud)
    if parity not in PARITIES:
        problems.append(not_a_choice("parity", parity, PARITIES))
        parity = usual.parity
    if stop not in ("1", "2"):
        problems.append(not_a_choice("stop", stop, ("1", "2")))
        stop = str(usual.stop)
    return SerialFormat(baud=int(baud), parity=parity, stop=int(stop))
