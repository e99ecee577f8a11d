"""The form in which people say what a device is, and what its pages and lists then show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import Organization
from portal.fleet.models import Device, DeviceGroup
from portal.monitoring.device_web_page import pages_in

if TYPE_CHECKING:
    from tests.portal.web.seed import SeedIds

pytestmark = pytest.mark.django_db


def _text(client: Client, address: str) -> str:
    content = client.get(address).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def _names(client: Client, address: str) -> list[str]:
    page = client.get(address).content.decode()
    return [row.strip() for row in re.findall(r'class="row-link"[^>]*>([^<]+)<', page)]


@pytest.fixture
def copier(seeded: SeedIds) -> Device:
    """At a site with one installation location."""
    found = Device.objects.get(name="copier")
    found.gateway.site.installation_locations.create(name="Building A / 3F")
    return found


SAID = {"name": "Sales copier", "location": "Building A / 3F", "group": "Sales", "kind": ""}


@pytest.mark.req("E-24")
@pytest.mark.database
def test_a_member_names_a_device_and_says_where_it_stands(member: Client, copier: Device) -> None:
    address = f"/devices/{copier.pk}/edit/"
    form = member.get(address).content.decode()
    assert 'placeholder="3F copier"' in form
    assert "If left empty, “3F copier” is shown." in form
    assert "Automatic: Colour multifunction printer" in form
    live = f"/devices/{copier.pk}/live/"
    tags = [member.get(each).headers["ETag"] for each in (live, "/live/")]
    answer = member.post(address, SAID)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/devices/{copier.pk}/")
    text = _text(member, f"/devices/{copier.pk}/")
    for said in ("Sales copier", "Location Building A / 3F", "Group Sales", "3F copier"):
        assert (said in text) == (said != "3F copier")
    assert [member.get(each).headers["ETag"] for each in (live, "/live/")] != tags
    assert "Sales copier" in _text(member, "/")
    assert 'value="Sales copier"' in member.get(address).content.decode()


@pytest.mark.req("E-16")
def test_what_a_member_says_of_a_device_all_members_read_and_no_stranger(
    member: Client, owner: Client, stranger: Client, copier: Device
) -> None:
    member.post(f"/devices/{copier.pk}/edit/", SAID)
    for place in ("/devices/", f"/devices/{copier.pk}/"):
        assert "Sales copier" in _text(owner, place)
        assert "Sales copier" in _text(member, place)
    assert "Sales copier" not in _text(stranger, "/devices/")
    assert stranger.get(f"/devices/{copier.pk}/").status_code == 404


def test_what_is_wrong_is_told_beside_its_field_in_the_readers_language(
    owner: Client, copier: Device
) -> None:
    address = f"/devices/{copier.pk}/edit/"
    wrong = {"name": "a\u202eb", "location": "x" * 101, "group": "あ" * 26, "kind": "toaster"}
    page = owner.post(address, {**wrong, "location": "", "kind": ""}).content.decode()
    assert 'id="id_name_error">The text contains a character that cannot be displayed' in page
    assert "at most 50 half-width or 25 full-width characters" in page
    assert "<h1>Edit 3F copier</h1>" in page
    page = owner.post(address, wrong).content.decode()
    assert 'id="id_location_error"' in page
    assert 'id="id_kind_error"' in page
    owner.post("/language/", {"language": "ja", "next": "/"})
    page = owner.post(address, {"group": "a/b"}).content.decode()
    assert "グループ名に使用できない文字が含まれています：/" in page
    assert str(Device.objects.get(pk=copier.pk)) == "3F copier"


@pytest.mark.req("C-36")
@pytest.mark.database
def test_a_group_of_another_organization_is_neither_offered_nor_chosen(
    owner: Client, copier: Device
) -> None:
    other = Organization.objects.get(name="Another Company")
    theirs = DeviceGroup.objects.create(organization=other, name="Their group")
    address = f"/devices/{copier.pk}/edit/"
    assert "Their group" not in owner.get(address).content.decode()
    for said in ("Their group", str(theirs.pk)):
        owner.post(address, {"group": said})
        group = Device.objects.get(pk=copier.pk).group
        assert group is not None
        assert group != theirs
        assert group.organization.name == "Aoyama Foods"
    assert not theirs.devices.exists()
    assert "Their group" not in owner.get(f"/devices/?group={theirs.pk}").content.decode()


def test_nobody_edits_a_foreign_device_or_a_gateway(
    owner: Client, stranger: Client, seeded: SeedIds, copier: Device
) -> None:
    assert stranger.post(f"/devices/{copier.pk}/edit/", SAID).status_code == 404
    assert owner.post(f"/devices/{seeded.foreign_meter}/edit/", SAID).status_code == 404
    gateway = Device.objects.get(name="gateway")
    assert owner.post(f"/devices/{gateway.pk}/edit/", SAID).status_code == 404
    assert (
        f"/devices/{gateway.pk}/edit/" not in owner.get(f"/devices/{gateway.pk}/").content.decode()
    )
    assert not Device.objects.exclude(revision=0).exists()


def test_a_form_from_elsewhere_is_refused(owner: Client, copier: Device) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = owner.cookies
    assert careful.post(f"/devices/{copier.pk}/edit/", SAID).status_code == 403


@pytest.mark.req("C-16")
def test_a_kind_is_found_out_or_given_and_said_beside_the_name(
    owner: Client, copier: Device
) -> None:
    text = _text(owner, "/devices/?sort=name")
    assert "Colour multifunction printer 3F copier" in text
    assert "Label printer Label printer" in text
    assert "Meter Main incomer" in text
    page = owner.get("/devices/").content.decode()
    assert re.search(r'icons[^"]*\.svg#colour_multifunction"', page)
    owner.post(f"/devices/{copier.pk}/edit/", {"kind": "mono_printer"})
    assert "Monochrome printer 3F copier" in _text(owner, "/devices/?sort=name")
    owner.post(f"/devices/{copier.pk}/edit/", {"kind": "meter"})
    assert "Printers (1 of 1 available)" in _text(owner, "/")


@pytest.mark.req("C-15")
def test_the_list_shows_one_group_or_those_without(owner: Client, copier: Device) -> None:
    assert "No group" not in _text(owner, "/devices/")
    owner.post(f"/devices/{copier.pk}/edit/", SAID)
    group = Device.objects.get(pk=copier.pk).group_id
    text = _text(owner, "/devices/")
    assert "All groups No group Sales" in text
    assert _names(owner, f"/devices/?group={group}") == ["Sales copier"]
    assert "Sales copier" not in _names(owner, "/devices/?group=none")
    assert len(_names(owner, "/devices/?group=none")) == 5
    assert len(_names(owner, "/devices/?group=9999")) == 6
    assert _names(owner, "/devices/?sort=group")[0] == "Sales copier"
    assert _names(owner, "/devices/?sort=location")[0] == "Sales copier"
    for column in ("group", "location"):  # what is not said comes last, either way round
        assert _names(owner, f"/devices/?sort=-{column}")[0] == "Sales copier"
    assert _names(owner, "/devices/?q=３Ｆ+ＳＡＬＥＳ") == ["Sales copier"]
    assert _names(owner, "/devices/?q=building+sales") == ["Sales copier"]
    page = owner.get(f"/devices/?group={group}&q=copier&sort=-name").content.decode()
    assert f'href="?sort=name&amp;q=copier&amp;group={group}"' in page
    Device.objects.filter(pk=copier.pk).update(group=None)
    assert "No device is in this group." in _text(owner, f"/devices/?group={group}")


@pytest.mark.req("C-15")
def test_printers_have_a_link_to_their_own_page_at_the_site(owner: Client, seeded: SeedIds) -> None:
    page = owner.get("/devices/").content.decode()
    links = re.findall(r'<a class="own-page" href="([^"]+)"([^>]*)>', page)
    assert sorted(href for href, _rest in links) == ["http://192.0.2.41/", "http://[2001:db8::7]/"]
    assert all('rel="noopener noreferrer"' in rest for _href, rest in links)
    assert all("opens only within its network" in rest for _href, rest in links)


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("snmp://192.0.2.1/", "http://192.0.2.1/"),
        ("snmp://user@printer-3f.example/?version=3", "http://printer-3f.example/"),
        ("snmp://[fe80::1]:161/", "http://[fe80::1]/"),
        ("modbus-tcp://192.0.2.1/?unit=1", None),
        ("snmp://a b/", None),
        ("snmp://javascript:alert(1)/", "http://javascript/"),
        ("snmp://[::1/", None),
        ("", None),
    ],
)
def test_only_a_host_of_a_protocol_of_printers_has_a_page(url: str, page: str | None) -> None:
    document = f'{{"devices": [{{"name": "p", "url": "{url}"}}]}}'
    assert pages_in(document) == ({} if page is None else {"p": page})


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"devices": [3]}', '{"devices": [{}]}'])
def test_a_configuration_of_another_form_has_no_pages(document: str) -> None:
    assert pages_in(document) == {}


@pytest.mark.req("C-17")
@pytest.mark.req("C-18")
def test_who_sends_counters_and_never_a_status_is_normal_and_who_sends_nothing_is_pale(
    owner: Client, copier: Device
) -> None:
    Device.objects.filter(pk=copier.pk).update(
        reachability="never", state="other", reported_at=None, event_order=-1
    )
    page = owner.get(f"/devices/{copier.pk}/").content.decode()
    text = _text(owner, f"/devices/{copier.pk}/")
    assert re.search(r"3F copier Normal · last received", text)
    assert "No problems" in text
    assert "tone-error" not in page
    assert "Printers (2 of 2 available)" in _text(owner, "/")
    assert re.search(r"3F copier Kawasaki plant Normal", _text(owner, "/devices/"))
    copier.series.all().delete()
    text = _text(owner, f"/devices/{copier.pk}/")
    assert "Never reached" in text
    assert "No data yet" in text
    assert "Printers (1 of 2 available)" in _text(owner, "/")


def test_who_answered_before_its_gateway_was_started_again_is_not_normal_but_unreachable(
    owner: Client, copier: Device
) -> None:
    Device.objects.filter(pk=copier.pk).update(reachability="never", state="other")
    copier.conditions.create(
        code="comm.timeout", severity="error", component="", raised_at=timezone.now()
    )
    assert re.search(
        r"3F copier Unreachable · last received", _text(owner, f"/devices/{copier.pk}/")
    )
    assert "Printers (1 of 2 available)" in _text(owner, "/")
    assert re.search(r"3F copier Kawasaki plant Unreachable", _text(owner, "/devices/"))
