"""A meter of twenty lines that knows nothing of ours: Modbus TCP, every float a rising number."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Meter:
    """What the server's threads share.

    Attributes:
        port: Where it listens on the loopback.
        reads: How many requests came.
        silent: While set, nothing is answered.
    """

    port: int = 0
    reads: int = 0
    silent: bool = False


@contextmanager
def meter() -> Iterator[Meter]:
    """A meter on a port of its own, until the block ends."""
    state = Meter()

    class Connection(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while len(header := self.rfile.read(7)) == 7:
                transaction, _, length, unit = struct.unpack(">HHHB", header)
                function, address, count = struct.unpack(">BHH", self.rfile.read(length - 1))
                state.reads += 1
                if state.silent:
                    continue
                floats = [200.0 + (address + n) / 10 + state.reads for n in range(0, count, 2)]
                data = struct.pack(f">{len(floats)}f", *floats)[: 2 * count]
                pdu = struct.pack(">BB", function, len(data)) + data
                head = struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit)
                self.wfile.write(head + pdu)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Connection) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
