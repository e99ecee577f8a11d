"""A real browser walks every page, at phone and desktop width, in both languages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.urls import Resolver404, resolve

from portal.permissions import ACCESS
from tests.portal.web.browsing import Running, signed_in, sound

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.first

PAGES: Final = (
    "/",
    "/energy/",
    "/operation/",
    "/sites/",
    "/sites/{site}/",
    "/sites/{site}/edit/",
    "/sites/{site}/usage/?by=day",
    "/gateways/",
    "/gateways/{gateway}/",
    "/devices/",
    "/devices/?group={group}",
    "/devices/{main-incomer}/",
    "/devices/{copier}/",
    "/devices/{label-printer}/",
    "/devices/{gateway-itself}/",
    "/devices/{main-incomer}/edit/",
    "/devices/{main-incomer}/usage/",
    "/devices/{main-incomer}/usage/?by=day",
    "/devices/{main-incomer}/usage/?by=month",
    "/devices/{main-incomer}/usage/?by=demand",
    "/groups/{group}/",
    "/sites/{site}/locations/",
    "/locations/{location}/",
    "/organizations/",
    "/organizations/new/",
    "/organizations/join/",
    "/organizations/{organization}/invite/",
    "/organizations/{organization}/change/",
    "/members/{member}/remove/",
    "/start/",
    "/welcome/",
    "/usage/",
    "/keys/",
    "/mail/undelivered/",
    "/audit/",
    "/help/codes/",
    "/manual/",
    "/manual/energy/",
    "/manual/sign-up/",
    "/help/codes/2105/",
    "/settings/",
    "/settings/notification-address/",
    "/settings/password/",
    "/settings/password/first/",
    "/settings/password-expiry/",
    "/settings/security/",
    "/settings/security/app/",
    "/settings/security/passkeys/",
    "/settings/security/recovery-codes/new/",
    "/settings/sessions/",
    "/password/forgotten/",
    "/password/forgotten/sent/",
    "/password/new/done/",
)
"""What is answered with 200 to who is signed in."""

REFUSED: Final = {
    "/no-such-page/": 404,
    "/devices/999999/": 404,
    "/devices/{main-incomer}/usage/?on=x": 400,
    "/sites/{site}/usage/?on=x": 400,
    "/help/codes/9999/": 404,
    "/sign-in/link/no-such-token/": 410,
    "/password/new/1-no-such-key/": 410,
    "/notification-address/no-such-token/": 410,
    # This person has neither a password nor a second factor.
    "/sign-in/again/": 403,
    "/sign-in/again/code/": 403,
    "/sign-in/again/passkey/": 403,
    "/settings/security/app/remove/": 404,
    "/settings/security/recovery-codes/": 404,
    "/settings/security/passkeys/1/name/": 404,
    "/settings/security/passkeys/1/remove/": 404,
    "/invitations/no-such-token/": 410,
    "/operations/changes/": 403,
}
"""Pages too, with what they are answered with."""

DOORS: Final = (
    "/sign-in/link/{token}/",
    "/sign-out/",
    "/sign-in/",
    "/sign-up/",
    "/sign-up/account/",
    "/sign-up/code/",
    "/invite",
    "/consent/",
)
"""The ways in and out, walked by hand in the test; consent in `test_joining`."""

NO_PAGES: Final = {
    "claim": "for boxes: JSON",
    "metrics": "for programs: the text that Prometheus reads",
    "chart": "for the script that draws: JSON",
    "mfa_authenticate": "between the steps of a sign-in: tests/portal/accounts/test_passkeys.py",
    "mfa_login_webauthn": "for the script of passkeys: JSON",
    "mfa_download_recovery_codes": "a file",
    "audit-export": "a file",
    "simulation-live": "a fragment, and 404 where nothing is simulated",
    **dict.fromkeys(
        ("demo-mailbox", "demo-mail", "demo-mail-html"), "404 where nothing is simulated"
    ),
    **dict.fromkeys(
        (
            "overview-live",
            "bell-live",
            "sites-live",
            "site-live",
            "gateways-live",
            "gateway-live",
            "devices-live",
            "device-live",
            "device-usage-live",
            "operation-live",
            "report-live",
        ),
        "a fragment of a page that is walked, which shows the same at first",
    ),
}
"""Why an address that answers GET is not walked; what is only POSTed to is no page either."""


def _page_of(place: str) -> str:
    """The name of the address of a place that still has its {names}; "" where there is none."""
    path = place.partition("?")[0].replace("{token}", "word")
    for name in (
        "site",
        "gateway",
        "group",
        "location",
        "organization",
        "member",
        "main-incomer",
        "copier",
        "label-printer",
    ):
        path = path.replace(f"{{{name}}}", "1")
    path = path.replace("{gateway-itself}", "1")
    try:
        return resolve(path).url_name or ""
    except Resolver404:
        return ""


def test_no_page_is_left_out() -> None:
    visited = {_page_of(place) for place in (*PAGES, *REFUSED, *DOORS)} - {""}
    readable = {name for name, access in ACCESS.items() if "GET" in access.methods}
    assert NO_PAGES.keys() <= readable
    assert visited == readable - NO_PAGES.keys()


@dataclass(frozen=True)
class Walk:
    """A browser signed in to a portal, and the ids that stand for the names in a place."""

    page: Page
    url: str
    ids: dict[str, int]

    def open(self, place: str) -> int:
        """Open a place; its status."""
        for name, number in self.ids.items():
            place = place.replace(f"{{{name}}}", str(number))
        answer = self.page.goto(self.url + place)
        assert answer
        return answer.status


def _ids(portal: Running) -> dict[str, int]:
    """The ids of the first organization's site, gateway, devices, group and location, by name."""
    return {
        "site": 1,
        "gateway": 1,
        "organization": 1,
        "member": 1,
        **json.loads(
            portal.database(
                "import json; from portal.fleet.models import DeviceGroup; "
                "ids = {d.name: d.pk for d in Device.objects.filter(gateway_id=1)}; "
                "ids['gateway-itself'] = ids.pop('gateway'); "
                "group = DeviceGroup.objects.get_or_create(organization_id=1, name='3階')[0]; "
                "Site.objects.filter(pk=1).update(country='JP', postal_code='210-0001', "
                "prefecture='神奈川県', city='川崎市川崎区', street='本町1-2-3 青山川崎ビル4階', "
                "contact='鈴木 次郎', phone='044-123-4567', latitude='35.531', "
                "longitude='139.703'); "
                "places = InstallationLocation.objects; "
                "place = places.get_or_create(site_id=1, name='3階')[0]; "
                "print(json.dumps({**ids, 'group': group.pk, 'location': place.pk}))"
            )
        ),
    }


@pytest.mark.peer("chromium")
@pytest.mark.timeout(400)
@pytest.mark.req("E-2")
@pytest.mark.parametrize(
    ("scheme", "language", "width"),
    [
        *(("light", language, width) for language in ("ja", "en") for width in (360, 1440)),
        ("dark", "ja", 360),  # its colours depend on neither
        ("dark", "en", 1440),
    ],
)
def test_every_page_is_sound_at_phone_and_desktop_width_in_both_languages(
    portal: Running, browser: Browser, width: int, language: str, scheme: str
) -> None:
    view: dict[str, Any] = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    with signed_in(browser, portal, language, **view) as page:
        walk = Walk(page=page, url=portal.url, ids=_ids(portal))
        for place in PAGES:
            assert walk.open(place) == 200, place
            assert page.get_attribute("html", "lang") == language
            _unfold(page)
            sound(page)
        _new_key(walk)
        # A page of its own: the browser complains of every address that is refused.
        other = Walk(page=page.context.new_page(), url=portal.url, ids=walk.ids)
        for place, status in REFUSED.items():
            assert other.open(place) == status, place
            sound(other.page)
        _doors(walk, portal, language)


_UNFOLD = """() => {
  for (const summary of document.querySelectorAll("summary"))
    if (summary.checkVisibility() && summary.getClientRects().length) summary.click();
}"""


def _unfold(page: Page) -> None:
    """Open what is folded, and wait for a drawing: what nobody sees is not looked at."""
    if page.query_selector("#chart"):
        page.wait_for_selector("#chart[data-drawn] canvas")
    page.evaluate(_UNFOLD)


def _new_key(walk: Walk) -> None:
    walk.open("/keys/")
    walk.page.fill("input[name=site]", "Kawasaki plant")
    walk.page.click(".fields button.primary")
    walk.page.wait_for_selector(".qr svg")
    sound(walk.page)


def _doors(walk: Walk, portal: Running, language: str) -> None:
    """Out, and to both ways in: who is signed in is shown neither."""
    page = walk.page
    walk.open("/sign-out/")
    sound(page)
    page.click("main button.primary")
    page.wait_for_url("**/sign-in/**")
    sound(page)
    walk.open("/invite")
    sound(page)
    _sign_up(walk)
    page.goto(portal.link())
    page.wait_for_url("**/sign-in/link/**")
    assert page.get_attribute("html", "lang") == language
    sound(page)


def _sign_up(walk: Walk) -> None:
    """The documents, the form and the code; the address is new each time."""
    page = walk.page
    walk.open("/sign-up/?region=JP")
    sound(page)
    for box in page.query_selector_all("input[type=checkbox]"):
        box.check()
    page.click("button.primary")
    page.wait_for_url("**/sign-up/account/")
    sound(page)
    page.fill("#id_email", f"new-{token_hex(4)}@example.com")
    page.fill("#id_password1", "Kettle-orbit-paper-9")
    page.fill("#id_password2", "Kettle-orbit-paper-9")
    page.select_option("#id_language", page.get_attribute("html", "lang"))
    page.click("button.primary")
    page.wait_for_url("**/sign-up/code/")
    _unfold(page)
    sound(page)


_ON_PAPER = """() => {
  const shown = (e) => e.checkVisibility() && e.getClientRects().length > 0;
  const name = (e) => e.outerHTML.slice(0, 160);
  // A box with a tick says what is in a total, the summary of gaps how many there are.
  const controls = "nav, button, summary:not(.gaps > *), select, a.primary, a.secondary, "
    + "input:not([type=hidden], [type=checkbox])";
  const width = document.documentElement.clientWidth;
  return {
    controls: [...document.querySelectorAll(controls)].filter(shown).map(name),
    wide: [...document.querySelectorAll("body *")].filter(shown)
      .filter((e) => e.getBoundingClientRect().right > width + 1 && !e.closest("svg, .sr"))
      .map(name),
  };
}"""
PAPER: Final = {"width": 718, "height": 1046}
"""A4 less a centimetre on each side, in CSS pixels."""


@pytest.mark.peer("chromium")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_on_paper_there_is_nothing_to_press_and_nothing_is_cut_off(
    portal: Running, browser: Browser, language: str
) -> None:
    with signed_in(browser, portal, language, viewport=PAPER) as page:
        walk = Walk(page=page, url=portal.url, ids=_ids(portal))
        for place in (
            "/",
            "/operation/",
            "/devices/{copier}/",
            "/devices/{main-incomer}/",
            "/devices/{main-incomer}/usage/",
            "/devices/{main-incomer}/usage/?by=month",
            "/sites/{site}/usage/",
        ):
            page.emulate_media(media="screen")
            walk.open(place)
            assert page.evaluate(_ON_PAPER)["controls"], "the control: there are some on the screen"
            page.emulate_media(media="print")
            assert page.evaluate(_ON_PAPER) == {"controls": [], "wide": []}, place
            assert page.is_visible("h1"), place
