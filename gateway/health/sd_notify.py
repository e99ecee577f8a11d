"""What the daemon tells the service manager that started it: ready, alive, stopping.

One datagram of ``KEY=value`` lines on the Unix socket that ``NOTIFY_SOCKET`` names; a name that
begins with ``@`` is an abstract one. Where nobody listens, nothing is said and nothing fails.

Source: sd_notify(3), "Notes"; sd_watchdog_enabled(3).
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceManager:
    """Who started the daemon, and listens.

    Attributes:
        address: Of its socket; ``""``: nobody listens.
        watchdog_s: After so many seconds without a sign of life it ends and restarts the daemon;
            ``None``: it does not wait for any.
    """

    address: str = ""
    watchdog_s: float | None = None

    @classmethod
    def take(cls, variables: MutableMapping[str, str]) -> ServiceManager:
        """The one that the environment names, which then names it no more.

        Processes that we start must not speak for us.
        """
        address = variables.pop("NOTIFY_SOCKET", "")
        period, pid = variables.pop("WATCHDOG_USEC", ""), variables.pop("WATCHDOG_PID", "")
        meant = pid in {"", str(os.getpid())} and period.isdecimal() and int(period) > 0
        return cls(address=address, watchdog_s=int(period) / 1_000_000 if meant else None)

    def tell(self, *assignments: str) -> None:
        """Send ``KEY=value`` lines; never waits, and does without whoever cannot be told."""
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address[0] == "@" else self.address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto("\n".join(assignments).encode(), address)
