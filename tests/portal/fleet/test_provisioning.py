from __future__ import annotations

from dataclasses import replace

import pytest

from console.templates import fleet
from console.text import Message
from portal.fleet.models import Box, Gateway
from portal.fleet.names import FleetError
from portal.fleet.provisioning import GatewayPlacement, ensure_gateway

pytestmark = [pytest.mark.django_db, pytest.mark.database]

PLACE = GatewayPlacement(
    organization="Aoyama Foods",
    site="Plant",
    time_zone="Asia/Tokyo",
    gateway="Plant room",
    box_id="b-aaaaaaaaaa",
)


@pytest.mark.parametrize(
    "box_id", [" b-aaaaaaaaaa", "b-aaaaaaaaaa ", "b-aaaaaaaaaa\n", "B-AAAAAAAAAA"]
)
@pytest.mark.parametrize("known", [False, True])
def test_a_box_id_is_taken_as_given_or_refused(box_id: str, known: bool) -> None:
    if known:
        ensure_gateway(PLACE)
    with pytest.raises(FleetError):
        ensure_gateway(replace(PLACE, box_id=box_id))
    assert Box.objects.count() == Gateway.objects.count() == int(known)


def test_placing_again_changes_nothing() -> None:
    assert ensure_gateway(PLACE) == ensure_gateway(PLACE)


def test_a_second_box_for_a_gateway_is_refused_and_the_first_one_named() -> None:
    ensure_gateway(PLACE)
    with pytest.raises(FleetError) as refused:
        ensure_gateway(replace(PLACE, box_id="b-bbbbbbbbbb"))
    error = refused.value
    assert error.what == fleet.GATEWAY_EXISTS(site="Plant", gateway="Plant room")
    assert error.why == fleet.BOXES_OF_GATEWAY(boxes=("b-aaaaaaaaaa",))
    assert error.next_step == fleet.OTHER_GATEWAY_NAME()


def test_a_box_of_another_gateway_is_refused() -> None:
    ensure_gateway(PLACE)
    with pytest.raises(FleetError) as refused:
        ensure_gateway(replace(PLACE, gateway="Cellar"))
    assert refused.value.what == fleet.BOX_ASSIGNED(box="b-aaaaaaaaaa")
    assert refused.value.next_step == fleet.CHECK_BOX_ID()
    assert Gateway.objects.count() == 1


@pytest.mark.parametrize(
    ("site", "what"),
    [(" ", fleet.NAME_EMPTY()), ("x" * 101, fleet.NAME_LONG(n=101, limit=100))],
)
def test_a_name_that_is_not_possible_is_refused(site: str, what: Message) -> None:
    with pytest.raises(FleetError) as refused:
        ensure_gateway(replace(PLACE, site=site))
    assert refused.value.what == what
    assert not Gateway.objects.exists()
