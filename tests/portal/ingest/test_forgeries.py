"""Whatever is forged, repeated, reordered or lost on the way, the ledger is exact in the end.

A real spool and the ingest exchange messages while another sender speaks as the one and the other.
In the end both exchange undisturbed, and each number that was given out is accounted for.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from cloud_link.limits import ORDINAL_LIMIT, RENEWAL_LIMIT, SEQ_LIMIT, SESSION_LIMIT
from cloud_link.records import GapRecord
from cloud_link.wire import VERSION, Ack, AcknowledgedEpoch, Lane
from portal.ingest.fleet_ledger import FleetLedger, box_ledgers
from portal.ingest.messages import IncomingMessage
from portal.ingest.models import Hole
from portal.ingest.receipts import compact
from portal.ingest.store import ingest
from tests.portal.ingest.honest import BOOT, Honest
from tests.portal.ingest.sender import METER, Sender, event, meter, new_box

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

LATER: Final = 1 << 60
_lanes = st.sampled_from(list(Lane))
_numbers = st.sampled_from([0, 1, 2, 5, 9, 40, SEQ_LIMIT - 1])
_ordinals = st.sampled_from([0, 1, 2, 5, RENEWAL_LIMIT - 1, ORDINAL_LIMIT - 1])
_sessions = st.sampled_from([1, 2, 9, SESSION_LIMIT - 1])
_epochs = st.sampled_from([b"", b"invented", b"another1"])
"""Of a forged message: the box's own epoch, or one that never was."""
_reasons = st.sampled_from(["cap", "portal", "moved"])
_places = st.sampled_from([0, 1, 3, 500])
_every: Final = ((0, ORDINAL_LIMIT - 1),)


class Forgeries(RuleBasedStateMachine):
    """The box, what is under way in both directions, and what another sender says."""

    @initialize(seed=st.integers(0, 1000))
    def begin(self, seed: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.box = Honest(new_box(), Path(self.folder.name) / "spool")
        self.choice = random.Random(seed)
        self.sent: list[IncomingMessage] = [Sender(self.box.box.box_id).tables(METER)]
        self.answers: list[Ack] = []
        self.renumbered = 0
        self.invented = False
        self.box.exchange()

    # What the box and the portal do

    @rule(lane=st.sampled_from([Lane.DATA, Lane.EVENT]), count=st.integers(1, 6))
    def work(self, lane: Lane, count: int) -> None:
        for _ in range(count):
            self.box.at += 1_000
            at = self.box.at
            self.box.append(lane, meter(at, 1, 2, 3) if lane is Lane.DATA else event(at))

    @rule(most=st.integers(1, 8))
    def send(self, most: int) -> None:
        """The box sends what is pending; it stays under way."""
        self.box.spool.seal_gaps()
        for lane in Lane:
            records = self.box.spool.pending(lane, after=0, limit_bytes=1 << 20)[:most]
            self.sent += [self.box.batch(one) for one in records]

    @rule()
    def announce(self) -> None:
        self.box.session += 1
        self.sent.append(self.box.online(self.box.session))

    @rule(share=st.floats(0.1, 1), repeated=st.booleans())
    def arrive(self, share: float, repeated: bool) -> None:
        """Some of what is under way arrives, in any order, maybe to arrive again."""
        chosen = self.choice.sample(self.sent, max(1, round(len(self.sent) * share)))
        self.answers += [one.ack for one in ingest(chosen).answers]
        if not repeated:
            self.sent = self.sent[:1] + [one for one in self.sent[1:] if one not in chosen]

    @rule(share=st.floats(0, 1), repeated=st.booleans())
    def hear(self, share: float, repeated: bool) -> None:
        """The box hears some of the answers; others may be lost."""
        chosen = self.choice.sample(self.answers, round(len(self.answers) * share))
        self._settle(*chosen)
        if not repeated:
            self.answers.clear()

    @rule()
    def restart(self) -> None:
        self.box.restart()

    @rule()
    def compact_receipts(self) -> None:
        compact(LATER)

    def _settle(self, *acks: Ack) -> None:
        for result in self.box.spool.settle_all(acks):
            self.renumbered += result.renumbered

    # What another sender says

    def _forger(self, epoch: bytes, ordinal: int) -> Sender:
        if epoch:
            return Sender(self.box.box.box_id, epoch, ordinal, BOOT)
        return self.box.forger(own_epoch=True)

    @rule(epoch=_epochs, ordinal=_ordinals, session=_sessions, lane=_lanes, number=_numbers,
          alive=st.booleans(), complete=st.booleans())  # fmt: skip
    def forge_online(
        self, epoch: bytes, ordinal: int, session: int, lane: Lane, number: int, alive: bool,
        complete: bool,
    ) -> None:  # fmt: skip
        self.invented |= bool(epoch)
        forger = self._forger(epoch, ordinal)
        forger.next[lane] = number
        spans = _every if complete else ()
        ingest([forger.online(session, alive=alive, complete=spans)])

    @rule(epoch=_epochs, ordinal=_ordinals, session=_sessions, lane=_lanes, number=_numbers,
          given=st.booleans())  # fmt: skip
    def forge_acknowledged(
        self, epoch: bytes, ordinal: int, session: int, lane: Lane, number: int, given: bool
    ) -> None:
        self.invented |= bool(epoch)
        own = self.box.spool
        following = {int(lane): number + 1} if given else {}
        told = AcknowledgedEpoch(
            epoch or own.epoch, ordinal if epoch else own.ordinal, {int(lane): number}, following
        )
        forger = self.box.forger(own_epoch=True)
        ingest([forger.online(session, acknowledged=(told,))])

    @rule(carrier=_epochs, about=_epochs, lane=_lanes, run=st.tuples(_numbers, _numbers),
          seq=_places, reason=_reasons)  # fmt: skip
    def forge_gap(
        self, carrier: bytes, about: bytes, lane: Lane, run: tuple[int, int], seq: int, reason: str
    ) -> None:
        self.invented = True
        forger = self._forger(carrier, 5)
        forger.next[Lane.GAP] = seq
        own = self.box.spool
        runs = ((run[0], min(sum(run), SEQ_LIMIT - 1)),)
        epoch, ordinal = (about, 1) if about else (own.epoch, own.ordinal)
        claim = GapRecord(epoch, ordinal, int(lane), runs, 1, 1, (BOOT, 0), (BOOT, 1), reason)
        ingest([forger.send(Lane.GAP, claim)])

    @rule(epoch=_epochs, ordinal=_ordinals, seq=st.sampled_from([0, 1, 3, 500, SEQ_LIMIT - 1]))
    def forge_record(self, epoch: bytes, ordinal: int, seq: int) -> None:
        self.invented = True
        forger = self._forger(epoch, ordinal)
        forger.next[Lane.DATA] = seq
        record = meter(1_000 + self.choice.randrange(1_000), 7, 7, 7)
        ingest([forger.tables(METER), forger.send(Lane.DATA, record)])

    @rule(lane=_lanes, first=_numbers, width=_numbers,
          kind=st.sampled_from(["ok", "resend", "conflict", "rejected", "renew"]))  # fmt: skip
    def forge_answer(self, lane: Lane, first: int, width: int, kind: str) -> None:
        run = ((first, min(first + width, SEQ_LIMIT - 1)),)
        numbers = tuple(range(first, min(first + width, first + 5) + 1))
        self._settle(
            Ack(
                VERSION,
                self.box.spool.epoch,
                lane,
                ok=run if kind == "ok" else (),
                rejected=tuple((n, "misfit") for n in numbers) if kind == "rejected" else (),
                conflict=numbers if kind == "conflict" else (),
                renew=self.box.spool.ordinal + 1 if kind == "renew" else None,
                resend=run if kind == "resend" else (),
            )
        )

    # In the end

    def teardown(self) -> None:
        if not hasattr(self, "box"):
            return
        for message in self.sent:  # what was under way arrives late, and is not answered
            ingest([message])
        for _ in range(12):
            before = self._ledger()
            self.box.exchange()
            if self._is_quiet() and self._ledger().accepted == before.accepted + 1:
                break
        found = self._ledger()
        parts = (found.stored, found.quarantined, found.gapped, found.waiting, found.holes)
        assert min(parts) >= 0
        assert (found.waiting, found.holes) == (0, 0), found
        assert found.accepted == found.stored + found.quarantined + found.gapped
        given = sum(self.box.spool.stats().accepted.values()) - self.renumbered
        if not self.invented:
            assert found.accepted == given
            assert not found.gapped
        self.box.spool.close()
        self.folder.cleanup()

    def _ledger(self) -> FleetLedger:
        (found,) = (one.ledger for one in box_ledgers() if one.box == self.box.box)
        return found

    def _is_quiet(self) -> bool:
        pending = sum(self.box.spool.stats().records.values())
        asked = Hole.objects.filter(box=self.box.box).exists()
        return not pending and not asked and not self._ledger().waiting


def test_the_next_honest_exchanges_leave_an_exact_ledger() -> None:
    run_state_machine_as_test(
        Forgeries,
        settings=settings(
            max_examples=15,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
