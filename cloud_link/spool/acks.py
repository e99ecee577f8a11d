"""The effect of an acknowledgement on the spool, outcome by outcome, in one transaction.

::

    ok            settle: the portal holds it; a gap that is still open names it no more
    rejected      settle and count: the portal quarantined it
    need_table    keep; say which tables to send first
    conflict      keep under a new number of a new epoch: the portal holds other content under this;
                  a gap of reason "moved" says that the old number is not a record of its own
    renew         begin a new epoch beyond the one the portal knows
    resend        make pending again, or announce as gone: `cloud_link.spool.resend`

A settled record stays for a while, see `cloud_link.spool.retention`.

Only records that are here and were read for sending are touched, so an acknowledgement that comes
twice, late, or for numbers never given or sent does nothing: who forges one can settle what is
under way, and that is retained. Only the records named in ``conflict`` are renumbered: their
neighbours may already be stored under their old numbers, and would be doubled. They keep their
order among themselves; an event that thereby overtakes a newer one is healed by the full reports
that follow a new epoch (see ``Spool.generation``).
"""

from __future__ import annotations

from collections.abc import Iterable

from cloud_link.limits import RENEWAL_LIMIT
from cloud_link.ranges import Range, clamp, common, runs_of
from cloud_link.spool.gaps import GapReason
from cloud_link.spool.losses import Losses, loss_of
from cloud_link.spool.model import SettleResult
from cloud_link.spool.records import Epoch, RecordStore, Row
from cloud_link.wire import Ack


class Settlement:
    """One acknowledgement being applied; afterwards ``epoch`` is the epoch to append to.

    Args:
        records: The spool's rows, in an open transaction.
        losses: Where records go that can never be sent.
        held: The ids of the records that may have been sent.
        epoch: The current epoch.
        ack: The portal's acknowledgement; any numbers, in any order, however absurd.
    """

    def __init__(
        self,
        records: RecordStore,
        losses: Losses,
        held: frozenset[int],
        epoch: Epoch,
        ack: Ack,
    ) -> None:
        self._records = records
        self._losses = losses
        self._held = held
        self._ack = ack
        self.epoch = epoch
        self._lost = 0

    def apply(self) -> SettleResult:
        """Apply every outcome; raises sqlite3.Error only."""
        named = self._records.epoch_of(self._ack.epoch)
        if named is None:
            return SettleResult()
        base, limit = self._records.counter(named.ordinal, self._ack.lane)
        sent = runs_of(sorted(each - base for each in self._held if 0 <= each - base < limit))
        stored = clamp(self._ack.ok, limit)
        ok = self._settle(base, common(stored, sent))
        self._losses.withdraw(named.ordinal, self._ack.lane, stored)
        rejected = self._settle(base, common(_runs(self._ack.rejected, limit), sent))
        needing_tables = common(_runs(self._ack.need_table, limit), sent)
        tables = self._wanted_tables(self._named_rows(base, needing_tables))
        conflicts = clamp([(seq, seq) for seq in self._ack.conflict], limit)
        conflicting = self._valid(self._named_rows(base, common(conflicts, sent)))
        before = self.epoch
        self._renew(conflicting)
        if conflicting:
            self._renumber(conflicting)
        return SettleResult(
            ok=ok,
            rejected=rejected,
            tables=tuple(self._records.tables(tables)),
            renumbered=len(conflicting),
            new_epoch=self.epoch != before,
            lost=self._lost,
        )

    def _settle(self, base: int, ranges: list[Range]) -> int:
        lane = self._ack.lane
        return sum(self._records.settle(lane, base + first, base + last) for first, last in ranges)

    def _named_rows(self, base: int, ranges: list[Range]) -> list[Row]:
        """The pending records with these numbers."""
        return [
            row
            for first, last in ranges
            for span in list(self._records.settled.pending_spans(base + first, base + last))
            for row in list(self._records.rows(*span))
        ]

    def _drop(self, row: Row) -> None:
        self._losses.drop(row, GapReason.DAMAGED)
        self._lost += 1

    def _valid(self, rows: list[Row]) -> list[Row]:
        """The undamaged ones of ``rows``: a new number must not hide damage."""
        for row in rows:
            if not row.checksum_ok:
                self._drop(row)
        return [row for row in rows if row.checksum_ok]

    def _wanted_tables(self, rows: list[Row]) -> list[bytes]:
        """The tables of ``rows``; a record whose table is lost could never be stored."""
        names = {row.table for row in rows if row.table is not None}
        here = {name for name in names if self._records.tables([name])}
        for row in rows:
            if row.table is not None and row.table not in here:
                self._drop(row)
        return sorted(here)

    def _renew(self, conflicting: list[Row]) -> None:
        asked = self._ack.renew
        if asked is not None and asked != self.epoch.ordinal:  # the next one is there for anybody
            asked = asked if self.epoch.ordinal < asked < RENEWAL_LIMIT else None
        if asked is not None or conflicting:
            self.epoch = self._records.begin_epoch(asked or 0)

    def _renumber(self, rows: list[Row]) -> None:
        # The new rows are made before the old ones go, so that no table loses its last reference.
        lane = self._ack.lane
        self._records.adopt(self.epoch.ordinal, lane, rows)
        for first, last in runs_of(row.id for row in rows):
            self._records.remove(lane, first, last)
            moved = [row for row in rows if first <= row.id <= last]
            self._losses.add(loss_of(moved, lane, GapReason.MOVED))


def _runs(named: Iterable[tuple[int, object]], limit: int) -> list[Range]:
    """The numbers below ``limit`` of (number, detail) pairs, as normal ranges."""
    return clamp([(seq, seq) for seq, _ in named], limit)
