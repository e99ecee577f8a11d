"""Notifications to the service manager that started the daemon: ready, alive, stopping.

One datagram of ``KEY=value`` lines on the Unix socket that ``NOTIFY_SOCKET`` names; a name that
begins with ``@`` is an abstract one. Where no service manager listens, nothing is sent and nothing
fails.

Source: sd_notify(3), "Notes"; sd_watchdog_enabled(3). Why this is no library, and until when:
docs/adr/0021.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceManager:
    """The service manager that started the daemon.

    Attributes:
        address: The address of its socket; ``""`` where none listens.
        watchdog_s: Seconds without a notification after which it restarts the daemon; ``None``: its
            watchdog is off.
    """

    address: str = ""
    watchdog_s: float | None = None

    @classmethod
    def from_environment(cls, variables: MutableMapping[str, str]) -> ServiceManager:
        """Take the service manager from the environment, and remove it there.

        Processes that the daemon starts must not notify in its name.
        """
        address = variables.pop("NOTIFY_SOCKET", "")
        period, pid = variables.pop("WATCHDOG_USEC", ""), variables.pop("WATCHDOG_PID", "")
        meant = pid in {"", str(os.getpid())} and period.isdecimal() and int(period) > 0
        return cls(address=address, watchdog_s=int(period) / 1_000_000 if meant else None)

    def notify(self, *assignments: str) -> None:
        """Send ``KEY=value`` lines; never waits, and ignores a manager that cannot be reached."""
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address[0] == "@" else self.address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto("\n".join(assignments).encode(), address)
