"""Captures replayed: the simulated units that answer as a device did, and a wire to them.

`ReplayWire` keeps the contract of `protocols.line.Wire`; the same tests run over it, over a real
TCP connection to our simulator, to pymodbus's and to one written in C with libmodbus.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from protocols.errors import ProtocolError
from protocols.modbus.simulator import TABLES, Unit, answer_of

if TYPE_CHECKING:
    from protocols.line import Transaction
    from protocols.modbus.capture import Capture

T = TypeVar("T")


def units_of(capture: Capture) -> dict[int, Unit]:
    """Devices that answer as the one that was captured, by unit id.

    What was read is in their tables, so that other cuts of the same registers are answered too;
    what was refused is refused; a unit that never answered stays silent. Of a value that was read
    more than once, the first counts.
    """
    units: dict[int, Unit] = {}
    for entry in capture.entries:
        unit = units.setdefault(entry.unit, Unit(silent=True))
        if entry.answer is None:
            continue
        unit.silent = False
        if entry.answer[0] & 0x80:
            unit.refusals.setdefault(entry.request, entry.answer)
        else:
            _remember(unit, entry.request, entry.answer)
    return units


def _remember(unit: Unit, request: bytes, answer: bytes) -> None:
    table = TABLES[request[0]]
    address = int.from_bytes(request[1:3], "big")
    count = int.from_bytes(request[3:5], "big")
    data = answer[2:]
    for index in range(count):
        if table.bits:
            value = data[index >> 3] >> (index & 7) & 1
        else:
            value = int.from_bytes(data[2 * index : 2 * index + 2], "big")
        unit.tables[table].setdefault(address + index, value)


class ReplayWire:
    """A wire whose units are objects in memory.

    Silence takes no time: what would be answered late or never is `Timeout` at once.

    Args:
        units: By unit id; another one is answered for by the gateway, as in the simulator.
        where: Its name.
    """

    def __init__(self, units: Mapping[int, Unit], where: str = "replay") -> None:
        self.units = units
        self._where = where
        self._buffer = bytearray()
        self._number = 0

    @classmethod
    def of(cls, capture: Capture) -> ReplayWire:
        """The wire on which a capture is said again."""
        return cls(units_of(capture), f"replay of {capture.device}")

    @property
    def where(self) -> str:
        """See `protocols.line.Wire`."""
        return self._where

    async def exchange(self, transaction: Transaction[T], timeout_s: float) -> T:
        """See `protocols.line.Wire`."""
        self._number += 1
        request = transaction.request(self._number)
        await asyncio.sleep(0)  # a real wire lets others run, and can be cancelled here
        frame, late_s = answer_of(self.units, request)
        self._buffer += b"" if late_s else frame
        try:
            answer = transaction.feed(self._buffer)
        except ProtocolError:
            self._buffer.clear()
            raise
        if answer is None:
            error = transaction.timeout_error(self._buffer, timeout_s)
            self._buffer.clear()
            raise error
        return answer

    def discard(self) -> bytes:
        """See `protocols.line.Wire`."""
        late = bytes(self._buffer)
        self._buffer.clear()
        return late

    def close(self) -> None:
        """See `protocols.line.Wire`; nothing is open."""
