"""A gunicorn worker for the one port that is open to everybody: no peer holds a thread for long.

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
"""Seconds for handshake, request and answer together; a box on a slow line needs two."""
THREADS: Final = 64


class ClaimWorker(ThreadWorker):  # type: ignore[misc] # gunicorn ships no types
    """Gunicorn's threaded worker, which ends every connection after `LONGEST_S`."""

    def run(self) -> None:
        """Serve until stopped, and keep the service's certificate current meanwhile."""
        from portal.authority.claim_certificate import RenewalThread  # needs Django set up

        RenewalThread().start()
        super().run()

    def handle(self, conn: Any) -> Any:
        """Serve a connection, in a thread; it is shut down when its time is over."""
        # A descriptor of our own: TLS takes the socket away from its object while it begins.
        with socket.socket(fileno=os.dup(conn.sock.fileno())) as own:
            end = threading.Timer(LONGEST_S, _shut_down, [own])
            end.daemon = True
            end.start()
            try:
                return super().handle(conn)
            finally:
                end.cancel()


def _shut_down(own: socket.socket) -> None:
    with suppress(OSError):  # it has ended by itself meanwhile
        own.shutdown(socket.SHUT_RDWR)
