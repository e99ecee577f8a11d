"""The pages' server beside connections that say nothing, or half of something."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Final

import pytest

from tests.peers import free_port
from tests.portal.program import Portal
from tests.portal.web.browsing import server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS: Final = {
    "idle": b"",
    "half a head": b"GET /sign-in/ HTTP/1.1\r\nHost: 127.0",
    "half a form": b"POST /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nx",
    "not reading": b"GET /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 20,
}
MANY: Final = 100
"""Of each kind: many times as many as the server has threads."""


@contextmanager
def pages(folder: Path) -> Iterator[int]:
    """``kanmon-portal serve``; its port."""
    Portal(folder / "state").migrate()
    port = free_port()
    environ = {
        "KANMON_PORTAL_STATE": str(folder / "state"),
        "KANMON_DATABASE_URL": "",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    with server(folder / "log", port, environ):
        yield port


def hold(port: int, said: bytes, held: ExitStack) -> list[socket.socket]:
    links = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(MANY)]
    for link in links:
        held.enter_context(link).sendall(said)
    return links


def ask(port: int, path: str) -> tuple[int, bytes]:
    link = HTTPConnection("127.0.0.1", port, timeout=10)
    link.request("GET", path)
    answer = link.getresponse()
    found = answer.status, answer.read()
    link.close()
    return found


def test_an_honest_request_waits_for_no_slow_one(tmp_path: Path) -> None:
    with pages(tmp_path) as port, ExitStack() as held:
        _, quiet = ask(port, "/help/codes/")
        quiet_claim = ask(port, "/claim/")
        for said in KINDS.values():
            dripping = hold(port, said, held)
            began = time.monotonic()
            for _ in range(3):
                status, page = ask(port, "/sign-in/")
                assert status == 200
                assert b"</html>" in page
                assert ask(port, "/claim/") == quiet_claim
                for link in dripping if said else []:
                    with suppress(OSError):
                        link.sendall(b"x")
            assert time.monotonic() - began < 8, "6 requests, each well under 2 s"
        assert ask(port, "/help/codes/")[1][:200] == quiet[:200]


def test_a_stop_waits_for_no_slow_peer(tmp_path: Path) -> None:
    with ExitStack() as held:
        with pages(tmp_path) as port:
            for said in KINDS.values():
                hold(port, said, held)
            assert ask(port, "/sign-in/")[0] == 200
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 8


def test_a_static_file_and_a_form_arrive_whole(tmp_path: Path) -> None:
    with pages(tmp_path) as port:
        _, page = ask(port, "/sign-in/")
        style = page.split(b'rel="stylesheet"')[1].split(b'href="')[1].split(b'"')[0].decode()
        status, body = ask(port, style)
        assert (status, len(body) > 1000) == (200, True)
        link = HTTPConnection("127.0.0.1", port, timeout=10)
        link.request("POST", "/sign-in/", b"x=" + b"y" * 500_000)
        assert link.getresponse().status == 403, "without the form's token"
        link.close()
        link.request("POST", "/sign-in/", headers={"Content-Length": "2000000"})
        assert link.getresponse().status == 413
        link.close()


pytestmark = pytest.mark.timeout(120)
