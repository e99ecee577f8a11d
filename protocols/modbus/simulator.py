"""A Modbus TCP server with as many units as wanted, for tests, the demo and the bench.

It answers every request of a segment, in order, unlike pymodbus's own server. Each `Unit` can be
made to misbehave while it runs: silent, late, or answering with other bytes.

Source: Modbus Application Protocol V1.1b3.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from pymodbus.framer.socket import FramerSocket
from pymodbus.pdu.decoders import DecodePDU

from protocols.modbus.planner import LIMITS, Table

TABLES: Final = {1: Table.COIL, 2: Table.DISCRETE, 3: Table.HOLDING, 4: Table.INPUT}
WRITES: Final = {5: Table.COIL, 6: Table.HOLDING, 16: Table.HOLDING}
_FRAMER: Final = FramerSocket(DecodePDU(is_server=True))
_TARGET_FAILED: Final = 11


@dataclass(slots=True)
class Unit:
    """One simulated device.

    Attributes:
        tables: Values by table and address; what is not there is an illegal address.
        limits: The most one read may ask for.
        silent: Whether it leaves every request unanswered.
        late_s: How long it waits before it answers; later requests may be answered earlier.
        corrupt: Changes an answer's whole frame; it may return anything.
        refusals: Requests that are refused, whatever the tables hold, with their answers (PDUs).
        reads: How many reads it was asked for.
        writable: Addresses of holding registers and coils that may be written.
    """

    tables: dict[Table, dict[int, int]] = field(default_factory=lambda: {t: {} for t in Table})
    limits: dict[Table, int] = field(default_factory=lambda: dict(LIMITS))
    silent: bool = False
    late_s: float = 0.0
    corrupt: Callable[[bytes], bytes] | None = None
    refusals: dict[bytes, bytes] = field(default_factory=dict)
    reads: int = 0
    writable: set[int] = field(default_factory=set)

    def set(self, table: Table, address: int, values: Iterable[int]) -> None:
        """Put consecutive registers (0 to 65535) or bits."""
        self.tables[table].update(enumerate(values, address))

    def set_float(self, table: Table, address: int, value: float) -> None:
        """Put a float32 into two registers, high word first."""
        self.set(table, address, struct.unpack(">HH", struct.pack(">f", value)))

    def set_uint32(self, table: Table, address: int, value: int) -> None:
        """Put an unsigned 32-bit number into two registers, high word first."""
        self.set(table, address, (value >> 16, value & 0xFFFF))

    def answer(self, pdu: bytes) -> bytes:
        """The answer's PDU to a request's PDU."""
        function = pdu[0]
        if function in WRITES and self.writable:
            return self._write(pdu)
        table = TABLES.get(function)
        if table is None:
            return bytes((function | 0x80, 1))
        if len(pdu) != 5:
            return bytes((function | 0x80, 3))
        self.reads += 1
        if pdu in self.refusals:
            return self.refusals[pdu]
        address, count = struct.unpack_from(">HH", pdu, 1)
        if not 1 <= count <= self.limits[table]:
            return bytes((function | 0x80, 3))
        values = self.tables[table]
        try:
            wanted = [values[i] for i in range(address, address + count)]
        except KeyError:
            return bytes((function | 0x80, 2))
        if table.bits:
            packed = sum(1 << i for i, bit in enumerate(wanted) if bit)
            data = packed.to_bytes((count + 7) // 8, "little")
        else:
            data = struct.pack(f">{count}H", *wanted)
        return bytes((function, len(data))) + data

    def _write(self, pdu: bytes) -> bytes:
        function = pdu[0]
        address, number = struct.unpack_from(">HH", pdu, 1)
        if function == 16:
            values: tuple[int, ...] = struct.unpack(f">{number}H", pdu[6:])
        else:
            values = (int(number == 0xFF00),) if function == 5 else (number,)
        if not self.writable.issuperset(range(address, address + len(values))):
            return bytes((function | 0x80, 2))
        self.set(WRITES[function], address, values)
        return pdu[:5]


def answer_of(units: Mapping[int, Unit], request: bytes) -> tuple[bytes, float]:
    """What answers one whole request frame, and after how many seconds; empty: nothing."""
    _, unit_id, transaction, pdu = _FRAMER.decode(request)
    unit = units.get(unit_id)
    if unit is None:
        return _FRAMER.encode(bytes((pdu[0] | 0x80, _TARGET_FAILED)), unit_id, transaction), 0.0
    frame = _FRAMER.encode(unit.answer(pdu), unit_id, transaction)
    if unit.silent:
        return b"", 0.0
    return (frame if unit.corrupt is None else unit.corrupt(frame)), unit.late_s


class Simulator:
    """A server for ``units``, used as an asynchronous context manager.

    Args:
        units: By unit id; may be changed while it runs. A request to another unit is answered as
            a gateway does: target device failed to respond.
        host: Where it listens.
        port: 0 for any free one; see `port` once it runs.
    """

    def __init__(
        self, units: dict[int, Unit] | None = None, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.units = {1: Unit()} if units is None else units
        self.host = host
        self.port = port
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._peers: set[_Peer] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Peer(self, self._peers), self.host, self.port
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        self.drop_connections()
        await self._server.wait_closed()

    def drop_connections(self) -> None:
        """Cut every connection now; new ones are accepted."""
        for peer in tuple(self._peers):
            peer.abort()


class _Peer(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, simulator: Simulator, peers: set[_Peer]) -> None:
        self._simulator = simulator
        self._peers = peers
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._simulator.connections += 1
        self._peers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._peers.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 8:
            if self._buffer[2] or self._buffer[3]:
                self.abort()  # not Modbus; a real device closes, too
                return
            used, _, _, _ = _FRAMER.decode(bytes(self._buffer))
            if not used:
                return
            request = bytes(self._buffer[:used])
            del self._buffer[:used]
            frame, late_s = answer_of(self._simulator.units, request)
            if late_s:
                asyncio.get_running_loop().call_later(late_s, self._send, frame)
            else:
                self._send(frame)

    def _send(self, frame: bytes) -> None:
        if self._transport is not None and frame:
            self._transport.write(frame)
