"""Finding out which part of a refused read a device lacks. Pure.

A read of several points that is refused is asked for in halves, and those that are refused in
halves again; a point that is refused by itself is lacking::

    event                      piece on top of the pile becomes
    -----------------------    ------------------------------------------------------------
    answered                   found, as answered
    refused, can be halved     its two halves, the next one on top
    refused, one point         found, as lacking
    failed                     the same again; `PATIENCE` times in a row: found, as lacking
    restart                    all is forgotten, and the other half comes first

A search is over when no piece is left. It takes as many polls as its device's line has time for.
What a search found counts only once `drivers.modbus.driver` takes it for the truth: a device that
restarts refuses what it has.

Source: design section 4 (on exception 2 split there and remember).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from drivers.modbus.decode import Columns
    from drivers.modbus.profile import Point
    from drivers.modbus.status import Sign
    from protocols.modbus.planner import Read, Span

PATIENCE: Final = 3
"""How often a piece may fail with neither an answer nor a refusal before it counts as lacking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request and what its answer becomes.

    Attributes:
        points: All that were planned with it; ``read.spans`` says which of them it serves.
        refused: The device does not know it: it is not asked.
        served: It was answered before.
    """

    read: Read
    points: Sequence[Point]
    columns: Columns
    signs: tuple[Sign, ...]
    refused: bool = False
    served: bool = False

    @property
    def spans(self) -> set[Span]:
        """Where its points are."""
        return {self.points[i].span for i in self.read.spans}


@dataclass(slots=True, kw_only=True)
class Search:
    """A read that was refused, and what is known of its pieces.

    Attributes:
        whole: The read.
        halves: Of the read; none where it cannot be divided: it is then lacking as it is.
        untried: Pieces that were not asked for yet, the next one last.
        found: Pieces that were, by address: answered, lacking, or refused after they were answered.
    """

    whole: Step
    halves: tuple[Step, ...]
    untried: list[Step] = field(init=False, default_factory=list)
    found: list[Item] = field(init=False, default_factory=list)
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
        """Whether any piece was."""
        return any(not isinstance(item, Step) or not item.refused for item in self.found)

    @property
    def lacking(self) -> set[Span]:
        """The points that the device lacks, as far as it was found."""
        spans: set[Span] = set()
        for item in self.found:
            if isinstance(item, Search):
                spans |= item.lacking
            elif item.refused:
                spans |= item.spans
        return spans

    def next(self) -> Step:
        """The piece to ask for."""
        return self.untried[-1]

    def was_answered(self, step: Step) -> None:
        """The next piece was; ``step`` is it, as it is known now."""
        self._taken(step)

    def was_refused(self, halves: Sequence[Step]) -> bool:
        """The next piece was; returns whether it is lacking, having no halves to try."""
        if not halves:
            self._taken(replace(self.next(), refused=True))
            return True
        self.untried.pop()
        self.untried += halves if self._backwards else halves[::-1]
        self._failures = 0
        return False

    def has_failed(self) -> bool:
        """The next piece did, in another way; returns whether it counts as lacking now."""
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

    def _taken(self, step: Step) -> None:
        self.untried.pop()
        self._failures = 0
        if self._backwards:
            self.found.insert(0, step)
        else:
            self.found.append(step)


Item: TypeAlias = "Step | Search"
