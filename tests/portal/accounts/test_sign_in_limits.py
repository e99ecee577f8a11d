"""A network that guesses passwords is slowed down, and no other one."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from portal.accounts import actions
from portal.accounts.actions import NewUser
from portal.accounts.models import Organization, User

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test.client import _MonkeyPatchedWSGIResponse as Page
    from pytest_django.fixtures import Settings

PASSWORD = "Kettle-orbit-paper-9"
WRONG = "wrong-wrong"
EMAIL = "hana@example.com"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def counts() -> Iterator[None]:
    """No counts of another test's tries."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def person() -> User:
    Organization.objects.create(name="Aoyama Foods")
    return actions.add_user(
        NewUser(email=EMAIL, organization="Aoyama Foods", password=PASSWORD, consent_given=True)
    )


@pytest.fixture
def proxied(settings: Settings) -> None:
    """A portal behind a proxy on its own machine, as `tests.portal.settings` has none."""
    settings.TRUSTED_PROXIES = (ip_network("127.0.0.1"),)


def tries(
    email: str = EMAIL, password: str = WRONG, *, at: str, browser: Client | None = None
) -> Page:
    """One try to sign in, through a proxy, from an address."""
    client = browser or Client()
    return client.post(
        reverse("account_login"),
        {"login": email, "password": password},
        headers={"X-Forwarded-For": f"198.18.0.1, {at}"},
    )


def is_slowed(response: Page) -> bool:
    return b"have come from your network" in response.content


@pytest.mark.usefixtures("person", "proxied")
def test_a_network_tries_ten_passwords_a_minute_and_slows_no_other_network() -> None:
    slowed = [is_slowed(tries(f"nobody{n}@example.net", at="198.51.100.7")) for n in range(12)]
    assert slowed == [False] * 10 + [True] * 2
    assert is_slowed(tries(password=PASSWORD, at="198.51.100.7"))
    assert tries(password=PASSWORD, at="203.0.113.9").status_code == 302


@pytest.mark.usefixtures("person", "proxied")
def test_who_guesses_cannot_give_themselves_another_address() -> None:
    for n in range(10):
        headers = {"X-Forwarded-For": f"203.0.113.{n}, 198.51.100.7"}
        said = {"login": f"nobody{n}@example.net", "password": WRONG}
        assert not is_slowed(Client().post(reverse("account_login"), said, headers=headers))
    assert is_slowed(tries("nobody10@example.net", at="198.51.100.7"))


@pytest.mark.usefixtures("person")
def test_without_a_trusted_proxy_the_header_says_nothing() -> None:
    slowed = [is_slowed(tries(f"n{n}@example.net", at=f"203.0.113.{n}")) for n in range(11)]
    assert slowed == [False] * 10 + [True]


@pytest.mark.usefixtures("person", "proxied")
def test_ipv6_addresses_of_one_network_are_one_client() -> None:
    slowed = [is_slowed(tries(f"n{n}@example.net", at=f"2001:db8:1:2::{n:x}")) for n in range(11)]
    assert slowed == [False] * 10 + [True]


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize("form", ["203.0.113.{}", "::ffff:203.0.113.{}"])
def test_clients_of_a_portal_without_a_proxy_are_counted_each_by_itself(form: str) -> None:
    for n in range(12):
        Client(REMOTE_ADDR=form.format(n)).post(
            reverse("account_login"), {"login": f"nobody{n}@example.net", "password": WRONG}
        )
    told = Client(REMOTE_ADDR=form.format(77)).post(
        reverse("account_login"), {"login": EMAIL, "password": PASSWORD}
    )
    assert told.status_code == 302


@pytest.mark.usefixtures("proxied")
def test_only_a_deactivated_person_is_told(person: User) -> None:
    User.objects.update(is_active=False)
    told = tries(password=PASSWORD, at="203.0.113.9")
    assert told.status_code == 403
    assert b"This account has been deactivated" in told.content
    assert "_auth_user_id" not in told.client.session
    wrong = tries(at="203.0.113.9")
    nobody = tries("nobody@example.net", at="203.0.113.9")
    assert wrong.status_code == nobody.status_code == 200
    assert b"deactivated" not in wrong.content
    for page in (wrong, nobody):
        assert b"the user name or the password is incorrect" in page.content


def test_a_deactivated_person_loses_their_session(person: User) -> None:
    client = Client()
    client.force_login(person)
    assert client.get(reverse("overview")).status_code == 200
    User.objects.update(is_active=False)
    assert client.get(reverse("overview")).status_code == 302


@pytest.mark.usefixtures("person", "proxied")
def test_too_many_requests_get_a_page() -> None:
    answers = [tries(password=PASSWORD, at="203.0.113.9").status_code for _ in range(31)]
    assert answers == [302] * 30 + [429]
    page = tries(at="203.0.113.9")
    assert b"Wait a minute and try again" in page.content
    assert tries(at="203.0.113.10").status_code == 200
