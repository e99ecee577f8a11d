"""The faults that can be injected, and the socket through which the portal's page injects them.

A server on a Unix socket that speaks `gateway.control.protocol`; its methods and their parameters::

    state                -> {"faults": [{"name", "on", "left_s"} ...], "gateways": [status ...]}
    break  what=NAME     -> the same, afterwards; one that is on stays on, for as long as it had
    mend   what=NAME     -> the same, afterwards; one that has to be waited for stays on

Neither method is a toggle: a second click, and two clicks at once, do what the button says. Each
fault heals by itself after a while.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from console.text import Template
from gateway.control.client import SOCKET
from gateway.control.protocol import ControlError, decode_response, encode_request
from gateway.control.server import Command

NO_FAULT: Final = Template("demonstration.no_fault", "the fault '{name}' does not exist")
NAME_FAULT: Final = Template("demonstration.name_fault", "name one of {names}")
RESTART_S: Final = 10.0
"""How long a killed gateway stays away."""
_PATIENCE_S: Final = 2.0

Act = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """End a fault that ends by itself."""


@dataclass(slots=True, kw_only=True)
class InjectedFault:
    """A fault that can be injected.

    Attributes:
        name: Its name in the requests of the page.
        lasts_s: Seconds until it heals.
        begin: Starts it.
        end: Ends it.
        mendable: Whether it can be ended before it heals.
        until: When it heals, by `time.monotonic`; ``None`` while it is off.
    """

    name: str
    lasts_s: float
    begin: Act
    end: Act = _nothing
    mendable: bool = True
    until: float | None = None
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def inject(self) -> None:
        """Start the fault, unless it is on."""
        async with self._busy:
            if self.until is None:
                await self.begin()
                self.until = time.monotonic() + self.lasts_s

    async def mend(self) -> None:
        """End the fault before it heals, where that is possible."""
        if self.mendable:
            await self.heal()

    async def heal(self) -> None:
        """End the fault, if it is on."""
        async with self._busy:
            if self.until is not None:
                await self.end()
                self.until = None

    def to_json(self) -> dict[str, Any]:
        """The fault's state as JSON values."""
        left = 0.0 if self.until is None else max(self.until - time.monotonic(), 0.0)
        return {"name": self.name, "on": self.until is not None, "left_s": round(left + 0.49)}


@dataclass(slots=True, kw_only=True)
class Control:
    """The methods of the simulated world.

    Attributes:
        faults: The faults, in the order in which the page shows them.
        states: The gateways' state folders.
    """

    faults: Sequence[InjectedFault]
    states: Sequence[Path]
    _last: dict[Path, Any] = field(default_factory=dict)

    def commands(self) -> Mapping[str, Command]:
        """The table of methods, by name."""
        return {"state": self.state, "break": self.break_, "mend": self.mend}

    async def state(self, _: Mapping[str, Any]) -> Any:
        """The faults, and the status of every gateway: of one that is away, its last."""
        for path in self.states:
            status = await status_of(path)
            if status is not None:
                self._last[path] = status
        statuses = [self._last[path] for path in self.states if path in self._last]
        return {"faults": [fault.to_json() for fault in self.faults], "gateways": statuses}

    async def break_(self, params: Mapping[str, Any]) -> Any:
        """Inject the fault ``what``."""
        await self._named(params).inject()
        return await self.state({})

    async def mend(self, params: Mapping[str, Any]) -> Any:
        """End the fault ``what``."""
        await self._named(params).mend()
        return await self.state({})

    def _named(self, params: Mapping[str, Any]) -> InjectedFault:
        for fault in self.faults:
            if fault.name == params.get("what"):
                return fault
        known = tuple(fault.name for fault in self.faults)
        raise ControlError(
            NO_FAULT(name=str(params.get("what"))), next_step=NAME_FAULT(names=known)
        )

    async def heal(self) -> None:
        """End the faults whose time is up."""
        for fault in self.faults:
            if fault.until is not None and time.monotonic() >= fault.until:
                await fault.heal()


async def status_of(state: Path) -> Any:
    """The status of the gateway of a state folder; ``None`` where none answers."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer = await asyncio.open_unix_connection(str(state / SOCKET))
            try:
                writer.write(encode_request("status", {}))
                return decode_response(await reader.readline())
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError, ControlError):
        return None


def kill(pid_file: Path) -> None:
    """Kill the gateway whose process id a file holds; do nothing where none runs."""
    try:
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return
    if any(Path(os.fsdecode(word)).name == "kanmon" for word in command.split(b"\0")):
        os.kill(pid, signal.SIGKILL)
