"""What the portal asks for again (`cloud_link.wire.Ack.resend`), in a transaction of the caller.

::

    retained                        pending again, under its old number: read like any backlog
    pending, or never given out     nothing
    gone, and a gap names it        that gap record is pending again
    gone                            a gap of reason "portal"

A portal may ask in error, and without end. So every record that becomes pending again and every run
that is announced is counted; each record that is newly accepted pays for one. Beyond `ALLOWANCE`
times what is here the spool does nothing until that much is paid: a portal that asks without end
makes the box send each record so many times, and from then on at most twice what it accepts.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec

from cloud_link.ranges import Range, clamp, complement, runs_of, size, subtract
from cloud_link.records import GapRecord, WireError, decode_record
from cloud_link.spool.gaps import UNKNOWN_TIME, GapReason, Loss
from cloud_link.spool.neighbours import bounds_of
from cloud_link.spool.schema import first_id, last_id
from cloud_link.wire import Lane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloud_link.spool.database import Database
    from cloud_link.spool.model import SettleResult
    from cloud_link.spool.records import Epoch, Row
    from cloud_link.wire import Ack

ALLOWANCE: Final = 4
"""How often all records here may be sent again before new ones pay for more."""
BASE_ALLOWANCE: Final = 1_000
RANGES_AT_ONCE: Final = 64
"""Ranges of one acknowledgement that are looked at; the portal asks again for the others."""
RECORDS_AT_ONCE: Final = 20_000
"""Records looked at for one acknowledgement, so that no append waits long."""
_GAP_RECORDS: Final = 5_000
_SPENT: Final = "resent"


class _Spent(msgspec.Struct, frozen=True, array_like=True):
    """What was sent again, and how many records were accepted when it was counted."""

    count: int = 0
    accepted: int = 0


class Resend:
    """The numbers that one acknowledgement asks for again.

    Args:
        database: The spool's database, in an open transaction.
        ack: The portal's acknowledgement; any numbers, in any order, however absurd.
        now: (boot, milliseconds) of the present.
    """

    def __init__(self, database: Database, ack: Ack, now: tuple[bytes, int]) -> None:
        self._now = now
        self._database = database
        self._records = database.records
        self._ack = ack
        self._looked_at = 0

    def apply(self, result: SettleResult) -> SettleResult:
        """Make pending what is here, and announce what is gone; raises sqlite3.Error only.

        Returns ``result`` with what was done.
        """
        epoch = self._records.epoch_of(self._ack.epoch)
        if epoch is None or not self._ack.resend:
            return result
        spent, most = self._spent(), self._most()
        if spent.count >= most:
            return replace(result, exhausted=True)
        base, limit = self._records.counter(epoch.ordinal, self._ack.lane)
        resent, gone = 0, []
        for asked in clamp(self._ack.resend, limit)[:RANGES_AT_ONCE]:
            found, missing = self._look(base, asked, most - spent.count - resent)
            resent += found
            gone += missing
        again, unannounced = self._unannounced(epoch, gone)
        for run in unannounced:
            self._announce(epoch, run)
        cost = resent + again + len(unannounced)
        if cost:
            self._database.set_fact(
                _SPENT, msgspec.msgpack.encode(_Spent(spent.count + cost, spent.accepted))
            )
        return replace(result, resent=resent + again, gone=size(unannounced))

    def _look(self, base: int, asked: Range, most: int) -> tuple[int, list[Range]]:
        """How many of one range are pending again, and the runs of it that have no row.

        A range that holds more records than may be looked at is looked at up to there.
        """
        first, last = asked
        room = min(RECORDS_AT_ONCE - self._looked_at, most)
        if room <= 0:
            return 0, []
        query = "SELECT id FROM record WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?"
        found = self._database.db.execute(query, (base + first, base + last, room)).fetchall()
        here = [row - base for (row,) in found]
        self._looked_at += len(here)
        if len(here) == room:
            last = here[-1]
        runs = runs_of(here)
        missing = [(max(first, begin), end) for begin, end in complement(runs, last + 1)]
        resent = sum(
            self._records.unsettle(self._ack.lane, base + begin, base + end) for begin, end in runs
        )
        return resent, [run for run in missing if run[0] <= run[1]]

    # What is gone

    def _unannounced(self, epoch: Epoch, gone: list[Range]) -> tuple[int, list[Range]]:
        """The runs of ``gone`` that no gap here names, and how many gap records go again for it.

        Those that the cap took are announced already: by a gap that is open, or by a record of
        `Lane.GAP`, which is sent again if the portal had acknowledged it.
        """
        if not gone:
            return 0, []
        lane = self._ack.lane
        for open_gap in self._database.losses.all_open():
            if (open_gap.ordinal, open_gap.lane) == (epoch.ordinal, lane):
                gone = subtract(gone, open_gap.ranges)
        again = 0
        for row, gap in self._gap_records():
            if (gap.epoch, gap.lane) == (epoch.name, lane):
                rest = subtract(gone, gap.ranges)
                if rest != gone:
                    gone = rest
                    again += self._records.unsettle(Lane.GAP, row.id, row.id)
        return again, gone

    def _gap_records(self) -> Iterator[tuple[Row, GapRecord]]:
        rows = self._records.rows(first_id(Lane.GAP), last_id(Lane.GAP))
        for row, _ in zip(list(rows), range(_GAP_RECORDS), strict=False):
            with contextlib.suppress(WireError, TypeError):
                record = decode_record(row.body)
                if isinstance(record, GapRecord):
                    yield row, record

    def _announce(self, epoch: Epoch, run: Range) -> None:
        first, last = self._bounds(epoch, run)
        loss = Loss(
            ordinal=epoch.ordinal,
            lane=self._ack.lane,
            reason=GapReason.PORTAL,
            run=run,
            records=run[1] - run[0] + 1,
            readings=0,
            first=first,
            last=last,
        )
        self._database.losses.add(loss)

    def _bounds(self, epoch: Epoch, run: Range) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
        """Since when and until when the records of a run were made, by those around it.

        They are not older than the record before them and not newer than the one after them; where
        none is before them the portal may know, and where none is after them it is now.
        """
        lane = self._ack.lane
        base, _ = self._records.counter(epoch.ordinal, lane)
        before, after = bounds_of(self._database.db, lane, base + run[0], base + run[1])
        return before or UNKNOWN_TIME, after or self._now

    # What it costs

    def _spent(self) -> _Spent:
        """What is spent, less what newly accepted records have paid since."""
        accepted = self._accepted()
        stored = _Spent(accepted=accepted)
        with contextlib.suppress(msgspec.MsgspecError):
            stored = msgspec.msgpack.decode(self._database.fact(_SPENT) or b"", type=_Spent)
        paid = max(0, accepted - stored.accepted)
        return _Spent(max(0, stored.count - paid), accepted)

    def _accepted(self) -> int:
        """Records accepted since the spool began; gap records, which asking makes, do not count."""
        query = "SELECT lane, newest FROM lane WHERE lane <> ?"
        rows = self._database.db.execute(query, (Lane.GAP,)).fetchall()
        return sum(newest + 1 - first_id(Lane(lane)) for lane, newest in rows)

    def _most(self) -> int:
        query = "SELECT sum(records + kept_records) FROM lane"
        return BASE_ALLOWANCE + ALLOWANCE * int(self._database.db.execute(query).fetchone()[0])
