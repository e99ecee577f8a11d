"""In which order connections go on, and their requests are answered, where many wait. Pure.

Two orders take turns:

- The network for which the least has been done lately goes first. A box needs little: it does not
  wait for those who come back without end, from however many addresses, nor for those that drip
  bytes. Of one network, the newest connection begins first; those that have begun go on as they
  came, so that newcomers do not overtake them at each step.
- The connection that has waited longest goes first. So a network for which much has been done is
  not passed over without end; its connections wait for all others, though.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

HALF_WINDOW_S: Final = 30.0
"""What has been done counts for so many seconds at least, and for twice as many at most."""
ANSWER: Final = 10
"""The work of answering a request, in steps of the loop: 5 ms, and 0.5 ms for a step."""

STEPS: Final = 8
"""The most steps of a connection that does not drip."""

T = TypeVar("T")


@dataclass(slots=True)
class RecentWork:
    """How much has been done lately, by network.

    It holds the networks for which anything has been done within the window, which are no more than
    could be served.

    Attributes:
        clock: Seconds of a clock that never goes back.
    """

    clock: Callable[[], float]
    _half: int = 0
    _this: Counter[str] = field(default_factory=Counter)
    _last: Counter[str] = field(default_factory=Counter)

    def add(self, network: str, work: int) -> None:
        """Count what is done for a network."""
        self._this[network] += work

    def of(self, network: str) -> int:
        """How much has been done for a network."""
        return self._this[network] + self._last[network]

    def move(self) -> None:
        """Look at the clock, and forget what is older than the window."""
        half = int(self.clock() // HALF_WINDOW_S)
        if half != self._half:
            self._last = self._this if half == self._half + 1 else Counter()
            self._this = Counter()
            self._half = half


@dataclass(slots=True)
class _Standing:
    """What decides when it is a connection's turn."""

    network: str
    number: int
    last_turn: int
    steps: int = 0


@dataclass(slots=True)
class Turns(Generic[T]):
    """The order of the connections that are held.

    Attributes:
        work: What has been done for their networks.
    """

    work: RecentWork
    _standings: dict[T, _Standing] = field(default_factory=dict)
    _asking: dict[T, None] = field(default_factory=dict)
    _by_network: dict[str, dict[T, int]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _is_for_least: bool = True

    def admit(self, network: str, connection: T) -> None:
        """Hold a connection that a network has opened."""
        number = next(self._numbers)
        self._standings[connection] = _Standing(network, number, number)

    def remove(self, connection: T) -> None:
        """Hold a connection no longer."""
        standing = self._standings.pop(connection, None)
        if standing is not None:
            self._remove_request(standing.network, connection)

    def first(self, ready: list[T], count: int) -> list[T]:
        """Those of the connections that are ``ready`` that go on now: ``count`` by each order."""
        self.work.move()
        held = [connection for connection in ready if connection in self._standings]
        begun = [connection for connection in held if self._has_begun(connection)]
        others = [connection for connection in held if not self._has_begun(connection)]
        going_on = heapq.nsmallest(count, begun, key=self._place_of_begun)
        beginning = max(count - len(going_on), count // 2)
        found = dict.fromkeys(
            [
                *going_on,
                *heapq.nsmallest(beginning, others, key=self._place_of_other),
                *heapq.nsmallest(count, held, key=self._place_by_waiting),
            ]
        )
        for connection in found:
            standing = self._standings[connection]
            standing.last_turn = next(self._numbers)
            standing.steps += 1
            self.work.add(standing.network, 1)
        return list(found)

    def ask(self, connection: T) -> None:
        """Let the whole request of a connection wait to be answered."""
        self._asking[connection] = None
        network = self._standings[connection].network
        self._by_network.setdefault(network, {})[connection] = next(self._numbers)

    def next_to_answer(self) -> T | None:
        """Take the connection whose request is answered next; ``None`` where none waits."""
        if not self._asking:
            return None
        if self._is_for_least:
            network = min(self._by_network, key=self._place_of_newest)
            connection = next(reversed(self._by_network[network]))
        else:
            connection = next(iter(self._asking))
            network = self._standings[connection].network
        self._is_for_least = not self._is_for_least
        self._remove_request(network, connection)
        self.work.add(network, ANSWER)
        return connection

    def _has_begun(self, connection: T) -> bool:
        return 0 < self._standings[connection].steps < STEPS

    def _place_of_begun(self, connection: T) -> tuple[int, int]:
        standing = self._standings[connection]
        return self.work.of(standing.network), standing.number

    def _place_of_other(self, connection: T) -> tuple[int, int]:
        standing = self._standings[connection]
        return self.work.of(standing.network), -standing.number

    def _place_by_waiting(self, connection: T) -> int:
        return self._standings[connection].last_turn

    def _place_of_newest(self, network: str) -> tuple[int, int]:
        return self.work.of(network), -next(reversed(self._by_network[network].values()))

    def _remove_request(self, network: str, connection: T) -> None:
        self._asking.pop(connection, None)
        waiting = self._by_network.get(network, {})
        waiting.pop(connection, None)
        if not waiting:
            self._by_network.pop(network, None)
