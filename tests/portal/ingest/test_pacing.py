"""Which boxes are charged for what their turns take, on machines of any speed."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from cloud_link.mqtt.session import Message
from cloud_link.wire import Lane
from portal.ingest.budget import Budgets, Resource
from portal.ingest.cost import Part
from portal.ingest.inbox import Inbox
from portal.ingest.messages import IncomingMessage
from portal.ingest.pacing import HEAVY_S, Paces, Spent
from tests.portal.ingest.sender import Sender, meter
from tests.portal.ingest.wide_polls import polls

ROWS = 14
"""Rows of a message of one record of three readings."""


def part(box: str, rows: int = ROWS) -> Part:
    message = IncomingMessage(topic=f"kanmon/1/{box}/up/data", body=b"")
    return Part(message=message, rows=rows)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("slowness", [1, 5, 20, 60])
def test_light_boxes_on_a_slow_machine_are_charged_nothing(seed: int, slowness: int) -> None:
    """Also where it was slow from the beginning, and whether they share transactions or not."""
    paces, random, now = Paces(), Random(seed), 0.0
    long: list[float] = []
    for turn in range(400):
        for name in ("b-1", "b-2", "b-3"):
            paces.heard(name, now)
        for boxes in (("b-1",), ("b-2",), ("b-3",), ("b-1", "b-2", "b-3"))[turn % 2 * 3 :]:
            work = slowness * 0.003 * random.uniform(0.7, 2.0)
            spent = Spent(whole=work + 0.002, work=work)
            costs = paces.learn([part(box) for box in boxes], spent, now)
            long += [cost.get(Resource.LONG_TURNS, 0.0) for cost in costs.values()]
            now += 0.1
    assert sum(long) == 0.0


def test_a_box_whose_few_rows_take_long_is_charged_beside_others() -> None:
    paces, now = Paces(), 0.0
    long = {"b-good": 0.0, "b-evil": 0.0}
    for _ in range(200):
        for box, work in (("b-good", 0.003), ("b-good", 0.003), ("b-evil", 0.2)):
            paces.heard(box, now)
            for name, cost in paces.learn(
                [part(box)], Spent(whole=work + 0.002, work=work), now
            ).items():
                long[name] += cost.get(Resource.LONG_TURNS, 0.0)
            now += 0.1
    assert long["b-good"] == 0.0
    assert long["b-evil"] > 1.0


def test_the_first_record_that_fails_is_charged() -> None:
    paces = Paces()
    for box in ("b-good", "b-evil"):
        paces.heard(box, 0.0)
    costs = paces.learn([part("b-evil")], Spent(whole=0.2, work=0.2), 1.0, failed=True)
    assert costs["b-evil"][Resource.LONG_TURNS] > 0.1


def test_of_two_boxes_apart_that_which_waited_longer_has_the_turn() -> None:
    """A box that sends now and then joined the rotation behind one whose queue is never empty."""

    async def work() -> None:
        paces, now = Paces(), 1.0
        inbox = Inbox(Budgets(), 400, lambda: now, paces)
        evil, good = Sender("b-evil"), Sender("b-good")

        async def put(message: IncomingMessage) -> None:
            whole = Message(
                topic=message.topic, payload=message.body, retain=False, ack=lambda: None
            )
            await inbox.put(whole)

        for _ in range(10):
            await put(polls(evil, 100))
        for n in range(20):
            for box in ("b-evil", "b-good"):
                paces.set_apart(box, now + HEAVY_S)
            under_way = inbox.take()
            assert {part.box for part in under_way.parts} == {"b-evil"}
            await put(good.send(Lane.DATA, meter(n, 1, 2, 3)))
            now += 0.01
            inbox.charge(under_way.parts, Spent(whole=0.01, work=0.01))
            turn = inbox.take()
            assert {part.box for part in turn.parts} == {"b-good"}
            now += 0.01
            inbox.charge(turn.parts, Spent(whole=0.01, work=0.01))

    asyncio.run(work())
