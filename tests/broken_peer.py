"""A Modbus TCP server that sends whatever its script says, right or wrong."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from protocols.errors import ProtocolError
from protocols.line import Line
from protocols.modbus.planner import Read, Table
from protocols.modbus.unit import Block, ModbusUnit
from protocols.tcp_line import TcpWire

TWO = Read(Table.HOLDING, 10, 2)
RIGHT = b"\x12\x34\xab\xcd"
LONG_S = 20.0
SHORT_S = 0.15

# A peer answers each request with pieces; b"" closes the connection.
Script = Callable[[int, bytes], list[bytes]]


def answer(transaction: int, unit: int = 1, pdu: bytes = b"\x03\x04" + RIGHT) -> bytes:
    return (
        transaction.to_bytes(2, "big")
        + b"\0\0"
        + (len(pdu) + 1).to_bytes(2, "big")
        + bytes((unit,))
        + pdu
    )


@dataclass
class Peer:
    """A server that sends what its script says, each piece in a segment of its own."""

    script: Script
    connections: int = 0
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    talks: set[asyncio.Task[None]] = field(default_factory=set)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        talk = asyncio.current_task()
        assert talk is not None
        self.talks.add(talk)
        connected = writer.get_extra_info("socket")
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while request := await reader.readexactly(12):
                self.requests.append(request)
                for piece in self.script(int.from_bytes(request[:2], "big"), request):
                    if not piece:
                        return
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
        except (OSError, EOFError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def peer(script: Script, timeout_s: float = LONG_S) -> AsyncIterator[tuple[Peer, ModbusUnit]]:
    made = Peer(script)
    server = await asyncio.start_server(made.talk, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    line = Line(TcpWire("127.0.0.1", made.port))
    try:
        yield made, ModbusUnit(line, 1, now=lambda: 0, timeout_s=timeout_s)
    finally:
        await line.aclose()
        server.close()
        await server.wait_closed()
        await asyncio.gather(*made.talks)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_S):
        while not condition():  # noqa: ASYNC110 # a peer's counter has no event to wait for
            await asyncio.sleep(0)


async def outcome(unit: ModbusUnit) -> Block | ProtocolError:
    try:
        return await unit.read(TWO)
    except ProtocolError as error:
        return error


async def one(script: Script, timeout_s: float = LONG_S) -> Block | ProtocolError:
    async with peer(script, timeout_s) as (_, unit):
        return await outcome(unit)
