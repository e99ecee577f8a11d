from __future__ import annotations

from dataclasses import replace

import pytest
from django.core.exceptions import ValidationError

from portal.fleet.models import Box, Gateway
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
    with pytest.raises(ValidationError):
        ensure_gateway(replace(PLACE, box_id=box_id))
    assert Box.objects.count() == Gateway.objects.count() == int(known)


def test_placing_again_changes_nothing() -> None:
    assert ensure_gateway(PLACE) == ensure_gateway(PLACE)
