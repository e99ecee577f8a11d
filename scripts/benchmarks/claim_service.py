"""How long an honest request to the claim service takes beside connections that hold it up."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scripts.benchmarks.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT: Final = Path(__file__).resolve().parents[2]
_AIM_S: Final = 2.0
_REQUESTS: Final = 20
_HALF_HELLO: Final = b"\x16\x03\x01\x02\x00\x01\x00"
_HALF_HEAD: Final = b"POST /claim/ HTTP/1.1\r\nHost: 127.0"
_HALF_BODY: Final = b"POST /claim/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3000\r\n\r\n{"
_WHOLE: Final = b"GET /claim/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_KINDS: Final = {
    "idle ones": (False, b""),
    "half handshakes": (False, _HALF_HELLO),
    "dripping heads": (True, _HALF_HEAD),
    "dripping bodies": (True, _HALF_BODY),
    "that ask and stay": (True, _WHOLE),
}


def measure(scale: float = 1.0) -> list[Figure]:
    """The slowest of some requests, beside each kind of connection that comes back when cut."""
    count = max(10, int(1000 * scale))
    with tempfile.TemporaryDirectory() as name, _service(Path(name)) as port:
        figures = [_figure("alone", _requests(port))]
        for kind, (secure, said) in _KINDS.items():
            with _holding(port, count, said, secure=secure):
                figures.append(_figure(f"beside {count:,} {kind}", _requests(port)))
    return figures


def _figure(name: str, seconds: list[float]) -> Figure:
    slowest = max(seconds)
    return Figure(
        name=name,
        value=f"{statistics.median(seconds) * 1000:.0f} ms; the slowest of {len(seconds)} "
        f"{slowest * 1000:.0f} ms",
        aim="all under 2 s",
        met=slowest < _AIM_S,
    )


@contextmanager
def _service(folder: Path) -> Iterator[int]:
    """The claim service in a process of its own; its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO"))} | {
        "KANMON_PORTAL_STATE": str(folder / "portal"),
        "KANMON_CLAIM_URL": f"https://127.0.0.1:{port}",
    }
    program = [sys.executable, "-m", "portal.cli"]
    for words in (["migrate"], ["authority", "init"]):
        subprocess.run([*program, *words], cwd=_ROOT, env=environ, check=True, capture_output=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*program, "claims", "--bind", f"127.0.0.1:{port}"],
            cwd=_ROOT,
            env=environ,
            stdout=log,
            stderr=log,
        )
        try:
            while process.poll() is None:
                with suppress(OSError):
                    _request(port)
                    break
            yield port
        finally:
            process.terminate()
            process.wait()


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _request(port: int) -> None:
    link = http.client.HTTPSConnection("127.0.0.1", port, context=_context(), timeout=60)
    try:
        link.request("GET", "/claim/")
        if link.getresponse().status != http.HTTPStatus.OK:
            raise ConnectionError
    finally:
        link.close()


def _requests(port: int) -> list[float]:
    seconds = []
    for _ in range(_REQUESTS):
        began = time.perf_counter()
        _request(port)
        seconds.append(time.perf_counter() - began)
    return seconds


@contextmanager
def _holding(port: int, count: int, said: bytes, *, secure: bool) -> Iterator[None]:
    """Hold ``count`` connections that say ``said``, then a byte a second, until they are cut."""
    stopped = threading.Event()
    ready = threading.Barrier(count + 1)
    holders = [
        threading.Thread(target=_hold, args=(port, said, secure, ready, stopped), daemon=True)
        for _ in range(count)
    ]
    for holder in holders:
        holder.start()
    try:
        ready.wait()
        yield
    finally:
        stopped.set()
        for holder in holders:
            holder.join()


def _hold(
    port: int, said: bytes, secure: bool, ready: threading.Barrier, stopped: threading.Event
) -> None:
    context, first = _context(), True
    while not stopped.is_set():
        with suppress(OSError), ExitStack() as stack:
            link = stack.enter_context(socket.create_connection(("127.0.0.1", port), 60))
            if secure:
                link = stack.enter_context(context.wrap_socket(link))
            link.sendall(said)
            if first:
                ready.wait()
                first = False
            while not stopped.wait(1.0):
                if secure:
                    link.sendall(b"x")
                elif _is_cut(link):
                    break


def _is_cut(link: socket.socket) -> bool:
    link.setblocking(False)
    try:
        return not link.recv(1)
    except BlockingIOError:
        return False
