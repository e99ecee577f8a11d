from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from cloud_link.columns import wire_condition
from console.templates import condition, evidence
from console.text import Message, verbatim
from drivers.report import Code, Condition, Evidence, EvidenceKind, Severity
from portal.accounts.models import Organization, User
from portal.fleet.heartbeat import ConfigurationCache
from portal.fleet.models import Box, Device, DeviceCondition, Gateway
from portal.ingest.condition_texts import condition_texts
from portal.ingest.models import Latest, Series
from tests.portal.monitoring.page_text import page_text

if TYPE_CHECKING:
    from tests.portal.web.seed import SeedIds

pytestmark = pytest.mark.django_db
LIVE = "/live/"


@pytest.mark.req("C-17")
def test_the_first_page_begins_with_what_needs_you_the_gravest_first(owner: Client) -> None:
    text = page_text(owner, "/")
    assert "3 items need attention" in text
    needs = text[: text.index("Kawasaki plant")]
    assert needs.index("Roof") < needs.index("Compressor 2") < needs.index("Cold store")
    assert "Compressor 2 : phase lost on L2 (since" in needs
    assert "Maintenance due" not in text  # one device shows its gravest only


def test_when_all_is_well_it_says_so(owner: Client, seeded: SeedIds) -> None:
    DeviceCondition.objects.update(cleared_at=timezone.now())
    Device.objects.update(reachability="online")
    Box.objects.update(alive=True, last_heard_at=timezone.now())
    assert "Nothing needs attention" in page_text(owner, "/")


def test_a_silent_gateway_is_one_fact_however_many_devices_it_has(
    owner: Client, seeded: SeedIds
) -> None:
    Box.objects.filter(alive=True).update(last_heard_at=timezone.now() - timedelta(seconds=151))
    text = page_text(owner, "/")
    assert "2 items need attention" in text
    assert "Cold store" not in text[: text.index("Kawasaki plant")]


def test_a_gateway_whose_session_ended_is_silent_at_once(owner: Client, seeded: SeedIds) -> None:
    Box.objects.filter(box_id="b-4xk2m7q9wd").update(alive=False)
    assert "2 items need attention" in page_text(owner, "/")


def test_nobody_sees_what_is_somebody_elses(owner: Client, stranger: Client) -> None:
    assert "Their meter" not in page_text(owner, "/")
    assert "Main incomer" not in page_text(stranger, "/")


def test_readings_are_exact_and_in_readable_units(owner: Client, seeded: SeedIds) -> None:
    series = Series.objects.get(device=seeded.meter, quantity="energy.import")
    Latest.objects.filter(series=series).update(value=9_007_199_254_740_993)
    assert "9,007,199,254,740.993 kWh" in page_text(owner, "/")
    assert "9,007,199,254,740.993 kWh" in page_text(owner, f"/devices/{seeded.meter}/")


@pytest.mark.req("C-20")
def test_a_value_that_could_not_be_had_is_a_dash_with_its_reason(
    owner: Client, seeded: SeedIds
) -> None:
    compressor = Device.objects.get(name="compressor-2")
    text = page_text(owner, f"/devices/{compressor.pk}/")
    assert re.search(r"Voltage L1 230.4 V L2 – Not available", text)


def test_conditions_show_their_evidence(owner: Client, seeded: SeedIds) -> None:
    compressor = Device.objects.get(name="compressor-2")
    text = page_text(owner, f"/devices/{compressor.pk}/")
    assert "Voltage on L2 is missing" in text
    assert "Evidence (1 value)" in text
    assert "Modbus holding 32008 0x2 Bit 1 is set profile acme-x1" in text
    assert "Maintenance due" in text


def test_empty_states_say_what_comes_next(db: None) -> None:
    user = User.objects.create_user("new@example.com")
    Organization.objects.create(name="New").members.add(user)
    client = Client()
    client.force_login(user)
    assert "No gateway has been added yet" in page_text(client, "/")


def test_a_gateway_never_heard_is_waited_for_and_not_a_fault(
    owner: Client, seeded: SeedIds
) -> None:
    Gateway.objects.exclude(name="Back office").filter(site__organization=seeded.organization).get(
        name="Roof"
    ).devices.all().delete()
    text = page_text(owner, "/")
    assert "This gateway has not connected yet" in text
    assert "Never connected" in text


def _queries(client: Client, address: str, tag: str = "") -> int:
    with CaptureQueriesContext(connection) as queries:
        client.get(address, headers={"If-None-Match": tag} if tag else {})
    return len(queries)


def test_the_number_of_queries_does_not_grow_with_the_fleet(owner: Client, seeded: SeedIds) -> None:
    owner.get("/")  # which remembers what the configurations say
    before = _queries(owner, "/")
    gateway = Device.objects.get(pk=seeded.meter).gateway
    for number in range(20):
        device = Device.objects.create(gateway=gateway, name=f"more-{number}")
        series = Series.objects.create(device=device, quantity="voltage", resolution=-1)
        Latest.objects.create(series=series, at=1, value=2300, quality=0)
    assert _queries(owner, "/") == before <= 48  # the report of what was printed is in it
    tag = owner.get(LIVE).headers["ETag"]
    # Who operates the portal is told of its alarms, too; who bills only is kept out.
    assert _queries(owner, LIVE, tag) <= 14


def test_the_number_of_queries_does_not_grow_with_gateways_and_unseen_configurations(
    owner: Client, seeded: SeedIds
) -> None:
    site = Gateway.objects.get(name="Back office").site

    def more(first: int, last: int) -> None:
        for number in range(first, last):
            document = f'{{"gateway": {{"heartbeat_s": {number}}}}}'
            site.gateways.create(name=f"more-{number}").configurations.create(
                digest=f"{number:064}", document=document, at=timezone.now(), order=1
            )

    more(1000, 1001)
    pages = ("/", "/sites/", "/gateways/", "/devices/", f"/sites/{site.pk}/")
    before = {address: _queries(owner, address) for address in pages}
    for number, address in enumerate(pages):
        more(2000 + 10 * number, 2010 + 10 * number)
        assert _queries(owner, address) <= before[address] + 1, address
    kept = ConfigurationCache(len, most=3)
    digests = [f"{number:064}" for number in range(2000, 2010)]
    for _again in range(2):
        assert set(kept(digests)) == set(digests)
    with CaptureQueriesContext(connection) as queries:
        kept(digests[-1:] * 2)
        kept([])
    assert len(queries) <= 1


# --- polling ----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["overview", "device"])
def test_an_unchanged_page_answers_304_and_a_changed_one_answers_anew(
    page: str, owner: Client, seeded: SeedIds
) -> None:
    whole, live = (
        ("/", LIVE)
        if page == "overview"
        else (f"/devices/{seeded.meter}/", f"/devices/{seeded.meter}/live/")
    )
    found = re.search(r'data-etag="([^"]+)"', owner.get(whole).content.decode())
    assert found
    tag = found.group(1).replace("&quot;", '"')
    unchanged = owner.get(live, headers={"If-None-Match": tag})
    assert unchanged.status_code == 304
    assert not unchanged.content
    latest = Latest.objects.filter(series=seeded.power)
    latest.update(at=latest.get().at + 1)
    Box.objects.filter(alive=True).update(last_heard_at=timezone.now())  # as with every message
    changed = owner.get(live, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
    assert "no-cache" in changed.headers["Cache-Control"]


def test_events_and_passing_time_change_the_tag_and_foreign_news_does_not(
    owner: Client, seeded: SeedIds
) -> None:
    first = owner.get(LIVE).headers["ETag"]
    Latest.objects.filter(series=seeded.foreign_power).update(at=1)
    assert owner.get(LIVE).headers["ETag"] == first
    Device.objects.filter(pk=seeded.meter).update(event_order=11)
    second = owner.get(LIVE).headers["ETag"]
    assert second != first
    Box.objects.filter(box_id="b-4xk2m7q9wd").update(alive=False)
    third = owner.get(LIVE).headers["ETag"]
    assert third != second


def test_another_language_is_another_page(owner: Client, seeded: SeedIds) -> None:
    tag = owner.get(LIVE).headers["ETag"]
    owner.post(reverse("language"), {"language": "ja", "next": "/"})
    answer = owner.get(LIVE, headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert "対応が必要な項目が" in answer.content.decode()


# --- what every page keeps --------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/", "/sign-in/", "/devices/99999/", "/nowhere/"])
def test_no_page_allows_or_holds_inline_script_or_style(address: str, owner: Client) -> None:
    browser = Client() if address == "/sign-in/" else owner
    response = browser.get(address)
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    content = response.content.decode()
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", content)
    assert re.search(r'<html lang="\w+">', content)
    assert '<main id="main"' in content


def test_what_a_page_shows_is_not_kept_for_the_next_person(owner: Client) -> None:
    assert "no-store" in owner.get("/").headers["Cache-Control"]


def test_a_page_that_fails_looks_like_ours(owner: Client) -> None:
    from django.template.loader import render_to_string

    for name in ("403.html", "403_csrf.html", "500.html"):
        assert "Kanmon" in render_to_string(name)
    assert "Page not found" in page_text(owner, "/nowhere/")


def test_what_the_gateway_said_of_a_device_is_said_in_the_readers_language(
    owner: Client, seeded: SeedIds
) -> None:
    fault = DeviceCondition.objects.get(code="phase.lost")
    page = f"/devices/{fault.device_id}/"
    owner.post(reverse("language"), {"language": "ja", "next": "/"})
    other = condition.OTHER_DEVICE()
    cases = [
        (other, "このアドレスで、シリアル番号の異なる機器が応答しています</span>"),
        (
            condition.ALERT(name="a; 'b'「c」"),
            "プリンターからの通知：a; &#x27;b&#x27;「c」</span>",
        ),
        (
            verbatim("Phase lost, L2."),
            'L2の欠相</b>\n    <span class="severity">エラー</span>\n    \n    <span',
        ),
        (
            verbatim("Cover on Tray 2 is missing"),
            '<span class="message" lang="en">Cover on Tray 2 is',
        ),
        (verbatim("ｶﾊﾞｰ ｶﾞ ｱｲﾃｲﾏｽ"), '<span class="message">ｶﾊﾞｰ ｶﾞ ｱｲﾃｲﾏｽ<'),
        (
            Message("of.a_newer_gateway", text="Newer fault"),
            '<span class="message" lang="en">Newer fault<',
        ),
    ]
    for message, shown in cases:
        fault.message, fault.message_id = str(message), message.id
        fault.message_args = message.args_json()
        fault.save()
        assert shown in owner.get(page).content.decode()


def test_evidence_of_an_older_gateway_is_one_cell_across_the_row(
    owner: Client, seeded: SeedIds
) -> None:
    fault = DeviceCondition.objects.get(code="phase.lost")
    fault.evidence, fault.source = [], "holding 32008 <bit 1> is set"
    fault.save()
    page = owner.get(f"/devices/{fault.device_id}/").content.decode()
    shown = page[page.index(f'id="evidence-{fault.pk}"') :].partition("</details>")[0]
    text = "holding 32008 &lt;bit 1&gt; is set"
    assert f'<td colspan="3"><span lang="en">{text}</span></td>' in shown
    assert shown.count("<td") == 1
    assert "<th" not in shown, "no headings of columns that are not there"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_a_device_says_is_shown_in_one_piece(
    owner: Client, seeded: SeedIds, language: str
) -> None:
    hostile = "jam; 'tray' \"2\" -> (a, b); 「c」 {place} \u202e <b>"
    seen = Evidence(
        kind=EvidenceKind.KEYWORD,
        address=hostile,
        label=hostile,
        value=hostile,
        meaning=evidence.SERIAL(previous=hostile),
        profile=hostile,
    )
    placed = condition.PLACED(what=condition.MEDIA_JAM(), place=hostile)
    fault = DeviceCondition.objects.get(code="phase.lost")
    sent = Condition(
        code=Code.PHASE_LOST,
        severity=Severity.ERROR,
        message=placed,
        evidence=(seen,),
        next_step=verbatim(hostile),
    )
    for name, value in condition_texts(wire_condition(sent)).items():
        setattr(fault, name, value)
    fault.save()
    owner.post(reverse("language"), {"language": language, "next": "/"})
    page = owner.get(f"/devices/{fault.device_id}/").content.decode().replace("<wbr>", "")
    assert page.count(str(escape(hostile)).replace("\u202e", r"\u202e")) >= 7


@pytest.mark.parametrize(("given", "shown"), [(5_000_000, "5,000.000"), (3, "1,234.567")])
def test_a_card_shows_the_energy_that_a_device_counts_most_of(
    owner: Client, seeded: SeedIds, given: int, shown: str
) -> None:
    Series.objects.filter(device=seeded.meter, quantity__startswith="energy").delete()
    for quantity, value in (("energy.import", 1_234_567), ("energy.export", given)):
        series = Series.objects.create(
            device_id=seeded.meter, quantity=quantity, part="", resolution=0
        )
        Latest.objects.create(series=series, at=0, value=value, quality=0)
    page = owner.get("/").content.decode()
    card = page[page.index(f'href="/devices/{seeded.meter}/"') :]
    assert shown in card[: card.index("</li>")]
