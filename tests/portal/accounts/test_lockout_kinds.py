"""The lock after five wrong passwords applies to every kind of account."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.models import Organization, Role, User
from tests.portal.accounts.joining_people import PASSWORD, person

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

EMAIL = "hana@example.com"


@pytest.fixture(autouse=True)
def _proxied(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = (ip_network("127.0.0.1"),)


def _account(kind: str) -> str:
    """Make an account; what its person signs in with."""
    if kind == "operator":
        return User.objects.create_user(EMAIL, PASSWORD, operates=True).email
    if kind == "without an organization":
        return User.objects.create_user(EMAIL, PASSWORD).email
    company = Organization.objects.create(name="Aoyama Foods")
    user = person(EMAIL, company, Role.USER if kind == "by user name" else Role(kind))
    if kind == "by user name":
        User.objects.update(user_name="DEALER-0042")
        return "DEALER-0042"
    return user.email


def _enters(login: str, password: str, network: int) -> str:
    answer = Client().post(
        reverse("account_login"),
        {"login": login, "password": password},
        headers={"X-Forwarded-For": f"198.51.{network}.1"},
    )
    return "in" if answer.status_code == 302 else answer.content.decode()


@pytest.mark.django_db
@pytest.mark.req("K-14", "C-7")
@pytest.mark.parametrize(
    "kind", [*Role.values, "operator", "without an organization", "by user name"]
)
def test_five_wrong_passwords_lock_an_account_of_every_kind(kind: str) -> None:
    login = _account(kind)
    assert _enters(login, PASSWORD, 1) == "in"
    told = ["12 minutes" in _enters(login, "wrong", 10 + n) for n in range(5)]
    assert told == [False] * 4 + [True]
    assert "12 minutes" in _enters(login, PASSWORD, 20), "although it is the right one"
