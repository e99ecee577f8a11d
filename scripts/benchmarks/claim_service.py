"""How long an honest claim takes beside connections that hold the claim service up."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scripts.benchmarks import claim_crowd
from scripts.benchmarks.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT: Final = Path(__file__).resolve().parents[2]
_AIM_S: Final = 2.0
_CLAIMS: Final = 20


def measure(scale: float = 1.0) -> list[Figure]:
    """The slowest of some claims, beside each kind of connection that comes back when cut."""
    with tempfile.TemporaryDirectory() as name, _service(Path(name)) as port:
        figures = [_figure("alone", _claims(port, 0))]
        for site, kind in enumerate(claim_crowd.KINDS, 1):
            count = max(10, int(claim_crowd.fewest(kind) * scale))
            with claim_crowd.running(port, kind, count):
                figures.append(_figure(f"beside {count:,} {kind}", _claims(port, site)))
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


def _claims(port: int, site: int) -> list[float]:
    """How long each of some claims takes, which are two requests from an address of their own."""
    seconds = []
    for box in range(_CLAIMS):
        began = time.perf_counter()
        _request(port, f"127.2.{site}.{box + 1}")
        _request(port, f"127.2.{site}.{box + 1}")
        seconds.append(time.perf_counter() - began)
    return seconds


def _request(port: int, host: str = "127.0.0.1") -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    link = http.client.HTTPSConnection(
        "127.0.0.1", port, context=context, timeout=60, source_address=(host, 0)
    )
    try:
        link.request("GET", "/claim/")
        if link.getresponse().status != http.HTTPStatus.OK:
            raise ConnectionError
    finally:
        link.close()
