"""Five wrong passwords in a row lock a count for twelve minutes, and no owner out."""

from __future__ import annotations

import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from portal.accounts import actions, lockout
from portal.accounts.actions import NewUser
from portal.accounts.known_browser import COOKIE
from portal.accounts.models import FailedSignIns, Organization, User

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

EMAIL: Final = "hana@example.com"
NAME: Final = "Hana.Y"
PASSWORD: Final = "Kettle-orbit-paper-9"
NOW_MS: Final = 1_800_000_000_000
MINUTE_MS: Final = 60_000


@pytest.fixture
def person(db: None) -> User:
    Organization.objects.create(name="Aoyama Foods")
    user = actions.add_user(
        NewUser(email=EMAIL, organization="Aoyama Foods", password=PASSWORD, consent_given=True)
    )
    user.user_name = NAME
    user.save()
    return user


@pytest.fixture(autouse=True)
def proxied(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = (ip_network("127.0.0.1"),)


def page(password: str, login: str = EMAIL, *, network: int, browser: Client | None = None) -> str:
    """What a try to sign in shows; "in" where it signs in."""
    done = (browser or Client()).post(
        reverse("account_login"),
        {"login": login, "password": password},
        headers={"X-Forwarded-For": f"198.51.{network}.1"},
    )
    return "in" if done.status_code == 302 else done.content.decode()


def locked(text: str) -> bool:
    return "No further one is accepted for" in text


@pytest.mark.req("C-7", "K-14", "K-16")
def test_five_wrong_passwords_in_a_row_lock_an_account_for_all_unknown_clients(
    person: User,
) -> None:
    told = [locked(page("wrong", network=n)) for n in range(5)]
    assert told == [False] * 4 + [True], "the fifth says it at once"
    assert locked(page(PASSWORD, network=77)), "although it is the right one"
    assert locked(page(PASSWORD, NAME, network=78)), "by the user name, too: one account, one count"


@pytest.mark.req("C-7")
def test_a_right_password_ends_the_row(person: User) -> None:
    for round_ in range(3):
        for n in range(4):
            assert not locked(page("wrong", network=10 * round_ + n))
        assert page(PASSWORD, network=10 * round_ + 9) == "in"
    assert not FailedSignIns.objects.exists()


@pytest.mark.req("K-16")
def test_a_stranger_locks_no_owner_out_of_a_browser_that_they_signed_in_with(person: User) -> None:
    known = Client()
    assert page(PASSWORD, network=1, browser=known) == "in"
    known.post(reverse("account_logout"))
    for n in range(6):
        page("wrong", network=20 + n)
    assert locked(page(PASSWORD, network=30))
    assert page(PASSWORD, network=1, browser=known) == "in"


@pytest.mark.req("K-16")
def test_a_known_browser_is_locked_by_itself_and_known_for_its_own_accounts_only(
    person: User,
) -> None:
    known = Client()
    assert page(PASSWORD, network=1, browser=known) == "in"
    known.post(reverse("account_logout"))
    assert [locked(page("wrong", network=1, browser=known)) for _ in range(5)][-1]
    assert locked(page(PASSWORD, network=1, browser=known))
    assert page(PASSWORD, network=2) == "in", "everybody else's count is another one"
    forged = Client()
    forged.cookies[COOKIE] = known.cookies[COOKIE].value[:-3] + "xxx"
    for n in range(5):
        page("wrong", network=3, browser=forged if n % 2 else None)
    assert locked(page(PASSWORD, network=4)), "a forged cookie counts with all others"
    for _ in range(5):
        told = page("wrong", "b@example.com", network=5, browser=known)
    assert locked(told), "for another account it is unknown"


@pytest.mark.req("K-16")
def test_a_browser_stays_known_by_several_people(person: User) -> None:
    other = actions.add_user(
        NewUser(
            email="ken@example.com",
            organization="Aoyama Foods",
            password=PASSWORD,
            consent_given=True,
        )
    )
    shared = Client()
    for email in (EMAIL, other.email):
        assert page(PASSWORD, email, network=1, browser=shared) == "in"
        shared.post(reverse("account_logout"))
    for n in range(5):
        page("wrong", network=20 + n)
    assert page(PASSWORD, network=1, browser=shared) == "in"


@pytest.mark.req("C-7")
def test_what_is_said_does_not_depend_on_whether_there_is_an_account(person: User) -> None:
    for login in ("nobody@example.net", "nobody"):
        ours = [page("wrong", network=n) for n in range(6)]
        theirs = [page("wrong", login, network=100 + n) for n in range(6)]
        FailedSignIns.objects.all().delete()
        for one, other in zip(ours, theirs, strict=True):
            assert _plain(one, EMAIL) == _plain(other, login)


def _plain(text: str, login: str) -> list[str]:
    """The lines of a page without its token and what was typed."""
    return [
        re.sub(r"until \d\d:\d\d", "until", line.replace(login, "LOGIN"))
        for line in text.splitlines()
        if "csrfmiddleware" not in line
    ]


@pytest.mark.req("C-7")
def test_the_refused_page_says_until_when_and_what_to_do(person: User) -> None:
    for n in range(6):
        text = page("wrong", network=n)
    assert "12 minutes, until " in text
    assert "(UTC)" in text
    assert "sign in with a passkey" in text
    japanese = Client()
    japanese.cookies["django_language"] = "ja"
    text = page("wrong", network=9, browser=japanese)
    assert "Asia/Tokyo" in text
    assert "12分間" in text


@pytest.mark.database
@pytest.mark.django_db
@pytest.mark.req("C-7")
def test_failures_count_whatever_lies_between_them_and_the_lock_ends_after_twelve_minutes() -> None:
    month = 30 * 86_400_000
    attempts = [lockout.begin("hana", NOW_MS + n * month) for n in range(5)]
    assert [bool(one.locked_until_ms) for one in attempts] == [False] * 4 + [True]
    end = NOW_MS + 4 * month + 12 * MINUTE_MS
    assert attempts[-1].locked_until_ms == end
    assert lockout.begin("hana", end - 1).refused
    assert not lockout.begin("ken", end - 1).refused
    after = [lockout.begin("hana", end + n) for n in range(5)]
    assert [one.refused for one in after] == [False] * 5
    assert after[-1].locked_until_ms == end + 4 + 12 * MINUTE_MS


@pytest.mark.database
@pytest.mark.django_db
def test_counts_are_forgotten_alike_after_ninety_days() -> None:
    for whose in ("account 1", "name nobody"):
        lockout.begin(whose, NOW_MS)
    lockout.begin("name other", NOW_MS + 91 * 86_400_000)
    assert FailedSignIns.objects.count() == 1


@pytest.mark.database
@pytest.mark.django_db
def test_a_clock_that_is_put_back_locks_nobody_for_longer() -> None:
    for _ in range(5):
        lockout.begin("hana", NOW_MS + 3_600_000)
    assert not lockout.begin("hana", NOW_MS).refused


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
@pytest.mark.req("C-7")
def test_tries_at_once_are_counted_one_after_the_other() -> None:
    at_once = threading.Barrier(8)

    def one(_: int) -> bool:
        at_once.wait(30)
        try:
            return lockout.begin("hana", NOW_MS).refused
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        refused = Counter(pool.map(one, range(8)))
    assert refused == {False: 5, True: 3}


@pytest.mark.req("K-3")
@pytest.mark.parametrize("login", [EMAIL, EMAIL.upper(), NAME, "hana.y", " HANA.Y "])
def test_one_form_takes_email_and_user_name_whatever_their_case(person: User, login: str) -> None:
    assert page(PASSWORD, login, network=1) == "in"
