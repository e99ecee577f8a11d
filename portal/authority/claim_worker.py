"""A gunicorn worker for the one port that is open to everybody: nobody holds a thread for long.

Gunicorn's threads wait without limit for a peer that shakes hands or sends its request slowly, so
that four of them would keep every box out.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from typing import Any, Final

from gunicorn.workers.gthread import ThreadWorker

LONGEST_S: Final = 10.0
"""For handshake, request and answer together; a box on a slow line needs two."""
THREADS: Final = 64


class ClaimWorker(ThreadWorker):  # type: ignore[misc] # gunicorn ships no types
    """Gunicorn's, with an end to every connection."""

    def run(self) -> None:
        """Serve until stopped, and keep the service's certificate ready meanwhile."""
        from portal.authority.claim_certificate import Renewal  # needs Django set up

        Renewal().start()
        super().run()

    def handle(self, conn: Any) -> Any:
        """Serve a connection, in a thread; it is cut when its time is over."""
        # A descriptor of our own: TLS takes the socket away from its object while it begins.
        with socket.socket(fileno=os.dup(conn.sock.fileno())) as own:
            end = threading.Timer(LONGEST_S, _cut, [own])
            end.daemon = True
            end.start()
            try:
                return super().handle(conn)
            finally:
                end.cancel()


def _cut(own: socket.socket) -> None:
    with suppress(OSError):  # it has ended by itself meanwhile
        own.shutdown(socket.SHUT_RDWR)
