"""The pages beside the first: sites, gateways, devices, organization; and the donut."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import timezone

from drivers.report import State
from portal.accounts.models import Membership, Organization, Role, User
from portal.fleet.kinds import DeviceFamily
from portal.fleet.models import Box, Device, DeviceCondition, DeviceSupply, Gateway, Site
from portal.monitoring.operation import Operation
from portal.monitoring.supplies import supply_views

if TYPE_CHECKING:
    from tests.portal.web.seed import SeedIds

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def _text(client: Client, address: str) -> str:
    content = client.get(address).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


# --- the first page ------------------------------------------------------------------------------


def test_one_thing_that_needs_somebody_is_told_in_one_sentence(
    owner: Client, seeded: SeedIds
) -> None:
    DeviceCondition.objects.exclude(code="phase.lost").update(cleared_at=timezone.now())
    Device.objects.update(reachability="online")
    Box.objects.update(alive=True, last_heard_at=timezone.now())
    text = _text(owner, "/")
    assert re.search(r"Compressor 2 : phase lost on L2 \(since \d\d:\d\d \)", text)


@pytest.mark.parametrize("place", ["/", "/live/", "/sites/{site}/"])
def test_a_change_of_the_sentence_is_told_to_who_listens(
    owner: Client, seeded: SeedIds, place: str
) -> None:
    site = Device.objects.get(pk=seeded.meter).gateway.site_id
    page = owner.get(place.format(site=site)).content.decode()
    assert page.count('id="sentence"') == 1
    assert '<h1 id="sentence" aria-live="polite" aria-atomic="true">' in page


def test_the_sentence_is_japanese_for_who_reads_japanese(owner: Client, seeded: SeedIds) -> None:
    DeviceCondition.objects.exclude(code="phase.lost").update(cleared_at=timezone.now())
    Device.objects.update(reachability="online")
    Box.objects.update(alive=True, last_heard_at=timezone.now())
    owner.post("/language/", {"language": "ja", "next": "/"})
    assert re.search(r"Compressor 2 ：L2の欠相（ \d?\d:\d\d 発生）", _text(owner, "/"))


@pytest.mark.req("E-30")
def test_the_donut_counts_what_printers_are_doing_and_how_many_are_available(
    owner: Client, seeded: SeedIds
) -> None:
    text = _text(owner, "/")
    assert "Printers (2 of 2 available)" in text
    assert re.search(r"Printing 1 Ready 1 Error 0 Other 0", text)
    Device.objects.filter(name="copier").update(state="error")
    text = _text(owner, "/")
    assert "Printers (1 of 2 available)" in text
    assert re.search(r"Printing 0 Ready 1 Error 1 Other 0", text)


@pytest.mark.req("E-30")
def test_who_cannot_be_heard_is_neither_available_nor_what_it_was_last(
    owner: Client, seeded: SeedIds
) -> None:
    text = _text(owner, "/")
    assert "Meters (2 of 4 available)" in text  # one unreachable, one behind a silent gateway


def test_a_portal_of_meters_has_no_printers_in_it(owner: Client, seeded: SeedIds) -> None:
    Device.objects.filter(name__in=["copier", "label-printer"]).delete()
    assert "Printers" not in _text(owner, "/")


def test_the_arcs_of_a_donut_go_all_the_way_round() -> None:
    made = Operation(
        family=DeviceFamily.PRINTER,
        counts=((State.RUNNING, 1), (State.READY, 2), (State.ERROR, 0), (State.OTHER, 5)),
    )
    assert (made.available, made.total) == (3, 8)
    assert [(arc.state, arc.length, arc.offset) for arc in made.arcs] == [
        (State.RUNNING, 12.5, 0),
        (State.READY, 25, -12.5),
        (State.OTHER, 62.5, -37.5),
    ]


@pytest.mark.req("E-29")
def test_a_new_device_is_in_the_living_part_without_signing_in_again(
    owner: Client, seeded: SeedIds
) -> None:
    tag = owner.get("/live/").headers["ETag"]
    assert owner.get("/live/", headers={"If-None-Match": tag}).status_code == 304
    gateway = Device.objects.get(pk=seeded.meter).gateway
    Device.objects.create(gateway=gateway, name="new-copier", label="New copier")
    answer = owner.get("/live/", headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert "New copier" in answer.content.decode()


@pytest.mark.req("E-29")
@pytest.mark.parametrize(
    ("address", "asked"),
    [("/sites/", ""), ("/gateways/", ""), ("/devices/", "?q=new&sort=-name&group=")],
)
def test_the_lists_live_and_stay_as_they_were_asked_for(
    owner: Client, seeded: SeedIds, address: str, asked: str
) -> None:
    page = html.unescape(owner.get(address + asked).content.decode())
    polled = re.search(
        r'id="live" hx-get="([^"]+)" hx-trigger="every \d+s"[^>]* data-etag="(.*?)"\s', page
    )
    assert polled
    live, tag = polled.groups()
    assert live == f"{address}live/{asked.removesuffix('&group=')}"
    assert owner.get(live, headers={"If-None-Match": tag}).status_code == 304
    gateway = Device.objects.get(pk=seeded.meter).gateway
    Device.objects.create(gateway=gateway, name="new-copier", label="New copier")
    Box.objects.filter(gateway=gateway).update(alive=False)
    answer = owner.get(live, headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert "<html" not in answer.content.decode()
    if asked:
        assert re.findall(r'class="row-link"[^>]*>([^<]+)<', answer.content.decode()) == [
            "New copier"
        ]


# --- supplies ------------------------------------------------------------------------------------


@pytest.mark.req("E-32")
@pytest.mark.req("C-20")
def test_some_left_and_not_known_are_not_empty(owner: Client, seeded: SeedIds) -> None:
    text = _text(owner, f"/devices/{Device.objects.get(name='label-printer').pk}/")
    supplies = text[text.index("Supplies") : text.index("Latest readings")]
    assert "Black ink 12%" in supplies
    assert "Magenta ink Some left" in supplies
    assert "Yellow ink Unknown" in supplies
    assert "Maintenance tank T6997 41% free" in supplies


def test_a_supply_is_low_when_it_says_so_or_when_little_is_left() -> None:
    def shown(**fields: object) -> tuple[bool, bool, int | None, str]:
        (one,) = supply_views([DeviceSupply(kind="toner", **fields)])
        return one.low, one.some, one.level, one.value

    assert shown(level=80, state="ok") == (False, False, 80, "80%")
    assert shown(level=80, state="low") == (True, False, 80, "80%")
    assert shown(level=15, state="ok") == (True, False, 15, "15%")
    assert shown(level=None, state="empty") == (True, False, 0, "0%")
    assert shown(level=None, state="some_left") == (False, True, None, "Some left")
    assert shown(level=None, state="missing") == (True, False, None, "Missing")
    assert shown(level=None, state="from a newer gateway") == (False, False, None, "Unknown")


def test_a_kind_nobody_knows_keeps_the_devices_name() -> None:
    (one,) = supply_views([DeviceSupply(kind="flux", name="Flux capacitor", state="ok")])
    assert (one.name, one.own_name) == ("Flux capacitor", "")


# --- lists ---------------------------------------------------------------------------------------


@pytest.mark.req("C-15")
@pytest.mark.req("E-23")
def test_the_list_of_devices_is_sorted_as_asked_and_the_gravest_first_otherwise(
    owner: Client, seeded: SeedIds
) -> None:
    def names(address: str) -> list[str]:
        rows = re.findall(r'class="row-link"[^>]*>([^<]+)<', owner.get(address).content.decode())
        return [row.strip() for row in rows]

    assert names("/devices/")[:2] == ["Compressor 2", "Cold store"]
    by_name = [
        "3F copier",
        "Cold store",
        "Compressor 2",
        "Label printer",
        "Main incomer",
        "PV east",
    ]
    assert names("/devices/?sort=name") == by_name
    assert names("/devices/?sort=-name") == by_name[::-1]
    assert names("/devices/?q=roof&sort=site") == ["PV east"]
    assert names("/devices/?sort=heard")[0] == "PV east"
    assert sorted(names("/devices/?sort=nonsense")) == by_name
    assert names("/devices/?q=eastron+roof") == ["PV east"]
    assert names("/devices/?q=CP-0457781") == ["3F copier"]


@pytest.mark.req("C-15")
def test_the_columns_are_those_asked_for_and_sort_by_their_headings(
    owner: Client, seeded: SeedIds
) -> None:
    def names(address: str) -> list[str]:
        rows = re.findall(r'class="row-link"[^>]*>([^<]+)<', owner.get(address).content.decode())
        return [row.strip() for row in rows]

    page = owner.get("/devices/?sort=product").content.decode()
    heads = re.findall(
        r'<th scope="col" aria-sort="(\w+)"[^>]*><a [^>]*href="([^"]+)">([^<]+)<', page
    )
    assert [(title, order) for order, _href, title in heads] == [
        ("Name", "none"),
        ("Status", "none"),
        ("Model", "ascending"),
        ("Site", "none"),
        ("Location", "none"),
        ("Group", "none"),
        ("Last received", "none"),
    ]
    assert [href for _order, href, _title in heads][2:4] == ["?sort=-product", "?sort=site"]
    shop = Gateway.objects.get(name="Back office")
    Device.objects.create(gateway=shop, name="till", maker="Zeta", model="Till")
    group = shop.site.organization.device_groups.create(name="Front")
    counter = shop.site.installation_locations.create(name="Counter")
    Device.objects.filter(name="till").update(location=counter, group=group)
    for column, first in (("product", "Cold store"), ("site", "3F copier"), ("location", "till")):
        assert names(f"/devices/?sort={column}")[0] == first, column
        assert names(f"/devices/?sort=-{column}")[0] == "till", column
    Device.objects.create(gateway=shop, name="unknown")
    assert names("/devices/?sort=product")[-1] == names("/devices/?sort=-product")[-1] == "unknown"
    assert names("/devices/?sort=group")[0] == names("/devices/?sort=-group")[0] == "till"


def test_a_long_list_has_pages_and_keeps_what_was_asked_for(owner: Client, seeded: SeedIds) -> None:
    gateway = Device.objects.get(pk=seeded.meter).gateway
    Device.objects.bulk_create(
        Device(gateway=gateway, name=f"lp-{number:03}", maker="Zeta") for number in range(120)
    )

    def names(address: str) -> list[str]:
        rows = re.findall(r'class="row-link"[^>]*>([^<]+)<', owner.get(address).content.decode())
        return [row.strip() for row in rows]

    first, last = "/devices/?q=zeta&sort=-name", "/devices/?q=zeta&sort=-name&page=3"
    assert names(first) == [f"lp-{number:03}" for number in range(119, 69, -1)]
    assert names(last) == [f"lp-{number:03}" for number in range(19, -1, -1)]
    assert names("/devices/?q=zeta&page=99999999999999999999") == names("/devices/?q=zeta")
    assert names(last.replace("=3", "=99")) == names(last)
    text = _text(owner, last)
    assert "101–120 of 120" in text
    assert "120 devices" in text
    page = html.unescape(owner.get(first).content.decode())
    assert 'href="/devices/?q=zeta&sort=-name&page=2" rel="next"' in page
    assert 'hx-get="/devices/live/?q=zeta&sort=-name"' in page
    assert names("/devices/live/?q=zeta&sort=-name&page=3") == names(last)


def test_a_preview_shows_the_most_urgent_and_leads_to_all(owner: Client, seeded: SeedIds) -> None:
    gateway = Device.objects.get(pk=seeded.meter).gateway
    Device.objects.bulk_create(Device(gateway=gateway, name=f"lp-{n}") for n in range(40))
    urgent = Device.objects.create(gateway=gateway, name="zz", reachability="unreachable")
    page = owner.get("/").content.decode()
    assert f'id="device-{urgent.pk}"' in page
    assert page.count('class="card device') <= 12 + 12
    assert f'<a class="secondary" href="/devices/?gateway={gateway.pk}">All 46 devices</a>' in page
    assert "47 devices" in _text(owner, "/")
    listed = owner.get(f"/devices/?gateway={gateway.pk}").content.decode()
    assert listed.count('class="row-link"') == 46
    assert "Plant room" in listed
    assert "PV east" not in listed
    foreign = Gateway.objects.get(name="Their gateway")
    assert "secret-meter" not in owner.get(f"/devices/?gateway={foreign.pk}").content.decode()


def test_a_search_takes_no_account_of_case_and_width(owner: Client, seeded: SeedIds) -> None:
    def names(words: str) -> list[str]:
        page = owner.get("/devices/", {"q": words}).content.decode()
        return re.findall(r'class="row-link"[^>]*>([^<]+)<', page)

    assert names("３ｆ") == names("3F COPIER") == ["3F copier"]
    store = Device.objects.get(name="cold-store")
    store.location = store.gateway.site.installation_locations.create(name="ｶﾜｻｷ")
    store.save(update_fields=["location"])
    assert names("カワサキ") == ["Cold store"]
    assert names("100%_") == []


@pytest.mark.req("C-17")
def test_only_the_gravest_of_service_call_error_and_warning_shows_and_normal_without_any(
    owner: Client, seeded: SeedIds
) -> None:
    copier = Device.objects.get(name="copier")
    graver = (
        ("service_call", "hardware.failure", "Hardware failure"),
        ("error", "media.jam", "Paper jam"),
        ("warning", "supply.low", "Supply low"),
    )
    for severity, code, _said in graver:
        DeviceCondition.objects.create(
            device=copier, code=code, severity=severity, raised_at=timezone.now()
        )
    for severity, code, said in graver:
        page = owner.get("/devices/?q=copier").content.decode()
        assert re.findall(r'class="tone-(\w+) worst"', page) == [severity]
        assert said in page
        card = owner.get("/").content.decode()
        card = card[card.index(f'id="device-{copier.pk}"') :]
        assert re.findall(r'<div class="condition tone-(\w+)"', card[: card.index("</li>")]) == [
            severity
        ]
        DeviceCondition.objects.filter(code=code).update(cleared_at=timezone.now())
    page = owner.get("/devices/?q=copier").content.decode()
    assert 'worst"' not in page
    assert "state tone-good" in page


def test_a_search_without_a_match_says_so_and_shows_the_way_back(
    owner: Client, seeded: SeedIds
) -> None:
    text = _text(owner, "/devices/?q=<script>")
    assert "No device matches “&lt;script&gt;”." in text
    assert "Show all devices" in text


def test_gateways_are_listed_the_faulty_first(owner: Client, seeded: SeedIds) -> None:
    text = _text(owner, "/gateways/")
    assert text.index("Roof") < text.index("Plant room") < text.index("Back office")


def test_a_site_says_what_needs_somebody_there_alone(owner: Client, seeded: SeedIds) -> None:
    shop = Site.objects.get(name="Shibuya shop")
    text = _text(owner, f"/sites/{shop.pk}/")
    assert "Compressor 2" not in text
    assert "Waiting for the gateway's first connection" in text
    plant = Site.objects.get(name="Kawasaki plant")
    assert "3 items need attention" in _text(owner, f"/sites/{plant.pk}/")
    assert re.search(r"Kawasaki plant Aoyama Foods 3 items need attention", _text(owner, "/sites/"))


def test_a_gateway_shows_its_box_and_its_devices_only(owner: Client, seeded: SeedIds) -> None:
    gateway = Gateway.objects.get(name="Plant room")
    text = _text(owner, f"/gateways/{gateway.pk}/")
    assert "b-4xk2m7q9wd" in text
    assert "Main incomer" in text
    assert "PV east" not in text


def test_nobody_is_told_of_other_peoples_places(stranger: Client, seeded: SeedIds) -> None:
    for address in ("/sites/", "/gateways/", "/devices/", "/organizations/"):
        text = _text(stranger, address)
        assert "Kawasaki" not in text
        assert "Aoyama" not in text
        assert "Compressor" not in text


# --- the organization ----------------------------------------------------------------------------


@pytest.mark.req("E-15")
def test_one_administrator_alone_is_warned_of_until_there_are_two(
    owner: Client, seeded: SeedIds
) -> None:
    assert "only one administrator" in _text(owner, "/organizations/")
    second = User.objects.create_user("second@example.com", given_name="Jiro")
    Membership.objects.create(
        user=second,
        organization=Organization.objects.get(pk=seeded.organization),
        role=Role.ADMINISTRATOR,
    )
    text = _text(owner, "/organizations/")
    assert "only one administrator" not in text
    assert "Jiro" in text
