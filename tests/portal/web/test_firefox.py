"""Every page in Firefox, too, which no other test of pages opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.portal.web.browsing import BASICS
from tests.portal.web.firefox import firefox
from tests.portal.web.test_every_page import PAGES, _ids

if TYPE_CHECKING:
    from pathlib import Path

    from tests.portal.web.browsing import Running

_WIDE: Final = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
_BASICS: Final = "\n".join(line for line in BASICS.splitlines() if not line.startswith("//"))


@pytest.mark.peer("firefox")
@pytest.mark.timeout(300)
@pytest.mark.req("C-2")
def test_every_page_is_sound_in_firefox_in_both_languages(portal: Running, tmp_path: Path) -> None:
    ids = _ids(portal)
    with firefox(tmp_path) as browser:
        browser.open(portal.link())
        browser.click("main button.primary")
        for language, width in (("ja", 450), ("en", 1440)):
            browser("WebDriver:SetWindowRect", width=width, height=900)
            browser.click("details.me > summary")
            browser.click(f"button[value={language}]")
            for place in PAGES:
                for name, number in ids.items():
                    place = place.replace(f"{{{name}}}", str(number))
                browser.open(portal.url + place)
                assert browser.run("return document.documentElement.lang") == language, place
                assert browser.run(_WIDE) <= 1, place
                found = browser.run(f"return ({_BASICS.strip().rstrip(';')})()")
                assert not {name: bad for name, bad in found.items() if bad}, place
        assert browser.run("return Boolean(PublicKeyCredential.parseRequestOptionsFromJSON)"), (
            "passkeys"
        )
