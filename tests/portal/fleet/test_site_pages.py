"""The form of a site's details, and what its page shows of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
from django.urls import reverse

from console.templates import audit
from portal.audit.models import Entry
from portal.audit.reading import views_of
from portal.fleet.models import Device, Site

if TYPE_CHECKING:
    from django.test import Client

    from tests.portal.web.seed import SeedIds

pytestmark = pytest.mark.django_db

SAID: Final = {
    "name": "Kawasaki plant 2",
    "country": "JP",
    "postal_code": "210-0001",
    "prefecture": "神奈川県",
    "city": "川崎市川崎区",
    "street": "本町1-2-3",
    "contact": "鈴木 次郎",
    "phone": "044-123-4567",
    "coordinates": "35.531000, 139.703000",
    "closing_day": "20",
}


@pytest.fixture
def site(seeded: SeedIds) -> Site:
    return Device.objects.get(pk=seeded.meter).gateway.site


def _text(client: Client, address: str) -> str:
    content = client.get(address).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def _revision(client: Client, address: str) -> str:
    found = re.search(r'name="revision" value="([^"]+)"', client.get(address).content.decode())
    assert found
    return found[1]


@pytest.mark.database
def test_an_administrator_describes_a_site_and_every_member_reads_it(
    owner: Client, member: Client, site: Site
) -> None:
    page, form = (reverse(name, args=[site.pk]) for name in ("site", "site-edit"))
    assert "Closing day End of month" in _text(member, page)
    live = ("/sites/live/", f"/sites/{site.pk}/live/", "/")
    tags = [owner.get(each).headers.get("ETag") for each in live]
    answer = owner.post(form, SAID)
    assert (answer.status_code, answer.headers["Location"]) == (302, page)
    for client in (owner, member):
        text = _text(client, page)
        for said in (
            "Kawasaki plant 2",
            "Address Japan 210-0001 神奈川県 川崎市川崎区 本町1-2-3",
            "Contact person 鈴木 次郎",
            "Telephone number 044-123-4567",
            "Coordinates 35.531000, 139.703000",
            "Closing day Day 20",
        ):
            assert said in text
    assert [owner.get(each).headers.get("ETag") for each in live[:2]] != tags[:2]
    assert f'href="{form}"' in owner.get(page).content.decode()
    assert f'href="{form}"' not in member.get(page).content.decode()
    kept = owner.get(form).content.decode()
    assert ">Prefecture</label>" in kept
    assert 'value="35.531000, 139.703000"' in kept
    assert '<option value="20" selected>Day 20</option>' in kept


@pytest.mark.database
def test_the_edit_is_on_record_without_the_name_of_the_contact(owner: Client, site: Site) -> None:
    owner.post(reverse("site-edit", args=[site.pk]), SAID)
    view = views_of(list(Entry.objects.filter(chain=site.organization_id)))[-1]
    assert (view.action, view.subject.key) == (audit.SITE_EDIT, f"site:{site.pk}")
    changed = {one.name: (one.before, one.after) for one in view.fields}
    assert changed["closing_day"] == (31, 20)
    assert changed["coordinates"] == ("", "35.531000, 139.703000")
    assert changed["contact"] == (None, "changed")
    log = _text(owner, f"/audit/?organization={site.organization_id}")
    assert "Contact or telephone number Changed" in log
    assert "Closing day End of month → 20" in log
    assert "鈴木" not in log


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "Shibuya shop"}, "already has a site with the name &#x27;Shibuya shop&#x27;"),
        ({"coordinates": "139.7, 35.5"}, "The latitude 139.7 is not between -90 and 90 degrees."),
        ({"coordinates": "here"}, "is not a pair of coordinates"),
        ({"phone": "call me"}, "Enter a telephone number"),
        ({"closing_day": "0"}, "Select a valid choice"),
        ({"closing_day": "32"}, "Select a valid choice"),
        ({"country": "ZZ"}, "Select a valid choice"),
        ({"contact": "a\u202eb"}, "cannot be displayed"),
        ({"street": "x" * 201}, "at most 200 characters"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field_and_nothing_is_changed(
    owner: Client, site: Site, wrong: dict[str, str], says: str
) -> None:
    page = owner.post(reverse("site-edit", args=[site.pk]), SAID | wrong).content.decode()
    assert says in page
    assert f'id="id_{next(iter(wrong))}_error"' in page
    found = Site.objects.get(pk=site.pk)
    assert (found.name, found.contact, found.revision) == ("Kawasaki plant", "", 0)


def test_what_is_wrong_is_told_in_the_readers_language(owner: Client, site: Site) -> None:
    owner.post("/language/", {"language": "ja", "next": "/"})
    page = owner.post(
        reverse("site-edit", args=[site.pk]), SAID | {"coordinates": "139.7, 35.5"}
    ).content.decode()
    assert "緯度139.7は、-90～90度の範囲にありません。緯度、経度の順に入力してください。" in page
    assert "latitude" not in page


@pytest.mark.req("C-2")
@pytest.mark.database
def test_a_second_tab_does_not_overwrite_what_the_first_one_stored(
    owner: Client, site: Site
) -> None:
    form = reverse("site-edit", args=[site.pk])
    opened = _revision(owner, form)
    assert owner.post(form, SAID | {"revision": opened}).status_code == 302
    late = SAID | {"revision": opened, "closing_day": "25", "city": "横浜市"}
    answer = owner.post(form, late)
    assert answer.status_code == 200
    said = answer.content.decode()
    assert "Closing day was changed from “End of month” to “Day 20”" in said
    assert Site.objects.get(pk=site.pk).closing_day == 20
    again = re.search(r'name="revision" value="([^"]+)"', said)
    assert again
    assert owner.post(form, late | {"revision": again[1]}).status_code == 302
    found = Site.objects.get(pk=site.pk)
    assert (found.closing_day, found.city) == (25, "横浜市")


def test_only_an_administrator_of_the_organization_edits_a_site(
    owner: Client, member: Client, installer: Client, stranger: Client, site: Site
) -> None:
    form = reverse("site-edit", args=[site.pk])
    for client in (member, installer, stranger):
        assert client.get(form).status_code == 404
        assert client.post(form, SAID).status_code == 404
    foreign = Site.objects.get(name="Elsewhere")
    assert owner.post(reverse("site-edit", args=[foreign.pk]), SAID).status_code == 404
    assert not Site.objects.exclude(revision=0).exists()


def test_an_address_is_written_in_the_order_of_its_country(owner: Client, site: Site) -> None:
    western = {"country": "DE", "prefecture": "", "city": "Berlin", "street": "Ufer 1"}
    owner.post(reverse("site-edit", args=[site.pk]), SAID | western | {"postal_code": "10115"})
    assert "Address Ufer 1 Berlin 10115 Germany" in _text(owner, f"/sites/{site.pk}/")
    names = re.findall(r'name="(\w+)"', owner.get(f"/sites/{site.pk}/edit/").content.decode())
    assert names.index("street") < names.index("city") < names.index("country")
