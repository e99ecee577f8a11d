"""Agent keys on a page: issued once, shown once, revoked."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import Membership, Organization, Role, User
from portal.authority import actions
from portal.authority.models import AgentKey
from portal.fleet.models import Site
from provisioning.agent_key import parse

if TYPE_CHECKING:
    from django.test import Client

    from tests.portal.web.seed import SeedIds

pytestmark = pytest.mark.django_db
KEYS = "/keys/"


@pytest.fixture
def authority(settings: object, tmp_path: object) -> None:
    """The three roots, in a state folder of this test's own."""
    settings.STATE = tmp_path  # type: ignore[attr-defined] # pytest-django's settings
    settings.CLAIM_URL = "https://my-portal.example.com"  # type: ignore[attr-defined]
    actions.ensure_roots()


def wish(seeded: SeedIds, **other: object) -> dict[str, object]:
    return {
        "organization": seeded.organization,
        "site": "Kawasaki plant",
        "time_zone": "Asia/Tokyo",
        "gateway": "Boiler house",
        "uses": 1,
        "days": 7,
    } | other


@pytest.mark.req("E-25")
@pytest.mark.database
def test_an_administrator_issues_a_key_and_sees_it_this_once(
    owner: Client, seeded: SeedIds, authority: None
) -> None:
    answer = owner.post(KEYS, wish(seeded))
    assert answer.status_code == 200
    text = answer.content.decode()
    groups = _shown(text)
    key = parse("".join(groups))
    for copied in ("", "kanmon enroll "):
        assert f'data-copy="{copied}{"".join(groups)}"' in text
    row = AgentKey.objects.get(key_id=key.id)
    assert row.secret_digest == key.secret_digest
    assert (row.site.name, row.gateway_name, row.uses) == ("Kawasaki plant", "Boiler house", 1)
    assert timedelta(days=6.9) < row.expires_at - timezone.now() <= timedelta(days=7)
    assert "<svg" in text
    assert "no-store" in answer.headers["Cache-Control"]
    again = owner.get(KEYS).content.decode()
    assert row.key_id in again
    assert row.issued_by is not None
    assert row.issued_by.email == "owner@example.com"
    assert "issued by 青山 花子 (owner@example.com)" in again
    assert "issuer not recorded" in again  # the one from before this was kept
    assert groups[1] not in again


def _shown(text: str) -> list[str]:
    found = re.search(r'<p class="agent-key copied"><code>(.*?)</code>', text, re.S)
    assert found
    return re.findall(r"<span>([^<]+)</span>", found[1])


@pytest.mark.database
def test_a_new_site_is_made_with_its_time_zone(
    owner: Client, seeded: SeedIds, authority: None
) -> None:
    owner.post(KEYS, wish(seeded, site="Osaka depot", time_zone="Asia/Seoul"))
    site = Site.objects.get(name="Osaka depot")
    assert (site.time_zone, site.organization_id) == ("Asia/Seoul", seeded.organization)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"site": ""}, "This field is required"),
        ({"time_zone": "Mars/Olympus"}, "is not a time zone"),
        ({"uses": 0}, "greater than or equal to 1"),
        ({"days": 91}, "less than or equal to 90"),
        (
            {"uses": 3},
            "A key for several boxes cannot name one gateway. Omit the gateway&#x27;s name",
        ),
        ({"site": "x" * 101}, "at most 100 characters"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_issued(
    owner: Client, seeded: SeedIds, authority: None, other: dict[str, object], words: str
) -> None:
    before = AgentKey.objects.count()
    assert words in owner.post(KEYS, wish(seeded, **other)).content.decode()
    assert AgentKey.objects.count() == before


def test_what_cannot_be_is_told_in_the_readers_language(
    owner: Client, seeded: SeedIds, authority: None
) -> None:
    owner.cookies["django_language"] = "ja"
    User.objects.update(language="ja")
    text = owner.post(KEYS, wish(seeded, uses=3)).content.decode()
    assert (
        "複数のゲートウェイ本体用のキーには、ゲートウェイ名を指定できません。"
        "ゲートウェイ名を省略してください（各ゲートウェイの名前は、ゲートウェイ本体のIDになります）。"
        in text
    )
    assert "cannot name one gateway" not in text


def test_a_key_for_somebody_elses_organization_is_not_issued(
    owner: Client, seeded: SeedIds, authority: None
) -> None:
    foreign = Organization.objects.get(name="Another Company")
    before = AgentKey.objects.count()
    answer = owner.post(KEYS, wish(seeded, organization=foreign.pk))
    assert "organization" in answer.context["form"].errors
    assert AgentKey.objects.count() == before


def test_without_an_authority_the_next_step_is_told(owner: Client, seeded: SeedIds) -> None:
    answer = owner.post(KEYS, wish(seeded))
    assert answer.status_code == 409
    assert "authority init" in answer.content.decode()


def test_keys_of_others_are_not_listed_and_their_state_is_told(
    owner: Client, stranger: Client, seeded: SeedIds
) -> None:
    assert "KEYSEED2" in owner.get(KEYS).content.decode()
    assert "KEYSEED3" not in owner.get(KEYS).content.decode()
    assert "KEYSEED2" not in stranger.get(KEYS).content.decode()
    assert "Valid" in owner.get(KEYS).content.decode()
    owner.post(reverse("key-revoke", args=[seeded.key]))
    assert "Revoked" in owner.get(KEYS).content.decode()


def test_only_administrators_are_offered_the_page(owner: Client, member: Client) -> None:
    assert "Add a gateway" in owner.get("/").content.decode()
    assert "Add a gateway" not in member.get("/").content.decode()
    Membership.objects.filter(user__email="owner@example.com").update(role=Role.USER)
    assert owner.get(KEYS).status_code == 403
