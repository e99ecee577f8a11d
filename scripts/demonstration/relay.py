"""The internet between the sites and the portal: a TCP relay that can be cut.

While it is cut, open connections are dropped and new ones refused; afterwards it serves the same
port again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, Self

_CHUNK: Final = 65_536


class Relay:
    """Forwards every connection to a port of this machine, used as an asynchronous context manager.

    Args:
        target: The port that connections are forwarded to.
        port: The port that it listens on; 0 for any free one.
    """

    def __init__(self, target: int, port: int = 0) -> None:
        self.target = target
        self.port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def whole(self) -> bool:
        """Whether connections get through."""
        return self._server is not None

    async def mend(self) -> None:
        """Forward connections from now on."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Drop open connections, and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
            try:
                pumps = (_pump(reader, far_writer), _pump(far_reader, writer))
                running = [asyncio.ensure_future(pump) for pump in pumps]
                try:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for pump in running:
                        pump.cancel()
                    await asyncio.gather(*running, return_exceptions=True)
            finally:
                far_writer.transport.abort()
        except OSError:
            pass  # the broker does not listen: the caller sees a closed connection
        except asyncio.CancelledError:
            pass  # by `cut`: a server's callback that ends cancelled is logged as an error
        finally:
            writer.transport.abort()
            self._connections.discard(task)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
