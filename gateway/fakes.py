"""Fakes of the gateway's ports, shipped so that anybody can test against them.

`VirtualLoop` runs a whole schedule in no time: whenever nothing is ready, its clock jumps to the
next timer instead of waiting for it.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from drivers.report import Observation
from gateway.clock import ClockSample

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    """Never waits, but adds the timeout to ``elapsed``."""

    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("nothing is left that could happen")
        if not ready and timeout:
            self.elapsed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, starting at 0. Only for code without real I/O."""

    def __init__(self) -> None:
        self._virtual = _JumpingSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Seconds of virtual time."""
        return self._virtual.elapsed

    def now(self) -> int:
        """Milliseconds of virtual time."""
        return round(self._virtual.elapsed * 1000)


def run_virtually(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end in virtual time."""
    loop = VirtualLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(loop))


class ManualClock:
    """A `gateway.clock.ClockSource` that stands still until a test sets it."""

    def __init__(self, boot: int = 1_000_000, wall: int = 0, *, synchronised: bool = False) -> None:
        self.boot_id = "0123456789abcdef0123456789abcdef"
        self.boot = boot
        self.wall = wall
        self.synchronised = synchronised

    def now(self) -> int:
        """Milliseconds since boot."""
        return self.boot

    def sample(self) -> ClockSample:
        """Both clocks, and whether a source vouches for the wall clock."""
        return ClockSample(boot=self.boot, wall=self.wall, synchronised=self.synchronised)

    def advance(self, milliseconds: int) -> None:
        """Advance both clocks."""
        self.boot += milliseconds
        self.wall += milliseconds


class ScriptedDriver:
    """A driver whose read takes ``seconds`` and returns or raises what ``script`` does.

    Attributes:
        reads: (start in loop seconds, groups) of every read.
    """

    def __init__(
        self, script: Callable[[frozenset[str]], Observation], seconds: float = 0.01
    ) -> None:
        self.script = script
        self.seconds = seconds
        self.reads: list[tuple[float, frozenset[str]]] = []

    async def read(self, due: frozenset[str]) -> Observation:
        """See `drivers.driver.Driver`."""
        self.reads.append((asyncio.get_running_loop().time(), due))
        await asyncio.sleep(self.seconds)
        return self.script(due)
