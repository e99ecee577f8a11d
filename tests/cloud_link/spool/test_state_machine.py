"""The conservation law, by a model: accepted = pending + settled + gapped, for every number.

What is settled may be retained; then it is pending again when the portal asks for it. When it is
not, and the portal asks, it is gapped.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from cloud_link.records import GapRecord, decode_record, table_id
from cloud_link.spool.model import SpoolLimits, SpoolRecord
from cloud_link.spool.spool import Spool
from cloud_link.wire import VERSION, Ack, Lane
from tests.faults.spool_child import BOOT, LANES, TABLES, RecordKey, all_pending, entry, in_gap

TIGHT = SpoolLimits(cap_bytes=160 * 1024, gap_reserve_bytes=40 * 1024, reserve_file_bytes=0)


class SpoolMachine(RuleBasedStateMachine):
    """Drives a real spool; remembers every number and body it ever gave out."""

    names = Bundle("names")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="spool-model-"))
        self.serial = 0
        self.accepted: dict[RecordKey, bytes] = {}
        self.settled: set[RecordKey] = set()
        self.epochs: set[bytes] = set()
        self.spool = self._opened()

    def _opened(self) -> Spool:
        spool = Spool.open(self.folder / "s", boot=BOOT, limits=TIGHT)
        assert spool.epoch not in self.epochs
        self.epochs.add(spool.epoch)
        return spool

    def teardown(self) -> None:
        self.spool.close()
        shutil.rmtree(self.folder)

    @rule(
        target=names,
        lane=st.sampled_from(LANES),
        count=st.integers(1, 6),
        size=st.integers(20, 6000),
    )
    def append(self, lane: Lane, count: int, size: int) -> object:
        batch = [entry(lane, self.serial + i, size) for i in range(count)]
        self.serial += count
        epoch, following = self.spool.epoch, self.spool.next_seqs()[lane]
        seqs = self.spool.append(batch)
        assert seqs == tuple(range(following, following + count))
        names = [(epoch, int(lane), seq) for seq in seqs]
        self.accepted.update(zip(names, (one.body for one in batch), strict=True))
        return multiple(*names)

    @rule(target=names, lane=st.sampled_from(LANES))
    def flood(self, lane: Lane) -> object:
        """Fill a good part of the cap at once."""
        return self.append(lane, 6, 6000)

    @rule(name=names, width=st.sampled_from((0, 1, 5, 2**63, 2**64)), refuse=st.booleans())
    def settle(self, name: RecordKey, width: int, refuse: bool) -> None:
        epoch, lane, seq = name
        if refuse:
            self.spool.settle(Ack(VERSION, epoch, Lane(lane), rejected=((seq, "misfit"),)))
            self.settled.add(name)
            return
        ack = Ack(VERSION, epoch, Lane(lane), ok=((seq, seq + width),))
        self.spool.settle(ack)
        assert self.spool.settle(ack).ok == 0, "twice is as good as once"
        self.settled |= {
            one for one in self.accepted if one[:2] == name[:2] and seq <= one[2] <= seq + width
        }

    @rule(name=names, width=st.sampled_from((0, 1, 5, 2**63)))
    def ask_again(self, name: RecordKey, width: int) -> None:
        epoch, lane, seq = name
        asked = {one for one in self.accepted if one[:2] == name[:2] and 0 <= one[2] - seq <= width}
        retained = asked & self._retained()
        ack = Ack(VERSION, epoch, Lane(lane), resend=((seq, seq + width),))
        done = self.spool.settle(ack)
        assert not done.exhausted
        assert done.resent == len(retained)
        self.settled -= retained
        pending = {_name(one) for one in all_pending(self.spool)}
        assert retained <= pending
        announced = _all_gaps(self.spool)
        assert all(in_gap(announced, one) for one in asked - pending)
        again = self.spool.settle(ack)
        assert (again.resent, again.gone) == (0, 0), "twice is as good as once"

    def _retained(self) -> set[RecordKey]:
        records = self.spool._database.records
        names = records.epoch_names()
        return {
            (names[row.ordinal], int(row.lane), row.seq)
            for row in records.rows(0, 1 << 62)
            if records.settled.holds(row.id)
        }

    @rule(name=names)
    def ask_for_a_table(self, name: RecordKey) -> None:
        epoch, lane, seq = name
        ack = Ack(VERSION, epoch, Lane(lane), need_table=((seq, b"whatever"),))
        here = any(_name(one) == name for one in all_pending(self.spool))
        wanted = here and lane != Lane.EVENT
        assert bool(self.spool.settle(ack).tables) == wanted

    @rule(target=names, name=names)
    def conflict(self, name: RecordKey) -> object:
        epoch, lane, seq = name
        held = {_name(one): one.body for one in all_pending(self.spool)}
        before = self.spool.generation
        ack = Ack(VERSION, epoch, Lane(lane), conflict=(seq, seq + 1, seq + 1))
        settled = self.spool.settle(ack)
        named = [
            (epoch, lane, number) for number in (seq, seq + 1) if (epoch, lane, number) in held
        ]
        assert settled.renumbered == len(named)
        assert settled.new_epoch == bool(named)
        if not named:
            return multiple()
        assert self.spool.generation > before
        self.epochs.add(self.spool.epoch)
        new = [(self.spool.epoch, lane, place) for place in range(len(named))]
        self.accepted.update(zip(new, (held[one] for one in named), strict=True))
        self.settled.update(named)
        return multiple(*new)

    @rule(beyond=st.integers(-3, 5))
    def renew(self, beyond: int) -> None:
        asked = max(0, self.spool.ordinal + beyond)
        ack = Ack(VERSION, self.spool.epoch, Lane.DATA, renew=asked)
        settled = self.spool.settle(ack)
        assert settled.new_epoch == (beyond >= 0)
        assert self.spool.ordinal > asked or beyond < 0
        self.epochs.add(self.spool.epoch)

    @rule()
    def reopen(self) -> None:
        ordinal = self.spool.ordinal
        session = self.spool.next_session()
        self.spool.close()
        self.spool = self._opened()
        assert self.spool.ordinal > ordinal
        assert self.spool.next_session() > session

    @rule()
    def seal(self) -> None:
        self.spool.seal_gaps()
        assert self.spool.seal_gaps() == 0
        assert self.spool.stats().open_gaps == 0

    @invariant()
    def within_the_cap(self) -> None:
        used = self.spool.stats().bytes
        # What cannot free a page is kept: at most a page for each lane.
        assert used <= TIGHT.cap_bytes + 3 * 4096

    @invariant()
    def counters_are_true(self) -> None:
        pending = list(all_pending(self.spool))
        stats = self.spool.stats()
        for lane in Lane:
            assert stats.records[lane] == sum(one.lane is lane for one in pending)
        rows = list(self.spool._database.records.rows(0, 1 << 62))
        for lane in Lane:
            of_lane = [row for row in rows if row.lane is lane]
            assert stats.records[lane] + stats.retained[lane] == len(of_lane)
        wanted = {row.table for row in rows if row.table}
        ids = [table_id(table) for table in TABLES]
        assert len(self.spool.tables(ids)) == len(wanted)
        (kept,) = self.spool._database.db.execute("SELECT count(*) FROM wire_table").fetchone()
        assert kept == len(wanted), "a table stays while a record refers to it, and no longer"
        refs = "SELECT coalesce(sum(refs), 0) FROM wire_table"
        (total,) = self.spool._database.db.execute(refs).fetchone()
        assert total == sum(row.table is not None for row in rows)

    @invariant()
    def conserved(self) -> None:
        pending = {
            _name(one): one.body for one in all_pending(self.spool) if one.lane is not Lane.GAP
        }
        announced = _all_gaps(self.spool)
        assert pending.keys() <= self.accepted.keys()
        for name, body in pending.items():
            assert self.accepted[name] == body
            assert name not in self.settled
            assert not in_gap(announced, name), "what is pending is not announced as lost"
        for name in self.accepted:
            assert name in pending or name in self.settled or in_gap(announced, name)
        dropped = self.accepted.keys() - pending.keys() - self.settled
        assert sum(gap.records for gap in announced) >= len(dropped)
        assert sum(gap.records for gap in announced) <= len(self.accepted) - len(pending)


def _name(one: SpoolRecord) -> RecordKey:
    return one.epoch, int(one.lane), one.seq


def _all_gaps(spool: Spool) -> list[GapRecord]:
    """Sealed gaps, and open ones as they would be sealed."""
    names = spool._database.records.epoch_names()
    still = [gap.record(names[gap.ordinal]) for _, gap in spool._database.losses._rows()]
    sealed = [
        decode_record(one.body) for one in spool.pending(Lane.GAP, after=0, limit_bytes=10**6)
    ]
    return still + [gap for gap in sealed if isinstance(gap, GapRecord)]


TestSpoolModel = SpoolMachine.TestCase
TestSpoolModel.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
