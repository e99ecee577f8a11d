"""A `protocols.line.Wire` over a serial port: opened when first asked, and again when it was lost.

::

    request ---8 c---|          |---- answer ----|
                     |<- t_dev->|                ^
                     sleep ...................   looked at once it can be whole, not for each byte:
                                                 waking for every few bytes costs five times the CPU

The port is this process's alone (an advisory lock that other programs of the field honour, too):
two masters on one line spoil each other's frames, and neither can tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import termios
from typing import TYPE_CHECKING, Final, TypeVar

from protocols.errors import Unreachable
from protocols.serial_format import line_key

if TYPE_CHECKING:
    from serial import Serial

    from protocols.line import Transaction
    from protocols.serial_format import SerialFormat

T = TypeVar("T")

_CHUNK: Final = 4096
_REASONS: Final = {
    errno.ENOENT: ("there is no such port", "Plug the adapter in, or correct the path"),
    errno.EACCES: (
        "this account may not open the port",
        "Put the gateway's user into the port's group (dialout), or use sudo",
    ),
    errno.EAGAIN: (
        "another program uses the port",
        "Stop the other program; a line has one master",
    ),
    errno.EBUSY: ("another program uses the port", "Stop the other program; a line has one master"),
    errno.ENOTTY: ("this is no serial port", "Correct the path"),
}


class SerialWire:
    """A `protocols.line.Wire` over one serial port.

    Args:
        path: The port's device file.
        form: Speed and character.
        character_s: What a character takes, where that is not what ``form`` says.
    """

    def __init__(self, path: str, form: SerialFormat, character_s: float | None = None) -> None:
        self.path = path
        self.form = form
        self._character_s = form.character_s if character_s is None else character_s
        self._port: Serial | None = None
        self._readable = asyncio.Event()
        self._number = 0

    @property
    def where(self) -> str:
        """See `protocols.serial_format.line_key`."""
        return line_key(self.path)

    async def exchange(self, transaction: Transaction[T], timeout_s: float) -> T:
        """See `protocols.line.Wire`."""
        self._number += 1
        try:
            port = self._port or self._open()
            request = transaction.request(self._number)  # dated once it can go out
            return await self._ask(port.fileno(), request, transaction, timeout_s)
        except OSError as error:
            self._close()
            raise self._lost(error) from error

    def discard(self) -> None:
        """See `protocols.line.Wire`."""
        if self._port is not None:
            try:
                termios.tcflush(self._port.fileno(), termios.TCIFLUSH)
            except (OSError, termios.error):
                self._close()  # the next exchange opens it again, or says why it cannot

    def close(self) -> None:
        """Close the port.

        An exchange under way ends with `Unreachable`, at the latest when its answer could be here.
        """
        self._close()
        self._readable.set()

    async def _ask(
        self, fd: int, request: bytes, transaction: Transaction[T], timeout_s: float
    ) -> T:
        loop = asyncio.get_running_loop()
        try:
            written = os.write(fd, request)
        except BlockingIOError:
            written = 0
        if written != len(request):
            raise OSError(errno.EIO, "the port takes no more bytes")
        until = loop.time() + timeout_s
        buffer = bytearray()
        await self._sleep(len(request) + transaction.bytes_missing(buffer), until)
        while True:
            came = self._read(fd)
            buffer += came
            answer = transaction.feed(buffer)
            if answer is not None:
                return answer
            if loop.time() >= until:
                raise transaction.timeout_error(buffer, timeout_s)
            if came:
                await self._sleep(transaction.bytes_missing(buffer), until)
            else:
                await self._until_readable(fd, until)

    async def _sleep(self, characters: int, until: float) -> None:
        """Leave the line alone while so many characters travel."""
        left = until - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, min(characters * self._character_s, left)))

    def _read(self, fd: int) -> bytes:
        if self._port is None:
            raise OSError(errno.EIO, "the port was closed here")
        try:
            return os.read(fd, _CHUNK)
        except BlockingIOError:
            return b""

    async def _until_readable(self, fd: int, until: float) -> None:
        """Wait for a byte, until the loop's time ``until`` at the latest."""
        loop = asyncio.get_running_loop()
        self._readable.clear()
        loop.add_reader(fd, self._readable.set)
        try:
            async with asyncio.timeout_at(until):
                await self._readable.wait()
        except TimeoutError:
            return
        finally:
            loop.remove_reader(fd)
        if self._port is not None and not _waiting(fd):
            raise OSError(errno.EIO, "the port is gone")  # what is unplugged is readable, and empty

    def _open(self) -> Serial:
        import serial

        form = self.form
        port = serial.Serial(timeout=0, exclusive=True)
        port.port, port.baudrate, port.parity = self.path, form.baud, form.parity
        port.stopbits = form.stop
        try:
            port.open()
        except termios.error as error:
            raise OSError(errno.EINVAL, f"the port cannot do {form}") from error
        except ValueError as error:  # a speed the driver does not know
            raise OSError(errno.EINVAL, f"the port cannot do {form}: {error}") from error
        self._port = port
        return port

    def _close(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            with contextlib.suppress(OSError, termios.error):  # it is gone: what was wanted
                port.close()

    def _lost(self, error: OSError) -> Unreachable:
        cause = error.__context__
        number = cause.args[0] if isinstance(cause, termios.error) else error.errno
        what, step = _REASONS.get(number or 0, ("", ""))
        words = (error.strerror or str(error)).lower()
        return Unreachable(
            what or words,
            where=self.where,
            next_step=step or "Check that the adapter is plugged in and works",
        )


def _waiting(fd: int) -> bool:
    """Whether there is a byte to read."""
    try:
        return any(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
    except OSError:
        return False
