"""What a real browser does with the pages: they live, stay readable, and say when they cannot."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.portal.web.browsing import BASICS, RUN_AXE, Running, polling, signed_in, sound

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.timeout(240), pytest.mark.first]


def test_what_looks_for_faults_finds_them(portal: Running, browser: Browser) -> None:
    """The control: a page with faults in it does not pass for sound."""
    with signed_in(browser, portal, "en") as page:
        page.evaluate("document.querySelector('main').append(document.createElement('button'))")
        with pytest.raises(AssertionError):
            sound(page)
        found = {rule for rule, _ in page.evaluate(RUN_AXE)}
        assert "button-name" in found


def test_the_page_follows_the_site_without_reloading_and_keeps_the_focus(
    portal: Running, browser: Browser
) -> None:
    with signed_in(browser, portal, "en", polls=True) as page:
        page.evaluate("window.sameDocument = true")
        link = f"#device-link-{portal.seeded['meter']}"
        page.focus(link)
        portal.database(
            f"Latest.objects.filter(series_id={portal.seeded['power']})"
            ".update(value=777770, at=int(timezone.now().timestamp() * 1000)); "
            "Box.objects.filter(alive=True).update(last_heard_at=timezone.now())"
        )
        page.wait_for_selector("text=77.78", timeout=15_000)
        assert page.evaluate("window.sameDocument")
        assert page.evaluate("document.activeElement.id") == link[1:]


def test_what_a_reader_opened_stays_open_while_the_figures_round_it_change(
    portal: Running, browser: Browser
) -> None:
    with signed_in(browser, portal, "en", polls=True) as page:
        page.goto(f"{portal.url}/operation/")
        page.click("#live details summary >> nth=0")
        portal.database(
            "from django.db.models import F; "
            "Device.objects.filter(name='label-printer')"
            ".update(state='running', event_order=F('event_order') + 1)"
        )
        page.wait_for_selector("#live .device .state.tone-good >> nth=1", timeout=30_000)
        assert page.evaluate("document.querySelector('#live details').open")


def test_unchanged_polls_are_answered_304(portal: Running, browser: Browser) -> None:
    with (
        signed_in(browser, portal, "en", polls=True) as page,
        page.expect_response(
            lambda answer: answer.url.endswith("/live/") and answer.status == 304, timeout=15_000
        ),
    ):
        pass


HOSTILE = {
    "label": "\N{RIGHT-TO-LEFT OVERRIDE}" + "<img src=x onerror=alert(1)>" + "W" * 160,
    "model": "\N{RIGHT-TO-LEFT ISOLATE}" + "M" * 90,
    "serial": "\N{ARABIC LETTER ALEF}" * 100,
    "maker": "\N{FAMILY}" * 100,
}
"""As long as the portal keeps them, without a place to break a line."""
HOSTILE_EVIDENCE = {
    "kind": "k" * 100,
    "address": "1." * 600,
    "label": "l" * 500,
    "value": "\N{RIGHT-TO-LEFT OVERRIDE}" + "v" * 2_000,
    "meaning": "m" * 500,
    "meaning_id": "",
    "meaning_args": {},
    "profile": "p" * 500,
}


def test_what_a_device_calls_itself_neither_turns_a_sentence_round_nor_widens_a_page(
    portal: Running, browser: Browser
) -> None:
    made = portal.database(
        "place = InstallationLocation.objects.create(site_id=1, name='L' * 100); "
        f"d = Device.objects.create(gateway_id=1, name='hostile', reachability='online', "
        f"state='error', location=place, **{HOSTILE!r}); "
        "d.conditions.create(code='media.jam', component='x' * 100, severity='service_call', "
        "message='\\u202e' + 'm' * 499, source='s' * 500, raised_at=timezone.now(), "
        f"evidence=[{HOSTILE_EVIDENCE!r}]); "
        "d.supplies.create(kind='k' * 32, name='n' * 200, state='ok'); print(d.pk); "
        "Box.objects.filter(gateway_id=1).update(alive=True, last_heard_at=timezone.now())"
    ).strip()
    try:
        with signed_in(browser, portal, "en", viewport={"width": 360, "height": 800}) as page:
            for place in ("", "devices/", f"devices/{made}/", "operation/", "gateways/", "sites/1/",
                          f"devices/{made}/edit/", f"devices/{made}/usage/"):  # fmt: skip
                page.goto(f"{portal.url}/{place}")
                page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
                assert page.evaluate(BASICS)["wide"] == [], place
            page.goto(portal.url)
            turned = page.evaluate(
                """(pk) => {
                  const link = document.querySelector(`.verdict a[href="/devices/${pk}/"]`);
                  const after = document.createRange();
                  after.selectNodeContents(link.nextSibling);
                  const [last] = [...link.getClientRects()].slice(-1);
                  const [next] = after.getClientRects();
                  return next.bottom <= last.bottom && next.left < last.right - 1;
                }""",
                made,
            )
            assert not turned
    finally:
        portal.database(f"Device.objects.filter(pk={made}).delete()")


def test_a_page_whose_thing_is_gone_says_so_instead_of_standing_still(
    portal: Running, browser: Browser
) -> None:
    made = portal.database(
        "print(Device.objects.create(gateway_id=1, name='short-lived', label='Short-lived').pk)"
    ).strip()
    with polling(browser) as context:
        page = context.new_page()
        page.goto(portal.link())
        page.click("main button.primary")
        page.goto(f"{portal.url}/devices/{made}/")
        portal.database(f"Device.objects.filter(pk={made}).delete()")
        page.wait_for_selector("main .errno", timeout=15_000)
        assert page.inner_text("main .errno") == "404"


def test_a_portal_that_is_away_is_said_so_and_forgotten_when_it_is_back(
    portal: Running, browser: Browser
) -> None:
    with polling(browser) as context:
        page = context.new_page()
        page.goto(portal.link())
        page.click("main button.primary")
        for place in ("", "devices/", f"devices/{portal.seeded['meter']}/"):
            page.goto(f"{portal.url}/{place}")
            context.set_offline(True)
            page.wait_for_selector("#lost:not([hidden])", timeout=15_000)
            assert "cannot be reached" in page.inner_text("#lost")
            assert page.is_visible("text=Main incomer >> nth=0"), "what was there stays to read"
            context.set_offline(False)
            page.wait_for_selector("#lost", state="hidden", timeout=15_000)


def test_a_session_that_ends_while_a_page_polls_leads_to_the_door_and_back(
    portal: Running, browser: Browser
) -> None:
    with polling(browser) as context:
        page = context.new_page()
        page.goto(portal.link())
        page.click("main button.primary")
        page.goto(f"{portal.url}/devices/?sort=name")
        portal.database(
            "from django.contrib.sessions.models import Session; Session.objects.all().delete()"
        )
        page.wait_for_url("**/sign-in/?next=/devices/**", timeout=15_000)
        assert "sort" in page.input_value("input[name=next]")


def test_the_keyboard_reaches_the_content_past_the_bar(portal: Running, browser: Browser) -> None:
    with signed_in(browser, portal, "en") as page:
        page.goto(portal.url)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_a_viewer_elsewhere_is_told_whose_time_it_is(portal: Running, browser: Browser) -> None:
    with polling(browser, timezone_id="Europe/Paris") as context:
        page = context.new_page()
        page.goto(portal.link())
        page.click("main button.primary")
        page.goto(f"{portal.url}/")
        page.wait_for_selector(".site-head .zone.differs")
        assert "the site's time zone, not yours" in page.inner_text(".site-head >> nth=0")
        said = page.inner_text(".verdict li >> nth=0")
        assert re.search(r"received \d\d:\d\d \(Asia/Tokyo\)\)$", said), said
        portal.database(
            f"Latest.objects.filter(series_id={portal.seeded['power']})"
            ".update(value=555550, at=int(timezone.now().timestamp() * 1000)); "
            "Box.objects.filter(alive=True).update(last_heard_at=timezone.now())"
        )
        page.wait_for_selector("text=55.56", timeout=15_000)
        assert page.inner_text(".verdict li >> nth=0") == said, "once, also after it was swapped in"
        page.goto(f"{portal.url}/devices/{portal.seeded['meter']}/")
        page.wait_for_selector(".zone.differs")


def test_choosing_a_series_draws_it(portal: Running, browser: Browser) -> None:
    with signed_in(browser, portal, "en") as page:
        page.goto(f"{portal.url}/devices/{portal.seeded['meter']}/")
        page.select_option("#series", label="Energy imported")
        page.wait_for_url("**series=**")
        page.wait_for_selector("#chart[data-drawn] canvas")
        assert "Increase over 24 hours" in page.inner_text("figcaption")


def test_without_scripts_the_same_is_there_to_read(portal: Running, browser: Browser) -> None:
    with signed_in(browser, portal, "en", java_script_enabled=False) as page:
        assert page.is_visible("main >> text=Kawasaki plant >> nth=0")
        page.goto(f"{portal.url}/devices/{portal.seeded['meter']}/")
        page.click("text=Show as a table")
        assert page.is_visible("text=Lowest >> nth=0")
        page.select_option("#series", label="Energy imported")
        page.click(".chooser button")
        assert "series=" in page.url


def test_without_scripts_a_site_is_chosen_and_the_reader_signs_out(
    portal: Running, browser: Browser
) -> None:
    with signed_in(browser, portal, "ja", java_script_enabled=False) as page:
        page.goto(f"{portal.url}/devices/")
        assert page.is_visible("text=Main incomer")
        page.click(".picker > summary")
        page.click(".picker button:has-text('Shibuya shop')")
        assert page.url == f"{portal.url}/devices/"
        assert page.inner_text(".picker > summary").strip().endswith("Shibuya shop")
        assert not page.is_visible("text=Main incomer")
        page.click(".picker > summary")
        page.click(".picker button:has-text('すべての拠点')")
        assert page.is_visible("text=Main incomer")
        page.click(".me > summary")
        page.click(".me button:has-text('ログアウト')")
        page.wait_for_url("**/sign-in/**")


def test_the_headings_of_a_list_stay_while_it_is_scrolled(
    portal: Running, browser: Browser
) -> None:
    with signed_in(browser, portal, "en", viewport={"width": 1200, "height": 300}) as page:
        page.goto(f"{portal.url}/devices/")
        page.evaluate("document.querySelector('.list tbody tr').scrollIntoView()")
        page.evaluate("scrollBy(0, 40)")
        top = "document.querySelector('.list {} th').getBoundingClientRect().top"
        assert page.evaluate(top.format("tbody")) < -20, "the control: the list is scrolled"
        assert page.evaluate(top.format("thead")) == 0


def test_one_menu_is_open_at_a_time_and_escape_closes_it(portal: Running, browser: Browser) -> None:
    with signed_in(browser, portal, "en") as page:
        page.goto(f"{portal.url}/devices/")
        page.click(".picker > summary")
        page.click(".me > summary")
        assert not page.is_visible(".picker .menu-panel")
        assert page.is_visible(".me .menu-panel")
        page.keyboard.press("Escape")
        assert not page.is_visible(".me .menu-panel")
        assert page.evaluate("document.activeElement.matches('.me > summary')")
        page.click(".me > summary")
        page.click("h1")
        assert not page.is_visible(".me .menu-panel")


def test_the_entries_stand_at_the_lower_edge_of_a_phone_and_cover_nothing(
    portal: Running, browser: Browser
) -> None:
    view = {"width": 360, "height": 740}
    with signed_in(browser, portal, "ja", viewport=view, has_touch=True) as page:
        page.goto(f"{portal.url}/devices/")
        found = page.evaluate(
            """() => {
              scrollTo(0, document.body.scrollHeight);
              const bar = document.querySelector(".places").getBoundingClientRect();
              const entries = [...document.querySelectorAll(".places a")];
              const last = [...document.querySelectorAll("main *")]
                .map((one) => one.getBoundingClientRect().bottom);
              return {
                bottom: bar.bottom, width: bar.width,
                low: Math.max(...last) - bar.top,
                small: entries.map((one) => one.getBoundingClientRect())
                  .filter((box) => box.height < 44 || box.width < 44).length,
                words: entries.map((one) => one.innerText.trim()),
              };
            }"""
        )
        assert (found["bottom"], found["width"], found["small"]) == (740, 360, 0)
        assert found["low"] <= 0
        assert found["words"] == ["ホーム", "エネルギー", "印刷", "機器", "拠点"]
