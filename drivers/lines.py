"""The lines and agents that are open, shared by everybody who names the same one.

A family opens what it needs under its line's key::

    lines.line(key, wire, timing, form)     bytes that take turns: a `protocols.line.Line`
    lines.get(key, make)                    anything else that is kept open: agents, HTTP clients
    lines.wrap(port)                        what every new wire or agent is led through
    with lines.visit(key):                  for as long as somebody who is not polled needs it

Nothing here knows a protocol: a new family adds no method.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from protocols.line import Line

if TYPE_CHECKING:
    from protocols.line import Wire
    from protocols.serial_format import SerialFormat
    from protocols.timing import LineTiming


class Resource(Protocol):
    """Something that is kept open while a device needs it."""

    def close(self) -> None:
        """Let go of it at once; what is under way on it ends."""


class Port(Resource, Protocol):
    """Where the requests of a family leave the process: a wire, an SNMP agent, an HTTP client."""

    @property
    def where(self) -> str:
        """The other end, for people."""


R = TypeVar("R", bound=Resource)
P = TypeVar("P", bound=Port)


class Lines:
    """Open lines and agents by the keys of their lines (`drivers.driver.DriverKind.line_key`).

    Args:
        wrap: What every new port is led through: something that records it, or that replays in its
            place.
    """

    def __init__(self, wrap: Callable[[Any], Port] = lambda port: port) -> None:
        self._wrap = wrap
        self._opened: dict[str, Resource] = {}
        self._kept: frozenset[str] = frozenset()
        self._visits: Counter[str] = Counter()

    @property
    def opened(self) -> Mapping[str, Resource]:
        """Those that somebody asked for, by key."""
        return self._opened

    def get(self, key: str, make: Callable[[], R], fits: Callable[[R], bool] | None = None) -> R:
        """What is open under ``key``, opened where nothing is.

        Args:
            key: The line's key.
            make: Makes it; does no I/O.
            fits: Whether what is open may be used. Where it may not, it is closed at once, because
                the next one could not have its port, and another is opened.
        """
        known = cast("R | None", self._opened.get(key))
        if known is not None:
            if fits is None or fits(known):
                return known
            known.close()
        made = make()
        self._opened[key] = made
        return made

    def line(
        self,
        key: str,
        wire: Callable[[], Wire],
        timing: LineTiming,
        form: SerialFormat | None = None,
    ) -> Line:
        """The shared line under ``key``; its silence is the longest that anybody asked for.

        Args:
            key: The line's key.
            wire: Makes what moves its bytes.
            timing: The pauses that its devices need.
            form: Speed and character of a serial line; another one than before makes it another
                line.
        """
        line = self.get(
            key,
            lambda: Line(self.wrap(wire()), timing, form),
            fits=lambda known: isinstance(known, Line) and known.form == form,
        )
        if timing.silence_s > line.timing.silence_s:
            line.timing = replace(line.timing, silence_s=timing.silence_s)
        return line

    def line_at(self, key: str) -> Line | None:
        """The shared line that is open under ``key``, if one is."""
        line = self._opened.get(key)
        return line if isinstance(line, Line) else None

    def wrap(self, port: P) -> P:
        """What stands for ``port``: itself, or what records or replays it."""
        return cast("P", self._wrap(port))

    def close_others(self, keys: Collection[str]) -> None:
        """Keep these open, and close all others: somebody else may use what nobody here does.

        One that is visited is closed at the end of the last visit.
        """
        self._kept = frozenset(keys)
        for key in self._opened.keys() - self._kept - self._visits.keys():
            self._opened.pop(key).close()

    @contextmanager
    def visit(self, key: str) -> Iterator[None]:
        """Use what is open under ``key`` within the block, or is opened there.

        It is closed at the end of the last visit, unless `close_others` keeps it: whoever looks at
        a device once may look at it in another way the next time, or with another program.
        """
        self._visits[key] += 1
        try:
            yield
        finally:
            self._visits[key] -= 1
            if not self._visits[key]:
                del self._visits[key]
                if key not in self._kept and key in self._opened:
                    self._opened.pop(key).close()

    async def aclose(self) -> None:
        """Close everything that is open."""
        self._kept = frozenset()
        while self._opened:
            _, opened = self._opened.popitem()
            opened.close()
