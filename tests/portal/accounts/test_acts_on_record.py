"""What people do about requests, documents, passkeys, sessions and their names is on record."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import reverse

from console.templates import audit
from console.text import Template
from portal.accounts import documents, joining
from portal.accounts.models import DocumentKind, Organization, Role, User
from portal.audit.models import Entry
from portal.audit.reading import EntryView, views_of
from tests.portal.accounts.joining_people import (
    NAMES,
    ORGANIZATION,
    PASSWORD,
    person,
    signed_in,
    signs_up,
)

pytestmark = [pytest.mark.django_db, pytest.mark.database]
EMAIL = "taro@example.com"


@pytest.fixture
def company() -> Organization:
    return Organization.objects.create(name="青山食品株式会社", country="JP", city="港区")


@pytest.fixture
def boss(company: Organization) -> User:
    return person("boss@example.com", company, Role.ADMINISTRATOR)


def recorded(action: Template, chain: int) -> list[EntryView]:
    """The entries of an action in a chain; 0: the portal's own."""
    return views_of(list(Entry.objects.filter(action=action.id, chain=chain)))


def changed(view: EntryView) -> dict[str, tuple[Any, Any]]:
    return {one.name: (one.before, one.after) for one in view.fields}


def test_a_request_to_join_that_is_withdrawn(company: Organization, boss: User) -> None:
    taro = User.objects.create_user(EMAIL, family_name="山田", given_name="太郎")
    asked = joining.request_join(taro, company)
    place = reverse("join-withdraw", args=[asked.pk])
    for _ in range(2):  # the second one finds nothing that waits
        assert signed_in(taro).post(place).status_code == 302
    (entry,) = recorded(audit.JOIN_WITHDRAW, company.pk)
    assert entry.actor.key == f"person:{taro.pk}"
    assert entry.subject.key == f"join_request:{asked.pk}"


def test_what_is_on_record_of_a_request_names_its_person_as_the_actor_only(
    company: Organization, boss: User
) -> None:
    taro = User.objects.create_user(EMAIL, family_name="山田", given_name="太郎")
    refused = joining.request_join(taro, company)
    joining.decide_join(boss, refused, approve=False)
    joining.decide_join(boss, joining.request_join(taro, company), approve=True)
    for action in (audit.JOIN_REQUEST, audit.JOIN_REFUSE, audit.JOIN_APPROVE):
        for entry in recorded(action, company.pk):
            assert entry.subject.name == f"#{entry.subject.id}"


@pytest.mark.req("K-7")
def test_a_change_of_an_organization_that_is_withdrawn(company: Organization, boss: User) -> None:
    place = reverse("organization-change", args=[company.pk])
    browser = signed_in(boss)
    assert browser.post(place, {**ORGANIZATION, "name": "青山食品"}).status_code == 302
    for _ in range(2):
        browser.post(place, {"action": "withdraw"})
    (entry,) = recorded(audit.ORGANIZATION_WITHDRAW, company.pk)
    assert entry.actor.key == f"person:{boss.pk}"
    assert entry.subject.key == f"organization:{company.pk}"
    company.refresh_from_db()
    assert company.name == "青山食品株式会社"
    assert browser.post(place, {**ORGANIZATION, "name": "青山食品"}).status_code == 302


@pytest.mark.req("K-5")
def test_a_document_that_is_published() -> None:
    documents.publish(DocumentKind.PRIVACY, region="JP", english="P", japanese="P")
    (entry,) = recorded(audit.DOCUMENT_PUBLISH, 0)
    assert entry.subject.kind == "portal"
    assert changed(entry) == {
        "document": (None, "privacy"),
        "region": (None, "JP"),
        "version": (None, 1),
    }


def test_a_passkey_that_is_renamed(company: Organization, boss: User) -> None:
    passkey = Authenticator.objects.create(
        user=boss, type=Authenticator.Type.WEBAUTHN, data={"name": "Office PC", "credential": {}}
    )
    place = reverse("mfa_edit_webauthn", args=[passkey.pk])
    browser = signed_in(boss)
    for _ in range(2):  # the second one changes nothing
        assert browser.post(place, {"name": "Laptop"}).status_code == 302
    passkey.refresh_from_db()
    assert passkey.data["name"] == "Laptop"
    (entry,) = recorded(audit.PASSKEY_RENAME, company.pk)
    assert (entry.actor.key, entry.subject.key) == (f"person:{boss.pk}", f"person:{boss.pk}")
    assert changed(entry) == {"name": ("Office PC", "Laptop")}


def test_sessions_that_are_ended(company: Organization, boss: User) -> None:
    browsers = [Client(), Client(), Client()]
    for browser in browsers:
        said = {"login": boss.email, "password": PASSWORD}
        assert browser.post(reverse("account_login"), said).status_code == 302
        assert browser.get(reverse("overview")).status_code == 200
    first = UserSession.objects.filter(user=boss).order_by("pk").last()
    assert first is not None
    browsers[0].post(reverse("session-end", args=[first.pk]))
    assert len(recorded(audit.SESSION_END, company.pk)) == 1
    browsers[0].post(reverse("usersessions_list"))
    assert len(recorded(audit.SESSION_END, company.pk)) == 2
    assert browsers[1].get(reverse("overview")).status_code == 302


@pytest.mark.req("E-9")
def test_the_names_that_are_entered_at_the_first_sign_in() -> None:
    browser = signs_up(EMAIL)
    assert browser.post(reverse("welcome"), NAMES).status_code == 302
    user = User.objects.get(email=EMAIL)
    (entry,) = recorded(audit.PERSON_EDIT, 0)
    assert entry.subject.key == f"person:{user.pk}"
    names = ("family_name", "given_name", "family_kana", "given_kana")
    assert changed(entry) == {name: ("", NAMES[name]) for name in names}
    assert user.name == "青山 花子"
