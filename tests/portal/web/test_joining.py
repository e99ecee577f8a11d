"""A person signs up in a real browser, registers a company and invites a second administrator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.portal.web.browsing import AXE, Running, sound

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

PASSWORD = "Kettle-orbit-paper-9"
COMPANY = {
    "name": "青山食品株式会社",
    "department": "総務部",
    "postal_code": "107-0062",
    "prefecture": "東京都",
    "city": "港区",
    "street": "南青山1-2-3 青山ビル4階",
    "phone": "03-1234-5678",
}


def _mail(portal: Running, name: str, word: str) -> str:
    """What the last mail of a family says."""
    found = portal.database(
        "import json; from portal.notifications.models import Mail; "
        f"print(json.dumps(Mail.objects.filter(name='{name}').latest('pk').context['{word}']))"
    )
    return str(json.loads(found))


def _accept_documents(page: Page) -> None:
    sound(page)
    for box in page.query_selector_all("input[type=checkbox]"):
        box.check()
    page.click("form[method=post] button.primary")


def _sign_up(page: Page, portal: Running, email: str = "") -> None:
    """From the documents to the names."""
    _accept_documents(page)
    page.wait_for_url("**/sign-up/account/")
    if email:
        page.fill("#id_email", email)
    page.fill("#id_password1", PASSWORD)
    page.fill("#id_password2", PASSWORD)
    page.click("button.primary")
    page.wait_for_url("**/sign-up/code/")
    page.fill("#id_code", _mail(portal, "sign_up_code", "code"))
    page.click("button[value=verify]")
    page.wait_for_url("**/welcome/")
    sound(page)


def _names(page: Page, family: str, given: str, kana: tuple[str, str]) -> None:
    page.fill("#id_family_name", family)
    page.fill("#id_given_name", given)
    page.fill("#id_family_kana", kana[0])
    page.fill("#id_given_kana", kana[1])
    page.click("button.primary")


@pytest.mark.peer("chromium")
@pytest.mark.timeout(240)
@pytest.mark.req("E-8", "E-15", "E-18", "E-19")
def test_two_people_share_an_organization_until_one_is_removed(
    portal: Running, browser: Browser
) -> None:
    view: ViewportSize = {"width": 1440, "height": 900}
    with (
        browser.new_context(
            locale="ja-JP", viewport=view, permissions=["clipboard-read", "clipboard-write"]
        ) as first,
        browser.new_context(locale="ja-JP", viewport=view) as second,
    ):
        for context in (first, second):
            context.add_init_script(path=AXE)
        page, other = first.new_page(), second.new_page()
        page.goto(portal.url + "/sign-in/")
        page.click("text=アカウントを登録")
        _sign_up(page, portal, "hanako@example.com")
        _names(page, "青山", "花子", ("アオヤマ", "ハナコ"))
        page.wait_for_url("**/start/")
        sound(page)
        page.click("a[href='/organizations/new/']")
        for name, value in COMPANY.items():
            page.fill(f"#id_{name}", value)
        sound(page)
        page.click("button[value=check]")
        page.wait_for_selector("button[value=confirmed]")
        sound(page)
        page.click("button[value=confirmed]")
        page.wait_for_selector("h1")
        page.goto(portal.url + "/organizations/")
        sound(page)
        page.click("button[data-copy] >> nth=1")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith(portal.url + "/invite?groupid=")
        assert "\n" not in copied

        page.click(".condition a[href$='/invite/']")
        page.fill("#id_email", "jiro@example.com")
        page.fill("#id_family_name", "鈴木")
        page.fill("#id_given_name", "次郎")
        page.fill("#id_family_kana", "スズキ")
        page.fill("#id_given_kana", "ジロウ")
        page.select_option("#id_role", "administrator")
        sound(page)
        page.click(".fields button.primary")
        page.wait_for_selector("text=招待中")
        sound(page)

        other.goto(_mail(portal, "invitation", "url"))
        sound(other)
        other.click("button[value=sign-up]")
        _sign_up(other, portal)
        assert other.input_value("#id_family_name") == "鈴木"
        other.click("button.primary")
        other.wait_for_url(portal.url + "/")
        other.goto(portal.url + "/organizations/")
        sound(other)
        assert other.query_selector(".organization .tone-warning") is None

        portal.database(
            "from portal.accounts.models import *; from portal.accounts.documents import publish; "
            "publish(DocumentKind.TERMS, region='', english='New.', japanese='新しい規約。')"
        )
        page.goto(portal.url + "/sign-out/")
        page.click("main button.primary")
        page.wait_for_url("**/sign-in/**")
        page.fill("#id_login", "hanako@example.com")
        page.fill("#id_password", PASSWORD)
        page.click("main button.primary")
        page.wait_for_url("**/consent/")
        _accept_documents(page)
        page.wait_for_url(portal.url + "/")
        page.goto(portal.url + "/organizations/")
        page.click("tr:has-text('jiro@example.com') a[href$='/remove/']")
        sound(page)
        page.click("button.danger")
        page.wait_for_url("**/organizations/")
        other.goto(portal.url + "/devices/")
        assert "/sign-in/" in other.url
