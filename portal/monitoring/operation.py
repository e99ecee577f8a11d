"""How many devices are printing, ready, in error or in another state; "available n of m".

::

    family     running   ready   error    other
    printers   printing  ready   error    all that cannot be heard, or says something else
    meters     running   ready   error    the same

Available is what could do its work now: running or ready. Who cannot be heard is neither: what it
said last may no longer be so.

Source: requirements E-30, C-17.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.report import State
from portal.fleet.kinds import DeviceFamily


@dataclass(frozen=True, slots=True, kw_only=True)
class Arc:
    """A part of the donut, in hundredths of its way round.

    Attributes:
        state: The state it stands for.
        length: The length of the arc.
        offset: Where the arc begins, counted backwards from twelve o'clock, as SVG's dashes are.
    """

    state: State
    length: float
    offset: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Devices of one family, by what they are doing.

    Attributes:
        family: Which devices.
        counts: How many in each state, in the order in which they are shown.
    """

    family: DeviceFamily
    counts: Sequence[tuple[State, int]]

    @property
    def total(self) -> int:
        """The number of devices."""
        return sum(count for _, count in self.counts)

    @property
    def available(self) -> int:
        """The number of devices that could do their work now."""
        return sum(count for state, count in self.counts if state in _AVAILABLE)

    @property
    def arcs(self) -> list[Arc]:
        """The donut's parts, clockwise from the top; states without devices have none."""
        arcs, begun = [], 0
        for state, count in self.counts:
            if count:
                share = 100 / self.total
                arcs.append(Arc(state=state, length=count * share, offset=-begun * share))
            begun += count
        return arcs


_AVAILABLE: Final = frozenset({State.RUNNING, State.READY})


def operations(states: Iterable[tuple[DeviceFamily, State, int]]) -> list[Operation]:
    """How many devices are in each state, by family, printers first.

    Args:
        states: A family, a state, and how many devices are in it; several of a kind add up. A
            family without devices has no `Operation`.
    """
    counts = {family: dict.fromkeys(State, 0) for family in DeviceFamily}
    for family, state, many in states:
        counts[family][state] += many
    return [
        Operation(family=family, counts=tuple(by_state.items()))
        for family, by_state in counts.items()
        if any(by_state.values())
    ]
