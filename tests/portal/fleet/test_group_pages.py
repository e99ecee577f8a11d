"""A group's page: its name, its end, and what lists show afterwards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from portal.accounts.models import Organization
from portal.fleet.models import Device, DeviceGroup

if TYPE_CHECKING:
    from django.test import Client

    from tests.portal.web.seed import SeedIds

pytestmark = [pytest.mark.django_db, pytest.mark.req("C-36")]


def _text(client: Client, address: str) -> str:
    content = client.get(address).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


@pytest.fixture
def group(seeded: SeedIds) -> DeviceGroup:
    """With the copier in it."""
    made = DeviceGroup.objects.create(organization_id=seeded.organization, name="Sales")
    Device.objects.filter(name="copier").update(group=made)
    return made


def _tags(client: Client) -> list[str]:
    copier = Device.objects.get(name="copier").pk
    return [
        client.get(live).headers["ETag"] for live in ("/devices/live/", f"/devices/{copier}/live/")
    ]


@pytest.mark.database
def test_a_member_renames_it_and_every_page_follows(member: Client, group: DeviceGroup) -> None:
    assert f'href="/groups/{group.pk}/"' not in member.get("/devices/").content.decode()
    listed = member.get(f"/devices/?group={group.pk}").content.decode()
    assert f'href="/groups/{group.pk}/"' in listed
    assert "Group of Aoyama Foods · 1 device" in _text(member, f"/groups/{group.pk}/")
    tags = _tags(member)
    answer = member.post(f"/groups/{group.pk}/", {"name": "  Sales   1F "})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/groups/{group.pk}/")
    assert "All groups No group Sales 1F" in _text(member, "/devices/")
    assert all(new != old for new, old in zip(_tags(member), tags, strict=True))


@pytest.mark.database
def test_deleting_it_keeps_its_devices(owner: Client, group: DeviceGroup) -> None:
    tags = _tags(owner)
    answer = owner.post(f"/groups/{group.pk}/delete/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/devices/")
    assert not DeviceGroup.objects.exists()
    assert Device.objects.get(name="copier").group is None
    assert all(new != old for new, old in zip(_tags(owner), tags, strict=True))
    assert owner.get(f"/groups/{group.pk}/").status_code == 404
    assert owner.post(f"/groups/{group.pk}/delete/").status_code == 404


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "The name of the group is missing"),
        ("a/b", "characters that are not allowed: /"),
        ("あ" * 26, "at most 50 half-width or 25 full-width characters"),
        ("a\u202eb", "a character that cannot be displayed"),
        ("ｱ", "Half-width katakana is not allowed"),
        ("Office", "A group with the name"),
    ],
)
def test_what_is_wrong_with_a_name_is_told_and_nothing_is_changed(
    owner: Client, group: DeviceGroup, name: str, said: str
) -> None:
    DeviceGroup.objects.create(organization=group.organization, name="Office")
    answer = owner.post(f"/groups/{group.pk}/", {"name": name})
    assert answer.status_code == 200
    page = answer.content.decode()
    assert said in page
    assert "<h1>Sales</h1>" in page
    assert 'id="id_name_error"' in page
    owner.post("/language/", {"language": "ja", "next": "/"})
    assert said not in owner.post(f"/groups/{group.pk}/", {"name": name}).content.decode()
    assert DeviceGroup.objects.get(pk=group.pk).name == "Sales"


@pytest.mark.database
def test_the_same_name_in_another_organization_is_no_clash(
    owner: Client, group: DeviceGroup
) -> None:
    other = Organization.objects.get(name="Another Company")
    DeviceGroup.objects.create(organization=other, name="Office")
    assert owner.post(f"/groups/{group.pk}/", {"name": "Office"}).status_code == 302
    assert owner.post(f"/groups/{group.pk}/", {"name": "Office"}).status_code == 302
