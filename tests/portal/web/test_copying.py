"""Copying an agent key and its command from the page, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from provisioning.agent_key import parse
from tests.portal.web.browsing import Running, signed_in, sound

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.timeout(240)]


def _issue(page: Page, portal: Running) -> None:
    """A key on its page, the only time that it is shown."""
    page.goto(portal.url + "/keys/")
    page.fill("input[name=site]", "Kawasaki plant")
    page.click(".fields button.primary")
    page.wait_for_selector(".qr svg")


@pytest.mark.req("E-25")
@pytest.mark.parametrize("width", [360, 1440])
def test_the_buttons_copy_the_key_and_the_command_without_line_breaks(
    portal: Running, browser: Browser, width: int
) -> None:
    view: dict[str, Any] = {
        "viewport": {"width": width, "height": 800},
        "permissions": ["clipboard-read", "clipboard-write"],
    }
    with signed_in(browser, portal, "en", **view) as page:
        _issue(page, portal)
        page.click("text=Copy the key")
        page.wait_for_selector(".agent-key button:has-text('Copied')")
        key = page.evaluate("navigator.clipboard.readText()")
        assert parse(key).id  # it is a whole key
        assert key.split() == [key]
        page.click("text=Copy the command")
        page.wait_for_selector(".enrol-command button:has-text('Copied')")
        assert page.evaluate("navigator.clipboard.readText()") == f"kanmon enroll {key}"
        sound(page)


@pytest.mark.req("E-25")
def test_what_a_person_selects_is_copied_without_line_breaks_either(
    portal: Running, browser: Browser
) -> None:
    view: dict[str, Any] = {
        "viewport": {"width": 360, "height": 800},
        "permissions": ["clipboard-read", "clipboard-write"],
    }
    with signed_in(browser, portal, "ja", **view) as page:
        _issue(page, portal)
        key = page.get_attribute(".agent-key button", "data-copy")
        for place, text in ((".agent-key", key), (".enrol-command", f"kanmon enroll {key}")):
            page.click(f"{place} code")  # one click selects all of it
            page.keyboard.press("ControlOrMeta+c")
            assert page.evaluate("navigator.clipboard.readText()") == text


def test_a_refused_copy_selects_the_text_and_says_so(portal: Running, browser: Browser) -> None:
    with signed_in(browser, portal, "en") as page:
        _issue(page, portal)
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
        page.click("text=Copy the command")
        page.wait_for_selector("text=The text is selected: copy it with the keyboard.")
        key = page.get_attribute(".agent-key button", "data-copy")
        assert page.evaluate("getSelection().toString()") == f"kanmon enroll {key}"


def test_without_scripts_the_key_and_the_command_are_read_and_no_button_is_shown(
    portal: Running, browser: Browser
) -> None:
    with signed_in(browser, portal, "en", java_script_enabled=False) as page:
        _issue(page, portal)
        key = page.get_attribute(".agent-key button", "data-copy")
        assert key
        assert page.inner_text(".agent-key code") == key
        assert page.inner_text(".enrol-command code") == f"kanmon enroll {key}"
        assert not page.is_visible(".agent-key button")
        assert not page.is_visible(".enrol-command button")
