"""The frame round every page: the entries, the picker, the bell, and the menu of the reader."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from portal.accounts.models import Membership, Organization, Role, User
from portal.fleet.models import Box, Device, Gateway, Site
from portal.monitoring import frame
from tests.portal.monitoring.page_text import page_text

if TYPE_CHECKING:
    from django.test import Client

    from tests.portal.web.seed import SeedIds

pytestmark = pytest.mark.django_db


def bar(client: Client, address: str = "/") -> str:
    """The markup of the bar of a page."""
    page = client.get(address, follow=True).content.decode()
    found = re.search(r'<header class="bar">.*?</header>', page, re.DOTALL)
    assert found
    return html.unescape(found[0])


def entries(client: Client, address: str = "/") -> list[str]:
    """The addresses of the navigation."""
    nav = bar(client, address).partition('<nav class="places"')[2].partition("</nav>")[0]
    return re.findall(r'<a href="([^"]+)"', nav)


def choose(client: Client, key: str, back: str = "/") -> int:
    return client.post(reverse("place"), {"place": key, "next": back}).status_code


def keys(client: Client) -> list[str]:
    """The places that the picker offers."""
    return re.findall(r'name="place" value="([^"]+)"', bar(client))


def site(name: str) -> Site:
    return Site.objects.get(name=name)


EVERY_ENTRY = ["/", "/energy/", "/operation/", "/devices/", "/sites/"]


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ({"main-incomer", "copier"}, EVERY_ENTRY),
        ({"main-incomer"}, ["/", "/energy/", "/devices/", "/sites/"]),
        ({"copier"}, ["/", "/operation/", "/devices/", "/sites/"]),
        (set(), ["/", "/devices/", "/sites/"]),
    ],
)
def test_a_kind_that_a_customer_does_not_have_is_not_shown(
    owner: Client, kept: set[str], shown: list[str]
) -> None:
    Device.objects.exclude(name__in=kept).delete()
    assert entries(owner) == shown


def test_every_entry_leads_to_a_page_and_is_marked_there(owner: Client, seeded: SeedIds) -> None:
    for address in entries(owner):
        assert owner.get(address, follow=True).status_code == 200
        assert f'href="{address}" aria-current="page"' in bar(owner, address)
    copier = Device.objects.get(name="copier").pk
    for address, entry in {
        f"/devices/{seeded.meter}/usage/": "/energy/",
        f"/devices/{copier}/usage/": "/operation/",
        f"/devices/{copier}/": "/devices/",
        "/gateways/": "/sites/",
    }.items():
        assert f'href="{entry}" aria-current="page"' in bar(owner, address)


def test_the_bar_leads_to_help_faults_organization_and_devices(owner: Client) -> None:
    found = bar(owner, "/devices/")
    for name in ("organizations", "keys", "codes-help", "devices", "overview"):
        assert f'href="{reverse(name)}"' in found
    for name in ("language", "account_logout", "place"):
        assert f'action="{reverse(name)}"' in found


def test_only_who_may_issue_keys_is_led_to_them(member: Client) -> None:
    assert reverse("keys") not in bar(member)
    assert reverse("organizations") in bar(member)


def test_the_bell_counts_what_the_first_page_says(owner: Client, seeded: SeedIds) -> None:
    assert "3 items need attention" in bar(owner).partition('id="bell"')[2]
    assert "3 items need attention" in page_text(owner, "/")
    live = owner.get(reverse("bell-live"))
    assert "3 items need attention" in live.content.decode()
    held = {"If-None-Match": live.headers["ETag"]}
    assert owner.get(reverse("bell-live"), headers=held).status_code == 304
    choose(owner, f"site-{site('Shibuya shop').pk}")
    again = owner.get(reverse("bell-live"), headers=held)
    assert again.status_code == 200
    assert "0 items need attention" in again.content.decode()


@pytest.mark.parametrize(
    "key", ["site-{foreign}", "organization-{owner}", "site-999999", "site-", "sites-1", "x", ""]
)
def test_a_place_that_is_not_the_readers_cannot_be_chosen(
    owner: Client, seeded: SeedIds, key: str
) -> None:
    other = site("Elsewhere")
    key = key.format(foreign=other.pk, owner=other.organization_id)
    assert choose(owner, key) == 404
    assert keys(owner)[0] == "all"
    polled = {"X-Place": key}
    assert owner.get(reverse("devices-live"), headers=polled).status_code == 404


@pytest.mark.database
def test_lists_and_overviews_obey_the_picker(owner: Client, seeded: SeedIds) -> None:
    plant, shop = site("Kawasaki plant"), site("Shibuya shop")
    copier = Device.objects.get(name="copier")
    moved = Gateway.objects.get(site=shop)
    Device.objects.filter(pk=copier.pk).update(gateway=moved)
    assert keys(owner) == ["all", f"site-{plant.pk}", f"site-{shop.pk}"]
    assert choose(owner, f"site-{shop.pk}", "/devices/") == 302
    assert 'aria-current="true"' in bar(owner).partition(f'value="site-{shop.pk}"')[2][:40]
    for address in ("/", "/devices/", "/operation/", "/sites/", "/gateways/"):
        text = page_text(owner, address)
        assert "Main incomer" not in text, address
        assert "Kawasaki plant" not in text, address
    assert "3F copier" in page_text(owner, "/devices/")
    assert "3F copier" in page_text(owner, "/operation/")
    assert entries(owner) == ["/", "/operation/", "/devices/", "/sites/"]
    assert "Main incomer" in page_text(owner, f"/devices/?site={plant.pk}"), "a link is obeyed"
    assert owner.get(f"/devices/{seeded.meter}/").status_code == 200, "no page is out of reach"
    choose(owner, f"site-{plant.pk}")
    assert "3F copier" not in page_text(owner, "/operation/")
    choose(owner, "all")
    assert "3F copier" in page_text(owner, "/devices/")
    assert "Main incomer" in page_text(owner, "/devices/")


def test_a_page_polls_its_own_place_whatever_another_tab_chose(
    owner: Client, seeded: SeedIds
) -> None:
    plant, shop = site("Kawasaki plant"), site("Shibuya shop")
    assert 'data-place="all"' in owner.get("/devices/").content.decode()
    every = owner.get(reverse("devices-live"), headers={"X-Place": "all"})
    choose(owner, f"site-{shop.pk}")
    assert f'data-place="site-{shop.pk}"' in owner.get("/devices/").content.decode()
    tag = every.headers["ETag"]
    polled = {"X-Place": "all", "If-None-Match": tag}
    assert owner.get(reverse("devices-live"), headers=polled).status_code == 304
    of_shop = owner.get(reverse("devices-live"), headers={"If-None-Match": tag})
    assert of_shop.status_code == 200
    assert "Main incomer" not in of_shop.content.decode()
    own = owner.get(reverse("devices-live"), headers={"X-Place": f"site-{plant.pk}"})
    assert "Main incomer" in own.content.decode()


def test_a_place_that_is_lost_is_no_longer_chosen(owner: Client, seeded: SeedIds) -> None:
    chosen = f"site-{site('Shibuya shop').pk}"
    choose(owner, chosen)
    Site.objects.filter(name="Shibuya shop").update(
        organization=Organization.objects.get(name="Another Company")
    )
    assert 'data-place="all"' in owner.get("/").content.decode()
    answer = owner.get(reverse("overview-live"), headers={"X-Place": chosen})
    assert answer.status_code == 404, "the page is loaded again"


def test_who_belongs_to_several_organizations_chooses_among_them(
    owner: Client, seeded: SeedIds
) -> None:
    other = Organization.objects.get(name="Another Company")
    reader = User.objects.get(email="owner@example.com")
    Membership.objects.create(user=reader, organization=other, role=Role.ADMINISTRATOR)
    assert f"organization-{other.pk}" in keys(owner)
    choose(owner, f"organization-{other.pk}")
    assert "Their meter" in page_text(owner, "/devices/")
    assert "Main incomer" not in page_text(owner, "/devices/")
    assert "Kawasaki plant" not in page_text(owner, "/sites/")


def test_a_choice_leads_back_to_the_list_it_was_made_on(owner: Client, seeded: SeedIds) -> None:
    for address, back in {
        "/gateways/": "/gateways/",
        "/devices/?page=2": "/devices/",
        f"/devices/{seeded.meter}/": "/devices/",
        "/sites/1/": "/sites/",
        "/organizations/": "/",
    }.items():
        picker = bar(owner, address).partition('class="menu picker"')[2]
        assert f'name="next" value="{back}"' in picker, address
    found = owner.post(reverse("place"), {"place": "all", "next": "https://elsewhere.example/"})
    assert found.headers["Location"] == "/"


def test_the_picker_names_a_few_sites_of_many_and_leads_to_all(
    owner: Client, seeded: SeedIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "List of all sites" not in bar(owner)
    monkeypatch.setattr(frame, "PICKED", 1)
    assert keys(owner) == ["all", f"site-{site('Kawasaki plant').pk}"]
    assert "List of all sites" in bar(owner)


def test_energy_is_listed_by_site_and_one_site_is_shown_at_once(
    owner: Client, seeded: SeedIds
) -> None:
    plant, shop = site("Kawasaki plant"), site("Shibuya shop")
    assert owner.get("/energy/").headers["Location"] == f"/sites/{plant.pk}/usage/"
    Device.objects.create(gateway=Gateway.objects.get(site=shop), name="meter")
    text = page_text(owner, "/energy/")
    assert "Kawasaki plant Aoyama Foods 4" in text
    assert "Shibuya shop Aoyama Foods 1" in text
    Device.objects.all().delete()
    assert "No meters yet" in page_text(owner, "/energy/")


@pytest.mark.database
def test_chips_narrow_the_list_and_say_how_many(owner: Client, seeded: SeedIds) -> None:
    page = owner.get("/devices/").content.decode()
    chips = dict(re.findall(r'id="chip-(\w+)".*?<span class="number">(\d+)</span>', page))
    assert chips == {"attention": "2", "unreachable": "2", "printers": "2", "meters": "4"}

    def names(show: str) -> set[str]:
        found = owner.get(f"/devices/?show={show}").content.decode()
        return set(re.findall(r'class="row-link"[^>]*>([^<]+)<', found))

    assert names("attention") == {"Compressor 2", "Cold store"}
    assert names("unreachable") == {"Cold store", "PV east"}
    assert names("printers") == {"3F copier", "Label printer"}
    assert len(names("meters")) == 4
    assert len(names("no-such-chip")) == 6
    Box.objects.update(alive=False)
    assert len(names("unreachable")) == 6, "what is behind a silent gateway is out of reach"
    live = owner.get("/devices/live/?show=printers").content.decode()
    assert "Main incomer" not in live
