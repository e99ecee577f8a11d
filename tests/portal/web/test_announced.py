"""What a screen reader is told while the first page lives: each change of the sentence, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.portal.web.browsing import Running, signed_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.timeout(240)]

_WATCH = """() => {
  window.sentence = document.getElementById("sentence");
  window.changes = 0;
  new MutationObserver((found) => { window.changes += found.length; })
    .observe(window.sentence,
      { attributes: true, characterData: true, childList: true, subtree: true });
}"""
_THE_SAME = """() => {
  const now = document.getElementById("sentence");
  return now === window.sentence && now.closest("[aria-live=polite]") === now;
}"""


def _swapped(page: Page, portal: Running, value: int) -> None:
    """Let a reading change, and wait until the page shows it."""
    portal.database(
        f"Latest.objects.filter(series_id={portal.seeded['power']})"
        f".update(value={value}, at=int(timezone.now().timestamp() * 1000)); "
        "Box.objects.filter(alive=True).update(last_heard_at=timezone.now())"
    )
    page.wait_for_selector(f"text={value / 10_000:.2f}", timeout=40_000)


# Who is elsewhere reads the site's zone beside the time, which a script adds to what is swapped in.
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Europe/Paris"])
def test_the_sentence_is_told_when_it_changes_and_not_when_the_page_around_it_does(
    portal: Running, browser: Browser, zone: str
) -> None:
    fault = "DeviceCondition.objects.filter(code='phase.lost')"
    portal.database(
        "DeviceCondition.objects.exclude(code='phase.lost').update(cleared_at=timezone.now()); "
        f"{fault}.update(cleared_at=None); Device.objects.update(reachability='online'); "
        "Box.objects.update(alive=True, last_heard_at=timezone.now())"
    )
    with signed_in(browser, portal, "en", zone=zone, polls=True) as page:
        page.wait_for_selector("#sentence >> text=phase lost")
        assert ("(Asia/Tokyo)" in page.inner_text("#sentence")) == (zone == "Europe/Paris")
        page.evaluate(_WATCH)
        _swapped(page, portal, 777_700 if zone == "Asia/Tokyo" else 666_600)
        _swapped(page, portal, 555_500 if zone == "Asia/Tokyo" else 444_400)
        assert page.evaluate("window.changes") == 0
        portal.database(f"{fault}.update(cleared_at=timezone.now())")
        _swapped(page, portal, 333_300 if zone == "Asia/Tokyo" else 222_200)
        page.wait_for_selector("#sentence >> text=Nothing needs attention", timeout=40_000)
        assert page.evaluate("window.changes") > 0
        assert page.evaluate(_THE_SAME)
