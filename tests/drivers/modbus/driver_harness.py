"""A simulated device under the driver that executes profiles, and what it is asked."""

from __future__ import annotations

from collections.abc import Callable

from console.text import verbatim
from drivers.installation import AS_MEASURED, Installation
from drivers.modbus.driver import ProfiledDriver
from drivers.modbus.profile_loader import read
from drivers.report import Reading
from protocols.errors import ErrorResponse, ProtocolError
from protocols.line import Line
from protocols.modbus.planner import TCP, Read, Table
from protocols.modbus.replay import ReplayWire
from protocols.modbus.simulator import Unit
from protocols.modbus.unit import Block, ModbusUnit

HEAD = "version: 1\nmaker: Acme\nmodel: X1\nsources: [the map, another]\n"
ALL = frozenset({"identity", "live", "slow"})
BUSY = ErrorResponse(
    code=6,
    reason=verbatim("device busy"),
    what=verbatim("refused"),
    where="here",
    next_step=verbatim("Wait"),
)


class RecordingUnit:
    """A unit over a simulated device that records the reads it is asked for."""

    def __init__(self, device: Unit) -> None:
        self.device = device
        self.asked: list[tuple[str, int, int]] = []
        self.fail: Callable[[Read], ProtocolError | None] = lambda _read: None
        self.ticks = 0
        self._unit = ModbusUnit(Line(ReplayWire({1: device})), 1, now=self.now)
        self.cost = TCP
        self.timing = None

    def now(self) -> int:
        self.ticks += 100
        return self.ticks

    async def read(self, read: Read) -> Block:
        self.asked.append((read.table.value, read.address, read.count))
        if error := self.fail(read):
            raise error
        return await self._unit.read(read)


def device(holding: dict[int, int] | None = None) -> Unit:
    unit = Unit()
    unit.tables[Table.HOLDING].update(holding or dict.fromkeys(range(200), 0))
    return unit


def driver(
    profile: str,
    unit: RecordingUnit,
    installation: Installation = AS_MEASURED,
    spare_ms: int | None = None,
) -> ProfiledDriver:
    return ProfiledDriver(read((HEAD + profile).encode(), "x.yaml"), unit, installation, spare_ms)


def shown(readings: tuple[Reading, ...]) -> list[tuple[str, str, int | str | None, int]]:
    return [(r.quantity.value, r.part, r.value, r.resolution) for r in readings]


GROUPS = """\
readable: [{table: holding, first: 0, last: 20}]
groups: {slow: {every_s: 60}}
points:
  - {at: 0, quantity: voltage, part: l1, scale: 0.1}
  - {at: 2, quantity: voltage, part: l2, scale: 0.1}
  - {at: 4, type: uint32, quantity: energy.import, scale: 10, group: slow}
  - {at: 100, type: uint32, identity: serial}
"""
