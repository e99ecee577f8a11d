"""What every driver is, and which there are.

A driver reads one device; a *kind* of driver knows the URLs of one scheme. `DRIVERS` is the whole
list: nothing registers itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from config.secrets import no_secrets
from drivers.bus_load import Demand
from drivers.device_url import DeviceUrl, UrlError
from drivers.installation import AS_MEASURED, Installation
from drivers.modbus.kind import ModbusRtu, ModbusRtuTcp, ModbusTcp
from drivers.modbus.profile_store import Shelf
from drivers.printer.snmp.kind import PrinterMib
from drivers.report import Observation
from protocols.line import Line, Wire
from protocols.modbus.planner import Read
from protocols.modbus.rtu_timing import RtuTiming
from protocols.serial_format import SerialFormat
from protocols.serial_format import line_key as serial_key
from protocols.snmp.agent import Agent, Reveal, SnmpAgent, Target
from protocols.snmp.agent import line_key as snmp_key
from protocols.tcp_line import TcpWire
from protocols.tcp_line import line_key as tcp_key
from protocols.timing import LineTiming

if TYPE_CHECKING:
    from drivers.modbus.writing import Setting

__all__ = [
    "DRIVERS",
    "DeviceUrl",
    "Driver",
    "DriverKind",
    "Installation",
    "Lines",
    "Surroundings",
    "UrlError",
]


class Lines:
    """The lines that are open, shared by everybody who names the same one.

    Args:
        through: What every new wire is led through: something that records, or that replays.
        agents_through: The same for what asks SNMP agents.
    """

    def __init__(
        self,
        through: Callable[[Wire], Wire] = lambda wire: wire,
        agents_through: Callable[[Agent], Agent] = lambda agent: agent,
    ) -> None:
        self._through = through
        self._agents_through = agents_through
        self._lines: dict[str, Line] = {}
        self._agents: dict[Target, Agent] = {}

    def tcp(self, host: str, port: int, *, silence_s: float = 0.0) -> Line:
        """The line to ``host`` and ``port``; its silence is the longest anybody asked for."""
        key = tcp_key(host, port)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Line(self._through(TcpWire(host, port)))
        if silence_s > line.timing.silence_s:
            line.timing = LineTiming(silence_s=silence_s, drain_s=line.timing.drain_s)
        return line

    def serial(self, path: str, form: SerialFormat) -> Line:
        """The line at a serial port; another speed than before makes it another line."""
        from protocols.serial_line import SerialWire  # only a gateway with a serial line needs it

        key = serial_key(path)
        return self._of_form(key, form) or self._keep(
            key, Line(self._through(SerialWire(path, form)), RtuTiming(form).line, form)
        )

    def rtu_tcp(self, host: str, port: int, form: SerialFormat) -> Line:
        """The serial line behind a serial server."""
        key, timing = tcp_key(host, port), RtuTiming(form).line_over_network
        return self._of_form(key, form) or self._keep(
            key, Line(self._through(TcpWire(host, port, numbered=False)), timing, form)
        )

    def snmp(self, target: Target, reveal: Reveal) -> Agent:
        """What asks the SNMP agent ``target``: one for all who speak to it in the same way."""
        agent = self._agents.get(target)
        if agent is None:
            agent = self._agents[target] = self._agents_through(SnmpAgent(target, reveal))
        return agent

    def _of_form(self, key: str, form: SerialFormat) -> Line | None:
        """The line that is open, if it is of this form; of another, it is closed at once."""
        line = self._lines.get(key)
        if line is None or line.form == form:
            return line
        line.close()  # its port is its alone: the next one could not open it
        return None

    def _keep(self, key: str, line: Line) -> Line:
        self._lines[key] = line
        return line

    def close_others(self, keys: Collection[str]) -> None:
        """Let go of every line but these: somebody else may use what nobody here does."""
        for key in self._lines.keys() - set(keys):
            self._lines.pop(key).close()
        for target in list(self._agents):
            if snmp_key(target.host, target.port) not in keys:
                self._agents.pop(target).close()

    @property
    def opened(self) -> Mapping[str, Line]:
        """Those that somebody asked for, by key."""
        return self._lines

    async def aclose(self) -> None:
        """Close all of them."""
        lines, self._lines = list(self._lines.values()), {}
        for line in lines:
            await line.aclose()
        agents, self._agents = list(self._agents.values()), {}
        for agent in agents:
            agent.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a driver is given beside its URL.

    Attributes:
        lines: Where it gets its line.
        now: Milliseconds since boot.
        shelf: Where it gets its profile.
        installation: How the device is installed.
        spare_ms: How long a poll may take beyond its plan to find out what the device lacks;
            ``None`` for as long as that takes.
        secret: The value behind ``secret:NAME``; raises `config.finding.ConfigError`.
    """

    lines: Lines
    now: Callable[[], int]
    shelf: Shelf
    installation: Installation = AS_MEASURED
    spare_ms: int | None = None
    secret: Callable[[str], str] = no_secrets


class Driver(Protocol):
    """Reads one device."""

    async def read(self, due: frozenset[str]) -> Observation:
        """Read the poll groups in ``due``, and stop at the first timeout.

        Cancelling it leaves the line usable.

        Raises:
            ProtocolError: The device could not be read; nothing else is ever raised, save by a
                bug.
        """


@runtime_checkable
class PlansReads(Protocol):
    """Knows what it will ask its line for."""

    def planned(self) -> Mapping[str, tuple[Read, ...]]:
        """By poll group, what reading it alone takes, as far as the device is known."""


class Writes(Protocol):
    """Writes settings of one device."""

    def setting(self, name: str) -> Setting:
        """The setting called ``name``; raises `writing.WriteError` where it may not be."""

    async def current(self, setting: Setting) -> Decimal:
        """What the device says it is set to; raises `ProtocolError`."""

    async def write(self, setting: Setting, value: Decimal) -> Decimal:
        """Write it, and return what the device says then.

        Raises:
            ProtocolError: It did not answer; it may have been written all the same.
            drivers.modbus.writing.WriteError: It cannot hold this value exactly.
        """


class DriverKind(Protocol):
    """What is known of all devices of one URL scheme."""

    def check(self, url: DeviceUrl, shelf: Shelf) -> list[str]:
        """Every problem of a URL, each one clause for a person; empty when it can be opened."""

    def line(self, url: DeviceUrl) -> str:
        """The key of the shared line the device is on: ``tcp:192.0.2.7:502``."""

    def form(self, url: DeviceUrl) -> SerialFormat | None:
        """Speed and character of its serial line; ``None`` where a network carries it."""

    def demand(self, url: DeviceUrl, shelf: Shelf) -> Demand:
        """What the device asks of its line."""

    def drain_s(self, url: DeviceUrl) -> float:
        """How long its line is left alone, at most, after it did not answer."""

    def groups(self, url: DeviceUrl, shelf: Shelf) -> Mapping[str, float | None]:
        """Poll groups with their periods in seconds; ``None`` for the device's own."""

    def writer(self, url: DeviceUrl, around: Surroundings) -> Writes:
        """What writes its settings; as `open`."""

    def open(self, url: DeviceUrl, around: Surroundings) -> Driver:
        """The driver of one device; ``check`` must have found no problem. Does no I/O."""


DRIVERS: Final[dict[str, DriverKind]] = {
    "modbus-rtu": ModbusRtu(),
    "modbus-rtu-tcp": ModbusRtuTcp(),
    "modbus-tcp": ModbusTcp(),
    "snmp": PrinterMib(),
}
