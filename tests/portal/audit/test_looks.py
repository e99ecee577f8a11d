"""Looking at a page is on record once an hour; what a page polls is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from console.templates import audit
from portal.accounts.models import Organization
from portal.audit.models import Entry
from portal.permissions import ACCESS
from tests.portal.addresses import address_of

if TYPE_CHECKING:
    from django.test import Client

    from tests.portal.web.seed import SeedIds

pytestmark = [pytest.mark.django_db, pytest.mark.database]

LOOKED_AT = {
    "device": "device",
    "device-usage": "device",
    "site": "site",
    "site-usage": "site",
    "gateway": "gateway",
    "audit": "log",
}
"""Pages that are on record, each with what it is about."""


def _looks() -> list[str]:
    looks = Entry.objects.filter(action=audit.LOOK.id).order_by("sequence")
    return list(looks.values_list("subject_kind", flat=True))


def test_each_page_about_a_thing_is_on_record_once(owner: Client, seeded: SeedIds) -> None:
    for _ in range(2):
        for name in LOOKED_AT:
            assert owner.get(address_of(name, seeded)).status_code == 200
    assert sorted(_looks()) == ["device", "gateway", "log", "site"]
    number = Organization.objects.get(name="Aoyama Foods").pk
    looks = Entry.objects.filter(action=audit.LOOK.id)
    assert set(looks.values_list("chain", flat=True)) == {number}


def test_no_poll_and_no_head_is_on_record(owner: Client, seeded: SeedIds) -> None:
    polled = [name for name in ACCESS if name.endswith("-live")]
    assert len(polled) > 8, "the control: there are some"
    for name in polled:
        owner.get(address_of(name, seeded), headers={"HX-Request": "true"})
        owner.get(address_of(name, seeded))
    for name in LOOKED_AT:
        owner.head(address_of(name, seeded))
        owner.get(address_of(name, seeded), headers={"HX-Request": "true"})
    assert _looks() == []


def test_a_look_at_what_is_not_theirs_is_nowhere_on_record(
    stranger: Client, seeded: SeedIds
) -> None:
    before = Entry.objects.count()
    for name in ("device", "site", "gateway", "device-usage", "site-usage"):
        assert stranger.get(address_of(name, seeded)).status_code == 404
    assert Entry.objects.count() == before
