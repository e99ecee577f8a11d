"""The loop that holds every connection to a web server, and waits for none of them.

It accepts connections, shakes hands, reads requests and sends responses, each as far as it goes.
Who is idle or slow costs a file descriptor until the deadline of its phase (`connection`);
where there are too many, the oldest make room (`connection_shares`).

Who goes on first, and whose request is answered first, is decided by `turns`. The loop decides
again after every few connections, so that a newcomer waits for as few. Where more come than can be
answered, some are not answered at all: a box that gives up can be told to try again.
"""

from __future__ import annotations

import errno
import heapq
import itertools
import selectors
import time
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any, Final

from portal.serving.connection import SECONDS, Connection, Phase
from portal.serving.connection_shares import ConnectionShares
from portal.serving.turns import RecentWork, Turns

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

_ACCEPTED_AT_ONCE: Final = 64
_ADVANCED_AT_ONCE: Final = 4
"""Connections that go on, by each order, before the loop looks again who is first."""
_ENDED_AT_ONCE: Final = 64
_ANSWERED: Final = frozenset({Phase.APPLICATION, Phase.RESPONSE})


class Reception:
    """Holds connections, and hands their requests out to be answered.

    Not thread-safe: every method is called by the thread that calls `turn`. Other files that are
    registered with ``poller`` have, as data, what to call with them.

    Args:
        poller: Where connections are registered.
        context: Gives the TLS context for a new connection; ``None``: without TLS.
        answer: Begins to answer a connection's request; `finish` ends that.
        most: How many connections may be held.
        share: How many of them by one network.
        answers: How many requests may be answered at once.
        most_body: The most bytes of a request's body.
        seconds: How long each phase of a connection may take.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(  # limits are names, not a structure
        self,
        poller: selectors.BaseSelector,
        context: Callable[[], ssl.SSLContext] | None,
        answer: Callable[[Connection], None],
        *,
        most: int,
        share: int,
        answers: int,
        most_body: int,
        seconds: Mapping[Phase, float] = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._poller = poller
        self._context = context
        self._answer = answer
        self._shares = ConnectionShares[Connection](most=most, share=share, may_end=_may_end)
        self._free = answers
        self._most_body = most_body
        self._seconds = seconds
        self._clock = clock
        self._deadlines: list[tuple[float, int, Connection, Phase]] = []
        self._numbers = itertools.count()
        self._turns = Turns[Connection](RecentWork(clock))

    def __len__(self) -> int:
        return len(self._shares)

    def turn(self, timeout: float) -> None:
        """Wait ``timeout`` seconds at most for events, and go on with those whose turn it is.

        The others are still ready in the next turn. Calls what else is registered, too.
        """
        asking, answered = [], []
        for key, _ in self._poller.select(0 if self._is_overdue() else timeout):
            if not isinstance(key.fileobj, Connection):
                key.data(key.fileobj)
            elif key.fileobj.phase in _ANSWERED:
                answered.append(key.fileobj)
            else:
                asking.append(key.fileobj)
        for ready in (answered, asking):
            for connection in self._turns.first(ready, _ADVANCED_AT_ONCE):
                self._advance(connection)
        self._end_overdue()

    def accept(self, listener: Any) -> None:
        """Take the connections that wait at a listener, as many as one turn may."""
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted, peer = listener.accept()
            except OSError as error:
                if error.errno in {errno.EMFILE, errno.ENFILE}:
                    self._end(self._shares.oldest())
                return
            connection = Connection(accepted, peer, self._context, self._most_body)
            self._poller.register(connection, connection.events)
            self._set_deadline(connection)
            self._turns.admit(connection.network, connection)
            self._end(self._shares.admit(connection.network, connection))

    def send(self, connection: Connection) -> None:
        """Send what the application has written so far."""
        events = connection.events
        connection.send()
        self._watch(connection, events)

    def finish(self, connection: Connection) -> None:
        """Send the rest of a response; the application is done."""
        self._free += 1
        events = connection.events
        if connection.finish():
            self._watch(connection, events)
            self._set_deadline(connection)
        self._answer_next()

    def end_waiting(self) -> None:
        """End every connection whose request is not whole, or that has been answered."""
        for connection in self._shares.all():
            if _may_end(connection) and connection.phase is not Phase.WAITING:
                self._end(connection)

    def _advance(self, connection: Connection) -> None:
        phase, events = connection.phase, connection.events
        try:
            connection.advance()
        except OSError:  # which every error of TLS is
            self._end(connection)
            return
        self._watch(connection, events)
        if connection.phase is Phase.WAITING:
            self._turns.ask(connection)
            self._answer_next()
        if connection.phase is not phase:
            self._set_deadline(connection)

    def _watch(self, connection: Connection, before: int) -> None:
        """Wait for the events that a connection needs, instead of those it needed before."""
        if connection.events == before:
            return
        if not before:
            self._poller.register(connection, connection.events)
        elif connection.events:
            self._poller.modify(connection, connection.events)
        else:
            self._poller.unregister(connection)

    def _answer_next(self) -> None:
        while self._free and (connection := self._turns.next_to_answer()) is not None:
            self._free -= 1
            connection.phase = Phase.APPLICATION
            self._answer(connection)

    def _is_overdue(self) -> bool:
        return bool(self._deadlines) and self._deadlines[0][0] <= self._clock()

    def _end_overdue(self) -> None:
        """End connections whose deadline is over, as many as one turn may."""
        for _ in range(_ENDED_AT_ONCE):
            if not self._is_overdue():
                return
            _, _, connection, phase = heapq.heappop(self._deadlines)
            if connection.phase is phase:
                self._end(connection)

    def _set_deadline(self, connection: Connection) -> None:
        at = self._clock() + self._seconds[connection.phase]
        if at < inf:
            number = next(self._numbers)
            heapq.heappush(self._deadlines, (at, number, connection, connection.phase))

    def _end(self, connection: Connection | None) -> None:
        if connection is None:
            return
        with suppress(KeyError):  # it is not registered while it waits or is answered
            self._poller.unregister(connection)
        self._shares.remove(connection.network, connection)
        self._turns.remove(connection)
        connection.close()


def _may_end(connection: Connection) -> bool:
    return connection.phase not in _ANSWERED
