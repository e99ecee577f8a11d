"""A real browser walks every page, at phone and desktop width, in both languages."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from portal.environment import PACKAGE
from tests import peers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.timeout(240)]

_HERE = Path(__file__).parent
BASICS = (_HERE / "basics.js").read_text("utf-8")
CONTRAST = (_HERE / "contrast.js").read_text("utf-8")


@dataclass(frozen=True)
class Running:
    """A portal that serves the seeded fleet."""

    url: str
    environ: dict[str, str]
    seeded: dict[str, int]

    def link(self) -> str:
        done = _run(
            [sys.executable, "-m", "portal.cli", "sign-in-link", "a@example.com"], self.environ
        )
        return done.strip()

    def database(self, code: str) -> str:
        """Run a line of Django code against the portal's database."""
        setup = "import django; django.setup(); from portal.fleet.models import *; "
        setup += "from portal.ingest.models import *; from django.utils import timezone; "
        return _run([sys.executable, "-c", setup + code], self.environ)


def _run(command: list[str], environ: dict[str, str]) -> str:
    done = subprocess.run(
        command, env=environ, cwd=PACKAGE.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("browser")
    port = peers.free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {k: v for k, v in os.environ.items() if not k.startswith("KANMON")} | {
        "KANMON_PORTAL_STATE": str(folder / "state"),
        "KANMON_PORTAL_URL": url,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    _run([sys.executable, "scripts/assets"], environ)
    _run([sys.executable, "-m", "portal.cli", "migrate"], environ)
    _run([sys.executable, "-m", "portal.cli", "authority", "init"], environ)
    seed = (
        "import django, json, dataclasses; django.setup(); from django.utils import timezone; "
        "from tests.portal.web.seed import seed; "
        "print(json.dumps(dataclasses.asdict(seed(timezone.now(), email='a@example.com'))))"
    )
    seeded = json.loads(_run([sys.executable, "-c", seed], environ))
    with _server(folder / "log", port, environ):
        yield Running(url=url, environ=environ, seeded=seeded)


@contextmanager
def _server(log: Path, port: int, environ: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "portal.cli", "serve", "--bind", f"127.0.0.1:{port}"]
    daemon = peers.Daemon(command=["env", *_assignments(environ), *command], port=port, log=log)
    daemon.start()
    try:
        yield
    finally:
        daemon.stop()


def _assignments(environ: dict[str, str]) -> list[str]:
    return [
        f"{name}={value}"
        for name, value in environ.items()
        if name.startswith(("KANMON", "DJANGO"))
    ]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=peers.find("chromium"),
            args=["--no-sandbox", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@contextmanager
def _signed_in(browser: Browser, portal: Running, language: str, **context: Any) -> Iterator[Page]:
    """A page signed in by link; fails the test for anything the browser complains about."""
    complaints: list[str] = []
    with browser.new_context(timezone_id="Asia/Tokyo", **context) as opened:
        page = opened.new_page()
        page.on(
            "console",
            lambda m: complaints.append(m.text) if m.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(portal.link())
        page.click("main button.primary")
        page.click(f"button[value={language}]")
        yield page
        assert not complaints


AXE = PACKAGE.parent / "node_modules" / "axe-core" / "axe.min.js"
_RUN_AXE = """() => axe.run(document, {resultTypes: ["violations"]}).then((found) =>
  found.violations.filter((v) => ["serious", "critical"].includes(v.impact))
    .map((v) => [v.id, v.nodes.map((node) => node.html)]))"""


def _sound(page: Page) -> None:
    faults = {name: found for name, found in page.evaluate(BASICS).items() if found}
    assert not faults, page.url
    assert not page.evaluate(CONTRAST), page.url
    page.evaluate(AXE.read_text("utf-8"))
    assert not page.evaluate(_RUN_AXE), page.url


@pytest.mark.req("E-2")
@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_sound_at_phone_and_desktop_width_in_both_languages(
    portal: Running, browser: Browser, width: int, language: str, scheme: str
) -> None:
    view = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    group = portal.database(
        "print(DeviceGroup.objects.get_or_create(organization_id=1, name='3階')[0].pk)"
    ).strip()
    with _signed_in(browser, portal, language, **view) as page:
        assert page.get_attribute("html", "lang") == language
        _sound(page)
        page.goto(f"{portal.url}/devices/{portal.seeded['meter']}/")
        page.wait_for_selector("#chart[data-drawn] canvas")
        for summary in page.query_selector_all("summary"):
            summary.click()
        _sound(page)
        for place in (
            "sites/",
            "sites/1/",
            "gateways/",
            "gateways/1/",
            "devices/",
            "devices/5/edit/",
            f"groups/{group}/",
            f"devices/?group={group}",
        ):
            page.goto(f"{portal.url}/{place}")
            _sound(page)
        page.goto(f"{portal.url}/organizations/")
        _sound(page)
        energy = f"devices/{portal.seeded['meter']}/energy/"
        for place in (
            energy,
            f"{energy}?by=demand",
            f"{energy}?by=month",
            "sites/1/energy/?by=day",
        ):
            page.goto(f"{portal.url}/{place}")
            _sound(page)
        page.goto(f"{portal.url}/keys/")
        _sound(page)
        page.fill("input[name=site]", "Kawasaki plant")
        page.click(".fields button.primary")
        page.wait_for_selector(".qr svg")
        _sound(page)
        page.goto(f"{portal.url}/sign-out/")
        _sound(page)
        page.click("main button.primary")
        page.wait_for_url("**/sign-in/**")
        _sound(page)


def test_what_looks_for_faults_finds_them(portal: Running, browser: Browser) -> None:
    """The control: a page with faults in it does not pass for sound."""
    with _signed_in(browser, portal, "en") as page:
        page.evaluate("document.querySelector('main').append(document.createElement('button'))")
        with pytest.raises(AssertionError):
            _sound(page)
        page.evaluate(AXE.read_text("utf-8"))
        found = {rule for rule, _ in page.evaluate(_RUN_AXE)}
        assert "button-name" in found


def test_the_page_follows_the_site_without_reloading_and_keeps_the_focus(
    portal: Running, browser: Browser
) -> None:
    with _signed_in(browser, portal, "en") as page:
        page.evaluate("window.sameDocument = true")
        link = f"#device-link-{portal.seeded['meter']}"
        page.focus(link)
        portal.database(
            f"Latest.objects.filter(series_id={portal.seeded['power']})"
            ".update(value=777770, at=int(timezone.now().timestamp() * 1000))"
        )
        page.wait_for_selector("text=77.78", timeout=15_000)
        assert page.evaluate("window.sameDocument")
        assert page.evaluate("document.activeElement.id") == link[1:]


def test_what_a_reader_opened_stays_open_while_the_figures_round_it_change(
    portal: Running, browser: Browser
) -> None:
    with _signed_in(browser, portal, "en") as page:
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
        _signed_in(browser, portal, "en") as page,
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


def test_what_a_device_calls_itself_neither_turns_a_sentence_round_nor_widens_a_page(
    portal: Running, browser: Browser
) -> None:
    made = portal.database(
        f"d = Device.objects.create(gateway_id=1, name='hostile', reachability='online', "
        f"state='error', location='L' * 100, **{HOSTILE!r}); "
        "d.conditions.create(code='media.jam', component='x' * 100, severity='service_call', "
        "message='\\u202e' + 'm' * 499, source='s' * 500, raised_at=timezone.now()); "
        "d.supplies.create(kind='k' * 32, name='n' * 200, state='ok'); print(d.pk); "
        "Box.objects.filter(gateway_id=1).update(alive=True, last_heard_at=timezone.now())"
    ).strip()
    try:
        with _signed_in(browser, portal, "en", viewport={"width": 360, "height": 800}) as page:
            for place in ("", "devices/", f"devices/{made}/", "operation/", "gateways/", "sites/1/",
                          f"devices/{made}/edit/", f"devices/{made}/energy/"):  # fmt: skip
                page.goto(f"{portal.url}/{place}")
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
    with browser.new_context() as context:
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
    with browser.new_context() as context:
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
    with browser.new_context() as context:
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
    with _signed_in(browser, portal, "en") as page:
        page.goto(portal.url)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_a_viewer_elsewhere_is_told_whose_time_it_is(portal: Running, browser: Browser) -> None:
    with browser.new_context(timezone_id="Europe/Paris") as context:
        page = context.new_page()
        page.goto(portal.link())
        page.click("main button.primary")
        page.goto(f"{portal.url}/")
        page.wait_for_selector(".site-head .zone.differs")
        assert "the site's, not yours" in page.inner_text(".site-head >> nth=0")
        said = page.inner_text(".verdict li >> nth=0")
        assert re.search(r"since \d\d:\d\d \(Asia/Tokyo\)$", said), said
        portal.database(
            f"Latest.objects.filter(series_id={portal.seeded['power']})"
            ".update(value=555550, at=int(timezone.now().timestamp() * 1000))"
        )
        page.wait_for_selector("text=55.56", timeout=15_000)
        assert page.inner_text(".verdict li >> nth=0") == said, "once, also after it was swapped in"
        page.goto(f"{portal.url}/devices/{portal.seeded['meter']}/")
        page.wait_for_selector(".zone.differs")


def test_choosing_a_series_draws_it(portal: Running, browser: Browser) -> None:
    with _signed_in(browser, portal, "en") as page:
        page.goto(f"{portal.url}/devices/{portal.seeded['meter']}/")
        page.select_option("#series", label="Energy imported")
        page.wait_for_url("**series=**")
        page.wait_for_selector("#chart[data-drawn] canvas")
        assert "Increase over 24 hours" in page.inner_text("figcaption")


def test_without_scripts_the_same_is_there_to_read(portal: Running, browser: Browser) -> None:
    with _signed_in(browser, portal, "en", java_script_enabled=False) as page:
        assert page.is_visible("text=Kawasaki plant")
        page.goto(f"{portal.url}/devices/{portal.seeded['meter']}/")
        page.click("text=Show as a table")
        assert page.is_visible("text=Lowest >> nth=0")
        page.select_option("#series", label="Energy imported")
        page.click(".chooser button")
        assert "series=" in page.url
