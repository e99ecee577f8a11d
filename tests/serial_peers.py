"""Serial lines without hardware: pseudo-terminals, joined or played by a script."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pymodbus.framer.rtu import FramerRTU

from protocols.modbus.rtu_timing import RtuTiming
from protocols.serial_format import SerialFormat

FAST = SerialFormat(baud=115200, parity="N", stop=1)
"""A pseudo-terminal knows no parity."""
FAST_TIMING = RtuTiming(FAST).line


def rtu(unit: int, pdu: bytes) -> bytes:
    """A whole frame."""
    body = bytes((unit,)) + pdu
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


def open_pty() -> tuple[int, int, str]:
    """Both ends of a raw pseudo-terminal, and the path of the second."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    return ours, theirs, os.ttyname(theirs)


@asynccontextmanager
async def joined(*, echoing: bool = False) -> AsyncIterator[tuple[str, str]]:
    """Two serial devices, joined by a cable: what one says the other hears.

    With ``echoing`` the first hears itself, too.
    """
    loop = asyncio.get_running_loop()
    ends = [open_pty(), open_pty()]

    def carry(source: int, targets: Sequence[int]) -> None:
        with contextlib.suppress(OSError):
            said = os.read(source, 4096)
            for target in targets:
                os.write(target, said)

    first, second = ends[0][0], ends[1][0]
    loop.add_reader(first, carry, first, [first, second] if echoing else [second])
    loop.add_reader(second, carry, second, [first])
    try:
        yield ends[0][2], ends[1][2]
    finally:
        for near, held, _ in ends:
            loop.remove_reader(near)
            os.close(near)
            os.close(held)


@dataclass
class Bus:
    """A serial device whose other end answers each request with what its script says.

    Attributes:
        script: From a whole request frame to the pieces to send; each is read on its own.
        path: The device to open.
        requests: What was asked.
    """

    script: Callable[[bytes], list[bytes]]
    path: str
    end: int
    held: int
    requests: list[bytes] = field(default_factory=list)
    _sending: set[asyncio.Task[None]] = field(default_factory=set)
    _buffer: bytearray = field(default_factory=bytearray)

    def heard(self) -> None:
        """Bytes came; requests are eight long."""
        with contextlib.suppress(OSError):
            self._buffer += os.read(self.end, 4096)
        while len(self._buffer) >= 8:
            request = bytes(self._buffer[:8])
            del self._buffer[:8]
            self.requests.append(request)
            task = asyncio.ensure_future(self._say(self.script(request)))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    def say(self, data: bytes) -> None:
        """Send something unasked."""
        os.write(self.end, data)

    def unplug(self) -> None:
        """The adapter is gone."""
        asyncio.get_running_loop().remove_reader(self.end)
        os.close(self.end)
        self.end = -1

    async def aclose(self) -> None:
        """Close both ends."""
        await asyncio.gather(*self._sending)
        if self.end >= 0:
            self.unplug()
        os.close(self.held)

    async def _say(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            if self.end >= 0:
                os.write(self.end, piece)
            await asyncio.sleep(0)


@asynccontextmanager
async def bus(script: Callable[[bytes], list[bytes]]) -> AsyncIterator[Bus]:
    """A scripted bus."""
    ours, theirs, path = open_pty()
    made = Bus(script, path, ours, theirs)
    asyncio.get_running_loop().add_reader(ours, made.heard)
    try:
        yield made
    finally:
        await made.aclose()
