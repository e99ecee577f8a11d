"""Records that a box's own validator refuses take numbers, and reach the portal as gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cloud_link.spool.model import Entry
from cloud_link.validation import GAP_REASONS
from cloud_link.wire import Lane
from portal.ingest.models import Gap
from portal.web.words import GAP_REASONS as WORDS
from tests.portal.ingest.restored import Gateway
from tests.portal.ingest.sender import new_box

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

REFUSED_LANES = [Lane.EVENT, Lane.BOUNDARY, Lane.DATA]


def refuse(gateway: Gateway, lane: Lane, readings: int, at: int = 5) -> None:
    """Offer a record that is refused to the spool."""
    entry = Entry(lane=lane, body=b"", at=at, readings=readings, refused=True)
    (seq,) = gateway.spool.append([entry])
    gateway.accepted.add((gateway.spool.epoch, int(lane), seq))


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(REFUSED_LANES), st.integers(0, 3), st.integers(0, 4)),
        min_size=1,
        max_size=8,
    ),
    breaks=st.sampled_from(["none", "crash", "restart"]),
)
def test_each_refused_record_is_in_a_gap_and_each_other_one_is_stored(
    steps: list[tuple[Lane, int, int]],
    breaks: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    gateway = Gateway(new_box().box_id, tmp_path_factory.mktemp("spool"))
    refused = 0
    for lane, polls, delivered in steps:
        gateway.work(polls)
        refuse(gateway, lane, 3)
        refused += 1
        if breaks == "crash":
            gateway.crash()
        elif breaks == "restart":
            gateway.restart()
        gateway.deliver(delivered)
    gateway.catch_up()
    assert gateway.missing() == set()
    assert len(gateway.gapped("invalid")) == refused
    assert sum(Gap.objects.filter(box__box_id=gateway.box).values_list("records", flat=True)) == (
        refused
    )
    gateway.spool.close()


def test_a_refusal_does_not_make_the_gateway_repeat_what_it_sent(tmp_path: Path) -> None:
    gateway = Gateway(new_box().box_id, tmp_path)

    before = gateway.spool.generation
    refuse(gateway, Lane.DATA, 3)
    assert gateway.spool.seal_gaps() == 1
    assert gateway.spool.generation == before
    gateway.spool.close()


def test_every_reason_of_a_gap_has_words() -> None:
    assert WORDS.keys() == GAP_REASONS
