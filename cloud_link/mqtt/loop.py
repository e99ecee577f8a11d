"""Drives a paho client from the running asyncio loop: without paho's thread and without polling.

paho is used as the codec it is good at; its socket is watched by the loop::

    readable  -> client.loop_read()    calls the session's callbacks
    to write  -> client.loop_write()   at the end of the loop's turn, all that came up in it
    writable  -> client.loop_write()   only while the socket did not take everything
    timer     -> client.loop_misc()    keepalive: PINGREQ, and the end of a silent link

Only the blocking part of connecting (name, TCP, TLS handshake) runs in a worker thread, before
anything is watched. TCP_NODELAY is set, which paho leaves out: with it 200 messages a second
take 2 ms each instead of 28.

Source: paho-mqtt 2.2, "external event loop support".
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt.client import Client

TIMER_S: Final = 5.0
"""The longest time between two looks at the keepalive."""


class SocketLoop:
    """One client's socket on the running loop, from `attach` to `detach`.

    Args:
        client: The paho client, connected: `Client.connect` has returned.
        on_error: Called once with whatever paho could not cope with: bytes that are not MQTT.
    """

    def __init__(self, client: Client, on_error: Callable[[Exception], None]) -> None:
        self._client = client
        self._on_error = on_error
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._paused = False
        self._timer: asyncio.TimerHandle | None = None

    def attach(self, keepalive: int) -> None:
        """Watch the socket; look at the keepalive four times in ``keepalive`` seconds."""
        sock: Any = self._client.socket()
        if sock is None:  # lost between the worker thread's return and now
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        self._socket = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.on_socket_register_write = self._on_want_write
        self._client.on_socket_unregister_write = self._on_written
        self._client.on_socket_close = lambda *_: self.detach()
        self._loop.add_reader(sock, self._readable)
        if self._client.want_write():
            self._loop.call_soon(self._write)
        self._every = min(keepalive / 4, TIMER_S)
        self._timer = self._loop.call_later(self._every, self._tick)

    @property
    def attached(self) -> bool:
        """Whether there is a socket that is watched."""
        return self._socket is not None

    def pause_reading(self) -> None:
        """Stop reading. Paused for longer than 1.5 keepalives, the broker ends the connection."""
        if self._socket is not None and not self._paused:
            self._paused = True
            self._loop.remove_reader(self._socket)

    def resume_reading(self) -> None:
        """Read again after `pause_reading`; without effect when reading goes on already."""
        if self._socket is not None and self._paused:
            self._paused = False
            self._loop.add_reader(self._socket, self._readable)
            # What TLS has already decrypted makes no descriptor readable.
            self._loop.call_soon(self._readable)

    def detach(self) -> None:
        """Stop watching the socket. It stays open: paho, or `abort`, closes it."""
        sock, self._socket = self._socket, None
        if sock is not None:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
        if self._timer is not None:
            self._timer.cancel()

    def abort(self) -> None:
        """Close the connection without DISCONNECT: the broker publishes the will."""
        sock: Any = self._client.socket()
        self.detach()
        if sock is not None:
            sock.close()

    def _readable(self) -> None:
        if self._socket is None or self._paused:
            return
        self._guarded(self._client.loop_read)
        sock = self._socket
        if isinstance(sock, ssl.SSLSocket) and sock.pending():
            self._loop.call_soon(self._readable)

    def _write(self) -> None:
        """Write now: the socket almost always takes it, and then needs no watching."""
        if self._socket is None:
            return
        self._guarded(self._client.loop_write)
        if self._socket is not None and self._client.want_write():
            self._loop.add_writer(self._socket, self._writable)

    def _writable(self) -> None:
        self._guarded(self._client.loop_write)

    def _tick(self) -> None:
        self._timer = self._loop.call_later(self._every, self._tick)
        # While paused no PINGRESP can be seen: its absence means nothing.
        if not self._paused:
            self._guarded(self._client.loop_misc)

    def _guarded(self, turn: Callable[[], object]) -> None:
        try:
            turn()
        except Exception as error:  # noqa: BLE001 - paho raises struct.error, IndexError, ... on bytes that are not MQTT
            self.abort()
            self._on_error(error)

    def _on_want_write(self, _client: Client, _userdata: object, _sock: Any) -> None:
        # Called once until everything is written (`_on_written`).
        self._loop.call_soon(self._write)

    def _on_written(self, _client: Client, _userdata: object, sock: Any) -> None:
        if self._socket is not None:
            self._loop.remove_writer(sock)
