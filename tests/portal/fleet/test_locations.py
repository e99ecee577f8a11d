"""The installation locations of a site: a list that people keep, and devices choose from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from console.templates import audit
from portal.audit.models import Entry
from portal.audit.reading import EntryView, views_of
from portal.fleet import locations
from portal.fleet.models import Device, InstallationLocation, Site
from portal.fleet.names import FleetError

if TYPE_CHECKING:
    from django.test import Client

    from tests.portal.web.seed import SeedIds

pytestmark = pytest.mark.django_db


def _text(client: Client, address: str) -> str:
    content = client.get(address).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def _last(site: Site) -> EntryView:
    return views_of(list(Entry.objects.filter(chain=site.organization_id)))[-1]


def _changed(view: EntryView) -> dict[str, tuple[str | None, str | None]]:
    return {one.name: (one.before, one.after) for one in view.fields}


@pytest.fixture
def copier(seeded: SeedIds) -> Device:
    return Device.objects.select_related("gateway__site").get(name="copier")


@pytest.fixture
def place(copier: Device) -> InstallationLocation:
    """Where the copier stands."""
    made = InstallationLocation.objects.create(site=copier.gateway.site, name="Building A / 2F")
    Device.objects.filter(pk=copier.pk).update(location=made)
    return made


@pytest.mark.req("E-24")
@pytest.mark.database
def test_a_member_adds_a_location_and_chooses_it_for_a_device(
    member: Client, copier: Device
) -> None:
    site = copier.gateway.site
    page, form = f"/sites/{site.pk}/locations/", f"/devices/{copier.pk}/edit/"
    assert "No installation locations have been added yet." in _text(member, page)
    assert f'href="{page}"' in member.get(f"/sites/{site.pk}/").content.decode()
    for name in ("Building A / 10F", "  Building A /  2F "):
        answer = member.post(page, {"name": name})
        assert (answer.status_code, answer.headers["Location"]) == (302, page)
    view = _last(site)
    assert (view.action, view.subject.name) == (audit.LOCATION_ADD, "Building A / 2F")
    choices = re.findall(r'<option value="(Building[^"]*)"', member.get(form).content.decode())
    assert choices == ["Building A / 2F", "Building A / 10F"]
    assert member.post(form, {"location": "Building A / 2F"}).status_code == 302
    assert "Location Building A / 2F" in _text(member, f"/devices/{copier.pk}/")
    assert "Building A / 2F 1 device" in _text(member, page)
    assert "2 locations" in _text(member, f"/sites/{site.pk}/")
    assert '<option value="Building A / 2F" selected>' in member.get(form).content.decode()
    assert member.post(form, {"location": ""}).status_code == 302
    assert Device.objects.get(pk=copier.pk).location is None


@pytest.mark.database
def test_renaming_it_renames_it_for_its_devices(
    member: Client, copier: Device, place: InstallationLocation
) -> None:
    live = f"/devices/{copier.pk}/live/"
    tags = [member.get(each).headers["ETag"] for each in (live, "/devices/live/")]
    answer = member.post(f"/locations/{place.pk}/", {"name": "Annex"})
    assert answer.headers["Location"] == f"/sites/{place.site_id}/locations/"
    assert (_last(place.site).action, _changed(_last(place.site))) == (
        audit.LOCATION_RENAME,
        {"name": ("Building A / 2F", "Annex")},
    )
    assert "Location Annex" in _text(member, f"/devices/{copier.pk}/")
    new = [member.get(each).headers["ETag"] for each in (live, "/devices/live/")]
    assert all(one != other for one, other in zip(new, tags, strict=True))


@pytest.mark.database
def test_removing_it_keeps_its_devices(
    member: Client, copier: Device, place: InstallationLocation
) -> None:
    answer = member.post(f"/locations/{place.pk}/remove/")
    assert answer.headers["Location"] == f"/sites/{place.site_id}/locations/"
    assert not InstallationLocation.objects.exists()
    found = Device.objects.get(pk=copier.pk)
    assert (found.location, found.revision) == (None, 1)
    view = _last(place.site)
    assert (view.action, view.subject.name) == (audit.LOCATION_REMOVE, "Building A / 2F")
    assert member.get(f"/locations/{place.pk}/").status_code == 404


@pytest.mark.req("E-24")
@pytest.mark.database
def test_a_location_of_another_site_is_neither_offered_nor_chosen(
    owner: Client, copier: Device
) -> None:
    shop = Site.objects.get(name="Shibuya shop")
    InstallationLocation.objects.create(site=shop, name="Counter")
    form = f"/devices/{copier.pk}/edit/"
    assert "Counter" not in owner.get(form).content.decode()
    page = owner.post(form, {"location": "Counter"}).content.decode()
    assert "Select a valid choice" in page
    assert 'id="id_location_error"' in page
    with pytest.raises(FleetError, match="no installation location with the name 'Counter'"):
        locations.location_named(copier.gateway.site, "Counter")
    assert Device.objects.get(pk=copier.pk).location is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "This field is required"),
        ("Building A  / 2F", "already has an installation location with the name"),
        ("a\u202eb", "cannot be displayed"),
        ("x" * 101, "at most 100 characters"),
    ],
)
def test_what_is_wrong_with_a_name_is_told_and_nothing_is_changed(
    owner: Client, place: InstallationLocation, name: str, says: str
) -> None:
    other = place.site.installation_locations.create(name="Annex")
    for address in (f"/sites/{place.site_id}/locations/", f"/locations/{other.pk}/"):
        page = owner.post(address, {"name": name}).content.decode()
        assert says in page
        assert 'id="id_name_error"' in page
    assert {one.name for one in InstallationLocation.objects.all()} == {"Annex", place.name}


def test_there_is_a_limit_and_it_is_told(
    owner: Client, place: InstallationLocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locations, "MOST_LOCATIONS", 1)
    page = owner.post(f"/sites/{place.site_id}/locations/", {"name": "Annex"}).content.decode()
    assert "The limit of 1 installation locations for one site has been reached." in page
    assert InstallationLocation.objects.count() == 1


@pytest.mark.req("C-2")
@pytest.mark.database
def test_a_second_tab_does_not_rename_over_the_first(
    owner: Client, place: InstallationLocation
) -> None:
    address = f"/locations/{place.pk}/"
    opened = re.search(r'name="revision" value="([^"]+)"', owner.get(address).content.decode())
    assert opened
    for name in ("Annex", "Cellar"):
        answer = owner.post(address, {"name": name, "revision": opened[1]})
    assert answer.status_code == 200
    assert "“Annex” after you had opened this page" in answer.content.decode()
    assert InstallationLocation.objects.get().name == "Annex"


def test_a_foreign_location_does_not_exist(
    owner: Client, stranger: Client, place: InstallationLocation
) -> None:
    for name in ("location", "location-remove"):
        address = reverse(name, args=[place.pk])
        assert stranger.post(address, {"name": "Theirs"}).status_code == 404
    assert stranger.get(f"/sites/{place.site_id}/locations/").status_code == 404
    assert InstallationLocation.objects.get().name == "Building A / 2F"
