"""What of the authority ends is shown to who operates the portal, and to nobody else."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from console.language import words
from portal.accounts.actions import AccountError, may_operate, name_operator
from portal.accounts.models import Organization, User
from portal.authority import actions
from portal.authority.expiry import GUIDE, Expiring, ExpiringKind, expiring
from portal.authority.expiry_notices import STEPS, WORDS
from portal.authority.models import IssuedCertificate, RevocationList, Root
from portal.fleet.models import Box, Device, DeviceCondition

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client
    from pytest_django.fixtures import Settings

    from tests.portal.web.seed import SeedIds

pytestmark = pytest.mark.django_db
PAGES = ["/", "/keys/"]


@pytest.fixture
def ending(settings: Settings, tmp_path: Path) -> None:
    """A list that ends tomorrow, and a worker's certificate that has ended."""
    settings.STATE = tmp_path
    actions.ensure_roots()
    actions.issue_worker("ingest-1")
    now = timezone.now()
    RevocationList.objects.filter(root=Root.BOXES).update(expires_at=now + timedelta(days=1))
    IssuedCertificate.objects.filter(root=Root.WORKERS).update(expires_at=now - timedelta(days=1))


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.database
def test_an_operator_is_told_what_ends_when_and_the_cure(
    page: str, owner: Client, ending: None
) -> None:
    name_operator("owner@example.com", operates=True)
    text = owner.get(page).content.decode()
    assert "Revocation list for boxes" in text
    assert "<code>kanmon-portal broker reload FOLDER</code>" in text
    assert "Expires on " in text
    assert "Certificate of the ingest worker worker.ingest-1" in text
    assert "<code>kanmon-portal authority issue-worker ingest-1 --out FOLDER</code>" in text
    assert "Expired on " in text
    for one in expiring(timezone.now()):
        assert f"{one.expires_at.day} {one.expires_at:%b %Y, %H:%M} UTC" in text
    owner.cookies["django_language"] = "ja"
    User.objects.update(language="ja")
    assert "失効リスト（boxes）" in owner.get(page).content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_customers_are_not_told(page: str, owner: Client, member: Client, ending: None) -> None:
    for browser in (owner, member):  # two organizations: nobody's own portal
        text = browser.get(page).content.decode()
        assert "evocation list" not in text
        assert "ingest-1" not in text


@pytest.mark.parametrize("page", PAGES)
def test_all_is_well_without_a_word(
    page: str, owner: Client, settings: Settings, tmp_path: Path
) -> None:
    settings.STATE = tmp_path
    actions.ensure_roots()
    name_operator("owner@example.com", operates=True)
    assert 'role="alert"' not in owner.get(page).content.decode()


def test_nobody_unknown_becomes_operator() -> None:
    with pytest.raises(AccountError, match="user add"):
        name_operator("nobody@example.com", operates=True)


def test_a_portal_of_one_organization_tells_its_administrators() -> None:
    from portal.accounts.actions import NewUser, add_user
    from portal.accounts.models import Role

    Organization.objects.create(name="Aoyama Foods")
    administrator = add_user(
        NewUser(email="a@example.com", organization="Aoyama Foods", role=Role.ADMINISTRATOR)
    )
    other = add_user(NewUser(email="m@example.com", organization="Aoyama Foods"))
    assert may_operate(administrator)
    assert not may_operate(other)
    # Once somebody is named, it is they alone.
    other = name_operator("m@example.com", operates=True)
    assert (may_operate(other), may_operate(administrator)) == (True, False)
    name_operator("m@example.com", operates=False)
    Organization.objects.create(name="Another Company")
    assert not may_operate(administrator)


def test_everything_that_ends_has_words() -> None:
    assert set(ExpiringKind) == set(WORDS) == set(STEPS)


def test_the_first_page_still_begins_with_its_sentence_which_counts_alarms_where_all_else_is_well(
    owner: Client, seeded: SeedIds, ending: None
) -> None:
    DeviceCondition.objects.update(cleared_at=timezone.now())
    Device.objects.update(reachability="online")
    Box.objects.update(alive=True, last_heard_at=timezone.now())
    before = owner.get("/live/")
    assert "Nothing needs attention" in before.content.decode()
    name_operator("owner@example.com", operates=True)
    after = owner.get("/live/", headers={"If-None-Match": before.headers["ETag"]})
    text = after.content.decode()
    assert "The portal has 2 items that need attention" in text
    assert "Nothing needs attention" not in text
    page = owner.get("/").content.decode()
    assert page.index('id="sentence"') < page.index('role="alert"')


@pytest.mark.parametrize("expired", [False, True])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("kind", ExpiringKind)
def test_its_sentence_has_a_japanese_one(kind: ExpiringKind, count: int, *, expired: bool) -> None:
    at = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
    one = Expiring(kind=kind, name="x-1", expires_at=at, expired=expired, count=count)
    parts = (words(part, "ja") for part in (one.what, one.why, one.next_step))
    text = "。".join(parts)
    when = f"2026-12-01 09:30 UTCに期限が{'切れました' if expired else '切れます'}"
    for part in (when, one.remedy):
        assert part in text, text
        text = text.replace(part, "")
    text = text.replace(GUIDE, "").replace("`broker maintain`", "").replace("x-1", "")
    assert not re.search("[A-Za-z]", text), text
