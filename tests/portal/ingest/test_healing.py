"""Whatever is forged in a box's name, or towards it, the next honest exchanges undo."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from cloud_link.limits import ORDINAL_LIMIT, RENEWAL_LIMIT, SEQ_LIMIT, SESSION_LIMIT
from cloud_link.records import ClockRecord, GapRecord
from cloud_link.wire import VERSION, Ack, AcknowledgedEpoch, Lane
from portal.fleet.models import Device, RunningConfiguration
from portal.ingest.fleet_ledger import fleet_ledger
from portal.ingest.messages import IncomingMessage
from portal.ingest.models import Latest, Sample
from portal.ingest.receipts import compact
from portal.ingest.store import ingest
from portal.web.moments import nearest_datetime as moment
from tests.portal.ingest.honest import BOOT, Honest
from tests.portal.ingest.sender import (
    METER,
    OFFSET,
    Sender,
    configuration,
    event,
    gap,
    meter,
    state,
)

if TYPE_CHECKING:
    from portal.fleet.models import Box

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

LATER: Final = 1 << 60


@pytest.fixture
def honest(box: Box, tmp_path: Path) -> Honest:
    honest = Honest(box, tmp_path / "spool")
    honest.exchange()
    return honest


def healed(honest: Honest) -> None:
    """Three exchanges later the portal knows the box as it is, and holds all that it sent."""
    times = [honest.exchange() for _ in range(3)]
    assert not honest.refused
    assert not sum(honest.spool.stats().records.values()), "something never leaves the spool"
    box = type(honest.box).objects.get(pk=honest.box.pk)
    assert (box.alive, box.session, box.software) == (True, honest.session, "1.0")
    assert box.epoch_ordinal == honest.spool.ordinal
    stored = Sample.objects.filter(series__device__gateway=box.gateway_id)
    for at in times[1:]:
        assert stored.filter(at=OFFSET + at).count() == 3, f"the reading of {at}"
    device = Device.objects.get(gateway=box.gateway_id, name="meter")
    assert device.state == "running"
    assert device.reported_at is not None
    assert device.reported_at <= moment(OFFSET + honest.at)
    latest = Latest.objects.filter(series__device=device)
    assert [one.at - OFFSET for one in latest] == 3 * [times[-1]]
    newest = RunningConfiguration.objects.filter(gateway=box.gateway_id).newest()
    assert newest is not None
    assert "forged" not in newest.document
    found = fleet_ledger()
    columns = (found.stored, found.quarantined, found.gapped, found.waiting, found.holes)
    assert found.accepted == sum(columns)
    assert min(columns) >= 0


def known(honest: Honest) -> tuple[object, ...]:
    """What the portal knows of the box, its sessions and epochs included."""
    box = type(honest.box).objects.get(pk=honest.box.pk)
    session = (box.alive, box.session, box.software, box.epoch_ordinal)
    epochs = sorted(box.epochs.values_list("ordinal", "contested", "announced"), key=repr)
    return (state(box), session, epochs, fleet_ledger())


Forgery = Callable[[Honest], list[IncomingMessage]]
MOST: Final = ORDINAL_LIMIT - 1
YEARS_MS: Final = 1 << 39
EVERY_NUMBER: Final = {int(lane): SEQ_LIMIT - 1 for lane in Lane}


def _online(ordinal: int, **fields: bool) -> Forgery:
    return lambda honest: [honest.forger(ordinal=ordinal).online(SESSION_LIMIT - 1, **fields)]


def _records(ordinal: int, *, own_epoch: bool = False, seq: int = SEQ_LIMIT - 1) -> Forgery:
    def forge(honest: Honest) -> list[IncomingMessage]:
        sender = honest.forger(ordinal=ordinal, own_epoch=own_epoch)
        sender.next = dict.fromkeys(Lane, seq - 2)
        return [
            sender.send(
                Lane.EVENT,
                ClockRecord(0, OFFSET + 86_400_000, synchronised=True),
                configuration(1, {"devices": [{"name": "forged"}]}),
                event(5, state="error"),
            ),
        ]

    return forge


def _readings(
    ordinal: int, *, own_epoch: bool = False, seq: int = SEQ_LIMIT - 1, own_boot: bool = True
) -> Forgery:
    """Readings dated years ahead, by their time since boot or by a clock of another boot."""

    def forge(honest: Honest) -> list[IncomingMessage]:
        sender = honest.forger(ordinal=ordinal, own_epoch=own_epoch)
        sender.next = dict.fromkeys(Lane, seq - 1)
        readings = [meter(at, 7, 8, 9) for at in (500_000, YEARS_MS)]
        if not own_boot:
            sender.boot = b"another1"
            clock = ClockRecord(0, OFFSET + YEARS_MS, synchronised=True)
            return [sender.send(Lane.EVENT, clock), sender.send(Lane.DATA, readings[0])]
        return [sender.send(Lane.DATA, readings[1])]

    return forge


def _gap(ordinal: int) -> Forgery:
    def forge(honest: Honest) -> list[IncomingMessage]:
        later = Sender(honest.box.box_id, ordinal=ordinal, boot=BOOT)
        return [honest.forger().send(Lane.GAP, gap(later, Lane.DATA, (0, 0)))]

    return forge


def _gap_of_all(honest: Honest) -> list[IncomingMessage]:
    sender = honest.forger(own_epoch=True)
    claims = [
        GapRecord(
            sender.epoch, sender.ordinal, int(lane), ((0, SEQ_LIMIT - 1),), 1, 1, (BOOT, 0),
            (BOOT, 1), "cap",
        )
        for lane in Lane
    ]  # fmt: skip
    sender.next[Lane.GAP] = 500
    return [sender.online(9, next=EVERY_NUMBER), sender.send(Lane.GAP, *claims)]


def _own_epoch_elsewhere(honest: Honest) -> list[IncomingMessage]:
    sender = honest.forger(own_epoch=True)
    sender.ordinal = MOST
    return [sender.online(9), sender.send(Lane.EVENT, event(7, state="error"))]


def _ladder(honest: Honest) -> list[IncomingMessage]:
    return [
        message
        for ordinal in (5, 5, RENEWAL_LIMIT - 1, RENEWAL_LIMIT, MOST, MOST)
        for message in _records(ordinal)(honest) + _online(ordinal)(honest)
    ]


def _acknowledged(honest: Honest) -> list[IncomingMessage]:
    told = AcknowledgedEpoch(honest.spool.epoch, honest.spool.ordinal, EVERY_NUMBER)
    return [honest.forger(own_epoch=True).online(9, acknowledged=(told,))]


FORGERIES: Final[dict[str, Forgery]] = {
    "online-greatest": _online(MOST),
    "online-renewable": _online(RENEWAL_LIMIT - 1),
    "will-greatest": _online(MOST, alive=False),
    "session-greatest": _online(1),
    "session-greatest-ends": _online(1, alive=False),
    "next-greatest": lambda honest: [honest.forger(own_epoch=True).online(9, next=EVERY_NUMBER)],
    "own-epoch-elsewhere": _own_epoch_elsewhere,
    "records-greatest": _records(MOST),
    "records-renewable": _records(RENEWAL_LIMIT - 1),
    "records-same-ordinal": _records(1),
    "records-own-epoch": _records(1, own_epoch=True),
    "records-next-numbers": _records(1, own_epoch=True, seq=6),
    "readings-greatest": _readings(MOST),
    "readings-renewable": _readings(RENEWAL_LIMIT - 1),
    "readings-same-ordinal": _readings(1),
    "readings-own-epoch": _readings(1, own_epoch=True),
    "readings-next-number": _readings(1, own_epoch=True, seq=2),
    "readings-another-boot": _readings(1, own_boot=False),
    "readings-another-boot-greatest": _readings(MOST, own_boot=False),
    "gap-of-later-epoch": _gap(MOST),
    "gap-of-all": _gap_of_all,
    "acknowledged-greatest": _acknowledged,
    "ladder": _ladder,
}


@pytest.mark.parametrize("restart", [False, True], ids=["", "restart"])
@pytest.mark.parametrize("name", FORGERIES)
def test_what_is_forged_in_a_boxs_name_heals(honest: Honest, name: str, restart: bool) -> None:
    before = known(honest)
    forged = ingest(FORGERIES[name](honest))
    assert not forged.unusable
    assert known(honest) != before, "a forgery that changes nothing needs no healing"
    compact(LATER)
    if restart:
        honest.restart()
    healed(honest)
    found = fleet_ledger()
    assert (found.waiting, found.holes) == (0, 0)
    # Records above the numbers that an ended epoch gave out may be of another copy of its spool:
    # those between are announced as lost.
    assert not found.gapped or (restart and name == "gap-of-all")
    honest.spool.close()


def test_what_waits_under_numbers_that_were_forged_and_compacted_arrives(honest: Honest) -> None:
    """The receipts of a month ago are gone: nothing tells any more whose records these were."""
    sender = honest.forger(own_epoch=True)
    sender.next = dict(honest.spool.next_seqs())
    forged = [meter(90_000 + n, 7, 7, 7) for n in range(20)]
    ingest([sender.online(9), sender.tables(METER), sender.send(Lane.DATA, *forged)])
    ingest([sender.online(10)])
    compact(LATER)
    waiting = range(10_000, 10_005)
    for at in waiting:
        honest.append(Lane.DATA, meter(at, 1, 2, 3))
    healed(honest)
    stored = Sample.objects.filter(series__device__gateway=honest.box.gateway_id)
    for at in waiting:
        assert stored.filter(at=OFFSET + at).count() == 3
    honest.spool.close()


def _acks(honest: Honest) -> dict[str, Ack]:
    epoch, every = honest.spool.epoch, ((0, SEQ_LIMIT - 1),)
    numbers = tuple(range(1000))
    return {
        "renew-most": Ack(VERSION, epoch, Lane.EVENT, renew=MOST),
        "renew-greatest": Ack(VERSION, epoch, Lane.EVENT, renew=2**62),
        "renew-renewable": Ack(VERSION, epoch, Lane.EVENT, renew=RENEWAL_LIMIT - 1),
        "ok-unsent": Ack(VERSION, epoch, Lane.DATA, ok=every),
        "rejected": Ack(VERSION, epoch, Lane.DATA, rejected=tuple((n, "misfit") for n in numbers)),
        "need-table": Ack(
            VERSION, epoch, Lane.DATA, need_table=tuple((n, bytes(8)) for n in numbers)
        ),
        "conflict": Ack(VERSION, epoch, Lane.DATA, conflict=numbers),
        "resend": Ack(VERSION, epoch, Lane.DATA, resend=every),
        "wait": Ack(VERSION, epoch, Lane.DATA, wait_ms=2**62),
    }


@pytest.mark.parametrize(
    "name",
    ["renew-most", "renew-greatest", "renew-renewable", "ok-unsent", "rejected", "need-table",
     "conflict", "resend", "wait"],
)  # fmt: skip
def test_what_is_forged_towards_a_box_heals(honest: Honest, name: str) -> None:
    for _ in range(3):
        honest.spool.settle(_acks(honest)[name])
    healed(honest)
    honest.restart()
    healed(honest)
    honest.spool.close()


def test_a_spool_whose_ordinals_are_used_up_begins_again(honest: Honest) -> None:
    """No renewal reaches that: only restarts and conflicts go beyond `RENEWAL_LIMIT`."""
    ingest(_records(MOST)(honest))
    honest.spool.close()
    marker = honest.folder / "epoch.json"
    told = json.loads(marker.read_text("ascii"))
    marker.write_text(json.dumps(told | {"ordinal": MOST}), "ascii")
    honest.open()
    assert honest.spool.ordinal < RENEWAL_LIMIT
    healed(honest)
    honest.restart()
    healed(honest)
    honest.spool.close()
