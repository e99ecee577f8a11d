"""A daemon that sends the same bytes to everybody, whatever is asked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.control.client import SOCKET


@contextmanager
def stub_daemon(state: Path, answer: bytes) -> Iterator[None]:
    """Send ``answer`` to everybody who connects to the control socket of ``state``."""
    state.mkdir(exist_ok=True)

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, suppress(OSError):
                client.recv(1 << 20)
                client.sendall(answer)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(state / SOCKET))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            (state / SOCKET).unlink()
