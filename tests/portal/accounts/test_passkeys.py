"""Passkeys and codes in a real browser, with an authenticator that the browser pretends to have."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

import pytest

from tests import peers
from tests.portal.accounts.second_steps import code_at
from tests.portal.program import Portal
from tests.portal.web.browsing import run, server, sound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

EMAIL: Final = "hana@example.com"
PASSWORD: Final = "Kettle-orbit-paper-9"
SEED: Final = (
    "from portal.accounts.models import Organization; from portal.accounts.actions import *; "
    "Organization.objects.create(name='Aoyama Foods'); "
    f"add_user(NewUser(email={EMAIL!r}, organization='Aoyama Foods', password={PASSWORD!r}, "
    "consent_given=True, "
    "role=Role.ADMINISTRATOR))"
)
LOCK: Final = (
    "from portal.accounts.models import *; from portal.accounts import lockout; import time; "
    "[lockout.begin(f'password account {User.objects.get().pk}', int(time.time() * 1000)) "
    "for _ in range(6)]"
)


@pytest.fixture
def portal(tmp_path: Path, built: None) -> Iterator[tuple[str, dict[str, str]]]:
    """A portal by a host name, which passkeys are bound to, that requires a second factor."""
    port = peers.free_port()
    url = f"http://localhost:{port}"
    environ = {k: v for k, v in os.environ.items() if not k.startswith("KANMON")} | {
        "KANMON_PORTAL_STATE": str(tmp_path / "state"),
        "KANMON_PORTAL_URL": url,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    Portal(tmp_path / "state").migrate()
    run("tests.portal.inside", SEED, env=environ)
    with server(tmp_path / "log", port, environ):
        yield url, environ


def with_authenticator(page: Page) -> None:
    """Let the browser have a platform authenticator whose owner always agrees."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def by_password(page: Page, url: str) -> None:
    page.goto(f"{url}/sign-in/")
    page.fill("#id_login", EMAIL)
    page.fill("#id_password", PASSWORD)
    page.click("form:not([data-passkey]) button.primary")


@pytest.mark.peer("chromium")
@pytest.mark.timeout(240)
@pytest.mark.req("K-16")
def test_a_passkey_is_set_up_signs_in_and_is_never_locked(
    portal: tuple[str, dict[str, str]], browser: Browser
) -> None:
    url, environ = portal
    complaints: list[str] = []
    with browser.new_context(locale="en") as context:
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        with_authenticator(page)
        by_password(page, url)
        page.wait_for_url("**/settings/security/")
        page.click("text=Add a passkey")
        page.fill("#id_name", "Office PC")
        page.click("form[data-passkey] button.primary")
        page.wait_for_url("**/recovery-codes/")
        assert page.locator(".recovery-codes li").count() == 10
        page.goto(url)
        assert page.url == f"{url}/"
        # As the only step, although a stranger has locked passwords meanwhile.
        page.goto(f"{url}/sign-out/")
        page.click("main button.primary")
        run("tests.portal.inside", LOCK, env=environ)
        page.goto(f"{url}/sign-in/?next=/devices/")
        page.click("text=Sign in with a passkey")
        page.wait_for_url(f"{url}/devices/")
        # As the second step after the password, which its own browser still takes.
        page.goto(f"{url}/sign-out/")
        page.click("main button.primary")
        by_password(page, url)
        page.wait_for_url("**/sign-in/code/")
        page.click("text=Use a passkey")
        page.wait_for_url(f"{url}/")
        # The only factor of who needs one stays; another name is its owner's business.
        page.goto(f"{url}/settings/security/")
        page.click("text=Remove")
        assert "This is your only second step" in page.inner_text("main")
        page.go_back()
        page.click("text=Rename")
        page.fill("#id_name", "Laptop")
        page.click("main button.primary")
        assert "Laptop" in page.inner_text("main")
    assert not complaints


@pytest.mark.peer("chromium")
@pytest.mark.timeout(240)
@pytest.mark.parametrize(("width", "language"), [(360, "ja"), (1440, "en")])
def test_an_app_is_set_up_without_javascript_and_its_code_signs_in(
    portal: tuple[str, dict[str, str]], browser: Browser, width: int, language: str
) -> None:
    url, _ = portal
    view = {"width": width, "height": 800}
    with browser.new_context(locale=language, viewport=view, java_script_enabled=False) as context:  # type: ignore[arg-type]
        page = context.new_page()
        by_password(page, url)
        page.wait_for_url("**/settings/security/")
        page.goto(f"{url}/settings/security/app/")
        secret = page.inner_text(".totp-key")
        page.fill("#id_code", code_at(secret, time.time() - 30))
        page.click("main button.primary")
        page.wait_for_url("**/recovery-codes/")
        page.goto(f"{url}/sign-out/")
        page.click("main button.primary")
        by_password(page, url)
        page.wait_for_url("**/sign-in/code/")
        assert not page.is_visible("form[data-passkey]")
        page.fill("#id_code", code_at(secret, time.time()))
        page.click("main button.primary")
        page.wait_for_url(f"{url}/")


@pytest.mark.peer("chromium")
@pytest.mark.timeout(240)
@pytest.mark.parametrize(("width", "language"), [(360, "ja"), (1440, "en")])
def test_the_pages_between_the_steps_are_sound(
    portal: tuple[str, dict[str, str]], browser: Browser, width: int, language: str
) -> None:
    from tests.portal.web.browsing import AXE

    url, _ = portal
    view = {"width": width, "height": 800}
    shots = os.environ.get("SHOTS")
    with browser.new_context(locale=language, viewport=view) as context:  # type: ignore[arg-type]
        context.add_init_script(path=AXE)
        page = context.new_page()

        def look(name: str) -> None:
            sound(page)
            if shots:
                page.screenshot(path=f"{shots}/{name}-{width}-{language}.png", full_page=True)

        with_authenticator(page)
        page.goto(f"{url}/sign-in/")
        look("sign-in")
        page.goto(f"{url}/password/forgotten/")
        look("forgotten")
        for _ in range(5):
            page.goto(f"{url}/sign-in/")
            page.fill("#id_login", "nobody@example.net")
            page.fill("#id_password", "wrong")
            page.click("form:not([data-passkey]) button.primary")
        look("locked")
        by_password(page, url)
        look("set-up-first")
        page.goto(f"{url}/settings/security/app/")
        secret = page.inner_text(".totp-key")
        look("app")
        page.fill("#id_code", code_at(secret, time.time() - 30))
        page.click("main button.primary")
        look("recovery-codes")
        page.goto(f"{url}/settings/security/passkeys/")
        look("add-passkey")
        page.click("form[data-passkey] button.primary")
        page.wait_for_url("**/settings/security/")
        for place in ("settings/security", "settings", "settings/password", "settings/sessions"):
            page.goto(f"{url}/{place}/")
            look(place.replace("/", "-"))
        page.goto(f"{url}/sign-out/")
        page.click("main button.primary")
        by_password(page, url)
        page.wait_for_url("**/sign-in/code/")
        look("second-step")
