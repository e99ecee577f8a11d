"""What can be broken while somebody watches, and how the portal's page asks for it.

A server on a Unix socket that speaks `gateway.control.protocol`; its methods and their parameters::

    state                -> {"faults": [{"name", "on", "left_s"} ...], "gateways": [status ...]}
    break  what=NAME     -> the same, afterwards; one that is on stays on, for as long as it had
    mend   what=NAME     -> the same, afterwards; one that has to be waited for stays on

Neither turns anything round: who clicks twice, and two who click at once, get what they read on
the button. Each fault heals by itself after a while.
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

from gateway.control.client import SOCKET
from gateway.control.protocol import ControlError, decode_response, encode_request
from gateway.control.server import Command

RESTART_S: Final = 10.0
"""How long a killed gateway stays away."""
_PATIENCE_S: Final = 2.0

Act = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """For what needs no mending, or mends itself."""


@dataclass(slots=True, kw_only=True)
class InjectedFault:
    """Something that can go wrong.

    Attributes:
        name: As the page asks for it.
        lasts_s: After how long it heals.
        begin: Brings it about.
        end: Mends it.
        mendable: Whether it can be mended before it heals.
        until: When it heals, by `time.monotonic`; ``None`` while all is well.
    """

    name: str
    lasts_s: float
    begin: Act
    end: Act = _nothing
    mendable: bool = True
    until: float | None = None
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def bring_about(self) -> None:
        """Bring it about, where it is not on."""
        async with self._busy:
            if self.until is None:
                await self.begin()
                self.until = time.monotonic() + self.lasts_s

    async def mend(self) -> None:
        """Mend it before it heals, where it is on and that can be done."""
        if self.mendable:
            await self.heal()

    async def heal(self) -> None:
        """End it, where it is on."""
        async with self._busy:
            if self.until is not None:
                await self.end()
                self.until = None

    def told(self) -> dict[str, Any]:
        """As JSON values."""
        left = 0.0 if self.until is None else max(self.until - time.monotonic(), 0.0)
        return {"name": self.name, "on": self.until is not None, "left_s": round(left + 0.49)}


@dataclass(slots=True, kw_only=True)
class Control:
    """The commands.

    Attributes:
        faults: In the order in which they are shown.
        states: The gateways' state folders.
    """

    faults: Sequence[InjectedFault]
    states: Sequence[Path]
    _last: dict[Path, Any] = field(default_factory=dict)

    def commands(self) -> Mapping[str, Command]:
        """By the name that is asked for."""
        return {"state": self.state, "break": self.break_, "mend": self.mend}

    async def state(self, _: Mapping[str, Any]) -> Any:
        """What is broken, and what every gateway says; one that is away said it last."""
        for path in self.states:
            said = await status_of(path)
            if said is not None:
                self._last[path] = said
        told = [self._last[path] for path in self.states if path in self._last]
        return {"faults": [fault.told() for fault in self.faults], "gateways": told}

    async def break_(self, arguments: Mapping[str, Any]) -> Any:
        """Break what is named."""
        await self._named(arguments).bring_about()
        return await self.state({})

    async def mend(self, arguments: Mapping[str, Any]) -> Any:
        """Mend what is named."""
        await self._named(arguments).mend()
        return await self.state({})

    def _named(self, arguments: Mapping[str, Any]) -> InjectedFault:
        for fault in self.faults:
            if fault.name == arguments.get("what"):
                return fault
        known = ", ".join(fault.name for fault in self.faults)
        raise ControlError("there is nothing of that name to break", next_step=f"one of {known}")

    async def heal(self) -> None:
        """End what is due."""
        for fault in self.faults:
            if fault.until is not None and time.monotonic() >= fault.until:
                await fault.heal()


async def status_of(state: Path) -> Any:
    """What the gateway of a state folder says of itself; ``None`` where none answers."""
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
    """SIGKILL for the gateway whose process id a file holds; nothing happens where none runs."""
    try:
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return
    if any(Path(os.fsdecode(word)).name == "kanmon" for word in command.split(b"\0")):
        os.kill(pid, signal.SIGKILL)
