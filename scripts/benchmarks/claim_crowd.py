"""Connections that hold the claim service up, in a process of their own: ``... PORT KIND COUNT``.

Those of a *holding* kind say a part of something, drip a byte a second, and come back when cut; all
are from one address. Those of a *busy* kind send all of it, read the response and come back, each
from an address of its own.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROOT: Final = Path(__file__).resolve().parents[2]
_CLAIM: Final = json.dumps(
    {
        "version": 1,
        "key_id": "ABCDEFGH",
        "secret": base64.b64encode(bytes(16)).decode(),
        "box": "b-abc123",
        "csr": "x" * 8000,
        "terms": "data-sharing-1",
    }
).encode()
_POST: Final = b"POST /claim/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
_GET: Final = b"GET /claim/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
_FIELDS: Final = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 150) for number in range(90))
_BUSY_ROUNDS: Final = 5
_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class _Kind:
    said: bytes
    secure: bool = True
    busy: bool = False


KINDS: Final = {
    "idle ones": _Kind(said=b"", secure=False),
    "half handshakes": _Kind(said=b"\x16\x03\x01\x02\x00\x01\x00", secure=False),
    "dripping heads": _Kind(said=_POST[:-5]),
    "dripping bodies": _Kind(said=_POST + b"Content-Length: 3000\r\n\r\n{"),
    "that ask and stay": _Kind(said=_GET + b"\r\n"),
    "addresses that keep posting claims": _Kind(
        said=_POST + b"Content-Length: %d\r\n\r\n" % len(_CLAIM) + _CLAIM, busy=True
    ),
    "addresses that keep sending heads of 15 kB": _Kind(said=_GET + _FIELDS + b"\r\n", busy=True),
    "addresses that keep sending heads of 1 MB": _Kind(
        said=_GET + b"X: " + b"x" * 1_000_000, busy=True
    ),
}
"""What each connection says."""


def fewest(kind: str) -> int:
    """How many of a kind hold others up: a busy one does more than one that waits."""
    return 100 if KINDS[kind].busy else 1000


@contextmanager
def running(port: int, kind: str, count: int) -> Iterator[None]:
    """Hold the service at ``port`` up; every one of ``count`` has said what it says by then."""
    words = [sys.executable, "-m", __name__, str(port), kind, str(count)]
    with subprocess.Popen(
        words, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.terminate()


def _come_back(port: int, number: int, kind: _Kind, said: Callable[[], None]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    source = (f"127.1.0.{number + 1}" if kind.busy else "127.0.0.1", 0)
    address = ("127.0.0.1", port)
    while True:
        with suppress(OSError), ExitStack() as stack:
            link: socket.socket = stack.enter_context(
                socket.create_connection(address, _TIMEOUT_S, source_address=source)
            )
            if kind.secure:
                link = stack.enter_context(context.wrap_socket(link))
            link.sendall(kind.said)
            said()
            _stay(link, kind)
        said()


def _stay(link: socket.socket, kind: _Kind) -> None:
    """Read until the end; a holding kind drips meanwhile, where TLS has begun."""
    link.settimeout(_TIMEOUT_S if kind.busy else 1.0)
    while True:
        try:
            if not link.recv(2**16):
                return
        except TimeoutError:
            if kind.secure:
                link.sendall(b"x")


def main() -> None:
    """Hold the service up until ended."""
    port, kind, count = int(sys.argv[1]), KINDS[sys.argv[2]], int(sys.argv[3])
    times = threading.Semaphore(0)
    for number in range(count):
        words = (port, number, kind, times.release)
        threading.Thread(target=_come_back, args=words, daemon=True).start()
    for _ in range(count * (_BUSY_ROUNDS if kind.busy else 1)):
        times.acquire()
    sys.stdout.write("\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
