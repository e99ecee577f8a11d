"""The loop that holds every connection to a web server, and waits for none of them.

It accepts connections, shakes hands, reads requests and sends responses, each as far as it goes.
Who is idle or slow costs a file descriptor until the deadline of its phase (`connection`);
where there are too many, the oldest make room (`connection_shares`).

Requests that are whole take turns by the network they came from, so that many from one do not delay
another's; of one network, the newest comes first. Where more come than can be answered, each would
else wait for as long as all of them take. So most are answered at once, and some not at all: a box
that gives up can be told to try again.
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
from portal.serving.connection_shares import ConnectionShares, network

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

_ACCEPTED_AT_ONCE: Final = 64


class Reception:
    """Holds connections, and hands their requests out to be answered.

    Not thread-safe: every method is called by the thread that waits for ``poller``, whose events
    hold what to call with their file object.

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
        self._turns: dict[str, dict[Connection, None]] = {}

    def __len__(self) -> int:
        return len(self._shares)

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
            self._poller.register(connection, connection.events, self._advance)
            self._set_deadline(connection)
            self._end(self._shares.admit(network(connection.host), connection))

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
        self._next_turns()

    def end_overdue(self) -> None:
        """End the connections whose deadline is over."""
        now = self._clock()
        while self._deadlines and self._deadlines[0][0] <= now:
            _, _, connection, phase = heapq.heappop(self._deadlines)
            if connection.phase is phase:
                self._end(connection)

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
            self._turns.setdefault(network(connection.host), {})[connection] = None
            self._next_turns()
        if connection.phase is not phase:
            self._set_deadline(connection)

    def _watch(self, connection: Connection, before: int) -> None:
        """Wait for the events that a connection needs, instead of those it needed before."""
        if connection.events == before:
            return
        if not before:
            self._poller.register(connection, connection.events, self._advance)
        elif connection.events:
            self._poller.modify(connection, connection.events, self._advance)
        else:
            self._poller.unregister(connection)

    def _next_turns(self) -> None:
        while self._free and self._turns:
            name = next(iter(self._turns))
            waiting = self._turns.pop(name)
            connection, _ = waiting.popitem()  # the newest
            if waiting:
                self._turns[name] = waiting  # behind the others
            self._free -= 1
            connection.phase = Phase.APPLICATION
            self._answer(connection)

    def _set_deadline(self, connection: Connection) -> None:
        at = self._clock() + self._seconds[connection.phase]
        if at < inf:
            number = next(self._numbers)
            heapq.heappush(self._deadlines, (at, number, connection, connection.phase))

    def _end(self, connection: Connection | None) -> None:
        if connection is None:
            return
        name = network(connection.host)
        with suppress(KeyError):  # it is not registered while it waits or is answered
            self._poller.unregister(connection)
        self._shares.remove(name, connection)
        waiting = self._turns.get(name, {})
        waiting.pop(connection, None)
        if not waiting:
            self._turns.pop(name, None)
        connection.close()


def _may_end(connection: Connection) -> bool:
    return connection.phase not in {Phase.APPLICATION, Phase.RESPONSE}
