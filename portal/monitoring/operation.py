"""What the devices are doing, counted: printing, ready, error, other; "available n of m".

::

    kind       running   ready   error    other
    printers   printing  ready   error    all that cannot be heard, or says something else
    meters     running   ready   error    the same

Available is what could do its work now: running or ready. Who cannot be heard is neither: what it
said last may no longer be so.

Source: requirements E-30, C-17.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from drivers.report import State

if TYPE_CHECKING:
    from portal.fleet.kinds import DeviceKind
    from portal.monitoring.overview import DeviceRow


class Kind(StrEnum):
    """What sort of thing a device is, as people sort them."""

    PRINTER = "printer"
    METER = "meter"


def family(kind: DeviceKind) -> Kind:
    """How the donut sorts a device."""
    return Kind.PRINTER if kind.prints else Kind.METER


@dataclass(frozen=True, slots=True, kw_only=True)
class Arc:
    """A part of the donut, in hundredths of its way round.

    Attributes:
        state: Whose it is.
        length: How long it is.
        offset: Where it begins, counted backwards from twelve o'clock, as SVG's dashes are.
    """

    state: State
    length: float
    offset: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Devices of one kind, by what they are doing.

    Attributes:
        kind: Which devices.
        counts: How many in each state, in the order in which they are shown.
    """

    kind: Kind
    counts: Sequence[tuple[State, int]]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(count for _, count in self.counts)

    @property
    def available(self) -> int:
        """Those that could do their work now."""
        return sum(count for state, count in self.counts if state in _AVAILABLE)

    @property
    def arcs(self) -> list[Arc]:
        """The donut's parts, clockwise from the top; states that nobody is in have none."""
        arcs, begun = [], 0
        for state, count in self.counts:
            if count:
                share = 100 / self.total
                arcs.append(Arc(state=state, length=count * share, offset=-begun * share))
            begun += count
        return arcs


_AVAILABLE: Final = frozenset({State.RUNNING, State.READY})


def operations(rows: Iterable[DeviceRow]) -> list[Operation]:
    """Of each kind that there is, printers first."""
    counts = {kind: dict.fromkeys(State, 0) for kind in Kind}
    for row in rows:
        counts[row.kind][row.state] += 1
    return [
        Operation(kind=kind, counts=tuple(by_state.items()))
        for kind, by_state in counts.items()
        if any(by_state.values())
    ]
