"""Work of the database's thread gives way to a small message of another box.

A transaction of a box with much to store takes longer than that of a small message, which then
waits for it. Between two statements such work asks whether a small message waits; where one does,
its transaction is rolled back, the message is stored, and the work is done again from the beginning
of this step (`portal.ingest.isolation`)::

    a box apart    |....statement....|....x           |....statement....|....statement....|commit|
    another box                       message --> |commit|
                                         rolled back

So another box waits for one statement, or one commit, instead of a transaction. What is done again
is lost time: it may take `SHARE` of all time, and the same step gives way `TIMES` at most. On a
portal where small messages never cease, the two kinds of work then alternate as they did. Giving
way between two steps loses nothing, and has no limit.

Source: ADR 0039.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

SHARE: Final = 0.25
"""The part of all time that work may take which is rolled back because it gave way."""
BURST_S: Final = 0.5
"""Seconds of such work that may be lost at once."""
TIMES: Final = 5
"""How often the same step gives way at most."""


class PreemptedError(BaseException):
    """The work gave way: the step under way is to be done again, or to be begun.

    Like `asyncio.CancelledError`, it does not derive from `Exception`, so that code that handles
    the failure of a record does not take it for one.
    """


def never() -> bool:
    """Whether a message waits for work that gives way to none."""
    return False


class Preemption:
    """Raises `PreemptedError` before a statement where a message waits.

    Args:
        waits: Whether a message came; asked in the database's thread before each statement.
        waits_between: Whether one waits, however long; asked there between two steps. It is
            ``waits`` where it is not given.
        from_step: The first step that is rolled back within; ``None``: none is, and work gives way
            between steps only.
    """

    def __init__(
        self,
        waits: Callable[[], bool],
        waits_between: Callable[[], bool] | None = None,
        from_step: int | None = 0,
    ) -> None:
        self.waits = waits
        self._waits_between = waits_between or waits
        self._from_step = from_step
        self._step = 0

    def run(self, work: Callable[[], T]) -> T:
        """Do ``work`` with this thread's connection; raises `PreemptedError`, or what it raises."""
        with connection.execute_wrapper(self._before_statement):
            return work()

    def begin_step(self, number: int, *, between: bool) -> None:
        """Begin a step, the first of which is 0; may raise `PreemptedError` ``between`` two."""
        self._step = number
        if between and self._waits_between():
            raise PreemptedError

    def _before_statement(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        within = self._from_step is not None and self._step >= self._from_step
        if within and self.waits():
            raise PreemptedError
        return execute(sql, params, many, context)


@dataclass(slots=True)
class LostTime:
    """How much time may still be lost; times are seconds of one steady clock.

    Attributes:
        left: Seconds, as of ``at``.
    """

    left: float = BURST_S
    at: float = 0.0

    def allows(self, times: int, now: float) -> bool:
        """Whether work may give way that did so ``times`` before."""
        self.left = min(BURST_S, self.left + max(0.0, now - self.at) * SHARE)
        self.at = now
        return times < TIMES and self.left > 0

    def lose(self, seconds: float) -> None:
        """Note that so much work was rolled back."""
        self.left -= seconds
