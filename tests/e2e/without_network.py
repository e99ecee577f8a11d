"""Pages, claim service and an enrolment, inside a network namespace with a loopback only.

`test_without_network` runs it there: ``python -m tests.e2e.without_network FOLDER``. It fails where
something does not work, or tried to reach anything but this machine.
"""

from __future__ import annotations

import errno
import html.parser
import http.cookiejar
import os
import re
import socket
import sys
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests import peers
from tests.gateway.box import Box
from tests.portal.program import Portal
from tests.portal.web.browsing import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SEED: Final = (
    "from django.utils import timezone; from tests.portal.web.seed import seed; "
    "seed(timezone.now(), email='a@example.com')"
)
"""A line of code that fills the portal's database."""
PAGES: Final = 60
"""How many pages are opened, at most."""
PLACE: Final = ("--organization", "Aoyama Foods", "--site", "Kiln", "--time-zone", "Asia/Tokyo")
LOADED: Final = {"link": "href", "script": "src", "img": "src", "use": "href", "source": "src"}
"""The attribute of an element whose file a browser loads by itself."""
CSS_ADDRESS: Final = re.compile(r"""(?:url\(|@import)\s*["']?([^"')\s]+)""")
ELSEWHERE: Final = "192.0.2.1"
"""An address that is assigned to no host (RFC 5737)."""


class Addresses(html.parser.HTMLParser):
    """What a page makes a browser load, and what it links to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: set[str] = set()
        self.linked: set[str] = set()
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.linked.add(values.get("href", ""))
        elif tag == "input" and values.get("name") == "csrfmiddlewaretoken":
            self.fields[values["name"]] = values["value"]
        elif LOADED.get(tag) in values:
            self.loaded.add(values[LOADED[tag]])


def refusals() -> int:
    """How often this namespace had no way for a packet or a connection."""
    counted, values = (
        line.split()
        for line in Path("/proc/net/snmp").read_text("ascii").splitlines()
        if line.startswith("Ip:")
    )
    six = dict(line.split() for line in Path("/proc/net/snmp6").read_text("ascii").splitlines())
    return int(values[counted.index("OutNoRoutes")]) + int(six["Ip6OutNoRoutes"])


def check_namespace() -> None:
    """That there is no way out, and that who looks for one is counted."""
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
    before = refusals()
    with socket.socket() as trial:
        assert trial.connect_ex((ELSEWHERE, 443)) == errno.ENETUNREACH
    assert refusals() > before, "the control"


@contextmanager
def serving(
    folder: Path, words: tuple[str, ...], port: int, env: Mapping[str, str]
) -> Iterator[None]:
    """A server of ``kanmon-portal`` that runs meanwhile."""
    given = [f"{name}={value}" for name, value in env.items() if name.startswith("KANMON")]
    command = ["env", *given, sys.executable, "-m", "portal.cli", *words]
    daemon = peers.Daemon(
        command=[*command, "--bind", f"127.0.0.1:{port}"], port=port, log=folder / f"{words[0]}.log"
    )
    daemon.start()
    try:
        yield
    finally:
        daemon.stop()


class Browser:
    """Opens pages of one portal, and all that they load; another host is a failure."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.opened: set[str] = set()
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def get(self, address: str, body: bytes | None = None) -> str:
        """The text at an address, which must be this portal's."""
        full = urllib.parse.urljoin(self.url, address).partition("#")[0]
        assert full.startswith(f"{self.url}/"), f"{address} is elsewhere"
        self.opened.add(full)
        asked = urllib.request.Request(full, data=body, headers={"Referer": full})  # noqa: S310
        with self._opener.open(asked, timeout=30) as answer:
            content: bytes = answer.read()
        return content.decode("utf-8", "replace")

    def sign_in(self, link: str) -> None:
        """Press the button of a sign-in link."""
        fields = Addresses(self.get(link)).fields
        self.get(link, urllib.parse.urlencode(fields).encode())

    def visit(self, start: str) -> int:
        """Open a page and those that it leads to, with all files; returns how many pages."""
        waiting, seen = [start], {start}
        visited = 0
        while waiting and visited < PAGES:
            page = Addresses(self.get(waiting.pop(0)))
            visited += 1
            for address in page.loaded:
                self._load(address)
            for address in sorted(page.linked - seen):
                if address.startswith("/"):
                    seen.add(address)
                    waiting.append(address)
        return visited

    def _load(self, address: str) -> None:
        full = urllib.parse.urljoin(self.url, address).partition("#")[0]
        if full in self.opened or address.startswith("data:"):
            return
        text = self.get(address)
        if full.endswith(".css"):
            for inner in CSS_ADDRESS.findall(text):
                self._load(urllib.parse.urljoin(full, inner))


def main(folder: Path) -> None:
    """Do it all, in a folder."""
    check_namespace()
    before = refusals()
    web, claims = peers.free_port(), peers.free_port()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO"))}
    env = kept | {
        "KANMON_PORTAL_STATE": str(folder / "portal"),
        "KANMON_PORTAL_URL": f"http://127.0.0.1:{web}",
        "KANMON_CLAIM_URL": f"https://127.0.0.1:{claims}",
        "KANMON_BOX_BROKER": "mqtts://broker.example.com:8883",
        "KANMON_SECOND_FACTOR": "optional",  # an administrator signs in by a link
    }
    Portal(folder / "portal").migrate()
    run("portal.cli", "authority", "init", env=env)
    run("tests.portal.inside", SEED, env=env | {"DJANGO_SETTINGS_MODULE": "portal.settings"})
    with serving(folder, ("serve",), web, env):
        browser = Browser(f"http://127.0.0.1:{web}")
        browser.visit("/sign-in/")
        browser.sign_in(run("portal.cli", "sign-in-link", "a@example.com", env=env).strip())
        pages = browser.visit("/")
    files = [address for address in browser.opened if "/static/" in address]
    assert pages > 10, browser.opened
    assert any(address.endswith(".css") for address in files), files
    assert any(address.endswith(".js") for address in files), files
    with serving(folder, ("claims",), claims, env):
        key = run("portal.cli", "key", "issue", *PLACE, "--json", env=env).split('"key": "')[1]
        box = Box(folder / "box")
        enrolled = box.kanmon_json("enroll", key.partition('"')[0], "--consent")
        assert enrolled["site"] == "Kiln"
    assert refusals() == before, "something looked for a way out"
    print(f"{pages} pages, {len(files)} files, 1 box; no way out was looked for")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
