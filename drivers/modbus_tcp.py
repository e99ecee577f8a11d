"""Devices on Modbus TCP, or behind a Modbus TCP gateway.

::

    modbus-tcp://host:502/?unit=1&profile=eastron-sdm630[&timeout_s=1][&pause_ms=0]

``pause_ms`` is the silence some gateways need between two requests.

The codec is imported when the first device is opened: a configuration can be checked without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from drivers.shelf import ProfileError
from protocols.tcp_line import line_key

if TYPE_CHECKING:
    from drivers.device_url import DeviceUrl
    from drivers.driver import Driver, Surroundings
    from drivers.shelf import Shelf

PORT: Final = 502
_KEYS: Final = frozenset({"unit", "profile", "timeout_s", "pause_ms"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """What the query of a URL asks for."""

    unit: int
    timeout_s: float
    silence_s: float

    @classmethod
    def of(cls, url: DeviceUrl, timeout_s: float, problems: list[str]) -> _Options:
        unit = url.number("unit", 1, least=0, most=255, problems=problems)
        if unit != int(unit):
            problems.append(f"unit={url.query['unit']} must be a whole number")
        return cls(
            unit=int(unit),
            timeout_s=url.number("timeout_s", timeout_s, least=0.05, most=30, problems=problems),
            silence_s=url.number("pause_ms", 0, least=0, most=5000, problems=problems) / 1000,
        )


class ModbusTcp:
    """The `drivers.driver.DriverKind` of ``modbus-tcp://``."""

    def check(self, url: DeviceUrl, shelf: Shelf) -> list[str]:
        """See `drivers.driver.DriverKind`."""
        problems = []
        if not url.host:
            problems.append("no host is named")
        if url.port == 0:
            problems.append("port 0 is no port to connect to")
        if url.user:
            problems.append("Modbus TCP knows no user; take out what stands before @")
        if url.path not in ("", "/"):
            problems.append(f"there is nothing at {url.path!r}; options stand after ?")
        problems += url.unknown(_KEYS)
        _Options.of(url, 1.0, problems)
        name = url.query.get("profile")
        if not name:
            problems.append("no profile is named, as in ?profile=eastron-sdm630")
            return problems
        try:
            shelf.profile(name)
        except ProfileError as error:
            problems += error.problems
        return problems

    def line(self, url: DeviceUrl) -> str:
        """See `drivers.driver.DriverKind`."""
        return line_key(url.host, url.port or PORT)

    def groups(self, url: DeviceUrl, shelf: Shelf) -> Mapping[str, float | None]:
        """See `drivers.driver.DriverKind`."""
        return shelf.profile(url.query["profile"]).periods

    def open(self, url: DeviceUrl, around: Surroundings) -> Driver:
        """See `drivers.driver.DriverKind`."""
        from drivers.profiled import ProfiledDriver
        from protocols.modbus import ModbusUnit

        profile = around.shelf.profile(url.query["profile"])
        options = _Options.of(url, profile.modbus.timeout_s, [])
        line = around.lines.tcp(url.host, url.port or PORT, silence_s=options.silence_s)
        unit = ModbusUnit(line, options.unit, now=around.now, timeout_s=options.timeout_s)
        return ProfiledDriver(profile, unit, around.installation)
