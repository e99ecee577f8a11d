from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts import actions
from portal.accounts.actions import AccountError, NewUser
from portal.accounts.models import Organization, SignInLink, User

if TYPE_CHECKING:
    from tests.portal.web.seed import SeedIds

PASSWORD = "Kettle-orbit-paper-9"
pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    Organization.objects.create(name="Aoyama Foods")
    return actions.add_user(
        NewUser(
            email="Hana@Example.com",
            organization="Aoyama Foods",
            password=PASSWORD,
            language="ja",
            family_name="青山",
            given_name="花子",
            consent_given=True,
        )
    )


def _sign_in(client: Client, email: str, password: str) -> int:
    return client.post(reverse("account_login"), {"login": email, "password": password}).status_code


def test_email_and_password_sign_in_whatever_the_emails_case(person: User) -> None:
    client = Client()
    assert _sign_in(client, "HANA@example.COM", PASSWORD) == 302
    assert client.get(reverse("overview")).status_code == 200


@pytest.mark.parametrize("email", ["hana@example.com", "nobody@example.com"])
def test_a_wrong_password_and_a_wrong_email_are_told_apart_by_nobody(
    person: User, email: str
) -> None:
    client = Client()
    response = client.post(reverse("account_login"), {"login": email, "password": "wrong-wrong"})
    assert response.status_code == 200
    assert b"hana@example.com</b>" not in response.content
    assert "_auth_user_id" not in client.session


def test_signing_out_needs_a_post_and_ends_the_session(person: User) -> None:
    client = Client()
    client.force_login(person)
    assert client.get(reverse("account_logout")).status_code == 200
    assert client.get(reverse("overview")).status_code == 200
    client.post(reverse("account_logout"))
    assert client.get(reverse("overview")).status_code == 302


def test_a_link_signs_in_once_and_opening_it_spends_nothing(person: User) -> None:
    link = reverse("sign-in-link", args=[actions.make_sign_in_link("hana@example.com")])
    for _ in range(3):  # a mail scanner, a chat preview, the person
        assert Client().get(link).status_code == 200
    client = Client()
    response = client.post(link)
    assert response.status_code == 302
    assert client.get(reverse("overview")).status_code == 200
    assert client.cookies["django_language"].value == "ja"
    again = Client()
    assert again.post(link).status_code == 410
    assert again.get(link).status_code == 410
    assert "_auth_user_id" not in again.session


def test_a_link_dies_after_thirty_minutes_and_with_its_person(person: User) -> None:
    token = actions.make_sign_in_link("hana@example.com")
    link = SignInLink.objects.get()
    assert timedelta(minutes=29) < link.expires_at - timezone.now() <= timedelta(minutes=30)
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert actions.use_sign_in_link(token) is None
    other = actions.make_sign_in_link("hana@example.com")
    User.objects.update(is_active=False)
    assert actions.use_sign_in_link(other) is None


def test_the_table_does_not_hold_what_would_sign_in(person: User) -> None:
    token = actions.make_sign_in_link("hana@example.com")
    assert token not in str(list(SignInLink.objects.values()))


def test_the_token_does_not_travel_on_and_the_page_is_not_kept(person: User) -> None:
    link = reverse("sign-in-link", args=[actions.make_sign_in_link("hana@example.com")])
    response = Client().get(link)
    assert response.headers["Referrer-Policy"] == "strict-origin"
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"email": "not an email"}, "name@example.com"),
        ({"organization": "Nobody's"}, "gateway add"),
        ({"email": "new@example.com", "password": "short"}, "password"),
        ({}, "already a member"),
    ],
)
def test_a_person_who_cannot_be_added_is_refused_with_the_next_step(
    person: User, change: dict[str, str], says: str
) -> None:
    wanted = {"email": "hana@example.com", "organization": "Aoyama Foods"} | change
    with pytest.raises(AccountError, match=says):
        actions.add_user(NewUser(**wanted))  # type: ignore[arg-type] # only text fields
    assert User.objects.count() == 1


def test_the_language_is_kept_and_never_leads_off_the_site(person: User) -> None:
    client = Client()
    client.force_login(person)
    response = client.post(reverse("language"), {"language": "en", "next": "https://evil.example/"})
    assert response.headers["Location"] == "/"
    person.refresh_from_db()
    assert person.language == "en"
    assert client.post(reverse("language"), {"language": "xx", "next": "/"}).status_code == 302
    person.refresh_from_db()
    assert person.language == "en"


def test_visible_organizations_are_the_members_only(seeded: SeedIds) -> None:
    owner = User.objects.get(email="owner@example.com")
    assert [o.name for o in Organization.objects.visible_to(owner)] == ["Aoyama Foods"]
