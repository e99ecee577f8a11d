"""How far each epoch is acknowledged without a hole, as `cloud_link.wire.Online` says it.

A message names the newest epochs and, in turn, a part of the older ones; it says of which ordinals
it names every epoch, so that the portal learns of epochs that this box does not know::

    ordinals   1 2 3 . 5 6 . . 9        9: the newest
    named          3   5 6     9
    complete       [-------]   [--->    an epoch 4 or 7 never was, or is forgotten

Up to the number that is told, every record was acknowledged, or its loss was and is acknowledged
too. So a portal that does not have one of them, and no gap that names it, has lost it: nothing
below is on its way.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from cloud_link.limits import ORDINAL_LIMIT
from cloud_link.ranges import Range
from cloud_link.records import GapRecord, WireError, decode_record
from cloud_link.spool.database import Database
from cloud_link.spool.gaps import GapReason
from cloud_link.spool.recovery import unbounded_lanes
from cloud_link.spool.schema import first_id, last_id
from cloud_link.wire import AcknowledgedEpoch, Lane

EPOCHS_AT_ONCE: Final = 64
"""Epochs that one message names: half of them the newest, half in turn the others."""
_GAP_BYTES: Final = 4 * 1024 * 1024
"""Most bytes of pending gap records that are looked at: as much as the reserve for gaps."""


class Acknowledged:
    """Finds how far the epochs of a spool are acknowledged; reads only."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._db = database.db
        self._records = database.records
        self._losses = database.losses

    def epochs(self, turn: int) -> tuple[AcknowledgedEpoch, ...]:
        """The newest epochs, and ``turn`` by turn a part of the older ones, ascending.

        An epoch that gave out no number is left out.
        """
        names = self._records.epoch_names()
        unheard = self._unheard(names)
        unbounded = unbounded_lanes(self._database)
        found = (
            self._epoch(names[ordinal], ordinal, unheard, unbounded)
            for part in _parts(sorted(names), turn)
            for ordinal in part
        )
        return tuple(one for one in found if one.lanes or one.next)

    def complete(self, turn: int) -> tuple[Range, ...]:
        """The runs of ordinals of which `epochs`, for the same ``turn``, names every epoch."""
        ordinals = sorted(self._records.epoch_names())
        ends = dict(zip(ordinals, [-1, *ordinals], strict=False))
        older, newest = _parts(ordinals, turn)
        first = [(ends[older[0]] + 1, older[-1])] if older else []
        return (*first, (ends[newest[0]] + 1 if newest else 0, ORDINAL_LIMIT - 1))

    def _epoch(
        self,
        name: bytes,
        ordinal: int,
        unheard: dict[tuple[bytes, int], int],
        unbounded: frozenset[tuple[int, int]],
    ) -> AcknowledgedEpoch:
        lanes = {}
        nexts: dict[int, int] = {}
        query = "SELECT lane, base, next FROM counter WHERE ordinal = ? ORDER BY lane"
        for lane, base, following in self._db.execute(query, (ordinal,)).fetchall():
            pending = self._records.first_pending(base, base + following - 1)
            until = following if pending is None else pending - base
            until = min(until, unheard.get((name, lane), until))
            if until > 0:
                lanes[lane] = until - 1
            nexts[lane] = following
        if nexts:  # without any, nothing is known of the epoch but its name
            nexts = {int(lane): 0 for lane in Lane} | nexts
        told = {lane: each for lane, each in nexts.items() if (ordinal, lane) not in unbounded}
        return AcknowledgedEpoch(name, ordinal, lanes, told)

    def _unheard(self, names: dict[int, bytes]) -> dict[tuple[bytes, int], int]:
        """For each epoch and lane the least number in a gap that is not acknowledged yet.

        A number whose record goes again under another is not waited for: nothing is lost with it.
        """
        least: dict[tuple[bytes, int], int] = defaultdict(lambda: 1 << 63)
        for gap in self._losses.all_open():
            if gap.reason == GapReason.MOVED:
                continue
            key = (names.get(gap.ordinal, b""), int(gap.lane))
            least[key] = min(least[key], gap.ranges[0][0] if gap.ranges else 0)
        rows = self._records.rows_within(first_id(Lane.GAP), last_id(Lane.GAP), _GAP_BYTES)
        for row in rows:
            with contextlib.suppress(WireError, TypeError):
                record = decode_record(row.body)
                if isinstance(record, GapRecord) and record.reason != GapReason.MOVED:
                    key = (record.epoch, record.lane)
                    first = record.ranges[0][0] if record.ranges else 0
                    least[key] = min(least[key], first)
        return least


def _parts(ordinals: Sequence[int], turn: int) -> tuple[Sequence[int], Sequence[int]]:
    """Of ascending ordinals those older ones whose turn it is, and the newest."""
    half = EPOCHS_AT_ONCE // 2
    older, newest = ordinals[:-half], ordinals[-half:]
    start = turn * half % max(1, len(older))
    return older[start : start + half], newest
