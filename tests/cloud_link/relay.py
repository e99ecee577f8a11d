"""A TCP relay between a client and a broker that sees, counts and swallows MQTT packets."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PUBLISH, PUBACK = 3, 4


class Packets:
    """Splits a byte stream into MQTT control packets (MQTT 5.0 section 2.1)."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        self._rest += data
        found = []
        while (size := self._size()) is not None and len(self._rest) >= size:
            found.append(bytes(self._rest[:size]))
            del self._rest[:size]
        return found

    def _size(self) -> int | None:
        length = shift = 0
        for index, byte in enumerate(self._rest[1:5], start=2):
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return index + length
        return None


class Relay:
    """Forwards each connection to ``port``; see `relay`.

    Attributes:
        sent: Packets from clients, whole, as they passed.
        swallowing: Everything is read and nothing forwarded: a half-open link.
        most: The most PUBLISH packets from clients ever without their PUBACK.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self.sent: list[bytes] = []
        self.swallowing = False
        self.most = 0
        self._open = 0
        self._target = port
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def published(self) -> list[bytes]:
        return [packet for packet in self.sent if packet[0] >> 4 == PUBLISH]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer, Packets(), up=True))
                group.create_task(self._pump(far_reader, writer, Packets(), up=False))
        except BaseExceptionGroup as gone:
            if gone.split(ConnectionError)[1] is not None:
                raise
        except asyncio.CancelledError:
            pass  # by `end`: a server's callback that ends cancelled is logged as an error
        finally:
            for each in (writer, far_writer):
                each.close()
                with suppress(ConnectionError):
                    await each.wait_closed()
            self._tasks.discard(task)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        packets: Packets,
        *,
        up: bool,
    ) -> None:
        while data := await reader.read(65_536):
            if self.swallowing:
                continue
            for packet in packets.feed(data):
                self._see(packet, up=up)
            writer.write(data)
            await writer.drain()
        raise ConnectionError("one side closed: so does the other")

    def _see(self, packet: bytes, *, up: bool) -> None:
        if up:
            self.sent.append(packet)
            if packet[0] >> 4 == PUBLISH and packet[0] & 0x06:
                self._open += 1
                self.most = max(self.most, self._open)
        elif packet[0] >> 4 == PUBACK:
            self._open -= 1

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[Relay]:
    """A relay to the loopback ``port``, on a port of its own."""
    made = Relay(port)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.end()
