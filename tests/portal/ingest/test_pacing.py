"""Which boxes are charged for what their turns take, on machines of any speed."""

from __future__ import annotations

from random import Random

import pytest

from portal.ingest.budget import Resource
from portal.ingest.cost import Part
from portal.ingest.messages import IncomingMessage
from portal.ingest.pacing import Paces, Spent

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
