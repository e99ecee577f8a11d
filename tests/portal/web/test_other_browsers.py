"""Every page in Firefox and in WebKit, Safari's engine, too, which no other test of pages opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.portal.web.browsing import BASICS
from tests.portal.web.firefox import firefox
from tests.portal.web.test_every_page import PAGES, _ids
from tests.portal.web.webkit import webkit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.portal.web.browsing import Running
    from tests.portal.web.firefox import Firefox
    from tests.portal.web.webkit import WebKit

_WIDE: Final = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
_BASICS: Final = "\n".join(line for line in BASICS.splitlines() if not line.startswith("//"))


@pytest.mark.peer("firefox")
@pytest.mark.timeout(300)
@pytest.mark.req("C-2", "E-1")
def test_every_page_is_sound_in_firefox_in_both_languages(portal: Running, tmp_path: Path) -> None:
    with firefox(tmp_path) as browser:
        _walk(portal, browser)
        assert browser.run("return Boolean(PublicKeyCredential.parseRequestOptionsFromJSON)"), (
            "passkeys"
        )


@pytest.mark.peer("webkit", "xvfb")
@pytest.mark.timeout(300)
@pytest.mark.req("E-1")
def test_every_page_is_sound_in_webkit_in_both_languages(portal: Running, tmp_path: Path) -> None:
    with webkit(tmp_path) as browser:
        _walk(portal, browser)


def _walk(portal: Running, browser: Firefox | WebKit) -> None:
    ids = _ids(portal)
    browser.open(portal.link())
    browser.follow("main button.primary")
    for language, width in (("ja", 450), ("en", 1440)):
        browser.resize(width)
        browser.click("details.me > summary")
        browser.follow(f"button[value={language}]")
        for place in PAGES:
            for name, number in ids.items():
                place = place.replace(f"{{{name}}}", str(number))
            browser.open(portal.url + place)
            assert browser.run("return document.documentElement.lang") == language, place
            assert browser.run(_WIDE) <= 1, place
            found = browser.run(f"return ({_BASICS.strip().rstrip(';')})()")
            assert not {name: bad for name, bad in found.items() if bad}, place
