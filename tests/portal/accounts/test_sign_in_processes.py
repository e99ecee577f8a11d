"""Tries to sign in are counted by all processes of the portal together."""

from __future__ import annotations

import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import pytest
from django.db import connection

from portal.accounts import tries
from portal.accounts.models import SignInTry
from tests.peers import free_port
from tests.portal.program import Portal
from tests.portal.web.browsing import server

if TYPE_CHECKING:
    from pathlib import Path

EMAIL: Final = "hana@example.com"
LOCKED: Final = b"were entered in a row"
SLOWED: Final = b"have come from your network"
TOO_MANY: Final = b"Wait a minute and try again"
NOW_MS: Final = 1_800_000_000_000


def wrong_password(port: int, email: str = EMAIL, typed: str = "wrong-wrong") -> bytes:
    """The page that a new browser gets for a wrong password."""
    link = HTTPConnection("127.0.0.1", port, timeout=60)
    link.request("GET", "/sign-in/")
    page = link.getresponse()
    form, cookies = page.read(), SimpleCookie(page.getheader("Set-Cookie"))
    token = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', form)
    assert token
    said = {"csrfmiddlewaretoken": token[1].decode(), "login": email, "password": typed}
    headers = {
        "Cookie": "; ".join(f"{name}={one.value}" for name, one in cookies.items()),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    link.close()
    link.request("POST", "/sign-in/", urlencode(said), headers)
    answer = link.getresponse().read()
    link.close()
    return answer


def test_two_processes_allow_no_more_tries_than_one(tmp_path: Path) -> None:
    Portal(tmp_path / "state").migrate()
    environ = {
        "KANMON_PORTAL_STATE": str(tmp_path / "state"),
        "KANMON_DATABASE_URL": "",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    ports = [free_port(), free_port()]
    with ExitStack() as stack:
        for port in ports:
            stack.enter_context(server(tmp_path / f"{port}.log", port, environ))
        locked = [LOCKED in wrong_password(ports[number % 2]) for number in range(5)]
        assert locked == [False] * 4 + [True]
        others = [
            SLOWED in wrong_password(ports[number % 2], f"nobody{number}@example.net")
            for number in range(7)
        ]
        assert others == [False] * 5 + [True] * 2, "ten a minute from one network"
        pages = [wrong_password(ports[number % 2], typed="") for number in range(20)]
        assert [TOO_MANY in page for page in pages] == [False] * 18 + [True] * 2, "30 forms"


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_tries_at_once_do_not_overtake_the_limit() -> None:
    at_once = threading.Barrier(8)

    def one(_: int) -> bool:
        at_once.wait(30)
        try:
            return tries.count_try([(tries.FORMS, EMAIL), (FIVE, EMAIL)], NOW_MS) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        allowed = Counter(pool.map(one, range(8)))
    assert allowed == {True: 5, False: 3}


FIVE: Final = tries.Limit(name="five", most=5, window_ms=60_000)


@pytest.mark.database
@pytest.mark.django_db
def test_what_no_longer_counts_is_forgotten() -> None:
    for number in range(5):
        assert tries.count_try([(FIVE, EMAIL)], NOW_MS + number)
    assert tries.count_try([(FIVE, EMAIL)], NOW_MS + 10) is None
    assert tries.count_try([(FIVE, "b@example.com")], NOW_MS + 10)
    assert tries.count_try([(FIVE, EMAIL)], NOW_MS + 60_000), "one is a minute old"
    assert tries.count_try([(FIVE, EMAIL)], NOW_MS + 60_000) is None
    later = tries.count_try([(FIVE, "c@example.com")], NOW_MS + 10 * 60_000)
    assert later
    assert list(SignInTry.objects.values_list("pk", flat=True)) == later
    tries.take_back(later)
    assert not SignInTry.objects.exists()


@pytest.mark.database
@pytest.mark.django_db
def test_a_clock_that_is_put_back_locks_no_user_out() -> None:
    for number in range(5):
        assert tries.count_try([(FIVE, EMAIL)], NOW_MS + 3_600_000 + number)
    assert tries.count_try([(FIVE, EMAIL)], NOW_MS)
