"""A simulated world for the portal's tests: its control socket, and nothing behind it."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.control.protocol import Request, decode_request, encode_result

NAMES = ("jam", "silence", "internet", "gateway", "exchange")


@dataclass
class FakeWorld:
    """What it answers.

    Attributes:
        on: What is broken.
        gateways: What gateways say, as their ``status`` does.
        requests: Every request, as it came.
    """

    on: set[str] = field(default_factory=set)
    gateways: list[dict[str, Any]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def respond(self, line: bytes) -> bytes:
        request = decode_request(line)
        self.requests.append(request)
        if request.method == "break":
            self.on |= {request.named_params()["what"]}
        if request.method == "mend":
            self.on -= {request.named_params()["what"]}
        faults = [{"name": n, "on": n in self.on, "left_s": 20 * (n in self.on)} for n in NAMES]
        return encode_result(request.id, {"faults": faults, "gateways": self.gateways})


@contextmanager
def fake_world(path: Path) -> Iterator[FakeWorld]:
    """One that serves ``path``."""
    world = FakeWorld()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                self.wfile.write(world.respond(line))

    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield world
        finally:
            server.shutdown()
            thread.join()
