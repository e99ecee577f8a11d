"""The books of a box: what its spool accepted, held against what the portal has stored.

::

    accepted = stored + refused + waiting + lost

    accepted  numbers that the spool gave out, by its own count
    stored    numbers received and kept                       a receipt each, or a watermark
    refused   numbers received and put into quarantine
    waiting   not here, and the spool still holds as many
    lost      not here, and the spool holds none; or announced as dropped
    doubled   the same readings under two numbers

The spool is asked first and the database afterwards, and only numbers that were given out by then
are looked at: what is under way in between is on one side or on both, never on neither. So a loss
cannot hide behind what is under way for longer than that takes to arrive. Everything is counted
from the rows; a receipt that is deleted, or one that is written again under another number, shows.

Numbers that a cloned spool had to give back (`cloud_link.wire.Ack.conflict`) count as accepted
under their old number too, and so as lost: whoever copies a spool is told that the books are open.

Source: design section 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Max, Q

from cloud_link.wire import Lane
from portal.ingest.models import Epoch, Gap, Receipt, Watermark

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolWord:
    """What a spool said of itself.

    Attributes:
        box: The box id.
        epoch: The one that numbers are given out of; ``next`` of each lane is the next of them.
        accepted: Of each lane, in all epochs.
        waiting: Of each lane.
    """

    box: str
    epoch: bytes
    next: Mapping[Lane, int] = field(default_factory=dict)
    accepted: Mapping[Lane, int] = field(default_factory=dict)
    waiting: Mapping[Lane, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, told: Mapping[str, Any]) -> SpoolWord:
        """From what a gateway's ``status`` says; raises `ValueError` for anything else."""
        try:
            spool = told["spool"]
            return cls(
                box=str(told["box"]),
                epoch=bytes.fromhex(spool["epoch"]),
                next=_by_lane(spool["next"]),
                accepted=_by_lane(spool["accepted"]),
                waiting=_by_lane(spool["waiting"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the status of a gateway: {error}") from error


def _by_lane(told: Mapping[str, Any]) -> dict[Lane, int]:
    return {lane: int(told[lane.name.lower()]) for lane in Lane}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The books of one box or of several; see the module."""

    accepted: int = 0
    stored: int = 0
    refused: int = 0
    waiting: int = 0
    lost: int = 0
    doubled: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing is lost and nothing doubled."""
        return not self.lost and not self.doubled

    def __add__(self, other: Ledger) -> Ledger:
        """The books of both."""
        return Ledger(
            accepted=self.accepted + other.accepted,
            stored=self.stored + other.stored,
            refused=self.refused + other.refused,
            waiting=self.waiting + other.waiting,
            lost=self.lost + other.lost,
            doubled=self.doubled + other.doubled,
        )


def ledger(words: Iterable[SpoolWord]) -> Ledger:
    """The books of the boxes whose spools said these words."""
    return sum((_of_lane(word, lane) for word in words for lane in Lane), Ledger())


@dataclass(slots=True)
class _Numbers:
    """Of one epoch and lane: how many were given out, received, refused and announced as gone."""

    top: int = 0
    received: int = 0
    refused: int = 0
    dropped: int = 0


def _of_lane(word: SpoolWord, lane: Lane) -> Ledger:
    epochs = list(Epoch.objects.filter(box__box_id=word.box))
    each = [_of_epoch(epoch, lane, word) for epoch in epochs]
    if word.epoch not in {bytes(epoch.epoch) for epoch in epochs}:
        each.append(_Numbers(top=word.next.get(lane, 0)))  # nothing of it has arrived yet
    received = sum(one.received for one in each)
    refused = sum(one.refused for one in each)
    dropped = sum(one.dropped for one in each)
    accepted = max(sum(one.top for one in each), word.accepted.get(lane, 0))
    missing = max(accepted - received - dropped, 0)
    waiting = min(missing, word.waiting.get(lane, 0))
    return Ledger(
        accepted=accepted,
        stored=received - refused,
        refused=refused,
        waiting=waiting,
        lost=dropped + missing - waiting,
        doubled=_doubled(word.box, lane),
    )


def _of_epoch(epoch: Epoch, lane: Lane, word: SpoolWord) -> _Numbers:
    marks = Watermark.objects.filter(epoch=epoch, lane=lane).values_list("seq", flat=True)
    below = max(marks, default=-1)
    receipts = Receipt.objects.filter(epoch=epoch, lane=lane)
    highest = receipts.aggregate(top=Max("seq"))["top"]
    top = max(below, -1 if highest is None else highest) + 1
    if bytes(epoch.epoch) == word.epoch:
        top = word.next.get(lane, 0)
    seen = receipts.filter(seq__lt=top).aggregate(
        above=Count("seq", filter=Q(seq__gt=below)), refused=Count("seq", filter=~Q(rejected=""))
    )
    numbers = _Numbers(top=top, received=min(below + 1, top) + seen["above"])
    numbers.refused = seen["refused"]
    for first, last in _dropped(epoch, lane, top):
        came = receipts.filter(seq__range=(first, last)).count()  # delivered, and dropped unheard
        numbers.dropped += last + 1 - first - came
        low = min(last, below) + 1 - first
        if low > 0:  # the watermark stands for what was dropped, too
            came_low = receipts.filter(seq__range=(first, min(last, below))).count()
            numbers.received -= low - came_low
    return numbers


def _dropped(epoch: Epoch, lane: Lane, top: int) -> list[tuple[int, int]]:
    """Runs of numbers below ``top`` announced as dropped, apart from each other."""
    rows = Gap.objects.filter(epoch=epoch, lane=lane).values_list("ranges", flat=True)
    runs: list[tuple[int, int]] = []
    for first, last in sorted((first, last) for ranges in rows for first, last in ranges):
        begin, end = max(first, runs[-1][1] + 1 if runs else 0), min(last, top - 1)
        if begin <= end:
            runs.append((begin, end))
    return runs


def _doubled(box: str, lane: Lane) -> int:
    """Receipts whose content another receipt of this lane has: one record, counted twice.

    Readings carry the millisecond they were read in. Events need not differ: a clock that is
    told again after a restart says the same.
    """
    if lane not in (Lane.DATA, Lane.BOUNDARY):
        return 0
    receipts = Receipt.objects.filter(epoch__box__box_id=box, lane=lane)
    found = receipts.aggregate(rows=Count("seq"), contents=Count("hash", distinct=True))
    return int(found["rows"] - found["contents"])
