"""The outcome of each record, and the acknowledgements that report it. Pure.

Source: design section 5; `cloud_link.wire.Ack`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from cloud_link.limits import RUNS_LIMIT
from cloud_link.ranges import runs_of
from cloud_link.wire import VERSION, Ack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cloud_link.wire import Lane
    from portal.ingest.messages import Item


class Outcome(Enum):
    """What became of a record."""

    STORED = "stored"
    REJECTED = "rejected"
    NEED_TABLE = "need_table"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOutcome:
    """What became of one record, with its reason.

    Attributes:
        code: Why it was rejected, one of `cloud_link.wire.RejectCode`.
        table: The id of the table it needs.
    """

    outcome: Outcome
    code: str = ""
    table: bytes = b""


STORED: Final = RecordOutcome(outcome=Outcome.STORED)
CONFLICT: Final = RecordOutcome(outcome=Outcome.CONFLICT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An acknowledgement and the box it is for."""

    box: str
    ack: Ack


def answers(outcomes: Iterable[tuple[Item, RecordOutcome]]) -> list[Answer]:
    """The acknowledgements that report the outcomes of records to their boxes.

    A number that two spools claim at once, one's record stored and the other's not, is left
    unanswered: both hear the same topic, and "stored" would make the second forget its own. Each
    asks again, and is answered alone.
    """
    groups: dict[tuple[str, bytes, Lane], dict[int, set[RecordOutcome]]] = defaultdict(
        lambda: defaultdict(set)
    )
    for item, outcome in outcomes:
        number = item.number
        groups[item.box, number.epoch, number.lane][number.seq].add(outcome)
    return [
        Answer(box=box, ack=_ack(epoch, lane, part))
        for (box, epoch, lane), by_seq in groups.items()
        for part in _parts(
            [(seq, found.pop()) for seq, found in sorted(by_seq.items()) if len(found) == 1]
        )
    ]


def _parts(
    outcomes: Sequence[tuple[int, RecordOutcome]],
) -> Iterator[Sequence[tuple[int, RecordOutcome]]]:
    for start in range(0, len(outcomes), RUNS_LIMIT):
        yield outcomes[start : start + RUNS_LIMIT]


def _ack(epoch: bytes, lane: Lane, outcomes: Sequence[tuple[int, RecordOutcome]]) -> Ack:
    def having(kind: Outcome) -> list[tuple[int, RecordOutcome]]:
        return [(seq, one) for seq, one in outcomes if one.outcome is kind]

    return Ack(
        VERSION,
        epoch,
        lane,
        tuple(runs_of(seq for seq, _ in having(Outcome.STORED))),
        tuple((seq, one.code) for seq, one in having(Outcome.REJECTED)),
        tuple((seq, one.table) for seq, one in having(Outcome.NEED_TABLE)),
        tuple(seq for seq, _ in having(Outcome.CONFLICT)),
    )
