"""Open gaps: ranges of numbers that were dropped and not yet announced, coalesced.

A gap is open while it may still grow; sealing turns it into a `GapRecord` that travels like any
other record. Until that has been handed out, the next gap of its kind is sealed into it. There is
one open gap for each (epoch, lane, reason), so that a month without a portal costs one row, not one
a drop; at `MOST_RANGES` ranges a new one begins, so that none grows without bound. A gap names the
numbers that were dropped and no others: one that was delivered in between is asked for by a portal
that loses it, as any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import msgspec

from cloud_link.limits import BOOT_LIMIT_MS, BOOT_SIZE, COUNT_LIMIT, SEQ_LIMIT
from cloud_link.ranges import Range, clamp, size, subtract
from cloud_link.records import GapRecord
from cloud_link.wire import Lane

MOST_RANGES: Final = 64
UNKNOWN_TIME: Final = (bytes(BOOT_SIZE), 0)
"""Boot and milliseconds of a gap whose beginning or end is not known."""

_encode_ranges = msgspec.msgpack.Encoder().encode
_decode_ranges: msgspec.msgpack.Decoder[tuple[Range, ...]] = msgspec.msgpack.Decoder(
    tuple[Range, ...]
)


class GapReason:
    """The reasons of a drop, as `cloud_link.records.GapRecord.reason` spells them."""

    CAP: Final = "cap"
    DISK: Final = "disk"
    DAMAGED: Final = "damaged"
    INVALID: Final = "invalid"
    """The gateway's own validator refused it: a portal would, too."""
    PORTAL: Final = "portal"
    """The portal lost what it had acknowledged, and the spool no longer has it."""
    MOVED: Final = "moved"
    """Nothing is lost: the portal is said to hold other content under this number, and the record
    is sent under another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """Records lost together: one run of numbers of one epoch and lane.

    Attributes:
        run: First and last number.
        records: How many records, at most the run's length.
        first: (boot, milliseconds) of the oldest reading; ``last`` of the newest.
    """

    ordinal: int
    lane: Lane
    reason: str
    run: Range
    records: int
    readings: int
    first: tuple[bytes, int]
    last: tuple[bytes, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenGap:
    """Losses of one epoch, lane and reason; ``ranges`` ascend and do not touch."""

    ordinal: int
    lane: Lane
    reason: str
    ranges: tuple[Range, ...]
    records: int
    readings: int
    first: tuple[bytes, int]
    last: tuple[bytes, int]

    @property
    def kind(self) -> tuple[int, Lane, str]:
        """What two gaps must have in common to be one."""
        return self.ordinal, self.lane, self.reason

    @classmethod
    def of(cls, loss: Loss) -> OpenGap:
        """A gap that holds just ``loss``."""
        return cls(
            ordinal=loss.ordinal,
            lane=loss.lane,
            reason=loss.reason,
            ranges=(loss.run,),
            records=loss.records,
            readings=loss.readings,
            first=loss.first,
            last=loss.last,
        )

    def joined(self, later: OpenGap) -> OpenGap | None:
        """This gap and a ``later`` one of the same epoch, lane and reason.

        ``None`` when that takes more than `MOST_RANGES` ranges, or when one of the two does not
        know its numbers.
        """
        if not (self.ranges and later.ranges):
            return None
        ranges = tuple(clamp([*self.ranges, *later.ranges], SEQ_LIMIT))
        if len(ranges) > MOST_RANGES:
            return None
        return replace(
            self,
            ranges=ranges,
            records=self.records + later.records,
            readings=self.readings + later.readings,
            first=_oldest(self.first, later.first, earlier=later.ranges[0][0] <= ranges[0][0]),
            last=_newest(self.last, later.last, later=later.ranges[-1][1] >= ranges[-1][1]),
        )

    def without(self, runs: list[Range]) -> OpenGap | None:
        """This gap without the numbers of the normal ``runs``; ``None`` when none is left."""
        ranges = subtract(self.ranges, runs)
        if not ranges:
            return None
        return replace(self, ranges=tuple(ranges), records=min(self.records, size(ranges)))

    def record(self, epoch: bytes) -> GapRecord:
        """The record that announces this gap; ``epoch`` is the name of its epoch.

        Its numbers are within the limits of the wire, whatever damaged rows said: a portal that
        refused it would never hear of the gap.
        """
        return GapRecord(
            epoch=epoch,
            ordinal=self.ordinal,
            lane=int(self.lane),
            ranges=self.ranges,
            records=within(self.records, COUNT_LIMIT),
            readings=within(self.readings, COUNT_LIMIT),
            first=_moment(self.first),
            last=_moment(self.last),
            reason=self.reason,
        )


def within(number: int, limit: int) -> int:
    """The number of 0..limit - 1 that is nearest to ``number``."""
    return min(max(0, number), limit - 1)


def _moment(when: tuple[bytes, int]) -> tuple[bytes, int]:
    return when[0][:BOOT_SIZE].ljust(BOOT_SIZE, b"\0"), within(when[1], BOOT_LIMIT_MS)


def pack_ranges(ranges: tuple[Range, ...]) -> bytes:
    """Encode ranges for a row of the database."""
    return _encode_ranges(ranges)


def unpack_ranges(packed: bytes) -> tuple[Range, ...]:
    """The inverse of `pack_ranges`; raises msgspec.MsgspecError for anything else."""
    return _decode_ranges.decode(packed)


def _oldest(
    known: tuple[bytes, int], came: tuple[bytes, int], *, earlier: bool
) -> tuple[bytes, int]:
    if known[0] == came[0]:
        return min(known, came)
    return came if earlier else known


def _newest(known: tuple[bytes, int], came: tuple[bytes, int], *, later: bool) -> tuple[bytes, int]:
    if known[0] == came[0]:
        return max(known, came)
    return came if later else known
