"""A portal that serves the seeded fleet, a browser signed in to it, and what a sound page is."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.environment.state_folder import PACKAGE
from tests import fork_server, peers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

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
        return run("portal.cli", "sign-in-link", "a@example.com", env=self.environ).strip()

    def database(self, code: str) -> str:
        """Run a line of Django code against the portal's database."""
        names = "from portal.fleet.models import *; from portal.ingest.models import *; "
        names += "from django.utils import timezone; "
        return run("tests.portal.inside", names + code, env=self.environ)


def run(module: str, *words: str, env: dict[str, str]) -> str:
    """What ``python -m module words...`` prints; it must succeed."""
    done = fork_server.run_text(module, *words, env=env, cwd=PACKAGE.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def server(log: Path, port: int, environ: dict[str, str]) -> Iterator[None]:
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


_QUICK = """const wait = window.setTimeout;
window.setTimeout = (done, ms, ...rest) => wait(done, ms >= 2000 ? ms / 5 : ms, ...rest);"""


@contextmanager
def polling(browser: Browser, **context: Any) -> Iterator[BrowserContext]:
    """A browser whose pages ask five times as often what is new, for who waits for it."""
    with browser.new_context(**context) as opened:
        opened.add_init_script(_QUICK)
        yield opened


@contextmanager
def signed_in(
    browser: Browser,
    portal: Running,
    language: str,
    *,
    zone: str = "Asia/Tokyo",
    polls: bool = False,
    **context: Any,
) -> Iterator[Page]:
    """A page signed in by link; fails the test for anything the browser complains about.

    With ``polls`` it is one of `polling`.
    """
    complaints: list[str] = []
    made = polling(browser, timezone_id=zone, **context) if polls else None
    with made or browser.new_context(timezone_id=zone, **context) as opened:
        opened.add_init_script(path=AXE)  # sent once, and not for each page
        page = opened.new_page()
        page.on(
            "console",
            lambda m: complaints.append(m.text) if m.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(portal.link())
        page.click("main button.primary")
        page.click(".me > summary")
        page.click(f"button[value={language}]")
        yield page
        assert not complaints


AXE = PACKAGE.parent / "node_modules" / "axe-core" / "axe.min.js"
RUN_AXE = """() => axe.run(document, {resultTypes: ["violations"]}).then((found) =>
  found.violations.filter((v) => ["serious", "critical"].includes(v.impact))
    .map((v) => [v.id, v.nodes.map((node) => node.html)]))"""


def sound(page: Page) -> None:
    faults = {name: found for name, found in page.evaluate(BASICS).items() if found}
    assert not faults, page.url
    assert not page.evaluate(CONTRAST), page.url
    assert not page.evaluate(RUN_AXE), page.url
