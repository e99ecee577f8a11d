"""Finding out which part of a refused read a device lacks. Pure.

A refused read of several points is made again in halves, and refused halves in halves again; a
point that is refused by itself is lacking::

    event                      piece on top of the pile becomes
    -----------------------    ------------------------------------------------------------
    answered                   found, as answered
    refused, can be halved     its two halves, the next one on top
    refused, one point         found, as lacking
    failed                     the same again; `PATIENCE` times in a row: found, as lacking
    restart                    all is forgotten, and the other half comes first

A bisection is over when no piece is left. It takes as many polls as the device's line has time for.
Its result counts only once `drivers.modbus.driver` commits it: a device that restarts refuses what
it has.

Source: design section 4 (on exception 2 split there and remember).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from drivers.modbus.decode import Columns
    from drivers.modbus.profile import Point
    from drivers.modbus.status import StatusPoint
    from protocols.modbus.planner import Read, Span

PATIENCE: Final = 3
"""How often a piece may fail in another way than refused before it counts as lacking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStep:
    """One read and what its answer becomes.

    Attributes:
        read: The registers or bits.
        points: The points that were planned with it; ``read.spans`` says which of them it serves.
        columns: Turns its answer into readings.
        status_points: The points that are no readings.
        refused: Whether the device lacks it, and it is not made.
        served: Whether it was answered before.
    """

    read: Read
    points: Sequence[Point]
    columns: Columns
    status_points: tuple[StatusPoint, ...]
    refused: bool = False
    served: bool = False

    @property
    def spans(self) -> set[Span]:
        """The registers or bits of the points that it serves."""
        return {self.points[i].span for i in self.read.spans}


@dataclass(slots=True, kw_only=True)
class Bisection:
    """A read that was refused, and what is known of its pieces.

    Attributes:
        whole: The read.
        halves: The halves of the read; empty where it cannot be divided: all of it is lacking.
        untried: The pieces that were not read yet, the next one last.
        found: The pieces that were read, by address: answered, lacking, or refused after they had
            been answered.
    """

    whole: ReadStep
    halves: tuple[ReadStep, ...]
    untried: list[ReadStep] = field(init=False, default_factory=list)
    found: list[PlanItem] = field(init=False, default_factory=list)
    _failures: int = field(init=False, default=0)
    _backwards: bool = field(init=False, default=True)

    def __post_init__(self) -> None:
        self.restart()

    @property
    def over(self) -> bool:
        """Whether every piece was tried."""
        return not self.untried

    @property
    def answered(self) -> bool:
        """Whether any piece was answered."""
        return any(not isinstance(item, ReadStep) or not item.refused for item in self.found)

    @property
    def lacking(self) -> set[Span]:
        """The points that the device lacks, as far as they were found."""
        spans: set[Span] = set()
        for item in self.found:
            if isinstance(item, Bisection):
                spans |= item.lacking
            elif item.refused:
                spans |= item.spans
        return spans

    def next(self) -> ReadStep:
        """The piece to read next."""
        return self.untried[-1]

    def was_answered(self, step: ReadStep) -> None:
        """Note that the next piece was answered; ``step`` is the piece as it is known now."""
        self._taken(step)

    def was_refused(self, halves: Sequence[ReadStep]) -> bool:
        """Note that the next piece was refused.

        Args:
            halves: Its halves; empty where it cannot be divided.

        Returns:
            Whether it is lacking, because there are no halves to try.
        """
        if not halves:
            self._taken(replace(self.next(), refused=True))
            return True
        self.untried.pop()
        self.untried += halves if self._backwards else halves[::-1]
        self._failures = 0
        return False

    def has_failed(self) -> bool:
        """Note that the next piece failed in another way; returns whether it is lacking now."""
        self._failures += 1
        if self._failures < PATIENCE:
            return False
        self._taken(replace(self.next(), refused=True))
        return True

    def restart(self) -> None:
        """Forget what was found, and begin at the other end."""
        self._backwards = not self._backwards
        self._failures = 0
        self.untried = list(self.halves if self._backwards else self.halves[::-1])
        self.found = [] if self.halves else [replace(self.whole, refused=True)]

    def _taken(self, step: ReadStep) -> None:
        self.untried.pop()
        self._failures = 0
        if self._backwards:
            self.found.insert(0, step)
        else:
            self.found.append(step)


PlanItem: TypeAlias = "ReadStep | Bisection"
