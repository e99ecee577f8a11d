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

from console.templates import protocol, serial, system
from protocols.errors import Unreachable
from protocols.serial_format import line_key

if TYPE_CHECKING:
    from serial import Serial

    from console.text import Message
    from protocols.line import Transaction
    from protocols.serial_format import SerialFormat

T = TypeVar("T")

_CHUNK: Final = 4096
_REASONS: Final = {
    errno.ENOENT: (serial.NOT_FOUND, serial.CONNECT_ADAPTER),
    errno.EACCES: (serial.NOT_PERMITTED, serial.JOIN_GROUP),
    errno.EAGAIN: (serial.IN_USE, serial.STOP_PROGRAM),
    errno.EBUSY: (serial.IN_USE, serial.STOP_PROGRAM),
    errno.ENOTTY: (serial.NOT_SERIAL, serial.CORRECT_PATH),
}


class _PortError(OSError):
    """A fault of the port that the system has no number for."""

    def __init__(self, what: Message, step: Message) -> None:
        super().__init__(errno.EIO, str(what))
        self.what = what
        self.step = step


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

    def discard(self) -> bytes:
        """See `protocols.line.Wire`."""
        if self._port is None:
            return b""
        try:
            late = self._read(self._port.fileno())
            termios.tcflush(self._port.fileno(), termios.TCIFLUSH)
        except (OSError, termios.error):
            self._close()  # the next exchange opens it again, or says why it cannot
            return b""
        return late

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
            raise _PortError(serial.BLOCKED(), serial.CHECK_ADAPTER())
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
            raise _PortError(serial.CLOSED_HERE(), protocol.TRY_AGAIN())
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
            # What is unplugged is readable, and empty.
            raise _PortError(serial.GONE(), serial.CHECK_ADAPTER())

    def _open(self) -> Serial:
        from serial import Serial

        form = self.form
        port = Serial(timeout=0, exclusive=True)
        port.port, port.baudrate, port.parity = self.path, form.baud, form.parity
        port.stopbits = form.stop
        try:
            port.open()
        except (termios.error, ValueError) as error:  # ValueError: a speed the driver lacks
            what = serial.UNSUPPORTED(form=str(form))
            raise _PortError(what, serial.OTHER_FORM()) from error
        self._port = port
        return port

    def _close(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            with contextlib.suppress(OSError, termios.error):  # it is gone: what was wanted
                port.close()

    def _lost(self, error: OSError) -> Unreachable:
        if isinstance(error, _PortError):
            return Unreachable(error.what, where=self.where, next_step=error.step)
        cause = error.__context__
        number = cause.args[0] if isinstance(cause, termios.error) else error.errno
        if number in _REASONS:
            what, step = _REASONS[number]
            return Unreachable(what(), where=self.where, next_step=step())
        why, step = system.reason(error), serial.CHECK_ADAPTER
        return Unreachable(serial.FAILED(), where=self.where, why=why, next_step=step())


def _waiting(fd: int) -> bool:
    """Whether there is a byte to read."""
    try:
        return any(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
    except OSError:
        return False
