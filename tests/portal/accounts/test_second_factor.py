"""Who may configure a gateway has a second factor; codes are good once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client
from django.urls import reverse

from portal.accounts import actions
from portal.accounts.actions import NewUser
from portal.accounts.models import Organization, Role, User
from portal.audit.models import Entry
from portal.notifications.models import Mail
from tests.portal.accounts.second_steps import code_at, set_up_app

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Page
    from pytest_django.fixtures import Settings

PASSWORD: Final = "Kettle-orbit-paper-9"
# allauth tells what it did when the transaction ends.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture(autouse=True)
def required(settings: Settings) -> None:
    settings.SECOND_FACTOR_REQUIRED = True


def person(role: Role, email: str = "hana@example.com") -> User:
    Organization.objects.get_or_create(name="Aoyama Foods")
    return actions.add_user(
        NewUser(
            email=email,
            organization="Aoyama Foods",
            role=role,
            password=PASSWORD,
            consent_given=True,
        )
    )


def sign_in(client: Client, email: str = "hana@example.com") -> Page:
    return client.post(reverse("account_login"), {"login": email, "password": PASSWORD})


def second_step(client: Client, code: str) -> Page:
    return client.post(reverse("mfa_authenticate"), {"code": code})


@pytest.fixture
def administrator() -> User:
    return person(Role.ADMINISTRATOR)


def test_only_the_set_up_pages_open_before_a_second_factor_is_set_up(administrator: User) -> None:
    client = Client()
    assert sign_in(client).status_code == 302
    for name in ("overview", "keys", "settings", "account_change_password", "usersessions_list"):
        answer = client.get(reverse(name))
        assert (answer.status_code, answer.headers.get("Location")) == (302, reverse("mfa_index"))
    assert client.post(reverse("keys"), {}).headers["Location"] == reverse("mfa_index")
    poll = client.get(reverse("overview-live"), headers={"X-Poll": "1"})
    assert poll.status_code == 401
    here = {"HX-Request": "true", "HX-Current-URL": "http://x" + reverse("mfa_activate_totp")}
    poll = client.get(reverse("bell-live"), headers=here)
    assert (poll.status_code, poll.headers.get("HX-Refresh")) == (204, None), "it is not reloaded"
    assert b"set up a second step" in client.get(reverse("mfa_index")).content
    set_up_app(client)
    assert client.get(reverse("mfa_view_recovery_codes")).status_code == 200
    assert client.get(reverse("overview")).status_code == 200


@pytest.mark.parametrize(
    ("role", "operates", "asked"),
    [
        (Role.ADMINISTRATOR, False, True),
        (Role.INSTALLER, False, True),
        (Role.USER, False, False),
        (Role.BILLING, False, False),
        (Role.USER, True, True),
    ],
)
def test_who_needs_one(role: Role, operates: bool, asked: bool) -> None:
    user = person(role)
    user.operates = operates
    user.save()
    client = Client()
    sign_in(client)
    assert (client.get(reverse("settings")).status_code == 302) == asked


def test_a_user_who_becomes_an_administrator_is_asked_at_the_next_page() -> None:
    user = person(Role.USER)
    client = Client()
    sign_in(client)
    assert client.get(reverse("overview")).status_code == 200
    user.memberships.update(role=Role.ADMINISTRATOR)
    assert client.get(reverse("overview")).status_code == 302


def test_a_sign_in_takes_password_and_code_and_the_session_changes_its_id(
    administrator: User,
) -> None:
    first = Client()
    sign_in(first)
    secret = set_up_app(first)
    client = Client()
    assert sign_in(client).headers["Location"] == reverse("mfa_authenticate")
    half = client.session.session_key
    assert client.get(reverse("overview")).status_code == 302, "not signed in yet"
    assert "_auth_user_id" not in client.session
    assert second_step(client, code_at(secret, time.time())).headers["Location"] == "/"
    assert client.session.session_key != half
    assert client.get(reverse("overview")).status_code == 200


def test_a_sign_in_link_stands_in_for_the_password_and_not_for_the_code(
    administrator: User,
) -> None:
    first = Client()
    sign_in(first)
    secret = set_up_app(first)
    client = Client()
    link = reverse("sign-in-link", args=[actions.make_sign_in_link(administrator.email)])
    assert client.post(link).headers["Location"] == reverse("mfa_authenticate")
    assert client.get(reverse("overview")).status_code == 302
    assert second_step(client, code_at(secret, time.time())).status_code == 302
    assert client.get(reverse("overview")).status_code == 200


def test_a_code_is_accepted_once_and_none_of_before_it(administrator: User) -> None:
    first = Client()
    sign_in(first)
    secret = set_up_app(first)
    used = code_at(secret, time.time())
    for code, accepted in ((used, True), (used, False), (code_at(secret, time.time() - 30), False)):
        client = Client()
        sign_in(client)
        answer = second_step(client, code)
        assert (answer.status_code == 302) == accepted
        if not accepted:
            assert b"This code has been used" in answer.content


def test_a_recovery_code_is_accepted_once(administrator: User) -> None:
    first = Client()
    sign_in(first)
    set_up_app(first)
    kept = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    assert len(kept) == 10
    for accepted in (True, False):
        client = Client()
        sign_in(client)
        assert (second_step(client, kept[0]).status_code == 302) == accepted
    assert first.get(reverse("mfa_view_recovery_codes")).content.count(b"<li><code>") == 9


def test_five_wrong_codes_lock_further_ones_and_not_the_password(administrator: User) -> None:
    first = Client()
    sign_in(first)
    secret = set_up_app(first)
    client = Client()
    sign_in(client)
    answers = [second_step(client, "000000").content for _ in range(5)]
    assert [b"were entered in a row" in one for one in answers] == [False] * 4 + [True]
    right = second_step(client, code_at(secret, time.time()))
    assert b"were entered in a row" in right.content
    assert sign_in(Client()).status_code == 302


def test_a_session_of_before_the_set_up_has_to_show_the_factor(administrator: User) -> None:
    thief, owner = Client(), Client()
    sign_in(thief)
    sign_in(owner)
    secret = set_up_app(owner)
    answer = thief.get(reverse("overview"))
    assert answer.headers["Location"].startswith(reverse("mfa_reauthenticate"))
    assert thief.get(reverse("mfa_index")).status_code == 302, "it cannot remove it either"
    shown = thief.post(answer.headers["Location"], {"code": code_at(secret, time.time())})
    assert shown.headers["Location"] == "/"
    assert thief.get(reverse("overview")).status_code == 200


def test_the_last_factor_of_who_needs_one_stays(administrator: User) -> None:
    client = Client()
    sign_in(client)
    set_up_app(client)
    page = client.post(reverse("mfa_deactivate_totp"))
    assert page.status_code == 200
    assert b"You cannot remove" in page.content
    assert Authenticator.objects.filter(type="totp").exists()
    administrator.memberships.update(role=Role.USER)
    assert client.post(reverse("mfa_deactivate_totp")).status_code == 302
    assert not Authenticator.objects.exists()


def test_secrets_are_encrypted_and_acts_are_recorded_and_mailed(administrator: User) -> None:
    client = Client()
    sign_in(client)
    secret = set_up_app(client)
    assert secret not in str(list(Authenticator.objects.values()))
    assert "audit.factor_add" in set(Entry.objects.values_list("action", flat=True))
    assert Mail.objects.filter(name="security_notice", recipient="hana@example.com").exists()


def test_a_dangerous_act_asks_for_the_password_again_after_a_quarter_of_an_hour(
    settings: Settings,
) -> None:
    person(Role.USER)
    client = Client()
    sign_in(client)
    assert client.get(reverse("mfa_activate_totp")).status_code == 200
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = -1
    answer = client.get(reverse("mfa_activate_totp"))
    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
    session = client.session
    session["account_authentication_methods"] = []
    session.save()
    answer = client.get(reverse("mfa_activate_totp"))
    again = client.post(answer.headers["Location"], {"password": PASSWORD})
    assert again.headers["Location"] == reverse("mfa_activate_totp")
    assert client.get(reverse("mfa_activate_totp")).status_code == 200
    evil = reverse("account_reauthenticate") + "?next=https://evil.example/"
    assert client.post(evil, {"password": PASSWORD}).headers["Location"] == "/"


@pytest.mark.parametrize("place", ["https://evil.example/", "//evil.example", "http://localhost/"])
def test_a_sign_in_leads_to_no_other_host(place: str) -> None:
    person(Role.USER)
    said = {"login": "hana@example.com", "password": PASSWORD, "next": place}
    assert Client().post(reverse("account_login"), said).headers["Location"] == "/"


def test_a_demonstration_asks_for_none(settings: Settings, administrator: User) -> None:
    settings.SECOND_FACTOR_REQUIRED = False
    client = Client()
    sign_in(client)
    assert client.get(reverse("overview")).status_code == 200


def test_an_operator_removes_the_factors_of_who_lost_them(administrator: User) -> None:
    client = Client()
    sign_in(client)
    set_up_app(client)
    assert actions.remove_second_factor("hana@example.com") == 1
    assert not Authenticator.objects.exists()
    assert client.get(reverse("overview")).headers["Location"].startswith(reverse("account_login"))
    assert sign_in(Client()).headers["Location"] == "/"
    with pytest.raises(actions.AccountError):
        actions.remove_second_factor("nobody@example.net")


@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_of_two_sign_ins_with_one_code_at_once_exactly_one_gets_in(
    administrator: User, kind: str
) -> None:
    first = Client()
    sign_in(first)
    secret = set_up_app(first)
    kept = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    code = code_at(secret, time.time()) if kind == "app" else kept[0]
    clients = [Client(), Client(), Client()]
    for client in clients:
        sign_in(client)
    at_once = threading.Barrier(len(clients))

    def one(client: Client) -> bool:
        at_once.wait(30)
        try:
            return second_step(client, code).status_code == 302
        finally:
            connection.close()

    with ThreadPoolExecutor(len(clients)) as pool:
        assert Counter(pool.map(one, clients)) == {True: 1, False: 2}
