"""A new password by a mailed link, and sessions that end with the old one."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts import actions
from portal.accounts.actions import NewUser
from portal.accounts.models import Organization, User
from portal.notifications.models import Mail

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Page
    from pytest_django.fixtures import Settings

EMAIL: Final = "hana@example.com"
PASSWORD: Final = "Kettle-orbit-paper-9"
NEW: Final = "Window-lamp-river-7"
pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    Organization.objects.create(name="Aoyama Foods")
    return actions.add_user(
        NewUser(email=EMAIL, organization="Aoyama Foods", password=PASSWORD, consent_given=True)
    )


def ask(email: str) -> Page:
    return Client().post(reverse("account_reset_password"), {"email": email})


def mailed_link() -> str:
    link = Mail.objects.filter(name="password_reset").latest("pk").context["url"]
    assert isinstance(link, str)
    assert link.startswith("http://127.0.0.1:8000/password/new/")
    return link.removeprefix("http://127.0.0.1:8000")


def opened(client: Client, link: str) -> str:
    """The page behind a link; its address no longer holds the key."""
    answer = client.get(link)
    assert answer.status_code == 302
    assert "set-password" in answer.headers["Location"]
    assert client.get(answer.headers["Location"]).status_code == 200
    return answer.headers["Location"]


def set_new(client: Client, form: str, password: str = NEW) -> Page:
    return client.post(form, {"password1": password, "password2": password})


def sign_in(client: Client, password: str) -> int:
    said = {"login": EMAIL, "password": password}
    return client.post(reverse("account_login"), said).status_code


@pytest.mark.req("P-16", "C-6", "C-41")
def test_a_mailed_link_sets_a_new_password_once_and_ends_every_session(person: User) -> None:
    elsewhere = Client()
    assert sign_in(elsewhere, PASSWORD) == 302
    assert elsewhere.get(reverse("overview")).status_code == 200
    assert ask(EMAIL.upper()).status_code == 302
    link, other = mailed_link(), Client()
    client = Client()
    form, same = opened(client, link), opened(other, link)
    assert b"too_simple" not in set_new(client, form, "short").content
    done = set_new(client, form)
    assert done.headers["Location"] == reverse("account_reset_password_from_key_done")
    assert elsewhere.get(reverse("overview")).status_code == 302
    assert set_new(other, same, "Another-lamp-river-7").status_code == 410, "opened before"
    assert Client().get(link).status_code == 410
    assert sign_in(Client(), PASSWORD) == 200
    assert sign_in(client, NEW) == 302
    acts = [one.context["act"] for one in Mail.objects.filter(name="security_notice")]
    assert acts == ["password_reset"]


@pytest.mark.req("P-16")
def test_what_is_answered_does_not_tell_whether_the_address_exists(person: User) -> None:
    pages = [ask(email) for email in (EMAIL, "nobody@example.net")]
    assert [page.status_code for page in pages] == [302, 302]
    assert pages[0].headers["Location"] == pages[1].headers["Location"]
    assert Mail.objects.count() == 1, "nothing is mailed to an address without an account"
    assert "nobody" not in str(pages[1].content)


def test_an_address_is_mailed_three_times_in_five_minutes_at_most(person: User) -> None:
    assert {ask(EMAIL).status_code for _ in range(6)} == {302}
    assert Mail.objects.count() == 3


def test_a_link_expires_after_two_hours_and_with_a_new_one(
    person: User, settings: Settings
) -> None:
    ask(EMAIL)
    link = mailed_link()
    assert settings.PASSWORD_RESET_TIMEOUT == 7200
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert Client().get(link).status_code == 410
    settings.PASSWORD_RESET_TIMEOUT = 7200
    assert Client().get(link).status_code == 302
    person.refresh_from_db()
    sign_in(Client(), PASSWORD)
    assert Client().get(link).status_code == 410, "the owner has signed in since"


def test_a_link_of_another_portals_name_is_never_mailed(person: User) -> None:
    Client().post(
        reverse("account_reset_password"), {"email": EMAIL}, headers={"host": "localhost"}
    )
    assert mailed_link()


@pytest.mark.req("C-13")
def test_the_link_goes_to_the_confirmed_address_for_notices(person: User) -> None:
    person.notification_email = "office@example.com"
    person.save()
    ask(EMAIL)
    assert Mail.objects.latest("pk").recipient == EMAIL, "it is not confirmed"
    person.notification_email_confirmed_at = timezone.now()
    person.save()
    ask("Office@example.com")
    assert Mail.objects.latest("pk").recipient == "office@example.com"


@pytest.mark.req("P-3")
def test_a_password_is_nowhere_in_the_database_or_in_a_mail(person: User) -> None:
    ask(EMAIL)
    client = Client()
    set_new(client, opened(client, mailed_link()))
    stored = str([*User.objects.values(), *Mail.objects.values()])
    assert NEW not in stored
    assert re.search(r"'password': '\w+\$", stored)


@pytest.mark.req("C-11")
def test_a_new_password_needs_the_current_one_and_keeps_this_session_only(person: User) -> None:
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        assert sign_in(client, PASSWORD) == 302
    place = reverse("account_change_password")
    said = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    for change, words in (
        ({"oldpassword": "wrong"}, b"The current password is incorrect"),
        ({"password2": NEW + "x"}, b"You must type the same password each time"),
        ({"password1": PASSWORD, "password2": PASSWORD}, b"differs from the current one"),
        ({"password1": "short", "password2": "short"}, b"at least 10 characters"),
        ({"oldpassword": ""}, b"This field is required"),
    ):
        assert words in here.post(place, said | change).content
    assert here.post(place, said).status_code == 302
    assert here.get(reverse("overview")).status_code == 200
    assert elsewhere.get(reverse("overview")).status_code == 302
    person.refresh_from_db()
    assert person.password_changed_at is not None


def test_whoever_takes_a_session_over_cannot_guess_its_password(person: User) -> None:
    client = Client()
    sign_in(client, PASSWORD)
    said = {"oldpassword": "wrong", "password1": NEW, "password2": NEW}
    pages = [client.post(reverse("account_change_password"), said).content for _ in range(5)]
    assert [b"were entered in a row" in page for page in pages] == [False] * 4 + [True]
    right = client.post(reverse("account_change_password"), said | {"oldpassword": PASSWORD})
    assert right.status_code == 200


@pytest.mark.req("K-2", "C-8")
def test_a_password_expires_after_three_months_where_its_organization_wants_it(
    person: User,
) -> None:
    old = timezone.now() - timedelta(days=100)
    User.objects.update(password_changed_at=old)
    client = Client()
    sign_in(client, PASSWORD)
    assert client.get(reverse("overview")).status_code == 200, "off by default"
    Organization.objects.update(password_expires=True)
    client = Client()
    sign_in(client, PASSWORD)
    place = reverse("account_change_password")
    for name in ("overview", "settings", "devices"):
        assert client.get(reverse(name)).headers["Location"] == place
    assert client.get(reverse("overview-live"), headers={"X-Poll": "1"}).status_code == 401
    assert b"has expired" in client.get(place).content
    said = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert client.post(place, said).headers["Location"] == reverse("overview")
    assert client.get(reverse("overview")).status_code == 200


@pytest.mark.req("K-2", "C-8")
@pytest.mark.parametrize(("left_days", "warned"), [(8, False), (6.9, True), (0.1, True)])
def test_a_password_that_is_about_to_expire_is_announced_from_seven_days_before(
    person: User, left_days: float, warned: bool
) -> None:
    from portal.accounts.expiry import months_later

    Organization.objects.update(password_expires=True)
    changed = timezone.now() - timedelta(days=100)
    while months_later(changed, 3) < timezone.now() + timedelta(days=left_days):
        changed += timedelta(hours=1)
    User.objects.update(password_changed_at=changed)
    client = Client()
    sign_in(client, PASSWORD)
    assert (b"Your password expires" in client.get(reverse("overview")).content) == warned


@pytest.mark.req("C-9")
def test_the_first_page_welcomes_the_person_and_says_when_they_last_signed_in(
    person: User,
) -> None:
    person.family_name, person.given_name = "Yamada", "Hana"
    person.save()
    client = Client()
    sign_in(client, PASSWORD)
    page = client.get(reverse("overview")).content
    assert b"Previous sign-in" not in page, "there was none"
    User.objects.update(last_login=timezone.now() - timedelta(days=3))
    client = Client()
    sign_in(client, PASSWORD)
    page = client.get(reverse("overview")).content
    assert b"Welcome, Hana Yamada." in page
    assert b"Previous sign-in" in page
