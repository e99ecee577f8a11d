"""The portal and the browser that the tests of its pages share, one pair for each file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import peers
from tests.console.calls import ROOT
from tests.portal.program import Portal
from tests.portal.web.browsing import Running, run, server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("browser")
    port = peers.free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {k: v for k, v in os.environ.items() if not k.startswith("KANMON")} | {
        "KANMON_PORTAL_STATE": str(folder / "state"),
        "KANMON_PORTAL_URL": url,
        "KANMON_SECOND_FACTOR": "optional",  # the person of the walks is an administrator
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    subprocess.run([sys.executable, "scripts/assets"], env=environ, cwd=ROOT, check=True)
    Portal(folder / "state").migrate()
    run("portal.cli", "authority", "init", env=environ)
    seed = (
        "import json, dataclasses; from django.utils import timezone; "
        "from tests.portal.web.seed import seed; "
        "print(json.dumps(dataclasses.asdict(seed(timezone.now(), email='a@example.com'))))"
    )
    seeded = json.loads(run("tests.portal.inside", seed, env=environ))
    with server(folder / "log", port, environ):
        yield Running(url=url, environ=environ, seeded=seeded)


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
