"""From what is to be read to the fewest, cheapest reads. Pure.

::

    registers   10 11 12 13 14 15 16 17 18 19 20
    spans       [a ] [b    ]          [c   ]        a, b, c: never split
    readable                [......]                declared: may be read though nobody asks
    reads       [--------- one read -------]        bridged, while that is cheaper than
                                                    another request

* What is not declared readable, as a range or by a point of the profile, is not touched:
  reading an unknown register can block a device, or clear what it holds.
* A span is never split: its registers must be of one moment.
* Among all ways to cut the spans into reads of at most ``limit``, the cheapest is found by
  dynamic programming: the time of a read is ``request`` + ``register`` x N (`Cost`).

Source: design section 4.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Table(StrEnum):
    """The four tables of a Modbus unit (V1.1b3 section 4.3)."""

    COIL = "coil"
    DISCRETE = "discrete"
    INPUT = "input"
    HOLDING = "holding"

    @property
    def bits(self) -> bool:
        """Whether its addresses are single bits."""
        return self in (Table.COIL, Table.DISCRETE)


LIMITS: Final[Mapping[Table, int]] = {
    Table.COIL: 2000,
    Table.DISCRETE: 2000,
    Table.INPUT: 125,
    Table.HOLDING: 125,
}
"""The most one read may ask for (V1.1b3 sections 6.1 to 6.4)."""


class PlanError(ValueError):
    """Spans no plan can serve: longer than a read may be, or outside the address space."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A run of addresses in one table."""

    table: Table
    address: int
    count: int

    @property
    def end(self) -> int:
        """The address behind the last one."""
        return self.address + self.count

    def holds(self, other: Span) -> bool:
        """Whether ``other`` lies within this span."""
        return self.table is other.table and self.address <= other.address and other.end <= self.end


@dataclass(frozen=True, slots=True)
class Read:
    """One read request.

    Attributes:
        table: Which table.
        address: The first address.
        count: How many registers or bits.
        spans: Positions, in what was planned, of the spans it serves.
    """

    table: Table
    address: int
    count: int
    spans: tuple[int, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes of data in the answer."""
        return (self.count + 7) // 8 if self.table.bits else 2 * self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What reading takes, in any one unit of time.

    ``request`` is the fixed part of a transaction and ``register`` what each register adds. On a
    serial line these are ``13 c + 2 t35 + t_dev`` and ``2 c``; over TCP a round trip outweighs
    any number of registers, which the default says.
    """

    request: float = 1.0
    register: float = 0.0001

    @property
    def break_even(self) -> float:
        """The gap, in registers, from which two requests are cheaper than one (G*)."""
        return self.request / self.register if self.register else float("inf")


TCP: Final = Cost()


@dataclass(frozen=True, slots=True, order=True)
class Cut:
    """An address that no read may cross: one read ends before it, another begins at it."""

    table: Table
    address: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a device allows to be read.

    Attributes:
        readable: Ranges that may be read though nobody asks for them; points are always readable.
        limits: The most one read may ask for, where that is less than the protocol's `LIMITS`.
        cost: What a read takes.
        cuts: Where the device was seen to refuse what crosses.
        holes: What the device was seen to lack: never read across, whatever is readable.
    """

    readable: tuple[Span, ...] = ()
    limits: Mapping[Table, int] | None = None
    cost: Cost = TCP
    cuts: frozenset[Cut] = frozenset()
    holes: frozenset[Span] = frozenset()

    def limit(self, table: Table) -> int:
        """The most one read of ``table`` may ask for."""
        own = (self.limits or {}).get(table, LIMITS[table])
        return min(own, LIMITS[table])


def plan(spans: Sequence[Span], rules: Rules) -> tuple[Read, ...]:
    """The cheapest reads that serve every span exactly once.

    Args:
        spans: In any order; they may overlap.
        rules: What the device allows.

    Returns:
        Reads by table and address; together their ``spans`` hold every position once.

    Raises:
        PlanError: A span is empty, too long for one read, or outside 0 to 65535.
    """
    reads: list[Read] = []
    for table in Table:
        order = sorted(
            (i for i, span in enumerate(spans) if span.table is table),
            key=lambda i: (spans[i].address, spans[i].count, i),
        )
        if order:
            reads += _cut(spans, order, rules)
    return tuple(reads)


def split(read: Read, spans: Sequence[Span]) -> tuple[Read, ...]:
    """The two halves of a read that the device refused, none where it serves one span only."""
    if len(read.spans) < 2:
        return ()
    half = len(read.spans) // 2
    return tuple(_reading(spans, part) for part in (read.spans[:half], read.spans[half:]))


def _cut(spans: Sequence[Span], order: Sequence[int], rules: Rules) -> list[Read]:
    """Dynamic programming over the spans of one table, sorted by address."""
    limit = rules.limit(spans[order[0]].table)
    around = _without(rules.readable, rules.holes)
    bridges = _Bridges([*around, *spans], spans[order[0]].table)
    cost = rules.cost
    best = [0.0] + [float("inf")] * len(order)
    start_of = [0] * (len(order) + 1)
    for first in range(len(order)):
        start = spans[order[first]].address
        end = start
        for last in range(first, len(order)):
            span = spans[order[last]]
            if span.count < 1 or span.address < 0 or span.end > 0x10000 or span.count > limit:
                raise PlanError(f"{span} cannot be read in one request of at most {limit}")
            if last > first and not bridges.over(end, span.address):
                break
            if Cut(span.table, span.address) in rules.cuts and last > first:
                break
            end = max(end, span.end)
            if end - start > limit:
                break
            total = best[first] + cost.request + cost.register * (end - start)
            if total < best[last + 1]:
                best[last + 1], start_of[last + 1] = total, first
    return _trace(spans, order, start_of)


def _trace(spans: Sequence[Span], order: Sequence[int], start_of: Sequence[int]) -> list[Read]:
    reads: list[Read] = []
    stop = len(order)
    while stop:
        first = start_of[stop]
        reads.append(_reading(spans, order[first:stop]))
        stop = first
    return reads[::-1]


def _reading(spans: Sequence[Span], served: Sequence[int]) -> Read:
    start = min(spans[i].address for i in served)
    end = max(spans[i].end for i in served)
    return Read(spans[served[0]].table, start, end - start, tuple(served))


def _without(spans: Iterable[Span], holes: Iterable[Span]) -> Iterator[Span]:
    """What is left of ``spans`` outside ``holes``."""
    for span in spans:
        start = span.address
        for hole in sorted(h for h in holes if h.table is span.table):
            if hole.end <= start or hole.address >= span.end:
                continue
            if hole.address > start:
                yield Span(span.table, start, hole.address - start)
            start = hole.end
        if start < span.end:
            yield Span(span.table, start, span.end - start)


class _Bridges:
    """Which gaps may be read across: the union of everything readable, as sorted runs."""

    def __init__(self, readable: Iterable[Span], table: Table) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for span in sorted(span for span in readable if span.table is table):
            if self._ends and span.address <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], span.end)
            else:
                self._starts.append(span.address)
                self._ends.append(span.end)

    def over(self, start: int, end: int) -> bool:
        """Whether every address from ``start`` up to ``end`` may be read."""
        if end <= start:
            return True
        run = bisect_right(self._starts, start) - 1
        return run >= 0 and end <= self._ends[run]
