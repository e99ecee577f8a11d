"""Claims that come at the same moment, on connections of their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from portal.authority.models import AgentKey, Claim, IssuedCertificate
from portal.fleet.models import Box
from provisioning.claim import ClaimGrant, encode
from provisioning.codes import Code
from tests.portal.authority.claimant import Claimant, answer, issued, post

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from provisioning.claim import ClaimRequest

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

MANY = 8


def at_once(requests: Iterable[ClaimRequest]) -> list[ClaimGrant | Code]:
    """All of them posted at the same time."""

    def one(request: ClaimRequest) -> ClaimGrant | Code:
        try:
            return answer(post(encode(request)))
        finally:
            connection.close()

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(one, requests))


def test_one_box_that_asks_many_times_at_once_gets_one_certificate(authority: Path) -> None:
    box, key = Claimant(), issued()
    first, *others = at_once([box.request(key)] * MANY)
    assert isinstance(first, ClaimGrant)
    assert others == [first] * (MANY - 1)
    assert (AgentKey.objects.get().used, IssuedCertificate.objects.count()) == (1, 1)


def test_one_box_with_many_keys_at_once_gets_one_certificate(authority: Path) -> None:
    box = Claimant()
    first, *others = at_once([box.request(issued()) for _ in range(MANY)])
    assert isinstance(first, ClaimGrant)
    assert others == [first] * (MANY - 1)
    assert sum(row.used for row in AgentKey.objects.all()) == 1


def test_of_many_boxes_at_once_a_key_lets_in_as_many_as_it_says(authority: Path) -> None:
    key = issued(uses=3)
    results = at_once([Claimant(f"b-aaaaaaaaa{n}").request(key) for n in range(2, 2 + MANY)])
    assert sum(isinstance(result, ClaimGrant) for result in results) == 3
    assert results.count(Code.KEY_USED_UP) == MANY - 3
    assert Claim.objects.count() == Box.objects.count() == 3


def test_of_many_that_call_themselves_the_same_one_is_let_in(authority: Path) -> None:
    keys = [issued(uses=MANY) for _ in range(MANY)]
    results = at_once([Claimant().request(key) for key in keys])
    assert sum(isinstance(result, ClaimGrant) for result in results) == 1
    assert results.count(Code.BOX_TAKEN) == MANY - 1
    assert Box.objects.count() == 1
