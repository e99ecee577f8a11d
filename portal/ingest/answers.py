"""What became of each record, and the acknowledgements that say so. Pure.

Source: design section 5; `cloud_link.wire.Ack`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from cloud_link.wire import VERSION, Ack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cloud_link.wire import Lane
    from portal.ingest.arrivals import Item

ACK_NUMBERS: Final = 1_000
"""Sequence numbers in one acknowledgement, so that it always fits a message."""


class Fate(Enum):
    """The four things that can become of a record."""

    STORED = "stored"
    REJECTED = "rejected"
    NEED_TABLE = "need_table"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one record.

    Attributes:
        code: Why it was rejected, one of `cloud_link.wire.RejectCode`.
        table: The table it needs.
    """

    fate: Fate
    code: str = ""
    table: bytes = b""


STORED: Final = Verdict(fate=Fate.STORED)
CONFLICT: Final = Verdict(fate=Fate.CONFLICT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An acknowledgement and the box it is for."""

    box: str
    ack: Ack


def answers(verdicts: Iterable[tuple[Item, Verdict]]) -> list[Answer]:
    """The acknowledgements that tell boxes their records' fates.

    A number that two spools claim at once, one's record stored and the other's not, is left
    unanswered: both hear the same topic, and "stored" would make the second forget its own. Each
    asks again, and is answered alone.
    """
    groups: dict[tuple[str, bytes, Lane], dict[int, set[Verdict]]] = defaultdict(
        lambda: defaultdict(set)
    )
    for item, verdict in verdicts:
        number = item.number
        groups[item.box, number.epoch, number.lane][number.seq].add(verdict)
    return [
        Answer(box=box, ack=_ack(epoch, lane, part))
        for (box, epoch, lane), fates in groups.items()
        for part in _parts(
            [(seq, found.pop()) for seq, found in sorted(fates.items()) if len(found) == 1]
        )
    ]


def _parts(fates: Sequence[tuple[int, Verdict]]) -> Iterator[Sequence[tuple[int, Verdict]]]:
    for start in range(0, len(fates), ACK_NUMBERS):
        yield fates[start : start + ACK_NUMBERS]


def _ack(epoch: bytes, lane: Lane, fates: Sequence[tuple[int, Verdict]]) -> Ack:
    def those(fate: Fate) -> list[tuple[int, Verdict]]:
        return [(seq, verdict) for seq, verdict in fates if verdict.fate is fate]

    return Ack(
        VERSION,
        epoch,
        lane,
        runs(seq for seq, _ in those(Fate.STORED)),
        tuple((seq, verdict.code) for seq, verdict in those(Fate.REJECTED)),
        tuple((seq, verdict.table) for seq, verdict in those(Fate.NEED_TABLE)),
        tuple(seq for seq, _ in those(Fate.CONFLICT)),
    )


def runs(numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """(first, last) of every run of successive integers among ascending ``numbers``."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return tuple((first, last) for first, last in found)
