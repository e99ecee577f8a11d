"""Whether somebody is at an address, on the loopback."""

from __future__ import annotations

import asyncio

from console.templates import protocol
from console.text import NO_MESSAGE
from protocols.presence import presence
from tests.peers import LOOPBACK, free_port


async def test_an_open_port_shows_that_somebody_is_there() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert await presence(LOOPBACK, (port,)) == protocol.PORT_OPEN(port=port)


async def test_so_does_a_closed_one() -> None:
    port = free_port()

    assert await presence(LOOPBACK, (port,)) == protocol.PORT_REFUSES(port=port)


async def test_silence_shows_nothing_and_takes_no_longer_than_allowed() -> None:
    began = asyncio.get_running_loop().time()

    assert await presence("name.invalid", (80, 443), wait_s=3) == NO_MESSAGE
    assert await presence(LOOPBACK, ()) == NO_MESSAGE
    assert asyncio.get_running_loop().time() - began < 4
