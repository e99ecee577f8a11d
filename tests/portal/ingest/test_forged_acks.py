"""Forged acknowledgements that reach a box: it heals, and what they cost is bounded."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cloud_link.limits import ORDINAL_LIMIT, SEQ_LIMIT
from cloud_link.spool.resend import ALLOWANCE, BASE_ALLOWANCE
from cloud_link.wire import VERSION, Ack, Lane
from tests.portal.ingest.restored import Gateway, stored

if TYPE_CHECKING:
    from portal.fleet.models import Box

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def here(box: Box, tmp_path: Path) -> Iterator[Gateway]:
    gateway = Gateway(box.box_id, tmp_path / "spool")
    yield gateway
    gateway.spool.close()


def forged(here: Gateway, choice: random.Random) -> Ack:
    """An acknowledgement of any kind, for any numbers of the present epoch."""
    lane = choice.choice(list(Lane))
    first = choice.randrange(80)
    runs = ((first, choice.choice([first, first + 20, SEQ_LIMIT - 1])),)
    numbers = tuple(range(first, first + choice.randrange(1, 30)))
    kinds: list[dict[str, Any]] = [
        {"ok": runs},
        {"resend": runs},
        {"rejected": tuple((n, "misfit") for n in numbers)},
        {"need_table": tuple((n, bytes(8)) for n in numbers)},
        {"conflict": numbers[:3]},
        {"renew": choice.choice([1, 7, ORDINAL_LIMIT - 1])},
        {"wait_ms": 600_000},
    ]
    return Ack(VERSION, here.spool.epoch, lane, **choice.choice(kinds))


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_acknowledged_falsely_heals_and_costs_a_bounded_amount(
    here: Gateway, seed: int
) -> None:
    choice = random.Random(seed)
    renumbered = resent = 0
    for _ in range(10):
        here.work(10)
        for lane in Lane:  # some are read, and may be on their way
            here.spool.pending(lane, after=0, limit_bytes=choice.choice([1, 500, 5_000]))
        for result in here.spool.settle_all([forged(here, choice) for _ in range(20)]):
            renumbered += result.renumbered
            resent += result.resent
        if choice.random() < 0.5:
            here.deliver(3)
    kept = sum(here.spool.stats().accepted.values())
    assert resent <= BASE_ALLOWANCE + (ALLOWANCE + 1) * kept
    here.deliver()  # above what is pending, nothing is known to be acknowledged
    here.catch_up(60)
    assert not here.missing()
    lost = here.accepted - stored(here.box)
    assert len(lost) <= renumbered, "all others are here, under the numbers they had"
    assert not sum(here.spool.stats().records.values())
    here.work(5)
    assert here.catch_up(60) <= 2


def test_a_forged_request_makes_a_box_send_a_bounded_amount(here: Gateway) -> None:
    here.work(200)
    here.catch_up()
    accepted = sum(here.spool.stats().accepted.values())
    every = Ack(VERSION, here.spool.epoch, Lane.DATA, resend=((0, SEQ_LIMIT - 1),))
    sent = 0
    for _ in range(40):
        here.spool.settle(every)
        sent += here.deliver()
    assert sent <= BASE_ALLOWANCE + (ALLOWANCE + 1) * accepted
    here.work(5)
    here.catch_up()
    assert stored(here.box) >= here.accepted
